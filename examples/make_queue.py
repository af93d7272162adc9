"""Make a queue for another system, with an administrator's AMQP_URL: python make_queue.py QUEUE [ROUTING_KEY ...]

Without keys it hears SaleDelivered and the refusals of order. The queue is bounded and drops its oldest messages when
it is full, so that a partner who is away never stops anybody else; a hole shows in cloudEvents_position.
"""

import os
import sys

import pika

queue, *keys = sys.argv[1:]
with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.queue_declare(queue, durable=True, arguments={
        "x-queue-type": "quorum", "x-max-length": 1_000_000, "x-overflow": "drop-head",
    })
    for key in keys or ["order.sale_delivered.v1", "order.command_rejected.v1"]:
        channel.queue_bind(queue, "erp.events", key)
