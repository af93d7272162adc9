"""`python -m services.accounting serve|migrate|topology|replay`."""

from pathlib import Path

from services.accounting.api import router
from services.accounting.handlers import service
from shared.main import run

run(service, router, Path(__file__).parent)
