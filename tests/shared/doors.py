"""A queue door that runs while a test does."""

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

from shared.commands import QueueDoor
from shared.db import Pool
from shared.principals import Principal, write
from shared.service import Service
from shared.settings import Settings
from tests.shared.rabbit import Rabbit
from tests.shared.waits import beside, until_true

_FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, _FOLDER)


def principals_file(principals: dict[str, Principal]) -> Path:
    """A file that says who may send commands; it goes when the tests end."""
    file = _FOLDER / uuid4().hex
    write(file, principals)
    return file


def settings_for(rabbit: Rabbit, *, url: str | None = None, roles: tuple[str, ...] = ("sales",)) -> Settings:
    """The broker's user may ask for C1 and C2, in these roles."""
    return Settings(
        database_url=SecretStr("postgresql://unused"),
        rabbitmq_url=SecretStr(url or rabbit.users["order"]),
        jwt_public_key_file=Path("unused"),
        queue_principals_file=principals_file({rabbit.user: Principal(companies=("C1", "C2"), roles=frozenset(roles))}),
        service_users=rabbit.services,
    )


@asynccontextmanager
async def open_door(service: Service, pool: Pool, settings: Settings) -> AsyncIterator[None]:
    """The door of a service whose topology is there."""
    door = QueueDoor(service, pool, settings)
    async with beside(door.run()):
        await until_true("the door is open", lambda: door.active)
        yield
