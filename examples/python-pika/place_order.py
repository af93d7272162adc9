"""Place an order by queue and receive what becomes of it: python place_order.py ORDER CUSTOMER SKU

AMQP_URL, COMPANY and QUEUE come from the environment. Needs pika (pip install pika).
When the connection breaks, run it again: the same message_id is done once, and what was not acknowledged comes again.
"""

import json
import os
import sqlite3
import sys
from datetime import date
from urllib.parse import unquote, urlsplit

import pika

url, company, queue = os.environ["AMQP_URL"], os.environ["COMPANY"], os.environ["QUEUE"]
order_id, customer_id, sku = sys.argv[1:]
user, command_id = unquote(urlsplit(url).username or ""), f"shop-{order_id}"
received = sqlite3.connect("received.db")  # what we had, kept like any other data of ours
received.execute("create table if not exists event (id text primary key, type text, body text)")

channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.confirm_delivery()  # from now on basic_publish returns when RabbitMQ has stored the message, or raises
channel.basic_publish(
    "erp.commands", "order.place_order.v1",
    json.dumps({
        "order_id": order_id, "customer_id": customer_id, "ordered_on": date.today().isoformat(), "currency": "CNY",
        "lines": [{"sku": sku, "quantity": "1", "unit_price": "50.00"}],
    }).encode(),
    pika.BasicProperties(
        message_id=command_id, user_id=user, delivery_mode=pika.DeliveryMode.Persistent,
        content_type="application/json", headers={"cloudEvents_company": company},
    ),
    mandatory=True,
)
print(f"sent {command_id}", flush=True)

channel.basic_qos(prefetch_count=100)
for method, properties, body in channel.consume(queue):
    attributes, event = properties.headers, json.loads(body)
    kind = attributes["cloudEvents_type"]
    with received:  # one transaction: the event's id and whatever we do because of it
        new = received.execute(
            "insert or ignore into event values (?, ?, ?)", (attributes["cloudEvents_id"], kind, body.decode())
        ).rowcount
    channel.basic_ack(method.delivery_tag)  # only now: if we had crashed before, it would have come again
    if not new or attributes["cloudEvents_company"] != company:
        continue
    if kind == "order.sale_delivered.v1" and event["order_id"] == order_id:
        print(f"delivered {json.dumps(event, ensure_ascii=False)}")
        break
    if kind == "order.command_rejected.v1" and (event["principal"], event["command_id"]) == (user, command_id):
        sys.exit(f"refused {event['field']}: {event['message_zh']} / {event['message_en']}")
