"""A partner's place at the broker, and nowhere else: what is there is the only record that it exists.

    erp.events --(types)--> NAME.heard   --(header company)--> NAME.events
    erp.again  --(types)--> NAME.refused --(header actor)----> NAME.events

A topic exchange cannot look at headers, so an exchange of type `headers` stands between: a partner gets the events of
its own companies only, and the refusals of its own commands only. Its queue drops its oldest when it is full, so that
nobody who is away ever stops anybody else.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.amqp import AGAIN, COMMANDS, EVENTS
from shared.healing import SUFFIX
from shared.management import Management
from shared.partner.wishes import Partner, WishError
from shared.wire import PREFIX

TAG = "partner"
MAX_LENGTH = 1_000_000
MATCH = "x-match"
NOTHING = "^$"


@dataclass(frozen=True)
class Binding:
    """From an exchange to an exchange (e) or a queue (q): by routing key, or by one header."""

    source: str
    kind: str
    destination: str
    key: str = ""
    header: tuple[str, str] | None = None

    @property
    def arguments(self) -> dict[str, str]:
        return {MATCH: "all", self.header[0]: self.header[1]} if self.header else {}


@dataclass(frozen=True)
class Found:
    """A partner as it is at the broker."""

    name: str
    companies: tuple[str, ...]
    hears: tuple[str, ...]
    may: tuple[str, ...]
    waiting: int
    consumers: int


def make(management: Management, partner: Partner) -> str | None:
    """Make a partner, or give one that exists exactly these rights. Returns the password of a new one.

    What stays bound stays bound meanwhile: nothing that it hears before and after is missed.
    """
    user = management.get("users", partner.name)
    if user and TAG not in user["tags"]:
        raise WishError(f"name: {partner.name!r} is a user of RabbitMQ already, and no partner")
    place = management.virtual_host
    for exchange in (_heard(partner.name), _refused(partner.name)):
        management.put("exchanges", place, exchange, type="headers", durable=True)
    management.put("queues", place, partner.queue, durable=True, arguments={
        "x-queue-type": "quorum", "x-max-length": MAX_LENGTH, "x-overflow": "drop-head",
    })
    _bind(management, partner)
    password = None if user else secrets.token_urlsafe(24)
    if password:
        management.put("users", partner.name, password=password, tags=TAG)
    _permit(management, partner)
    return password


def remove(management: Management, name: str) -> int:
    """Remove all of a partner; returns how many messages were waiting in its queue. RabbitMQ cuts its connections."""
    user = management.get("users", name)
    if user is None or TAG not in user["tags"]:
        raise WishError(f"name: there is no partner {name!r}")
    queue = management.get("queues", management.virtual_host, f"{name}.events") or {}
    management.delete("users", name)
    for kind, place in (("queues", f"{name}.events"), ("exchanges", _heard(name)), ("exchanges", _refused(name))):
        management.delete(kind, management.virtual_host, place)
    return int(queue.get("messages", 0))


def renew(management: Management, name: str) -> str:
    """Give a partner a new password, and return it; the old one ends at once."""
    user = management.get("users", name)
    if user is None or TAG not in user["tags"]:
        raise WishError(f"name: there is no partner {name!r}")
    password = secrets.token_urlsafe(24)
    management.put("users", name, password=password, tags=TAG)
    return password


def everybody(management: Management) -> list[Found]:
    """All partners of this virtual host."""
    names = [user["name"] for user in management.get("users") if TAG in user["tags"]]
    found = [_look(management, name) for name in sorted(names)]
    return [partner for partner in found if partner]


def _look(management: Management, name: str) -> Found | None:
    queue = management.get("queues", management.virtual_host, f"{name}.events")
    if queue is None:  # of another virtual host
        return None
    there = _bindings(management, name)
    rights = management.get("topic-permissions", management.virtual_host, name) or []
    patterns = [one["write"] for one in rights if one["exchange"] == COMMANDS]
    return Found(
        name,
        tuple(sorted(b.header[1] for b in there if b.source == _heard(name) and b.header)),
        tuple(sorted(b.key for b in there if (b.source, b.destination) == (EVENTS, _heard(name))
                     and not b.key.endswith(SUFFIX))),
        tuple(_types(patterns[0])) if patterns and patterns[0] != NOTHING else (),
        queue.get("messages", 0), queue.get("consumers", 0),
    )


# -- bindings ---------------------------------------------------------------------------------------------------------


def _wanted(partner: Partner) -> set[Binding]:
    name, heard, refused = partner.name, _heard(partner.name), _refused(partner.name)
    topics = [(key, heard) for key in (*partner.hears, *(producer + SUFFIX for producer in partner.producers))]
    topics += [(f"{owner}.command_rejected.v1", refused) for owner in partner.asked]
    by_key = {Binding(EVENTS, "e", exchange, key) for key, exchange in topics}
    by_key |= {Binding(AGAIN, "e", exchange, f"{name}.{key}") for key, exchange in topics}
    by_header = {Binding(heard, "q", partner.queue, header=(f"{PREFIX}company", one)) for one in partner.companies}
    return by_key | by_header | {Binding(refused, "q", partner.queue, header=(f"{PREFIX}actor", name))}


def _bind(management: Management, partner: Partner) -> None:
    wanted, there = _wanted(partner), _bindings(management, partner.name)
    for new in sorted(wanted - there.keys(), key=repr):
        management.post("bindings", management.virtual_host, "e", new.source, new.kind, new.destination,
                        routing_key=new.key, arguments=new.arguments)
    for old in sorted(there.keys() - wanted, key=repr):
        management.delete("bindings", management.virtual_host, "e", old.source, old.kind, old.destination, there[old])


def _bindings(management: Management, name: str) -> dict[Binding, str]:
    """What is bound, and the names that RabbitMQ gives to these bindings."""
    place = management.virtual_host
    rows: list[dict[str, Any]] = []
    for exchange in (_heard(name), _refused(name)):
        rows += management.get("exchanges", place, exchange, "bindings", "destination") or []
    rows += management.get("queues", place, f"{name}.events", "bindings") or []
    return {_binding(row): row["properties_key"] for row in rows if row["source"]}  # else: the default exchange's


def _binding(row: dict[str, Any]) -> Binding:
    header = next((pair for pair in row["arguments"].items() if pair[0] != MATCH), None)
    return Binding(row["source"], row["destination_type"][0], row["destination"], row["routing_key"], header)


# -- permissions ------------------------------------------------------------------------------------------------------


def _permit(management: Management, partner: Partner) -> None:
    place, name = management.virtual_host, partner.name
    write = f"^{COMMANDS.replace('.', '[.]')}$" if partner.may else NOTHING
    management.put("permissions", place, name, configure=NOTHING, write=write, read=f"^{name}[.]events$")
    management.put("topic-permissions", place, name, exchange=COMMANDS, write=_pattern(partner.may), read=NOTHING)


def _pattern(types: Iterable[str]) -> str:
    names = "|".join(name.replace(".", "[.]") for name in types)
    return f"^({names})$" if names else NOTHING


def _types(pattern: str) -> list[str]:
    return pattern.removeprefix("^(").removesuffix(")$").replace("[.]", ".").split("|")


def _heard(name: str) -> str:
    return f"{name}.heard"


def _refused(name: str) -> str:
    return f"{name}.refused"
