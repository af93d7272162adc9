"""Posting: a rule, a reading and a role mapping make voucher values that refuse to be out of balance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

from services.accounting.domain.pack import MEMO_WORD, Bilingual, Pack, Rule, RuleLine, Side, Word
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


ANY = "*"  # at the end of a member: whatever begins so


@dataclass(frozen=True, slots=True)
class Split:
    """A role that is played by several accounts (按商品类别, 客户组, 仓库): which one, by the value of one dimension.

    `members` are values of it, or beginnings of values such as `BEV-*`; the one that says most decides.
    """

    by: str
    members: Mapping[str, MappedAccount]

    def account(self, value: str | None) -> MappedAccount | None:
        """The account for a value; None leaves it to the role's own one."""
        if value is None:
            return None
        found = self.members.get(value)
        length = len(value)
        while found is None and length:
            found, length = self.members.get(value[:length] + ANY), length - 1
        return found


MAIN = "main"  # the ledger that a company is taxed by; others are kept beside it
Words = Literal["记", "收付转"]
# Each event is one source document (原始凭证): a shipment note, an invoice, a payment slip.
EVENT_ATTACHMENTS = 1


@dataclass(frozen=True, slots=True)
class Terms:
    """What the books decide about every posting: currency, first day that takes vouchers, rules, and which account
    plays which role."""

    currency: str
    open_from: date
    pack: Pack
    mapping_version: int
    accounts: Mapping[str, MappedAccount]
    words: Words = "记"
    splits: Mapping[str, Split] = field(default_factory=dict)
    ledger: str = MAIN

    def code(self, role: str) -> str | None:
        """The account that plays a role, if one does."""
        return self.accounts[role].code if role in self.accounts else None

    def account(self, role: str, dimensions: Mapping[str, str]) -> MappedAccount | None:
        """The account for a line of a role with these dimensions; None if none that takes lines plays it."""
        split = self.splits.get(role)
        own = split.account(dimensions.get(split.by)) if split else None
        return own or self.accounts.get(role)

    def word(self, lines: Iterable["Line"]) -> Word:
        """记, or by what moves money: 收 if it comes in, 付 if it goes out or only changes places, else 转."""
        if self.words == "记":
            return "记"
        money = {self.code("cash"), self.code("bank")}
        sides = {line.side for line in lines if line.account in money}
        return "付" if "C" in sides else "收" if sides else "转"


@dataclass(frozen=True, slots=True)
class Policies:
    """The terms of one ledger by the day from which they are in force; the first ones are those of the first open day.

    Days and versions rise together, so a day has one answer whatever was decided when.
    """

    versions: tuple[tuple[date, Terms], ...]

    @property
    def first(self) -> Terms:
        return self.versions[0][1]

    def on(self, day: date | None) -> Terms:
        """The terms by which something of that day is posted; what has no day takes the first."""
        found = self.first
        for since, terms in self.versions[1:]:
            if day is None or since > day:
                break
            found = terms
        return found


class Line(NamedTuple):
    """One voucher line (分录行). The amount is signed: a negative one is red-letter (红字) on its side."""

    account: str
    memo: bool
    side: Side
    amount: Decimal
    dimensions: Mapping[str, str]
    quantity: Decimal | None
    summary: str | None = None  # where it is not the voucher's

    @property
    def signed(self) -> Decimal:
        return self.amount if self.side == "D" else -self.amount


class Signed(NamedTuple):
    """Who made (制单), checked (审核) and posted (记账) a voucher; a cashier (出纳) signs where money moves by hand."""

    maker: str
    checker: str
    poster: str
    cashier: str | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher (凭证) before it has a number. Memo accounts (备查) balance among themselves.

    `rule` is the posting rule, or what else decided its lines, and `version` that of its text. `on` is the day on which
    it is booked, `business_date` the one on which it happened.
    """

    rule: str
    version: int
    part: int
    word: Word
    on: date
    business_date: date
    summary: str
    lines: tuple[Line, ...]
    signed: Signed
    attachments: int

    def __post_init__(self) -> None:
        differences = {False: Decimal(0), True: Decimal(0)}
        for line in self.lines:
            differences[line.memo] += line.signed
        for difference in filter(None, differences.values()):
            raise UnbalancedError(f"rule: {self.rule} part {self.part}: debits - credits = {difference}")

    @property
    def period(self) -> str:
        return _month_of(self.on)


@lru_cache(maxsize=10_000)  # asked several times for every voucher
def _month_of(day: date) -> str:
    return day.isoformat()[:7]


class Heard(NamedTuple):
    """Which event a journal row is of, and its place in its producer's log."""

    id: UUID
    type: str
    source: str
    position: int | None


class Row(NamedTuple):
    """A journal row before it has its place: with the terms of its versions, it alone decides about its vouchers.

    `facts` is plain JSON; `reader_version` says which code gave it its shape. `event` is None for what is no event.
    """

    kind: str
    actor: str
    facts: Mapping[str, Any]
    reader_version: int
    event: Heard | None


class Posting(NamedTuple):
    """What a journal row came to by the terms of a ledger: its vouchers, or the reason why there is none."""

    row: Row
    terms: Terms
    vouchers: tuple[Voucher, ...]
    none: Bilingual | None


