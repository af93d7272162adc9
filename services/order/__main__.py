"""`python -m services.order serve|migrate|topology|replay`."""

from pathlib import Path

from services.order.api import router
from services.order.handlers import service
from shared.main import run

if __name__ == "__main__":
    run(service, router, Path(__file__).parent)
