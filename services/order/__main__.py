"""`python -m services.order serve|migrate|topology|replay`."""

from pathlib import Path

from services.order.api import router
from services.order.handlers import service, subledger
from shared.main import run
from shared.subledger import Accountant

if __name__ == "__main__":
    run(
        service, router, Path(__file__).parent,
        beside=[lambda _app, pool: Accountant(service, pool, subledger)],
    )
