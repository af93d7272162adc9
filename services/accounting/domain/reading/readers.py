"""What is read of each event type."""

from collections.abc import Mapping

from services.accounting.domain.reading.reader import Identity, ItemReader, Reader, Stock
from services.accounting.domain.settling import Settles
from shared.events import inventory, openings, order

_CUSTOMER = {"customer": "customer_id"}
_SALE = {**_CUSTOMER, "salesperson": "salesperson"}
_SUPPLIER = {"supplier": "supplier_id"}
_WAREHOUSE = {"warehouse": "warehouse"}
_PRODUCT = {"product": "sku"}
_VALUE = ("net", "tax", "gross")
_GROSS = Identity("gross", ("net", "tax"))
_VAT_PER_LINE = (
    _GROSS,
    Identity("net", ("items.net",)),
    Identity("tax", ("items.tax",)),
    Identity("items.gross", ("items.net", "items.tax")),
)
_SOLD = ItemReader("lines", {"net": "net", "tax": "tax", "gross": "gross"}, _PRODUCT, "quantity")
_DROPPED = ItemReader("lines", {"net": "net"}, _PRODUCT, "quantity")
_PAID = ItemReader("allocations", {"allocated": "amount"})
_PAYS = Settles("receivable", "delivery_id", "amount", each="allocations")
_ALLOCATED = Identity("allocated", ("items.allocated",))
_COST = (Identity("cost", ("items.cost",)),)
_GOODS = ItemReader("lines", {"cost": "cost"}, _PRODUCT, "quantity")
_IN = Stock({"items.cost": 1}, "入库", "goods come in")
_OUT = Stock({"items.cost": -1}, "出库", "goods go out")

_ORDER = (
    Reader(
        order.OrderPlaced, "ordered_on", _VALUE, _VAT_PER_LINE, {**_SALE, **_WAREHOUSE}, ("order_id", "customer_id"),
        _SOLD,
    ),
    Reader(order.OrderRejected, "rejected_on", ("net",), (), _SALE, ("order_id", "customer_id", "reason")),
    Reader(
        order.OrderCancelled, "cancelled_on", ("net",), (Identity("net", ("items.net",)),), _SALE,
        ("order_id", "customer_id", "reason"), _DROPPED,
    ),
    Reader(
        order.SaleDelivered, "delivered_on", _VALUE, _VAT_PER_LINE, _SALE, ("delivery_id", "order_id", "customer_id"),
        _SOLD,
    ),
    Reader(
        order.SaleReturned, "returned_on", _VALUE, _VAT_PER_LINE, _SALE,
        ("return_id", "delivery_id", "order_id", "customer_id"), _SOLD,
        settles=(Settles("receivable", "delivery_id", "gross"),), version=2,
    ),
    Reader(
        order.InvoiceIssued, "issued_on", _VALUE, (_GROSS,), _CUSTOMER, ("invoice_id", "order_id", "customer_id"),
    ),
    Reader(
        order.CreditNoteIssued, "issued_on", _VALUE, (_GROSS,), _CUSTOMER,
        ("credit_note_id", "order_id", "customer_id"),
    ),
    Reader(
        order.PaymentReceived, "received_on", ("amount", "allocated", "unallocated"),
        (Identity("amount", ("allocated", "unallocated")), _ALLOCATED), _CUSTOMER, ("payment_id", "customer_id"),
        _PAID, settles=(_PAYS,), version=2,
    ),
    Reader(
        order.PaymentAllocated, "allocated_on", ("allocated",), (_ALLOCATED,), _CUSTOMER,
        ("payment_id", "customer_id"), _PAID,
        settles=(_PAYS, Settles("advance", "payment_id", "allocated")), version=2,
    ),
    Reader(
        order.RefundPaid, "paid_on", ("amount", "from_returns", "from_advances"),
        (Identity("amount", ("from_returns", "from_advances")),), _CUSTOMER, ("refund_id", "customer_id"),
        settles=(
            Settles("receivable", "delivery_id", "amount", each="parts", grows=True),
            Settles("advance", "payment_id", "amount", each="parts"),
        ),
        version=2,
    ),
    Reader(
        openings.ReceivableOpened, "dated", ("amount",), (), _CUSTOMER, ("delivery_id", "document", "customer_id"),
        due="due_on",
    ),
    Reader(openings.AdvanceOpened, "dated", ("amount",), (), _CUSTOMER, ("payment_id", "customer_id")),
)

