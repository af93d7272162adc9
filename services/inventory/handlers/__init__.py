"""Use cases: load, decide, save, return what happened. Importing this package registers all of them at `service`."""

from shared.service import Service

service = Service("inventory")

# Each of these registers its use cases at `service`, so it must be there before them.
from services.inventory.handlers import counts, periods, purchasing, returns, stock, subledger  # noqa: E402

__all__ = ["counts", "periods", "purchasing", "returns", "service", "stock", "subledger"]
