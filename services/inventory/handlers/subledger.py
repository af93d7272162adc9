"""Use cases of tie-out: what stock is worth and suppliers are owed, stated for accounting to compare."""

from services.inventory.handlers import service
from services.inventory.store.subledger import take_changes
from services.inventory.views.subledger import changed, movements
from shared.events.tieout import InventorySubledgerDetailed, InventorySubledgerStated
from shared.subledger import Subledger

subledger = Subledger(InventorySubledgerStated, InventorySubledgerDetailed, changed, take_changes, movements)
subledger.register(service)
