"""What the demo shows in the end: orders, trial balance, tie-outs, figures, and where to look next."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from tools.checker import Report
from tools.demo.fleet import ROOT, Member
from tools.demo.orders import ZERO, End, Order
from tools.demo.plan import COMPANY, Plan
from tools.servers import Servers

WIDTH = 118


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a run came to."""

    orders: Sequence[Order]
    ends: Sequence[End | None]
    wrong: Sequence[str]
    report: Report
    trial_balance: Mapping[str, Any]
    closed: int  # months
    seconds: float  # from the first order until all was quiet
    whole_seconds: float

    @property
    def groups(self) -> Counter[str]:
        return Counter(end.group for end in self.ends if end)

    @property
    def ok(self) -> bool:
        groups = self.groups
        return (
            not self.wrong and self.report.ok
            and groups["delivered"] + groups["cancelled"] + groups["short"] == len(self.orders)
        )

    @property
    def last_line(self) -> str:
        """The line that scripts read."""
        groups, counts = self.groups, self.report.counts
        ends = [end for end in self.ends if end]
        invoiced = sum(end.invoiced == end.delivered > 0 for end in ends)
        paid = sum(end.paid == end.delivered > 0 for end in ends)
        return (
            f"demo: orders={len(self.orders)} delivered={groups['delivered']} cancelled={groups['cancelled']} "
            f"short={groups['short']} invoiced={invoiced} paid={paid} vouchers={counts['vouchers']} "
            f"debit={self.report.debit:.2f} credit={self.report.credit:.2f} rejected={counts['rejected']} "
            f"pending={counts['pending']} parked={counts['parked']} unpublished={counts['unpublished']} "
            f"tie_out={'ok' if self.report.tied else 'FAULT'} closed={self.closed} seconds={self.whole_seconds:.0f}"
        )


