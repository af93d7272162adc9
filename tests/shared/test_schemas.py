"""A schema takes exactly the numbers that the models take, so that an integrator may check before sending."""

from decimal import Decimal
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.events import Command
from shared.money import Amount, NonNegativeAmount, PositiveAmount, PositiveQuantity, Rate, UnitPrice
from shared.schemas import schema_of


class Weigh(Command, owner="schemas", allowed={"sales"}):
    """Weigh it.

    称重。
    """

    amount: Amount
    positive: PositiveAmount
    unsigned: NonNegativeAmount
    price: UnitPrice
    quantity: PositiveQuantity
    rate: Rate
    maybe: PositiveAmount | None = None


del Command.registry[Weigh.type]  # only for this file

SCHEMA = schema_of(Weigh)
FIELDS: dict[str, Any] = {
    "amount": Amount, "positive": PositiveAmount, "unsigned": NonNegativeAmount, "price": UnitPrice,
    "quantity": PositiveQuantity, "rate": Rate,
}


@given(st.sampled_from(sorted(FIELDS)), st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-10, max_value=10, places=9),
    st.integers(-10**20, 10**20).map(lambda n: Decimal(n).scaleb(-8)),
    st.integers(-3, 3).map(Decimal),
))
def test_the_schema_takes_a_plain_number_if_the_model_does(field: str, number: Decimal) -> None:
    text = f"{number or abs(number):f}"
    try:
        TypeAdapter(FIELDS[field]).validate_python(text)
        good = True
    except ValidationError:
        good = False
    assert jsonschema.Draft202012Validator(SCHEMA["properties"][field]).is_valid(text) is good


@pytest.mark.parametrize("value", [1.5, 2, "1e2", "+1", " 1", "1,5", ".5", "5.", "", "NaN"])
def test_a_number_is_a_plain_string(value: Any) -> None:
    for field in FIELDS:
        assert not jsonschema.Draft202012Validator(SCHEMA["properties"][field]).is_valid(value)


def test_an_optional_number_may_be_null() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA["properties"]["maybe"])
    assert [validator.is_valid(value) for value in (None, "1.00", "0.00", 1)] == [True, True, False, False]


def test_the_head_says_which_type_it_is() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (SCHEMA["$id"], SCHEMA["title"]) == ("urn:fenlu:schemas.weigh.v1", "Weigh")
    assert SCHEMA["description"] == "Weigh it.\n\n称重。"
    assert Weigh.sentences() == ("称重。", "Weigh it.")