@dataclass(frozen=True, slots=True)
class Heads:
    """The last numbers given: journal entry, posting order, and voucher number per (period, word)."""

    entry: int
    seq: int
    numbers: Mapping[tuple[str, str], int]


class Numbered(NamedTuple):
    """A voucher with its place: posting order, journal entry, and number (凭证号) within its word and month."""

    voucher: Voucher
    posting: Posting
    entry: int
    seq: int
    number: int


Everywhere = tuple[Posting, ...]  # what a journal row came to in every ledger of the company, the main one first


def post_all(events: Iterable[Event], ledgers: Sequence[Policies]) -> tuple[list[Everywhere], list[Unfit]]:
    """What can be posted in every ledger, and the events that cannot, with the reason."""
    postings, unfit = [], []
    for event in events:
        try:
            reading, row = accept(event, ledgers[0].first.currency)
            postings.append(tuple(apply(reading, row, policies.on(reading.on)) for policies in ledgers))
        except UnpostableError as error:
            unfit.append(Unfit(event, str(error)))
    return postings, unfit


def post(event: Event, policies: Policies) -> Posting:
    """Read an event and apply the rules of its day in one ledger. UnpostableError if that cannot be done."""
    reading, row = accept(event, policies.first.currency)
    return apply(reading, row, policies.on(reading.on))


def accept(event: Event, currency: str) -> tuple[Reading, Row]:
    """An event's reading and its journal row. UnpostableError if it contradicts itself or the books."""
    reading, envelope = read(event, currency), event.envelope
    heard = Heard(envelope.id, envelope.type, envelope.source, envelope.position)
    return reading, Row("event", envelope.actor, reading.facts(), reading.reader_version, heard)


def apply(reading: Reading, row: Row, terms: Terms) -> Posting:
    """What the rules make of an event that was read. UncoveredError if they do not say."""
    assert row.event
    kind, pack = row.event.type, terms.pack
    rules = pack.rules_by_event.get(kind)
    if rules is None:
        reason = pack.reasons.get(kind)
        if reason is None:
            raise UncoveredError(f"type: pack {pack.standard} {pack.version} does not cover {kind}")
        return Posting(row, terms, (), reason)
    made = [_voucher(rule, reading, row, terms) for rule in rules]
    vouchers = tuple(voucher for voucher in made if voucher.lines)
    return Posting(row, terms, vouchers, None if vouchers else pack.nothing_moved)


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


def _voucher(rule: Rule, reading: Reading, row: Row, terms: Terms) -> Voucher:
    """Who made the voucher is who did the business; the rule, which a person put in force, checks and posts it."""
    assert reading.on, f"rule {rule.id} names an event without a business date"
    lines = tuple([line for spec in rule.lines for line in _lines(spec, rule, reading, terms)])
    principal = f"rule:{rule.id}@{terms.pack.version}"
    return Voucher(
        rule=rule.id,
        version=terms.pack.version,
        part=rule.part,
        word=rule.word if rule.word == MEMO_WORD else terms.word(lines),
        # What happened when the books were not open yet is booked on their first open day.
        on=max(reading.on, terms.open_from),
        business_date=reading.on,
        summary=rule.summary.format_map(reading.texts),
        lines=lines,
        signed=Signed(row.actor, principal, principal),
        attachments=EVENT_ATTACHMENTS,
    )


def _lines(spec: RuleLine, rule: Rule, reading: Reading, terms: Terms) -> Iterable[Line]:
    items = reading.items if spec.each else _parts(spec, reading, terms)
    return [_line(spec, rule, item, reading, terms) for item in items if item.amounts[spec.amount]]


def _parts(spec: RuleLine, reading: Reading, terms: Terms) -> list[Item]:
    """An amount of the whole event; where its items are on different accounts and add up to it, a part per account."""
    whole = [Item(reading.amounts, {}, None)]
    split = terms.splits.get(spec.role)
    if split is None or split.by in reading.dimensions or not reading.items:
        return whole
    if not all(spec.amount in item.amounts and split.by in item.dimensions for item in reading.items):
        return whole
    sums: dict[MappedAccount | None, tuple[str, Decimal]] = {}
    for item in reading.items:
        value = item.dimensions[split.by]
        account = terms.account(spec.role, {split.by: value})
        first, amount = sums.get(account, (value, Decimal(0)))
        sums[account] = first, amount + item.amounts[spec.amount]
    if sum(amount for _, amount in sums.values()) != reading.amounts[spec.amount]:
        return whole
    return [Item({spec.amount: amount}, {split.by: value}, None) for value, amount in sums.values()]


def _line(spec: RuleLine, rule: Rule, item: Item, reading: Reading, terms: Terms) -> Line:
    known = {**reading.dimensions, **item.dimensions} if item.dimensions else reading.dimensions
    account = terms.account(spec.role, known)
    if account is None:
        raise UncoveredError(f"role: no account that takes lines plays {spec.role!r}, which rule {rule.id} needs")
    red, amount, quantity = rule.sign(spec) < 0, item.amounts[spec.amount], item.quantity if spec.quantity else None
    return Line(
        account=account.code,
        memo=account.memo,
        side=spec.side,
        amount=-amount if red else amount,
        dimensions={name: known[name] for name in spec.dimensions if name in known},
        quantity=-quantity if red and quantity is not None else quantity,
    )
