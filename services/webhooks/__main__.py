"""`python -m services.webhooks serve|migrate|topology|replay`."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from services.webhooks.api import router
from services.webhooks.dispatcher import Dispatcher
from services.webhooks.handlers import service
from services.webhooks.sender import Sender
from shared.db import Pool
from shared.main import run
from shared.settings import WebhookSettings


def dispatch(app: FastAPI, pool: Pool) -> Coroutine[Any, Any, None]:
    """What runs beside the doors."""
    app.state.sender = Sender(anywhere=WebhookSettings().webhooks_anywhere)
    return Dispatcher(pool, app.state.sender).run()


if __name__ == "__main__":
    run(service, router, Path(__file__).parent, beside=dispatch)
