"""New suppliers (供应商档案)."""

from collections.abc import Sequence, Set

from services.inventory.domain import refusals
from services.inventory.domain.purchasing.values import Books
from shared.events.inventory import RegisterSuppliers, SupplierRegistered
from shared.refusal import Refusal


def register(
    commands: Sequence[RegisterSuppliers], books: Books | None, known: Set[str]
) -> list[SupplierRegistered | Refusal]:
    """Each command registers all its suppliers or, when one is there already, none."""
    taken = set(known)
    outcomes: list[SupplierRegistered | Refusal] = []
    for command in commands:
        refusal = refusals.unknown_company(command) if books is None else _first_duplicate(command, taken)
        if refusal:
            outcomes.append(refusal)
            continue
        taken.update(supplier.supplier_id for supplier in command.suppliers)
        outcomes += [SupplierRegistered(supplier_id=s.supplier_id, name=s.name) for s in command.suppliers]
    return outcomes


def _first_duplicate(command: RegisterSuppliers, taken: Set[str]) -> Refusal | None:
    seen: set[str] = set()
    for i, supplier in enumerate(command.suppliers):
        if supplier.supplier_id in taken or supplier.supplier_id in seen:
            return refusals.refuse(
                command, f"suppliers.{i}.supplier_id", "duplicate_supplier", supplier.supplier_id, 409
            )
        seen.add(supplier.supplier_id)
    return None
