"""All events and commands, one module per owner; importing this package registers every type."""

from shared.events import (
    accounting,
    console,
    crm,
    inventory,
    openings,
    operators,
    order,
    periods,
    policies,
    tieout,
    webhooks,
)
from shared.events.base import (
    Actor,
    Command,
    CommandRejected,
    DismissMessages,
    Envelope,
    Event,
    Message,
    RetryMessages,
    SayAgain,
)

__all__ = [
    "Actor", "Command", "CommandRejected", "DismissMessages", "Envelope", "Event", "Message", "RetryMessages",
    "SayAgain", "accounting", "console", "crm", "inventory", "openings", "operators", "order", "periods", "policies",
    "tieout", "webhooks",
]
