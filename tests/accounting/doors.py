"""The HTTP door of accounting on a database, asked with real tokens."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.accounting.api import router
from services.accounting.handlers import service
from shared.db import Pool
from shared.http import Probes, create_app
from shared.identity import TokenVerifier
from shared.testing import ask, deliver
from tests.accounting import examples

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def token(company: str = "C1", roles: Sequence[str] = ("chief_accountant",)) -> str:
    now = datetime.now(UTC)
    claims = {
        "iss": "fenlu", "aud": "fenlu", "sub": "anna", "iat": now, "exp": now + timedelta(minutes=5),
        "company": company, "roles": list(roles),
    }
    return jwt.encode(claims, KEY, algorithm="ES256")


async def ready() -> dict[str, str]:
    return {}


async def metrics() -> bytes:
    return b""


@asynccontextmanager
async def door(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of company C1's chief accountant, who reads English."""
    app = create_app(service, router, pool, TokenVerifier(PUBLIC, "fenlu", "fenlu"), Probes(ready, metrics))
    headers = {"Authorization": f"Bearer {token()}", "Accept-Language": "en"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://accounting", headers=headers
    ) as found:
        yield found


async def read(client: httpx2.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def trade(pool: Pool, standard: str = "assbe") -> None:
    """Books, and everything that can happen once, in March 2025."""
    assert (await ask(pool, service, examples.open_books(standard=standard))).ok
    await deliver(
        pool, service, examples.opened(), examples.received(), examples.placed(), examples.approved(),
        examples.shipped(), examples.delivered(), examples.invoiced(), examples.paid(), examples.allocated(),
        examples.returned(), examples.sale_returned(), examples.credited(), examples.refunded(from_advances="0.00"),
        examples.billed(), examples.adjusted(), examples.settled_negative_stock(), examples.supplier_paid(),
        examples.sent_back(), examples.counted(), examples.count_approved(),
    )
