"""`python -m services.inventory serve|migrate|topology|replay`."""

from pathlib import Path

from services.inventory.api import router
from services.inventory.handlers import service
from services.inventory.handlers.subledger import subledger
from shared.main import run
from shared.subledger import Accountant

if __name__ == "__main__":
    run(
        service, router, Path(__file__).parent,
        beside=[lambda _app, pool: Accountant(service, pool, subledger)],
    )
