"""Roles (角色), the words for them, and why somebody may not do something."""

from collections.abc import Collection
from dataclasses import dataclass

from shared.events import Command
from shared.refusal import Text

# What a role may do is what the services let it do: tokens carry these same names. An auditor is let do nothing, so he
# or she only reads; `service` is the services' own and no role of the console.
ROLES = {
    "sales": Text("销售", "Sales"),
    "warehouse": Text("仓库", "Warehouse"),
    "buyer": Text("采购", "Buyer"),
    "accountant": Text("会计", "Accountant"),
    "chief_accountant": Text("会计主管", "Chief accountant"),
    "cashier": Text("出纳", "Cashier"),
    "auditor": Text("审计", "Auditor"),
    "operator": Text("运维", "Operator"),
    "admin": Text("管理员", "Administrator"),
}
NEEDS_ROLE = Text("需要角色：{roles}", "needs the role {roles}")
MADE_IT = Text("你是制单人，须由他人审核", "you made it; another must check it")
ASKED_IT = Text("你是申请人，须由他人批准", "you asked for it; another must approve it")


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, or acts."""

    name: str
    company: str
    display_name: str
    roles: frozenset[str]

    def has(self, *roles: str) -> bool:
        return bool(self.roles & set(roles))


def why_not(person: Person, command: type[Command]) -> Text | None:
    """Why a person may not ask for this; None if he or she may."""
    return None if person.roles & command.allowed else needs(command.allowed)


def needs(roles: Collection[str]) -> Text:
    """The sentence that names the roles of which one is needed."""
    known = [title for role, title in ROLES.items() if role in roles]
    return Text(
        NEEDS_ROLE.zh.format(roles="、".join(title.zh for title in known)),
        NEEDS_ROLE.en.format(roles=" / ".join(title.en for title in known)),
    )


def unless_own(person: Person, maker: str, reason: Text = MADE_IT) -> Text | None:
    """Separation of duties (职责分离): the reason, if the person made it."""
    return reason if person.name == maker else None
