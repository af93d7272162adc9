"""What the services of a fleet get: each its own settings and no others', all the same people and principals."""

import json
from collections.abc import Mapping

from tools.demo import people
from tools.demo.fleet import SERVICES, Fleet, Member
from tools.demo.places import Database
from tools.servers import Servers, users


class Equipment:
    """Adds services to a fleet that trade for one company; `client` is the address of the broker user whose commands
    they take, `tokens` has one token per role."""

    def __init__(self, fleet: Fleet, servers: Servers, company: str, client: str, days: int = 1) -> None:
        self._fleet, self._servers = fleet, servers
        key_file = fleet.folder / "public-key.pem"
        self.tokens = people.issue(company, key_file, days)
        self._common = {
            "SERVICE_USERS": json.dumps({name: users.user_in(servers.users[name]) for name in SERVICES}),
            "JWT_PUBLIC_KEY_FILE": str(key_file), "JWT_ISSUER": people.ISSUER, "JWT_AUDIENCE": people.AUDIENCE,
            "QUEUE_PRINCIPALS_FILE": str(people.principals(fleet.folder, users.user_in(client), company)),
        }

    def add(
        self, service: str, database: Database, *, name: str = "", other: Mapping[str, str] | None = None
    ) -> Member:
        """One process of a service; `other` settings come on top, or in place of these."""
        return self._fleet.add(service, {
            **self._common, "DATABASE_URL": database.url, "RABBITMQ_URL": self._servers.users[service], **(other or {}),
        }, {
            "migrate": {"DATABASE_URL": database.owner_url},
            "topology": {"RABBITMQ_URL": self._servers.users["topology"]},
        }, name=name)
