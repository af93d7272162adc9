"""Checks of accounting's open items: they add up to the control accounts, and each is what its owner still has open."""

from decimal import Decimal
from typing import Any

from tools.checker.databases import Databases
from tools.checker.findings import Finding, differences, mapping

# kind -> (roles of its accounts, the column of its parties, +1 if it stands in debit)
KINDS = {
    "receivable": (("ar", "unbilled"), "customer", 1),
    "advance": (("advances",), "customer", -1),
    "payable": (("payable",), "supplier", -1),
    "accrual": (("accrued_payable",), "supplier", -1),
}


async def sums(databases: Databases) -> Finding:
    """Per customer or supplier the items, and all that moved them, are the balance of their accounts, as far as they
    have got."""
    faults = []
    for kind, (roles, column, sign) in KINDS.items():
        ledger = {key: sign * value for key, value in mapping(await databases.accounting.fetch(
            """
            select company, ledger, coalesce(case $2 when 'customer' then customer else supplier end, ''),
                   sum(case side when 'D' then amount else -amount end)
            from voucher_line join open_item_head h using (company, ledger)
            where voucher_line.seq <= h.seq and (company, ledger, account) in (
                select company, ledger, account from role_map where role = any ($1::text[])
            )
            group by 1, 2, 3 having sum(case side when 'D' then amount else -amount end) <> 0
            """,
            list(roles), column,
        )).items()}
        for what, table in (("items", "open"), ("moves", "amount")):
            rows = await databases.accounting.fetch(
                """
                select company, ledger, party, sum(open) from open_item
                where kind = $1 and $2 = 'open' group by 1, 2, 3 having sum(open) <> 0
                union all
                select company, ledger, party, sum(amount) from open_item_move
                where kind = $1 and $2 = 'amount' group by 1, 2, 3 having sum(amount) <> 0
                """,
                kind, table,
            )
            faults += differences(mapping(rows), ledger, f"{what} of {kind}")
    kept = await databases.accounting.fetchval("select count(*) from open_item where open <> 0")
    return Finding("open_items", f"{kept} open items", tuple(faults))


async def documents(databases: Databases) -> Finding:
    """Each item is open for what its owner's own table says, for companies whose items hold every voucher."""
    reached = [row["company"] for row in await databases.accounting.fetch(
        """
        select company from open_item_head h
        where seq = (select max(seq) from voucher v where v.company = h.company and v.ledger = h.ledger)
        """
    )]
    items = await _items(databases, reached)
    owners = await _owners(databases, reached)
    faults = [fault for kind in KINDS for fault in differences(items[kind], owners[kind], kind)]
    seen = sum(len(owners[kind]) for kind in KINDS)
    return Finding("open_documents", f"{seen} open documents", tuple(faults))


Documents = dict[str, dict[Any, Decimal]]


async def _items(databases: Databases, companies: list[str]) -> Documents:
    found: Documents = {kind: {} for kind in KINDS}
    for row in await databases.accounting.fetch(
        "select kind, company, party, document, open from open_item where company = any ($1) and open <> 0", companies
    ):
        found[row["kind"]][row["company"], row["party"], row["document"]] = row["open"]
    return found


async def _owners(databases: Databases, companies: list[str]) -> Documents:
    return {
        "receivable": mapping(await databases.order.fetch(
            "select company, customer_id, delivery_id, open from delivery where company = any ($1) and open <> 0",
            companies)),
        "advance": mapping(await databases.order.fetch(
            """
            select company, customer_id, payment_id, unallocated from payment
            where company = any ($1) and unallocated <> 0
            """,
            companies)),
        "payable": mapping(await databases.inventory.fetch(
            """
            select company, supplier_id, supplier_invoice_id, open from supplier_invoice
            where company = any ($1) and open <> 0
            """,
            companies)),
        "accrual": mapping(await databases.inventory.fetch(
            """
            select company, supplier_id, receipt_id, sum(accrued) from receipt_match
            where company = any ($1) and unbilled > 0 group by 1, 2, 3 having sum(accrued) <> 0
            """,
            companies)),
    }