def console() -> Console:
    """A terminal as it is; a pipe or a log at a fixed width."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH)


def show(screen: Console, outcome: Outcome, members: Sequence[Member]) -> None:
    """Everything but the last line."""
    screen.print(_orders(outcome))
    screen.print(_others(outcome.report))
    screen.print(_trial_balance(outcome.trial_balance))
    screen.print(_ties(outcome.report))
    for finding in outcome.report.findings:
        if not finding.ok:
            screen.print(str(finding), style="red", markup=False)
    for line in outcome.wrong[:20]:
        screen.print(f"WRONG {line}", style="red", markup=False)
    checks = len(outcome.report.findings)
    wrong = sum(not finding.ok for finding in outcome.report.findings)
    screen.print(f"核对 checker: {checks} checks of the databases, {wrong} with faults", markup=False)
    screen.print(_figures(outcome, members), markup=False)


def _orders(outcome: Outcome) -> Table:
    table = Table(title="订单结果 Orders by state", title_justify="left")
    table.add_column("状态 state")
    for name in ("订单 orders", "by queue", "已发货 delivered", "已开票 invoiced", "已收款 paid", "预收 advance"):
        table.add_column(name, justify="right")
    by_state: dict[str, list[tuple[Order, End]]] = {}
    for order, end in zip(outcome.orders, outcome.ends, strict=True):
        if end:
            by_state.setdefault(end.state, []).append((order, end))
    for state, rows in sorted(by_state.items(), key=lambda item: -len(item[1])):
        sums = [sum((getattr(end, name) for _, end in rows), ZERO) for name in
                ("delivered", "invoiced", "paid", "advance")]
        table.add_row(STATES.get(state, state), str(len(rows)), str(sum(order.by_queue for order, _ in rows)),
                      *(f"{value:,.2f}" for value in sums))
    return table


STATES = {
    "settled": "已结清 settled", "delivered": "已发货 delivered, partly paid", "cancelled": "已取消 cancelled",
    "rejected": "审核未通过 rejected", "short": "缺货 short",
}


def _others(report: Report) -> Table:
    """What else happened, as the facts say it."""
    table = Table(title="采购、退货与盘点 Purchasing, returns, stocktakes", title_justify="left")
    table.add_column("业务 facts")
    table.add_column("次数 count", justify="right")
    table.add_column("金额 amount", justify="right")
    for figure in report.figures:
        table.add_row(figure.name, str(figure.count), f"{figure.amount:,.2f}")
    return table


def _trial_balance(balance: Mapping[str, Any]) -> Table:
    table = Table(title=f"科目余额表 Trial balance {balance['period']} ({balance['currency']})", title_justify="left")
    table.add_column("科目 account")
    table.add_column("名称 name")
    names = ("opening_debit", "opening_credit", "debit", "credit", "closing_debit", "closing_credit")
    for heading in ("期初借方", "期初贷方", "本期借方", "本期贷方", "期末借方", "期末贷方"):
        table.add_column(heading, justify="right")
    for account in balance["accounts"]:
        table.add_row(account["code"], account["zh"], *(_money(account[name]) for name in names))
    table.add_section()
    table.add_row("", "合计 total", *(_money(balance["totals"][name]) for name in names), style="bold")
    table.add_row("", "备查合计 memo", *(_money(balance["memo_totals"][name]) for name in names))
    return table


def _money(text: str) -> str:
    value = Decimal(text)
    return f"{value:,.2f}" if value else ""


def _ties(report: Report) -> Table:
    table = Table(title="总账与明细核对 Control accounts against the facts of their owner", title_justify="left")
    table.add_column("科目 account")
    table.add_column("明细 subledger")
    table.add_column("总账 ledger", justify="right")
    table.add_column("事实 facts", justify="right")
    table.add_column("")
    for tie in report.ties:
        table.add_row(tie.account, tie.subledger, f"{tie.ledger:,.2f}", f"{tie.facts:,.2f}",
                      "ok" if tie.ok else f"FAULT ×{len(tie.differences)}")
    return table


def _figures(outcome: Outcome, members: Sequence[Member]) -> str:
    vouchers = outcome.report.counts["vouchers"]
    memory = ", ".join(
        f"{member.name} {f'{member.peak_kib / 1024:.0f} MiB' if member.peak_kib else 'unknown'}"
        + (f" (started again {member.restarts}×)" if member.restarts else "")
        for member in members
    )
    return (
        f"速度 rates: {len(outcome.orders) / outcome.seconds:.1f} orders/s through the whole walk, "
        f"{vouchers / outcome.seconds:.1f} vouchers/s, {outcome.seconds:.1f} s until all was quiet\n"
        f"内存 peak memory: {memory}"
    )


def write_environment(
    file: Path, servers: Servers, members: Sequence[Member], tokens: Mapping[str, str], todo: Plan
) -> None:
    """What examples/ and docs/integration.md need, as a file for the shell: where everything is, a token per role, a
    customer who has credit and a product that is there."""
    customer, sku = max(todo.limits, key=todo.limits.__getitem__), max(todo.left, key=todo.left.__getitem__)
    settings = {
        "RABBITMQ_MANAGEMENT_URL": servers.management_url,
        "QUEUE_PRINCIPALS_FILE": str(file.parent / "queue_principals"),
        "AMQP_HOST": urlsplit(servers.rabbitmq_url).netloc.rpartition("@")[2], "TAP_URL": servers.users["tap"],
        "COMPANY": COMPANY, "CUSTOMER": customer, "SKU": sku,
        **{member.name.upper(): member.url for member in members},
        **{f"{role.upper()}_TOKEN": token for role, token in tokens.items()},
    }
    file.touch(mode=0o600)
    file.write_text("".join(f"export {name}='{value}'\n" for name, value in settings.items()))


def where_next(
    members: Sequence[Member], tokens: Mapping[str, str], environment: Path, period: str, *, kept: bool
) -> str:
    """What to look at now: the addresses of what runs, or how to keep it running."""
    if not kept:
        return ("下一步 next: KEEP=1 make demo leaves everything running and prints addresses and tokens; "
                "logs of this run: .run/logs/; events and posting rules: docs/")
    urls = {member.name: member.url for member in members}
    lines = ["下一步 next: everything is still running. API descriptions (OpenAPI, AsyncAPI) and probes:"]
    lines += [f"  {name:<11}{url}/openapi.json  /asyncapi.json  /readyz  /metrics" for name, url in urls.items()]
    lines += [
        f"all addresses, and a token per role ({', '.join(tokens)}), as variables of your shell:",
        f"  . {environment.relative_to(ROOT)}",
        f"  curl -H \"Authorization: Bearer $ACCOUNTANT_TOKEN\" \"$ACCOUNTING/trial-balance?period={period}\"",
        ("  curl -H \"Authorization: Bearer $ACCOUNTANT_TOKEN\" "
         f"\"$ACCOUNTING/statements/balance-sheet?period={period}\""),
        "  curl -H \"Authorization: Bearer $ACCOUNTANT_TOKEN\" \"$ORDER/orders?state=short\"",
        "and now connect another system, within ten minutes: docs/integration.md",
        "to stop: make down (or python -m tools.demo down)",
    ]
    return "\n".join(lines)