_INVENTORY = (
    Reader(
        inventory.StockOpened, "opened_on", ("cost",), _COST, _WAREHOUSE, ("opening_id",), _GOODS, stock=_IN,
    ),
    Reader(
        openings.PayableOpened, "dated", ("amount",), (), _SUPPLIER, ("supplier_invoice_id", "supplier_id"),
        due="due_on",
    ),
    Reader(
        inventory.GoodsReceived, "received_on", ("cost",), _COST, {**_WAREHOUSE, **_SUPPLIER},
        ("receipt_id", "supplier_id"), _GOODS, stock=_IN,
    ),
    Reader(
        inventory.GoodsShipped, "shipped_on", ("cost",), _COST, _WAREHOUSE, ("shipment_id", "order_id"), _GOODS,
        stock=_OUT,
    ),
    Reader(
        inventory.GoodsReturned, "returned_on", ("cost",), _COST, _WAREHOUSE, ("return_id", "shipment_id", "order_id"),
        _GOODS, stock=_IN,
    ),
    Reader(
        inventory.SupplierInvoiced, "invoiced_on", ("accrued", "variance", *_VALUE),
        (
            _GROSS,
            Identity("net", ("accrued", "variance")),
            *(Identity(name, (f"items.{name}",)) for name in ("accrued", "variance", "tax")),
            Identity("items.gross", ("items.net", "items.tax")),
            Identity("items.net", ("items.accrued", "items.variance")),
        ),
        _SUPPLIER, ("supplier_invoice_id", "supplier_id"),
        ItemReader("lines", {name: name for name in ("accrued", "variance", *_VALUE)}, _PRODUCT, "quantity"),
        settles=(Settles("accrual", "receipt_id", "accrued", each="lines"),), version=2,
    ),
    Reader(
        inventory.CostAdjusted, "adjusted_on", ("stock", "consumed", "variance"),
        (
            Identity("variance", ("stock", "consumed")),
            *(Identity(name, (f"items.{name}",)) for name in ("stock", "consumed")),
        ),
        {}, ("adjustment_id",),
        ItemReader("lines", {"stock": "stock", "consumed": "consumed"}, {**_PRODUCT, **_WAREHOUSE}),
        stock=Stock({"items.stock": 1}, "存货成本调整", "the cost of stock is adjusted"),
    ),
    Reader(
        inventory.SupplierPaid, "paid_on", ("amount",), (Identity("amount", ("items.allocated",)),), _SUPPLIER,
        ("supplier_payment_id", "supplier_id"), _PAID,
        settles=(Settles("payable", "supplier_invoice_id", "amount", each="allocations"),), version=2,
    ),
    Reader(
        inventory.PurchaseReturned, "returned_on", ("accrued", *_VALUE, "residual", "stock"),
        (
            _GROSS,
            *(Identity(name, (f"items.{name}",)) for name in ("accrued", "net", "tax", "residual", "stock")),
            Identity("items.stock", ("items.accrued", "items.net", "items.residual")),
        ),
        {**_WAREHOUSE, **_SUPPLIER}, ("purchase_return_id", "receipt_id", "supplier_id"),
        ItemReader(
            "lines", {name: name for name in ("accrued", "net", "tax", "residual", "stock")}, _PRODUCT, "quantity"
        ),
        stock=Stock({"items.stock": -1}, "采购退货", "goods go back to the supplier"),
        settles=(
            Settles("accrual", "receipt_id", "accrued"),
            Settles("payable", "supplier_invoice_id", "amount", each="credits"),
        ),
        version=2,
    ),
    Reader(
        inventory.StockCounted, "counted_on", ("gain", "loss"),
        tuple(Identity(name, (f"items.{name}",)) for name in ("gain", "loss")), _WAREHOUSE, ("count_id",),
        ItemReader("lines", {"gain": "gain", "loss": "loss"}, _PRODUCT, "difference"),
        stock=Stock({"items.gain": 1, "items.loss": -1}, "盘点差异", "a count finds differences"),
    ),
    Reader(inventory.CountApproved, "approved_on", ("gain", "loss"), (), {}, ("count_id",)),
)

READERS: Mapping[str, Reader] = {reader.event.type: reader for reader in (*_ORDER, *_INVENTORY)}
