"""Products, stock, receipts and fulfilments."""

from datetime import date
from decimal import Decimal, localcontext

from pydantic import BaseModel

from shared.db import Db
from shared.money import EXACT


class Product(BaseModel):
    sku: str
    name: str
    unit: str
    standard_cost: Decimal | None


class StockLevel(BaseModel):
    """A pool; quantity and value are below zero where negative stock is allowed and used.

    `unit_cost` is only the ratio of value to quantity, rounded to be read; null while nothing is there.
    """

    sku: str
    warehouse: str
    quantity: Decimal
    reserved: Decimal
    available: Decimal
    value: Decimal
    unit_cost: Decimal | None


class StockPage(BaseModel):
    """`next` is the `after` of the next page; null on the last one."""

    items: list[StockLevel]
    next: str | None


class StockMove(BaseModel):
    """A line of the stock ledger. `n` is its place in the pool's stream; quantity and value are signed.

    `known_value` is what is known of it now: it differs from `value`, which was booked, when a cost came late.
    """

    warehouse: str
    n: int
    kind: str
    document_id: str
    line: int
    order_id: str | None
    moved_on: date
    quantity: Decimal
    value: Decimal
    quantity_after: Decimal
    value_after: Decimal
    known_value: Decimal
    known_value_after: Decimal


class MovePage(BaseModel):
    items: list[StockMove]
    next: str | None


class StockAdjustment(BaseModel):
    """A change of a pool's value without a movement, which `value_after` holds from the move `since` on."""

    warehouse: str
    since: int
    adjustment_id: str
    stock: Decimal
    consumed: Decimal


class AdjustmentPage(BaseModel):
    items: list[StockAdjustment]
    next: str | None


class FulfilmentLine(BaseModel):
    line: int
    sku: str
    ordered: Decimal
    reserved: Decimal
    shipped: Decimal


class Shipment(BaseModel):
    shipment_id: str
    shipped_on: date
    cost: Decimal


class Return(BaseModel):
    return_id: str
    shipment_id: str
    returned_on: date
    cost: Decimal


class Fulfilment(BaseModel):
    """What an order gets from stock: short, reserved, shipped or released."""

    order_id: str
    warehouse: str
    state: str
    approved: bool
    lines: list[FulfilmentLine]
    shipments: list[Shipment]
    returns: list[Return]


class ReceivedLine(BaseModel):
    line: int
    sku: str
    quantity: Decimal
    unit_cost: Decimal
    cost: Decimal


class Receipt(BaseModel):
    receipt_id: str
    supplier_id: str
    received_on: date
    warehouse: str
    currency: str
    cost: Decimal
    lines: list[ReceivedLine]


async def product(db: Db, sku: str) -> Product | None:
    row = await db.fetchrow(
        "select sku, name, unit, standard_cost from product where company = $1 and sku = $2", db.company, sku
    )
    return Product(**row) if row else None


async def stock(
    db: Db, *, sku: str | None, warehouse: str | None, after: tuple[str, str], limit: int
) -> StockPage:
    """Pools by (sku, warehouse), from the one after `after` on."""
    rows = await db.fetch(
        """
        select sku, warehouse, quantity, reserved, quantity - reserved as available, value
        from stock
        where company = $1 and ($2::text is null or sku = $2) and ($3::text is null or warehouse = $3)
          and (sku, warehouse) > ($4, $5)
        order by sku, warehouse limit $6
        """,
        db.company, sku, warehouse, *after, limit + 1,
    )
    items = [StockLevel(**row, unit_cost=_unit_cost(row["value"], row["quantity"])) for row in rows[:limit]]
    return StockPage(items=items, next=f"{items[-1].sku}/{items[-1].warehouse}" if len(rows) > limit else None)


def _unit_cost(value: Decimal, quantity: Decimal) -> Decimal | None:
    if quantity <= 0:
        return None
    with localcontext(EXACT):
        return (value / quantity).quantize(Decimal("0.00000001"))


