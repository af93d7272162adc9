"""Use cases of tie-out: what stock is worth and suppliers are owed, stated for accounting to compare."""

from services.inventory.handlers import service
from services.inventory.views.subledger import movements
from shared.events.tieout import InventorySubledgerDetailed, InventorySubledgerStated
from shared.subledger import Subledger

subledger = Subledger(InventorySubledgerStated, InventorySubledgerDetailed, movements)
subledger.register(service)
