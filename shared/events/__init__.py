"""All events and commands, one module per owner; importing this package registers every type."""

from shared.events import accounting, crm, inventory, order, webhooks
from shared.events.base import Actor, Command, CommandRejected, Envelope, Event, Message, SayAgain

__all__ = [
    "Actor", "Command", "CommandRejected", "Envelope", "Event", "Message", "SayAgain", "accounting", "crm",
    "inventory", "order", "webhooks",
]
