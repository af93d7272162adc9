"""Receive events by HTTP: python receiver.py PORT, with the subscription's secret in WEBHOOK_SECRET.

It answers only what it has checked and written down: Fenlu sends everything else again.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

key = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
received = sqlite3.connect("received.db")  # what we had, kept like any other data of ours
received.execute("create table if not exists event (id text primary key, type text, body text)")


def genuine(message_id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    """Signed with our secret, within the last five minutes. While the secret changes there are two signatures."""
    if abs(time.time() - int(timestamp or 0)) > 300:
        return False
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    mine = "v1," + base64.b64encode(signed).decode()
    return any(hmac.compare_digest(mine, one) for one in signatures.split())


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message_id, timestamp, signatures = (self.headers.get(name, "") for name in names)
        if not genuine(message_id, timestamp, signatures, body):
            self.answer(401)
            return
        event = json.loads(body)
        with received:  # one transaction: the event's id and whatever we do because of it
            new = received.execute(
                "insert or ignore into event values (?, ?, ?)", (message_id, event["type"], body.decode())
            ).rowcount
        if new:
            print(f"{event['type']} {event['subject']} {json.dumps(event['data'], ensure_ascii=False)}", flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Only what we print ourselves."""


server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
