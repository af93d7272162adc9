"""Changes of the rules by which a ledger is posted: which account plays which role, and the pack's version."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from shared.events.accounting import BOOKKEEPERS, ImportId, Ledger, Place
from shared.events.base import NO_NUL, Asked, Command, Event, Key, Name, Reason

Code = Annotated[str, Field(pattern=r"^[0-9]{4}([0-9]{2}){0,8}$")]
# An id, or the beginning of ids: BEV-*.
Member = Annotated[str, Field(min_length=1, max_length=65, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*\*?$")]


class NewAccount(Asked):
    """An account below one that was never posted on; it has the kind and the side of that one."""

    code: Code
    zh: Name
    en: Name


class AskedMapping(Asked):
    """`role` is played by `account`; with `by`, only for these values of the dimension (a product category, a customer
    group, some warehouses), which `group` names."""

    role: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
    account: Code
    by: Literal["product", "customer", "warehouse"] | None = None
    group: Name | None = None
    members: Annotated[tuple[Member, ...], Field(max_length=5000)] = ()


class ProposeMapping(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Propose new accounts, and which accounts play a role of the posting rules from a day on. What a role is split by
    is said as a whole; roles that are not named stay as they are.

    提议增设明细科目，或自某日起改变记账规则中角色对应的科目（可按商品类别、客户组、仓库）；须由另一人批准。
    """

    proposal_id: Key
    effective_on: date
    ledger: Ledger = "main"
    reason: Reason
    accounts: Annotated[tuple[NewAccount, ...], Field(max_length=3000)] = ()
    mappings: Annotated[tuple[AskedMapping, ...], Field(max_length=500)] = ()


class AskedAccountRow(Asked):
    """A row of a chart; the kind, and the side if none is given, are those of the account above."""

    row: Place
    account: Annotated[str, Field(pattern=r"^\d{4,20}$")]
    account_name: Name | None = None
    account_name_en: Name | None = None
    side: Literal["D", "C"] | None = None


class ImportAccounts(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Propose the accounts of a sheet that the chart has not, below those that it has, as ProposeMapping does; all rows
    are checked before any is kept, and somebody else has to approve the proposal, whose id is that of the import.

    导入科目表：其中科目表尚无的科目作为明细科目提议增设，全部行检查无误后成为一项提议（提议号即导入号），须由另一人批准。
    """

    import_id: ImportId
    ledger: Ledger = "main"
    rows: Annotated[tuple[AskedAccountRow, ...], Field(min_length=1, max_length=3000)]


class ProposePack(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Propose to post by another version of the ledger's rule pack from a day on.

    提议自某日起启用本账簿会计准则规则包的另一版本；须由另一人批准。
    """

    proposal_id: Key
    effective_on: date
    ledger: Ledger = "main"
    reason: Reason
    standard: Key
    version: Annotated[int, Field(ge=1, le=10_000)]


class ApprovePolicyChange(Command, owner="accounting", allowed={"chief_accountant"}):
    """Put a change in force that somebody else proposed.

    批准他人提议的科目映射或规则包变更；不得批准自己的提议。
    """

    proposal_id: Key


class DiscardPolicyChange(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Give up a change that was not approved.

    作废尚未批准的变更提议。
    """

    proposal_id: Key
    why: Reason


class PolicyChangeProposed(Event, owner="accounting", about=("policy_change", "proposal_id")):
    """Somebody proposed to post by other rules; somebody else has to approve it.

    有人提议变更记账所依据的规则，须由另一人批准。
    """

    proposal_id: str
    ledger: str
    kind: str
    effective_on: date
    proposed_by: str


class PolicyChangeApproved(Event, owner="accounting", about=("policy_change", "proposal_id")):
    """From `effective_on` a ledger is posted by this version of its rules; what was posted stays as it is.

    自 effective_on 起按新版本记账；已记账的凭证不变。
    """

    proposal_id: str
    ledger: str
    kind: str
    effective_on: date
    version: int
    proposed_by: str
    approved_by: str


class PolicyChangeDiscarded(Event, owner="accounting", about=("policy_change", "proposal_id")):
    """The proposal was given up.

    变更提议已作废。
    """

    proposal_id: str
    by: str
    why: str
