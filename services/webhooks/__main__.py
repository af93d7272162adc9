"""`python -m services.webhooks serve|migrate|topology|replay`."""

from pathlib import Path

from fastapi import FastAPI

from services.webhooks.api import router
from services.webhooks.dispatcher import Dispatcher
from services.webhooks.handlers import service
from services.webhooks.sender import Sender
from shared.db import Pool
from shared.main import run
from shared.settings import WebhookSettings


def dispatcher(app: FastAPI, pool: Pool) -> Dispatcher:
    """What works beside the doors."""
    app.state.sender = Sender(anywhere=WebhookSettings().webhooks_anywhere)
    return Dispatcher(pool, app.state.sender)


if __name__ == "__main__":
    run(service, router, Path(__file__).parent, beside=[dispatcher])
