"""What the linter says, and the sentences that it says more than once."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.accounting.domain.reading import DIMENSIONS


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a pack may not be used: `place` names the rule, role, account or event; `code` never changes."""

    place: str
    code: str
    zh: str
    en: str


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "—"


def unknown_role(place: str, role: str) -> Finding:
    return Finding(place, "unknown_role", f"角色 {role} 没有对应科目", f"role {role} is not mapped to an account")


def unknown_dimension(place: str, name: str, offered: Iterable[str] = DIMENSIONS) -> Finding:
    return Finding(
        place, "unknown_dimension", f"没有辅助核算项 {name}, 可用: {listed(offered)}",
        f"there is no dimension {name}; on offer: {listed(offered)}",
    )
