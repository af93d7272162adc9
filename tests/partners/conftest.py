"""A broker of the session's, with RabbitMQ's management and the queues of all services; and partners of a test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from pydantic import SecretStr

from shared.db import Pool
from shared.management import Management
from shared.partner.__main__ import main
from shared.principals import Principal, read
from shared.settings import PartnerSettings
from shared.testing import fresh_pool
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT as SAMPLE
from tools.servers import Servers


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    returncode: int
    out: StringIO
    err: StringIO

    @property
    def stdout(self) -> str:
        return self.out.getvalue()

    @property
    def stderr(self) -> str:
        return self.err.getvalue()


@dataclass
class Office:
    """Where partners are managed, by the command that operators run."""

    rabbit: Rabbit
    management_url: str
    principals: Path
    names: list[str]

    @property
    def management(self) -> Management:
        return Management(self.management_url)

    def run(self, *arguments: str) -> Done:
        settings = PartnerSettings(
            rabbitmq_management_url=SecretStr(self.management_url), queue_principals_file=self.principals,
            amqp_host=urlsplit(self.rabbit.url).netloc.split("@")[1],
        )
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            return Done(main([*arguments], settings), out, err)

    def add(self, *arguments: str, name: str = "") -> tuple[str, str]:
        """A partner; returns its name and address."""
        name = name or f"p-{uuid4().hex[:8]}"
        self.names.append(name)
        done = self.run("add", name, *arguments)
        assert done.returncode == 0, done.stderr
        return name, done.stdout.partition("'")[2].partition("'")[0]

    @property
    def known(self) -> dict[str, Principal]:
        return read(self.principals)


@pytest.fixture
def office(servers: Servers, rabbit: Rabbit, tmp_path: Path) -> Iterator[Office]:
    if not servers.management_url:
        pytest.skip("the RabbitMQ was given, and no RABBITMQ_MANAGEMENT_URL")
    url = urlunsplit(urlsplit(servers.management_url)._replace(path=urlsplit(rabbit.url).path))
    principals = tmp_path / "principals"
    principals.write_text("{}")
    found = Office(rabbit, url, principals, [])
    yield found
    for name in found.names:
        found.run("remove", name)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_pool(SAMPLE) as fresh:
        yield fresh
