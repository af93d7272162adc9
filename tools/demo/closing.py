"""The months of the demo are closed one after the other (结账): both producers seal, one asks, another one approves.

Then the statements of each month must balance and say what the checker adds up from the lines by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tools.checker.statements import Month
from tools.demo.buyer import APPROVED_AFTER
from tools.demo.buying import OPENED_ON
from tools.demo.desk import Desk, StuckError
from tools.demo.doors import Ask
from tools.demo.plan import Plan

# The lines of 会小企01 and 会小企02 that must agree with the checker's own sums.
SHEET, INCOME = {30: "assets", 53: "claims"}, {32: "profit"}


@dataclass(frozen=True, slots=True)
class Closed:
    """A month that was closed, and what its statements say: Month's sum -> figure."""

    period: str
    balanced: bool
    says: Mapping[str, Decimal]


def months(plan: Plan) -> Iterator[str]:
    """Every month of the demo, the first one first."""
    day, last = OPENED_ON.replace(day=1), plan.last_day + APPROVED_AFTER
    while day <= last:
        yield f"{day:%Y-%m}"
        day = (day + timedelta(days=31)).replace(day=1)


async def close_all(desk: Desk, plan: Plan, advance: Callable[[], None]) -> tuple[list[Closed], list[str]]:
    """Close month after month; returns them, and what got stuck: after that no later one can be closed."""
    closed: list[Closed] = []
    for period in months(plan):
        try:
            await _close(desk, period)
        except StuckError as error:
            return closed, [f"close of {period}: {error}"]
        closed.append(await _statements(desk, period))
        advance()
    return closed, []


async def _close(desk: Desk, period: str) -> None:
    """What is refused because a seal or a statement of a subledger is still on its way is asked again for a while."""
    body = {"period": period}
    for service in ("order", "inventory"):
        seal = Ask(f"{service}.seal_period.v1", "/periods/seals", "accountant", body)
        await desk.do(seal, f"seal-{service}-{period}")
        state = Ask(f"{service}.state_subledger.v1", "/subledger", "accountant", {})
        await desk.do(state, f"state-{service}-{period}")
    request = Ask("accounting.request_period_close.v1", "/periods/close-requests", "accountant", body)
    await desk.do(request, f"close-request-{period}")
    approve = Ask("accounting.approve_period_close.v1", "/periods/closes", "chief_accountant", body)
    await desk.do(approve, f"close-{period}")


async def _statements(desk: Desk, period: str) -> Closed:
    sheet = await desk.http.read("accounting", "/statements/balance-sheet", period=period)
    income = await desk.http.read("accounting", "/statements/income", period=period)
    says = {**_figures(sheet, SHEET, "closing"), **_figures(income, INCOME, "month")}
    return Closed(period, bool(sheet["balanced"]), says)


def _figures(statement: Mapping[str, Any], wanted: Mapping[int, str], column: str) -> dict[str, Decimal]:
    return {wanted[line["no"]]: Decimal(line["amounts"][column]) for line in statement["lines"] if line["no"] in wanted}


def wrong(closed: list[Closed], own: Mapping[str, Month]) -> list[str]:
    """Statements that do not balance, or do not say what the checker adds up; in words."""
    found = [f"the balance sheet of {month.period} does not balance" for month in closed if not month.balanced]
    for month in closed:
        for name, says in month.says.items():
            adds_up = getattr(own[month.period], name)
            if says != adds_up:
                found.append(f"{name} of {month.period}: the statement says {says}, the lines {adds_up}")
    return found
