"""Posting: a rule, a reading and a role mapping make voucher values that refuse to be out of balance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from services.accounting.domain.pack import Bilingual, Pack, Rule, RuleLine, Side, Word
from services.accounting.domain.reading import Item, Reading, UnpostableError, read
from shared.events import Event
from shared.refusal import Unfit


class UnbalancedError(UnpostableError):
    """A voucher whose debits are not its credits; a rule that the linter passed never makes one."""


class UncoveredError(UnpostableError):
    """The books' pack says neither how to post an event nor why not, or no account plays a role of its rule."""


class MappedAccount(NamedTuple):
    code: str
    memo: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What the books decide about every posting: currency, first day, rules, and which account plays which role."""

    currency: str
    opened_on: date
    pack: Pack
    mapping_version: int
    accounts: Mapping[str, MappedAccount]


@dataclass(frozen=True, slots=True)
class Line:
    """One voucher line (分录行). The amount is signed: a negative one is red-letter (红字) on its side."""

    account: str
    memo: bool
    side: Side
    amount: Decimal
    dimensions: Mapping[str, str]
    quantity: Decimal | None

    @property
    def signed(self) -> Decimal:
        return self.amount if self.side == "D" else -self.amount


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher (凭证) before it has a number. Memo accounts (备查) balance among themselves."""

    rule: Rule
    on: date
    summary: str
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        for memo in (False, True):
            difference = sum((line.signed for line in self.lines if line.memo is memo), Decimal(0))
            if difference:
                raise UnbalancedError(f"rule: {self.rule.id} part {self.rule.part}: debits - credits = {difference}")

    @property
    def word(self) -> Word:
        return self.rule.word

    @property
    def period(self) -> str:
        return f"{self.on:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Posting:
    """What an event came to: its vouchers, or the reason why there is none."""

    event: Event
    reading: Reading
    vouchers: tuple[Voucher, ...]
    none: Bilingual | None


@dataclass(frozen=True, slots=True)
class Heads:
    """The last numbers given: journal entry, posting order, and voucher number per (period, word)."""

    entry: int
    seq: int
    numbers: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A voucher with its place: posting order, journal entry, and number (凭证号) within its word and month."""

    voucher: Voucher
    posting: Posting
    entry: int
    seq: int
    number: int


def post_all(events: Iterable[Event], terms: Terms) -> tuple[list[Posting], list[Unfit]]:
    """What can be posted, and the events that cannot, with the reason."""
    postings, unfit = [], []
    for event in events:
        try:
            postings.append(post(event, terms))
        except UnpostableError as error:
            unfit.append(Unfit(event, str(error)))
    return postings, unfit


def post(event: Event, terms: Terms) -> Posting:
    """Read an event and apply its rules. UnpostableError if that cannot be done."""
    reading = read(event, terms.currency)
    rules = terms.pack.rules_by_event.get(event.type)
    if rules is None:
        reason = terms.pack.reasons.get(event.type)
        if reason is None:
            raise UncoveredError(f"type: pack {terms.pack.standard} {terms.pack.version} does not cover {event.type}")
        return Posting(event, reading, (), reason)
    made = [_voucher(rule, reading, terms) for rule in rules]
    vouchers = tuple(voucher for voucher in made if voucher.lines)
    return Posting(event, reading, vouchers, None if vouchers else terms.pack.nothing_moved)


def number(postings: Sequence[Posting], heads: Heads) -> list[Numbered]:
    """Give gapless numbers in the order of acceptance."""
    last = defaultdict(int, heads.numbers)
    numbered: list[Numbered] = []
    for entry, posting in enumerate(postings, heads.entry + 1):
        for voucher in posting.vouchers:
            key = (voucher.period, voucher.word)
            last[key] += 1
            numbered.append(Numbered(voucher, posting, entry, heads.seq + len(numbered) + 1, last[key]))
    return numbered


def movements(vouchers: Iterable[Voucher]) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """(period, account) -> (debits, credits) of some vouchers."""
    moved: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for voucher in vouchers:
        period = voucher.period
        for line in voucher.lines:
            key = period, line.account
            debit, credit = moved.get(key, (Decimal(0), Decimal(0)))
            moved[key] = (debit + line.amount, credit) if line.side == "D" else (debit, credit + line.amount)
    return moved


def _voucher(rule: Rule, reading: Reading, terms: Terms) -> Voucher:
    assert reading.on, f"rule {rule.id} names an event without a business date"
    lines = (line for spec in rule.lines for line in _lines(spec, rule, reading, terms))
    return Voucher(
        rule=rule,
        # What happened before the books were opened is booked on their first day; the journal keeps its own date.
        on=max(reading.on, terms.opened_on),
        summary=rule.summary.format_map(reading.texts),
        lines=tuple(line for line in lines if line.amount),
    )


def _lines(spec: RuleLine, rule: Rule, reading: Reading, terms: Terms) -> Iterable[Line]:
    if spec.each is None:
        header = Item(reading.amounts, {}, None)
        return [_line(spec, rule, header, reading, terms)]
    return [_line(spec, rule, item, reading, terms) for item in reading.items]


def _line(spec: RuleLine, rule: Rule, item: Item, reading: Reading, terms: Terms) -> Line:
    account = terms.accounts.get(spec.role)
    if account is None:
        raise UncoveredError(f"role: no account that takes lines plays {spec.role!r}, which rule {rule.id} needs")
    sign = rule.sign(spec)
    known = {**reading.dimensions, **item.dimensions}
    return Line(
        account=account.code,
        memo=account.memo,
        side=spec.side,
        amount=sign * item.amounts[spec.amount],
        dimensions={name: known[name] for name in spec.dimensions if name in known},
        quantity=sign * item.quantity if spec.quantity and item.quantity is not None else None,
    )