async def moves(db: Db, sku: str, *, after: tuple[str, int], limit: int) -> MovePage:
    """The stock ledger of a product by (warehouse, n), from the line after `after` on."""
    rows = await db.fetch(
        """
        select m.warehouse, m.n, m.kind, m.document_id, m.line, m.order_id, m.moved_on, m.quantity, m.value,
               m.quantity_after, m.value_after, coalesce(k.value, m.value) as known_value,
               coalesce(k.value_after, m.value_after) as known_value_after
        from stock_move m left join known_cost k using (company, sku, warehouse, n)
        where m.company = $1 and m.sku = $2 and (m.warehouse, m.n) > ($3, $4)
        order by m.warehouse, m.n limit $5
        """,
        db.company, sku, *after, limit + 1,
    )
    items = [StockMove(**row) for row in rows[:limit]]
    return MovePage(items=items, next=f"{items[-1].warehouse}/{items[-1].n}" if len(rows) > limit else None)


async def moves_backwards(db: Db, sku: str, warehouse: str, *, before: int, limit: int) -> MovePage:
    """The stock ledger of a pool, newest first, from the line before `before` on; 0 stands for the end."""
    rows = await db.fetch(
        """
        select m.warehouse, m.n, m.kind, m.document_id, m.line, m.order_id, m.moved_on, m.quantity, m.value,
               m.quantity_after, m.value_after, coalesce(k.value, m.value) as known_value,
               coalesce(k.value_after, m.value_after) as known_value_after
        from stock_move m left join known_cost k using (company, sku, warehouse, n)
        where m.company = $1 and m.sku = $2 and m.warehouse = $3 and m.n < $4
        order by m.n desc limit $5
        """,
        db.company, sku, warehouse, before or 2**63 - 1, limit + 1,
    )
    items = [StockMove(**row) for row in rows[:limit]]
    return MovePage(items=items, next=f"{items[-1].warehouse}/{items[-1].n}" if len(rows) > limit else None)


async def adjustments(db: Db, sku: str, *, after: tuple[str, int, str], limit: int) -> AdjustmentPage:
    """What late costs and settled negative stock did to a product's pools, by (warehouse, since, document)."""
    rows = await db.fetch(
        """
        select warehouse, since, adjustment_id, stock, consumed from stock_adjustment
        where company = $1 and sku = $2 and (warehouse, since, adjustment_id) > ($3, $4, $5)
        order by warehouse, since, adjustment_id limit $6
        """,
        db.company, sku, *after, limit + 1,
    )
    items = [StockAdjustment(**row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return AdjustmentPage(items=items, next=f"{last.warehouse}/{last.since}/{last.adjustment_id}" if last else None)


async def fulfilment(db: Db, order_id: str) -> Fulfilment | None:
    head = await db.fetchrow(
        "select order_id, warehouse, state, approved from fulfilment where company = $1 and order_id = $2",
        db.company, order_id,
    )
    if head is None:
        return None
    lines = await db.fetch(
        """
        select line, sku, ordered, reserved, shipped from fulfilment_line
        where company = $1 and order_id = $2 order by line
        """,
        db.company, order_id,
    )
    shipments = await db.fetch(
        """
        select shipment_id, shipped_on, cost from shipment
        where company = $1 and order_id = $2 order by shipped_on, shipment_id
        """,
        db.company, order_id,
    )
    returns = await db.fetch(
        """
        select return_id, shipment_id, returned_on, cost from goods_return
        where company = $1 and order_id = $2 order by returned_on, return_id
        """,
        db.company, order_id,
    )
    return Fulfilment(
        **head,
        lines=[FulfilmentLine(**line) for line in lines],
        shipments=[Shipment(**shipment) for shipment in shipments],
        returns=[Return(**returned) for returned in returns],
    )


async def receipt(db: Db, receipt_id: str) -> Receipt | None:
    head = await db.fetchrow(
        """
        select receipt_id, supplier_id, received_on, warehouse, currency, cost from receipt
        where company = $1 and receipt_id = $2
        """,
        db.company, receipt_id,
    )
    if head is None:
        return None
    lines = await db.fetch(
        """
        select line, sku, quantity, unit_cost, cost from receipt_line
        where company = $1 and receipt_id = $2 order by line
        """,
        db.company, receipt_id,
    )
    return Receipt(**head, lines=[ReceivedLine(**line) for line in lines])
