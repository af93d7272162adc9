"""What was owed before the books were opened (SYNTHETIC), by two customers and to a supplier who trade no more."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tools.demo.buying import OPENED_ON
from tools.demo.desk import Desk
from tools.demo.doors import Ask, HttpDoor

CUSTOMERS, SUPPLIER = ("OLD-1", "OLD-2"), "OLD-S"
PAID_ON = OPENED_ON + timedelta(9)
# (party, document, days before the books, days until it is due, amount); below zero it was paid in advance.
RECEIVABLES = (
    ("OLD-1", "XS-0871", 41, 30, "565.00"), ("OLD-1", "XS-0902", 12, 30, "1130.50"),
    ("OLD-2", "XS-0755", 120, None, "88.20"), ("OLD-2", "SK-0412", 15, None, "-40.00"),
)
PAYABLES = (("OLD-S", "CG-0355", 28, 45, "339.00"), ("OLD-S", "CG-0361", 9, None, "56.50"))
RECEIVED, PAID = "1000.00", "339.00"  # of OLD-1, to OLD-S
# What is left in the end: customer -> (receivable, advance).
LEFT = {"OLD-1": (Decimal("695.50"), Decimal(0)), "OLD-2": (Decimal("88.20"), Decimal("40.00"))}
OWED = Decimal("56.50")


async def bring_in(desk: Desk) -> None:
    """The sheets of the old books; then a customer pays, and the supplier is paid."""
    customers = [{"customer_id": c, "name": f"演示老客户 {c} (synthetic)", "credit_limit": "0"} for c in CUSTOMERS]
    suppliers = [{"supplier_id": SUPPLIER, "name": f"演示老供应商 {SUPPLIER} (synthetic)"}]
    money = {"currency": "CNY"}
    for key, kind, path, role, body in (
        ("old-customers", "crm.register_customers.v1", "/customers", "sales", {"customers": customers}),
        ("old-suppliers", "inventory.register_suppliers.v1", "/suppliers", "buyer", {"suppliers": suppliers}),
        ("open-receivables", "order.open_receivables.v1", "/openings/receivables", "accountant",
         {"opening_id": "OPEN-AR", "rows": _rows(RECEIVABLES, "customer_id")}),
        ("open-payables", "inventory.open_payables.v1", "/openings/payables", "accountant",
         {"opening_id": "OPEN-AP", "rows": _rows(PAYABLES, "supplier_id")}),
        ("pay-old", "order.receive_payment.v1", "/payments", "accountant",
         {"payment_id": "PAY-OLD-1", "customer_id": "OLD-1", "received_on": str(PAID_ON), "amount": RECEIVED, **money}),
        ("pay-old-supplier", "inventory.pay_supplier.v1", "/supplier-payments", "accountant",
         {"supplier_payment_id": "SP-OLD", "supplier_id": SUPPLIER, "paid_on": str(PAID_ON), "amount": PAID, **money}),
    ):
        await desk.do(Ask(kind, path, role, body), key)


def _rows(documents: tuple[tuple[str, str, int, int | None, str], ...], party: str) -> list[Mapping[str, Any]]:
    return [
        {"row": n, party: who, "document": document, "dated": str(OPENED_ON - timedelta(age)), "amount": amount,
         "due_on": None if due is None else str(OPENED_ON + timedelta(due - age))}
        for n, (who, document, age, due, amount) in enumerate(documents, 2)
    ]


async def wrong(http: HttpDoor) -> list[str]:
    """What of it is not as it should be in the end, in words."""
    found = []
    for customer, left in LEFT.items():
        shown = await http.read("order", f"/customers/{customer}") or {}
        there = tuple(Decimal(shown.get(name, 0)) for name in ("receivable", "advances"))
        if there != left:
            found.append(f"customer {customer}: {there} are open; it should be {left}")
    supplier = await http.read("inventory", f"/suppliers/{SUPPLIER}") or {}
    if Decimal(supplier.get("balance", 0)) != OWED:
        found.append(f"supplier {SUPPLIER}: {supplier.get('balance')} is owed; it should be {OWED}")
    return found
