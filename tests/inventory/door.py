"""The HTTP door of inventory in tests: its application without a server, tokens, and how a command is posted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.inventory.api import router
from services.inventory.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.http import Probes, create_app
from shared.identity import TokenVerifier

KEY = ec.generate_private_key(ec.SECP256R1())


def token(company: str, *roles: str) -> str:
    """A bearer token of anna, who has these roles, else those of the warehouse and of accounting."""
    now = datetime.now(UTC)
    claims = {
        "sub": "anna", "company": company, "roles": roles or ("warehouse", "accountant"), "iss": "test",
        "aud": "inventory", "iat": now, "exp": now + timedelta(minutes=5),
    }
    return jwt.encode(claims, KEY, "ES256")


async def _nothing_wrong() -> dict[str, str]:
    return {}


async def _no_metrics() -> bytes:
    return b""


@asynccontextmanager
async def open_client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a token of company C1."""
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    app = create_app(
        service, router, pool, TokenVerifier(public, "test", "inventory"), Probes(_nothing_wrong, _no_metrics)
    )
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://inventory",
        headers={"Authorization": f"Bearer {token('C1')}", "Accept-Language": "en"},
    ) as opened:
        yield opened


async def post(client: httpx2.AsyncClient, path: str, command: Command | dict[str, Any], key: str) -> httpx2.Response:
    body = command.model_dump(mode="json") if isinstance(command, Command) else command
    return await client.post(path, json=body, headers={"Idempotency-Key": key})
