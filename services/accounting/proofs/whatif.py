"""`whatif`: the same journal under another pack, in memory: what would differ in statements and vouchers."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from services.accounting import packs, statements, views
from services.accounting.domain.journal import decide
from services.accounting.domain.pack import Account, Pack
from services.accounting.domain.posting import MappedAccount, Voucher
from services.accounting.domain.statements import Amount, Layout, figures
from services.accounting.proofs.place import Place, Result
from services.accounting.proofs.replay import Entry, Journal
from services.accounting.views import rows

EVENT = "event"  # the kind of journal rows that packs decide about
KINDS_SHOWN = 50  # of differences between vouchers

Key = tuple[str, str, str]  # month, account, value of the dimension that its layout asks for


class Shadow:
    """The sums of a ledger as a pack would have it, in memory, by what its statements need."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.moved: dict[Key, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        self._accounts = {role: MappedAccount(code, pack.chart[code].kind == "memo")
                          for role, code in pack.roles.items()}
        splits = statements.layouts()[pack.standard].balance_sheet.splits
        self._by = {code: by for code in pack.chart for start, by in splits if code.startswith(start)}

    def post(self, entry: Entry) -> tuple[Voucher, ...]:
        """What an entry leads to by this pack and its own role map."""
        return decide(entry.row, replace(entry.terms, pack=self.pack, accounts=self._accounts, splits={})).vouchers

    def add(self, vouchers: tuple[Voucher, ...]) -> None:
        for voucher in vouchers:
            for line in voucher.lines:
                by = self._by.get(line.account)
                value = line.dimensions.get(by, "") if by else ""
                self.moved[voucher.period, line.account, value][line.side == "C"] += line.amount

    def balances(self) -> str:
        """As `rows.Heads.balances` says the kept ones."""
        sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for (period, account, _), (debit, credit) in self.moved.items():
            sums[period, account][0] += debit
            sums[period, account][1] += credit
        return "\n".join(f"{period} {account} {debit:.4f} {credit:.4f}"
                         for (period, account), (debit, credit) in sorted(sums.items()))

    def statement(self, kind: str, period: str) -> dict[str, Decimal]:
        """line's Chinese name -> figure: the balance sheet at the end of a month, or the income of its year so far."""
        layouts = statements.layouts()[self.pack.standard]
        layout: Layout = layouts.balance_sheet if kind == "balance_sheet" else layouts.income
        since = "" if kind == "balance_sheet" else period[:4]
        amounts = [
            Amount(account, value, debit - credit)
            for (month, account, value), (debit, credit) in self.moved.items()
            if since <= month <= period and self.pack.chart[account].kind != "memo"
        ]
        found = figures(layout, amounts)
        return {line.zh: value for line in layout.lines if (value := found[line.no])}


@dataclass
class Difference:
    """What another pack would change. `statements` are (statement, line, by the books' pack, by the other one)."""

    standard: str
    version: int
    period: str
    statements: list[tuple[str, str, Decimal, Decimal]]
    vouchers: Counter[str]
    events: int
    not_asked: int

    def shown(self) -> dict[str, Any]:
        return {
            "standard": self.standard, "pack_version": self.version, "period": self.period, "events": self.events,
            "rows_that_no_pack_decides": self.not_asked,
            "statements": [{"statement": kind, "line": line, "books": f"{own:f}", "what_if": f"{other:f}"}
                           for kind, line, own, other in self.statements],
            "vouchers_that_differ": self.vouchers.total(),
            "vouchers": [{"difference": what, "times": times}
                         for what, times in self.vouchers.most_common(KINDS_SHOWN)],
        }


async def what_if(place: Place, pack: Pack) -> tuple[Difference, Result]:
    """Go through the journal by both packs at once. The result says whether the books' own pack came to the kept sums.

    Rows that no pack decides (vouchers made by hand, closes) name accounts of the books' own chart; they are counted
    and left out on both sides, and the books' side is then compared with the kept sums no more.
    """
    result, vouchers, events, not_asked = Result("whatif"), Counter[str](), 0, 0
    async with place.reading() as db:
        heads = await rows.heads(db, place.ledger)
        chart = [Account.model_validate({name: account[name] for name in Account.model_fields})
                 for account in await views.chart(db, place.ledger)]
        books = packs.named(place.standard, place.pack_version).with_accounts(chart)
        own, other = Shadow(books), Shadow(pack)
        async for entries in (await Journal.open(place, db, heads.entry)).batches():
            for entry in entries:
                if entry.row.kind != EVENT:
                    not_asked += 1
                    continue
                events += 1
                here, there = decide(entry.row, entry.terms).vouchers, other.post(entry)
                own.add(here)
                other.add(there)
                vouchers.update(_differences(own, here, other, there))
        after = await rows.heads(db, place.ledger)
    if not not_asked and own.balances() != heads.balances:
        result.differences.append("by the books' own pack the sums per month and account are not those that are kept")
    if after == heads:
        result.figures["untouched"] = True
    period = max((month for month, _, _ in own.moved), default="0000-00")
    found = [
        (kind, line, here, there)
        for kind in ("balance_sheet", "income")
        for line, here, there in _lines(own.statement(kind, period), other.statement(kind, period))
    ]
    result.seen = (f"{events} events under {pack.standard} {pack.version}: {len(found)} lines of statements and "
                   f"{vouchers.total()} vouchers would differ")
    return Difference(pack.standard, pack.version, period, found, vouchers, events, not_asked), result


def _lines(own: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> list[tuple[str, Decimal, Decimal]]:
    return [
        (line, own.get(line, Decimal(0)), other.get(line, Decimal(0)))
        for line in dict.fromkeys([*own, *other]) if own.get(line, Decimal(0)) != other.get(line, Decimal(0))
    ]


def _differences(own: Shadow, here: Sequence[Voucher], other: Shadow, there: Sequence[Voucher]) -> list[str]:
    """One per voucher that has other lines, by the names of the accounts, since charts number them differently."""
    by_rule = {(voucher.rule, voucher.part): _named(other, voucher) for voucher in there}
    found = []
    for voucher in here:
        left, right = _named(own, voucher), by_rule.pop((voucher.rule, voucher.part), Counter())
        if left != right:
            found.append(f"{voucher.rule}: {_words(left - right)} → {_words(right - left)}")
    return found + [f"{rule}: — → {_words(right)}" for (rule, _), right in by_rule.items()]


Lines = Counter[tuple[str, Decimal]]


def _named(shadow: Shadow, voucher: Voucher) -> Lines:
    """Lines by side, account name and amount."""
    names = shadow.pack.chart
    return Counter((f"{'借' if line.side == 'D' else '贷'} {names[line.account].zh}", line.amount)
                   for line in voucher.lines)


def _words(lines: Lines) -> str:
    return ", ".join(sorted({name for name, _ in lines})) or "—"


async def prove_whatif(place: Place) -> Result:
    """Under every other standard's newest pack."""
    results = []
    for pack in packs.proven_packs():
        if pack.standard != place.standard:
            difference, result = await what_if(place, pack)
            result.figures |= difference.shown()
            results.append(result)
    whole = Result("whatif", "; ".join(result.seen for result in results))
    for result in results:
        whole.differences += result.differences
        whole.figures[result.figures["standard"]] = result.figures
    return whole
