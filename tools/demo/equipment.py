"""What the services of a fleet get: each its own settings and no others', all the same people and principals."""

import json
from collections.abc import Mapping

from tools.demo import people
from tools.demo.fleet import ALL, Fleet, Member
from tools.demo.places import Database
from tools.servers import Servers, users


class Equipment:
    """Adds services to a fleet that trade for one company; `client` is the address of the broker user whose commands
    they take, `tokens` has one token per role."""

    def __init__(self, fleet: Fleet, servers: Servers, company: str, client: str, days: int = 1) -> None:
        self._fleet, self._servers = fleet, servers
        key_file = fleet.folder / "public-key.pem"
        self._private_key_file = fleet.folder / "private-key.pem"
        self.tokens = people.issue(company, self._private_key_file, key_file, days)
        self._common = {
            "SERVICE_USERS": json.dumps({name: users.user_in(servers.users[name]) for name in ALL}),
            "JWT_PUBLIC_KEY_FILE": str(key_file), "JWT_ISSUER": people.ISSUER, "JWT_AUDIENCE": people.AUDIENCE,
            "QUEUE_PRINCIPALS_FILE": str(people.principals(fleet.folder, users.user_in(client), company)),
        }

    def add(
        self, service: str, database: Database, *, name: str = "", other: Mapping[str, str] | None = None
    ) -> Member:
        """One process of a service; `other` settings come on top, or in place of these. The console comes last,
        since it has to know where the others are."""
        own = {"DATABASE_URL": database.url, "RABBITMQ_URL": self._servers.users[service]}
        if service == "console":
            own |= {
                "JWT_PRIVATE_KEY_FILE": str(self._private_key_file), "CONSOLE_HTTPS": "false",
                "SERVICE_URLS": json.dumps({name: urls[0] for name, urls in self._fleet.urls.items() if urls}),
            }
        return self._fleet.add(service, {
            **self._common, **own, **(other or {}),
        }, {
            "migrate": {"DATABASE_URL": database.owner_url},
            "topology": {"RABBITMQ_URL": self._servers.users["topology"]},
        }, name=name)
