"""Decimal money: currencies, the one rounding rule, and shares that always add up to their total."""

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

# Minor units per ISO 4217 for the currencies that books may be kept in.
CURRENCY_DECIMALS = {"CNY": 2, "HKD": 2, "TWD": 2, "USD": 2, "EUR": 2, "GBP": 2, "JPY": 0}

_MINOR_UNITS = {currency: Decimal(1).scaleb(-decimals) for currency, decimals in CURRENCY_DECIMALS.items()}

ZERO = Decimal(0)

# Wide enough that a quantity times a price, or a share of a value, is rounded only once: to money.
EXACT = Context(prec=60)


def _no_float(value: Any) -> Any:
    """Refuse binary floats: 0.1 has no exact value, so money travels as a decimal string."""
    if isinstance(value, float):
        raise ValueError("send decimal numbers as strings, for example \"12.50\"")
    return value


def _plain(value: Decimal) -> str:
    """Digits and a point only: str() would say 1E-8, and -0 is 0."""
    return f"{value or abs(value):f}"


# The limits stand next to Decimal, before our own validator: only there pydantic checks them without Python code.
_NO_FLOAT = BeforeValidator(_no_float)
_PLAIN = PlainSerializer(_plain, when_used="json")

# An amount of money; the currency's own number of decimals is checked where the currency is known (`fits`).
Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=4), _NO_FLOAT, _PLAIN]
PositiveAmount = Annotated[
    Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=4, gt=0), _NO_FLOAT, _PLAIN
]
NonNegativeAmount = Annotated[
    Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=4, ge=0), _NO_FLOAT, _PLAIN
]
# Price or cost of one unit, up to eight decimals.
UnitPrice = Annotated[
    Decimal, Field(allow_inf_nan=False, max_digits=20, decimal_places=8, ge=0), _NO_FLOAT, _PLAIN
]
Quantity = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=6), _NO_FLOAT, _PLAIN]
PositiveQuantity = Annotated[
    Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=6, gt=0), _NO_FLOAT, _PLAIN
]
Rate = Annotated[
    Decimal, Field(allow_inf_nan=False, max_digits=7, decimal_places=6, ge=0, lt=1), _NO_FLOAT, _PLAIN
]

# The balance of an account: the sum of many amounts, or of many pieces.
Balance = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=24, decimal_places=6), _NO_FLOAT, _PLAIN]


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency, e.g. 0.01 for CNY. KeyError for a currency not in CURRENCY_DECIMALS."""
    return _MINOR_UNITS[currency]


def round_money(value: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's decimals (四舍五入)."""
    return value.quantize(minor_unit(currency), rounding=ROUND_HALF_UP, context=EXACT)


def worth(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """What a quantity at a unit price (or an amount at a rate) comes to."""
    return round_money(EXACT.multiply(quantity, unit_price), currency)


def fits(value: Decimal, currency: str) -> bool:
    """True if the amount has no more decimals than its currency has."""
    return value.same_quantum(minor_unit(currency)) or value == round_money(value, currency)


def next_share(total: Decimal, so_far: Decimal, whole: Decimal, valued: Decimal, currency: str) -> Decimal:
    """Value of the next piece of a total that is delivered in pieces: the pieces always add up to the total.

    `so_far` is the quantity delivered including this piece, `whole` the quantity ordered, `valued` what the earlier
    pieces were given: round(total × so_far ÷ whole) − valued.
    """
    with localcontext(EXACT):
        return round_money(total * so_far / whole, currency) - valued
