"""New products (商品档案)."""

from collections.abc import Sequence, Set
from decimal import Decimal

from services.inventory.domain import refusals
from shared.events.inventory import ProductRegistered, RegisterProducts
from shared.refusal import Refusal


def register(
    commands: Sequence[RegisterProducts], currency: str | None, taken: Set[str]
) -> list[ProductRegistered | Refusal]:
    """Each command registers all its products or, when one is there already, none. No currency: no books."""
    skus = set(taken)
    outcomes: list[ProductRegistered | Refusal] = []
    for command in commands:
        refusal = refusals.unknown_company(command) if currency is None else _first_duplicate(command, skus)
        if refusal:
            outcomes.append(refusal)
            continue
        skus.update(product.sku for product in command.products)
        outcomes += [ProductRegistered(sku=p.sku, name=p.name, unit=p.unit) for p in command.products]
    return outcomes


def standard_costs(
    commands: Sequence[RegisterProducts], outcomes: Sequence[ProductRegistered | Refusal]
) -> dict[str, Decimal | None]:
    """The standard cost of each product that was registered; no event says it."""
    refused = {id(outcome.command) for outcome in outcomes if isinstance(outcome, Refusal)}
    return {p.sku: p.standard_cost for command in commands if id(command) not in refused for p in command.products}


def _first_duplicate(command: RegisterProducts, taken: Set[str]) -> Refusal | None:
    seen: set[str] = set()
    for i, product in enumerate(command.products):
        if product.sku in taken or product.sku in seen:
            return refusals.refuse(command, f"products.{i}.sku", "duplicate_product", product.sku, 409)
        seen.add(product.sku)
    return None
