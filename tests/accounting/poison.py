"""Events that are well-formed and must not be posted, each with the reason that an operator reads in `rejected`."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from services.accounting.handlers import service
from shared.db import Pool
from shared.events import Event
from shared.testing import as_admin, ask
from tests.accounting import examples

BAD_ROLE = "count_gain"  # the books of C1 map it to no account that takes lines, and only CountApproved needs it


def changed(event: Event, **fields: Any) -> Event:
    """The event with other fields, unchecked, as a wrong producer would say it."""
    return event.model_copy(update=fields)


def _placed(n: int, **fields: Any) -> Event:
    return changed(examples.placed(f"BAD-{n}"), **fields)


def _line(n: int, **fields: Any) -> Event:
    event = examples.placed(f"BAD-{n}")
    return event.model_copy(update={"lines": (event.lines[0].model_copy(update=fields),)})


def _one_unit_off(n: int) -> Event:
    """The header agrees with itself, and its lines do too, but not with each other."""
    return _placed(n, net=Decimal("1000.01"), gross=Decimal("1130.01"))


# name -> (the n-th such event, the company that says it, the reason)
SEMANTIC: dict[str, tuple[Callable[[int], Event], str, str]] = {
    "does not add up": (lambda n: _placed(n, gross=Decimal("1.00")), "C1", r"gross: gross = net \+ tax does not hold"),
    "off by one minor unit": (_one_unit_off, "C1", r"net: net = items\.net does not hold: 1000\.01"),
    "a line that does not add up": (lambda n: _line(n, tax=Decimal("130.01")), "C1", r"tax: tax = items\.tax does not"),
    "another currency": (lambda n: _placed(n, currency="USD"), "C1", "currency: the books are kept in CNY"),
    "an unknown currency": (lambda n: _placed(n, currency="XXX"), "C1", "currency: the books are kept in CNY"),
    "a currency that is none": (lambda n: _placed(n, currency="y\0n"), "C1", "body: "),
    "three decimals": (
        lambda n: _placed(n, net=Decimal("999.999"), tax=Decimal("130.001")), "C1", r"net: 999\.999 has more decimals",
    ),
    "half a yen": (lambda n: examples.placed(f"BAD-{n}", "10.50", currency="JPY"), "C2", r"net: 10\.50 has more"),
    "an account that takes no lines": (lambda n: changed(examples.count_approved(), count_id=f"CT-{n}"), "C1",
                                       f"role: no account that takes lines plays '{BAD_ROLE}'"),
    "no books": (lambda n: examples.placed(f"BAD-{n}"), "C9", "company: C9 has no books"),
    "negative": (lambda n: changed(examples.paid(f"BAD-{n}"), amount=Decimal("-1.00")), "C1", "amount: "),
    "zero pieces": (lambda n: _line(n, quantity=Decimal(0)), "C1", r"lines\.0\.quantity: .*greater than 0"),
    "larger than the column": (lambda n: _placed(n, net=Decimal(10) ** 17), "C1", "net: .*digits"),
}


async def open_books(pool: Pool) -> None:
    """Books in CNY, one of whose roles is mapped to an account that takes no lines, and books in JPY."""
    assert (await ask(pool, service, examples.open_books())).ok
    assert (await ask(pool, service, examples.open_books("JPY"), company="C2")).ok
    async with as_admin(pool, schema_stays=True) as admin:
        await admin.execute(
            """
            insert into activation
            select company, ledger, 2, entry, standard, pack_version, effective_on, splits
            from activation where company = 'C1'
            """
        )
        await admin.execute(
            """
            insert into role_map (company, ledger, version, role, account, effective_on)
            select company, ledger, 2, role, case role when $1 then '2202' else account end, effective_on
            from role_map where company = 'C1'
            """,
            BAD_ROLE,
        )


def good(count: int) -> list[Event]:
    """Good events of four kinds in turn: three of four have vouchers, four vouchers in all."""
    makers: tuple[Callable[[int], Event], ...] = (
        lambda n: examples.placed(f"SO-{n}"), lambda n: examples.approved(f"SO-{n - 1}"),
        lambda n: examples.shipped(f"SO-{n - 2}", f"SH-{n}"), lambda n: examples.delivered(f"SO-{n - 3}", f"DE-{n}"),
    )
    return [makers[n % 4](n) for n in range(count)]
