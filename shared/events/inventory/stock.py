"""Products, stock, reservations, shipments, returns from customers, stocktakes."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import MENDERS, Asked, Command, CommandRejected, Event, Key, Name, Part, SayAgain
from shared.money import Amount, NonNegativeAmount, PositiveQuantity, Quantity, UnitPrice

# -- commands ---------------------------------------------------------------------------------------------------------


class NewProduct(Asked):
    """`standard_cost` values what leaves a pool that never had a cost; without it such a pool may not go negative."""

    sku: Key
    name: Name
    unit: Name = "件"
    standard_cost: UnitPrice | None = None


class RegisterProducts(Command, owner="inventory", allowed={"warehouse", "buyer", "admin"}):
    """Add products (商品档案)."""

    products: Annotated[tuple[NewProduct, ...], Field(min_length=1, max_length=1000)]


class OpeningLine(Asked):
    sku: Key
    quantity: PositiveQuantity
    value: NonNegativeAmount


class OpenStock(Command, owner="inventory", allowed={"accountant", "chief_accountant"}):
    """Bring in opening stock (期初库存) with its value."""

    opening_id: Key
    opened_on: date
    warehouse: Key = "main"
    lines: Annotated[tuple[OpeningLine, ...], Field(min_length=1, max_length=1000)]


class AllowNegativeStock(Command, owner="inventory", allowed={"chief_accountant"}):
    """Decide whether a company's stock may go negative (负库存). The default is no."""

    allowed_from: date
    allow: bool


class ReceiptLine(Asked):
    """Without `unit_cost` the purchase order's cost is expected."""

    sku: Key
    quantity: PositiveQuantity
    unit_cost: UnitPrice | None = None


class ReceiveGoods(Command, owner="inventory", allowed={"warehouse"}):
    """Receive goods from a supplier (入库), also a part of a purchase order; the bill may come later."""

    receipt_id: Key
    supplier_id: Key
    purchase_id: Key | None = None
    received_on: date
    warehouse: Key = "main"
    lines: Annotated[tuple[ReceiptLine, ...], Field(min_length=1, max_length=1000)]


class ShipLine(Asked):
    line: Annotated[int, Field(ge=1)]
    quantity: PositiveQuantity


class ShipGoods(Command, owner="inventory", allowed={"warehouse"}):
    """Ship an approved order (发货), whole (no lines given) or in part."""

    shipment_id: Key
    order_id: Key
    shipped_on: date
    lines: Annotated[tuple[ShipLine, ...], Field(max_length=500)] = ()


class TakenBackLine(Asked):
    line: Annotated[int, Field(ge=1)]
    quantity: PositiveQuantity


class TakeBackGoods(Command, owner="inventory", allowed={"warehouse"}):
    """Take goods of a shipment back from the customer (销售退货); they come back at the cost they left with."""

    return_id: Key
    shipment_id: Key
    returned_on: date
    lines: Annotated[tuple[TakenBackLine, ...], Field(min_length=1, max_length=500)]


class CountedLine(Asked):
    sku: Key
    counted: Annotated[Quantity, Field(ge=0)]


class CountStock(Command, owner="inventory", allowed={"warehouse"}):
    """Enter a stocktake (盘点). Differences leave or enter stock at once and wait for approval."""

    count_id: Key
    warehouse: Key = "main"
    counted_on: date
    lines: Annotated[tuple[CountedLine, ...], Field(min_length=1, max_length=1000)]


class ApproveCount(Command, owner="inventory", allowed={"accountant", "chief_accountant"}):
    """Approve a stocktake's differences (盘点审批); never by who counted."""

    count_id: Key
    approved_on: date


# -- events -----------------------------------------------------------------------------------------------------------


class ProductRegistered(Event, owner="inventory", about=("product", "sku")):
    sku: str
    name: str
    unit: str


class StockLine(Part):
    """`cost` is the value that entered or left stock with this line."""

    line: int
    sku: str
    quantity: PositiveQuantity
    cost: Amount


class StockOpened(Event, owner="inventory", about=("opening", "opening_id")):
    """Opening stock; cost = sum of the lines."""

    opening_id: str
    opened_on: date
    warehouse: str
    currency: str
    lines: tuple[StockLine, ...]
    cost: Amount


class ReceivedLine(StockLine):
    unit_cost: UnitPrice


class GoodsReceived(Event, owner="inventory", about=("receipt", "receipt_id")):
    """Goods came in at the expected cost, not billed yet (暂估); cost = sum of the lines."""

    receipt_id: str
    supplier_id: str
    purchase_id: str | None = None
    received_on: date
    warehouse: str
    currency: str
    lines: tuple[ReceivedLine, ...]
    cost: Amount


class ReservedLine(Part):
    line: int
    sku: str
    quantity: Quantity


class StockReserved(Event, owner="inventory", about=("fulfilment", "order_id")):
    """All lines of the order are reserved (all or none)."""

    order_id: str
    warehouse: str
    lines: tuple[ReservedLine, ...]


class ShortLine(Part):
    line: int
    sku: str
    quantity: Quantity
    available: Quantity


class StockShort(Event, owner="inventory", about=("fulfilment", "order_id")):
    """Not everything is there, so nothing was reserved; the lines name what is missing."""

    order_id: str
    warehouse: str
    lines: tuple[ShortLine, ...]


class ReleasedLine(Part):
    line: int
    sku: str
    released: Quantity
    shipped: Quantity


class ReservationReleased(Event, owner="inventory", about=("fulfilment", "order_id")):
    """Nothing more will be shipped; says for every line of the order what was released and what had been shipped."""

    order_id: str
    warehouse: str
    lines: tuple[ReleasedLine, ...]


class GoodsShipped(Event, owner="inventory", about=("fulfilment", "order_id")):
    """Goods left at their moving-average cost; cost = sum of the lines."""

    shipment_id: str
    order_id: str
    shipped_on: date
    warehouse: str
    currency: str
    lines: tuple[StockLine, ...]
    cost: Amount


class GoodsReturned(Event, owner="inventory", about=("fulfilment", "order_id")):
    """Goods came back from a customer; `line` is the order's line; cost = sum of the lines, at the issue's cost."""

    return_id: str
    shipment_id: str
    order_id: str
    returned_on: date
    warehouse: str
    currency: str
    lines: tuple[StockLine, ...]
    cost: Amount


class NegativeStockAllowed(Event, owner="inventory", about=("policy", "policy")):
    policy: str = "negative_stock"
    allowed_from: date
    allow: bool


class CountLine(Part):
    """difference = counted - booked; `gain` or `loss` is its value, the other one is 0."""

    line: int
    sku: str
    booked: Quantity
    counted: Quantity
    difference: Quantity
    gain: NonNegativeAmount
    loss: NonNegativeAmount


class StockCounted(Event, owner="inventory", about=("count", "count_id")):
    """A stocktake found differences (or none); they wait for approval in 1901."""

    count_id: str
    counted_on: date
    warehouse: str
    currency: str
    lines: tuple[CountLine, ...]
    gain: NonNegativeAmount
    loss: NonNegativeAmount


class CountApproved(Event, owner="inventory", about=("count", "count_id")):
    """Somebody else approved the differences: they become income and expense."""

    count_id: str
    approved_on: date
    currency: str
    gain: NonNegativeAmount
    loss: NonNegativeAmount


class InventoryCommandRejected(
    CommandRejected, owner="inventory", about=("command", "command_id"), name="command_rejected"
):
    pass


class InventorySayAgain(SayAgain, owner="inventory", name="say_again", allowed=MENDERS):
    pass
