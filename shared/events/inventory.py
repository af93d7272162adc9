"""What may be asked of `inventory`, and what it says: products, stock, reservations, shipments, receipts."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import Asked, Command, CommandRejected, Event, Key, Name, Part
from shared.money import Amount, NonNegativeAmount, PositiveQuantity, Quantity, UnitPrice

# -- commands ---------------------------------------------------------------------------------------------------------


class NewProduct(Asked):
    sku: Key
    name: Name
    unit: Name = "件"


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


class ReceiptLine(Asked):
    sku: Key
    quantity: PositiveQuantity
    unit_cost: UnitPrice


class ReceiveGoods(Command, owner="inventory", allowed={"warehouse"}):
    """Receive goods from a supplier (入库) at the expected cost; the bill may come later."""

    receipt_id: Key
    supplier_id: Key
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


# -- events -----------------------------------------------------------------------------------------------------------


class ProductRegistered(Event, owner="inventory", about=("product", "sku")):
    sku: str
    name: str
    unit: str


class StockLine(Part):
    """`cost` is the value that entered or left stock with this line."""

    line: int
    sku: str
    quantity: Quantity
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


class InventoryCommandRejected(
    CommandRejected, owner="inventory", about=("command", "command_id"), name="command_rejected"
):
    pass
