"""A queue door that runs while a test does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from shared.commands import QueueDoor
from shared.db import Pool
from shared.service import Service
from shared.settings import Settings
from tests.shared.rabbit import Rabbit
from tests.shared.waits import beside, until_true


def settings_for(rabbit: Rabbit, *, url: str | None = None, roles: tuple[str, ...] = ("sales",)) -> Settings:
    """The broker's user may ask for C1 and C2, in these roles."""
    return Settings(
        database_url=SecretStr("unused"),
        rabbitmq_url=SecretStr(url or rabbit.url),
        jwt_public_key_file=Path("unused"),
        queue_principals=json.dumps({rabbit.user: {"companies": ["C1", "C2"], "roles": roles}}),
    )


@asynccontextmanager
async def open_door(service: Service, pool: Pool, settings: Settings) -> AsyncIterator[None]:
    """The door of a service whose topology is there."""
    door = QueueDoor(service, pool, settings)
    async with beside(door.run()):
        await until_true("the door is open", lambda: door.active)
        yield
