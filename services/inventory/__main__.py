"""`python -m services.inventory serve|migrate|topology|replay`."""

from pathlib import Path

from services.inventory.api import router
from services.inventory.handlers import service
from shared.main import run

if __name__ == "__main__":
    run(service, router, Path(__file__).parent)
