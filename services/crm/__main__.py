"""`python -m services.crm serve|migrate|topology|replay`."""

from pathlib import Path

from services.crm.api import router
from services.crm.handlers import service
from shared.main import run

if __name__ == "__main__":
    run(service, router, Path(__file__).parent)
