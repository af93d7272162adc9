"""Decisions about webhooks: what is signed how, when to try again, and when to stop. No I/O, no clock."""

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

PREFIX = "whsec_"
OVERLAP = timedelta(hours=24)  # so long the secret before signs too
# After each attempt that failed, as the Standard Webhooks specification proposes; with the first one ten attempts.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in
               (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 50_400, 72_000))
JITTER = 0.2
GONE = 410


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one request: the receiver's status, or why there was none."""

    status: int | None
    error: str

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def words(self) -> str:
        return self.error or f"HTTP {self.status}"


@dataclass(frozen=True, slots=True)
class Next:
    """What follows from an attempt: the delivery's state, when it is due, why the subscription is disabled if it is."""

    state: str
    due: datetime
    disable: str = ""


def new_secret(random: bytes) -> str:
    return PREFIX + base64.b64encode(random).decode()


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret that is good now."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix(PREFIX)) for secret in secrets)
    return " ".join(
        "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys
    )


def structured(attributes: Mapping[str, Any], body: bytes) -> bytes:
    """A CloudEvent in structured mode: the same attributes as by queue, and the body as it was said."""
    head = json.dumps({**attributes, "datacontenttype": "application/json"}, ensure_ascii=False)
    return head[:-1].encode() + b', "data": ' + body + b"}"


def after(attempt: Attempt, number: int, now: datetime, chance: float, *, delivers: bool) -> Next:
    """What to do after the attempt of this number (from 1); `chance` is from 0 to 1.

    `delivers`: the receiver took something since this delivery was made, so it is not the receiver that is broken.
    """
    if attempt.ok:
        return Next("delivered", now)
    if attempt.status == GONE:
        return Next("failed", now, "the receiver says that it is gone (410)")
    if number > len(PAUSES):
        return Next("failed", now, "" if delivers else f"{number} attempts failed, the last one: {attempt.words}")
    return Next("due", now + PAUSES[number - 1] * (1 + JITTER * chance))


def may_be_reached(address: str) -> bool:
    """False for addresses inside a network: loopback, private, link-local (where clouds keep their secrets) ..."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


def is_address(url: str, schemes: Collection[str]) -> bool:
    """True for an absolute address that can be sent to, whatever is behind it."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
            and not parts.fragment and url.isascii() and url.isprintable() and " " not in url
        )
    except ValueError:  # a port that is none
        return False
