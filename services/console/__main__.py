"""`python -m services.console serve|migrate|topology|replay|account ...`."""

from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI

from services.console import accounts
from services.console.client import Client
from services.console.feed import Feed
from services.console.handlers import console
from services.console.issuer import Issuer
from services.console.pages import add_pages
from shared.db import Pool
from shared.main import run
from shared.settings import ConsoleSettings, FeedSettings, read_settings

# A page leaves its templates' macros and all that it showed to the garbage collector, which so comes after a few pages:
# what they held is used again while the processor still has it near.
COLLECT_AFTER = 1_000  # objects


def feed(app: FastAPI, _pool: Pool) -> Feed:
    """What works beside the doors."""
    found: Feed = app.state.feed
    return found


def dress(app: FastAPI) -> None:
    """The pages."""
    settings = read_settings(ConsoleSettings)
    issuer = Issuer(settings.jwt_private_key_file.read_bytes(), settings.jwt_issuer, settings.jwt_audience)
    add_pages(app, Client(settings.service_urls, issuer), https=settings.console_https,
              zone=ZoneInfo(settings.console_time_zone), feed_days=settings.console_feed_days)


if __name__ == "__main__":
    own = {"account": ("accounts by hand: add, password, lock, unlock, list", accounts.main)}
    service = console(read_settings(FeedSettings))
    run(service, APIRouter(), Path(__file__).parent, own, beside=[feed], dress=dress, collect_after=COLLECT_AFTER)
