"""A rule pack (记账规则包): a standard's chart, roles and posting rules as frozen values, parsed from TOML."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Side = Literal["D", "C"]  # 借, 贷
Kind = Literal["asset", "liability", "equity", "cost", "revenue", "expense", "memo"]
Word = Literal["记", "收", "付", "转", "备"]
MEMO_WORD: Word = "备"
Code = Annotated[str, Field(pattern=r"^[0-9]{4}([0-9]{2})*$")]


class PackError(ValueError):
    """The text is not a pack; the message names the place."""


class Piece(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bilingual(Piece):
    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class Account(Bilingual):
    """An account of the chart (会计科目); `side` is where its balance normally stands."""

    code: Code
    kind: Kind
    side: Side


class Control(Piece):
    """A control account (统驭科目) is moved by its owner's events only, always with the dimensions of its subledger."""

    owner: str
    dimensions: tuple[str, ...]


class RuleLine(Piece):
    """One line of a voucher, or one for each item of the event; `red` only if it is not as the rule says."""

    side: Side
    role: str
    amount: str
    each: Literal["items"] | None = None
    dimensions: tuple[str, ...] = ()
    quantity: bool = False
    red: bool | None = None


class Rule(Piece):
    """Makes one voucher of an event. Rules with the same id are the parts of one matter; `red` writes 红字 amounts.

    `reverses` names the rule whose first part this rule takes back: the two must cancel out.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    part: Annotated[int, Field(ge=1)] = 1
    event: str
    word: Word
    summary: str
    red: bool = False
    reverses: str | None = None
    lines: Annotated[tuple[RuleLine, ...], Field(min_length=2)]

    def sign(self, line: RuleLine) -> Literal[1, -1]:
        """-1 if the line is written in red."""
        return -1 if (self.red if line.red is None else line.red) else 1


class NoneReason(Bilingual):
    """Why an event has no voucher."""

    event: str


class Pack(Piece):
    """One version of a standard's rules. Versions are never edited once books use them: a change is a new version."""

    standard: str
    version: Annotated[int, Field(ge=1)]
    effective_on: date
    name: Bilingual
    nothing_moved: Bilingual  # the reason for an event with a rule whose every line is zero
    accounts: tuple[Account, ...]
    roles: Mapping[str, Code]
    control: Mapping[str, Control]
    rules: tuple[Rule, ...]
    none: tuple[NoneReason, ...]

    @cached_property
    def chart(self) -> Mapping[str, Account]:
        return {account.code: account for account in self.accounts}

    def with_accounts(self, accounts: Iterable[Account]) -> "Pack":
        """The same rules with another chart, such as that of a company that added accounts of its own."""
        fields = {name: getattr(self, name) for name in Pack.model_fields}
        return Pack.model_validate({**fields, "accounts": tuple(accounts)})

    @cached_property
    def summary_accounts(self) -> frozenset[str]:
        """Accounts that have accounts below them (非末级科目): they take no lines."""
        parents = (code[:-2] for code in self.chart)
        return frozenset(parent for parent in parents if parent in self.chart)

    @cached_property
    def rules_by_event(self) -> Mapping[str, tuple[Rule, ...]]:
        found: dict[str, tuple[Rule, ...]] = {}
        for rule in sorted(self.rules, key=lambda rule: (rule.event, rule.id, rule.part)):
            found[rule.event] = (*found.get(rule.event, ()), rule)
        return found

    @cached_property
    def reasons(self) -> Mapping[str, NoneReason]:
        return {reason.event: reason for reason in self.none}


def parse(text: str) -> Pack:
    """The pack that a TOML text says. PackError names what is malformed; what it means is for the linter to judge."""
    try:
        return Pack.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"not TOML: {error}") from error
    except ValidationError as error:
        places = (f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise PackError("; ".join(places)) from error
