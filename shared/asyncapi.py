"""The AsyncAPI 3 document of a service, from a broker object that is never started: commands, events heard and said."""

from typing import Any

from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.specification.asyncapi import AsyncAPI

from shared.amqp import COMMANDS, EVENTS
from shared.events import Event, Message
from shared.service import Service


def asyncapi(service: Service) -> dict[str, Any]:
    """The document as JSON-ready values."""
    broker = RabbitBroker("amqp://localhost/")
    for command in service.commands:
        _describe_heard(broker, COMMANDS, f"{service.name}.commands", command)
    for event in service.hears() if service.handlers else []:
        _describe_heard(broker, EVENTS, f"{service.name}.events", event)
    exchange = RabbitExchange(EVENTS, type=ExchangeType.TOPIC)
    for event in Event.registry.values():
        if event.owner == service.name:
            broker.publisher(
                routing_key=event.type, exchange=exchange, persist=True, schema=event,
                title=f"{event.type} said", description=event.__doc__,
            )
    document = AsyncAPI(
        broker, title=f"Fenlu {service.name}", version="1",
        description="CloudEvents 1.0 in binary mode over AMQP 0-9-1: headers cloudEvents_*, JSON body.",
    ).to_specification().to_jsonable()
    return dict(document)


def _describe_heard(broker: RabbitBroker, exchange: str, queue: str, message: type[Message]) -> None:
    async def take(body: Any) -> None: ...

    take.__annotations__["body"] = message
    # A queue object per message, since one object has one binding key.
    broker.subscriber(
        RabbitQueue(queue, queue_type=QueueType.QUORUM, routing_key=message.type),
        RabbitExchange(exchange, type=ExchangeType.TOPIC),
        no_reply=True, title=message.type, description=message.__doc__,
    )(take)
