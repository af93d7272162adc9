"""The menu: which pages there are, and who sees them there."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.console.domain.roles import Person
from shared.refusal import Text


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the menu; whoever has one of the roles sees it."""

    path: str
    title: Text
    icon: str
    roles: frozenset[str]


EVERYBODY = frozenset({"sales", "warehouse", "buyer", "accountant", "chief_accountant", "auditor", "operator", "admin"})
BOOKKEEPERS = frozenset({"accountant", "chief_accountant", "auditor", "admin"})
MENU = (
    Entry("/", Text("首页", "Home"), "home", EVERYBODY | {"cashier"}),
    Entry("/orders", Text("订单", "Orders"), "file-invoice", EVERYBODY - {"buyer", "operator"}),
    Entry("/stock", Text("库存", "Stock"), "package", EVERYBODY - {"operator"}),
    Entry("/purchases", Text("采购", "Purchasing"), "shopping-cart", EVERYBODY - {"sales", "operator"}),
    Entry("/customers", Text("客户", "Customers"), "users", EVERYBODY - {"warehouse", "buyer", "operator"}),
    Entry("/vouchers", Text("凭证", "Vouchers"), "receipt", BOOKKEEPERS | {"cashier"}),
    Entry("/books", Text("账簿", "Books"), "book-2", BOOKKEEPERS),
    Entry("/operation", Text("运行", "Operation"), "server", frozenset({"operator", "admin"})),
    Entry("/accounts", Text("账号", "Accounts"), "users", frozenset({"admin"})),
    Entry("/accounts/audit", Text("审计日志", "Audit log"), "shield-lock", frozenset({"admin", "auditor"})),
)


def seen_by(person: Person) -> Sequence[Entry]:
    return [entry for entry in MENU if person.roles & entry.roles]


def place_of(path: str) -> Entry | None:
    """The entry that an address belongs to: the longest one that it begins with."""
    found = [entry for entry in MENU if path == entry.path or (entry.path != "/" and path.startswith(f"{entry.path}/"))]
    return max(found, key=lambda entry: len(entry.path), default=None)
