"""The HTTP door of a service in the process of its test, with real tokens; served only where somebody asks for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, FastAPI

from shared.db import Pool
from shared.http import Probes, create_app
from shared.identity import TokenVerifier
from shared.service import Service
from tests.shared.waits import until_true

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def token(*roles: str, key: Any = KEY, algorithm: str = "ES256", **claims: Any) -> str:
    """A good token of anna but for these claims; None takes one away."""
    now = datetime.now(UTC)
    good = {"sub": "anna", "company": "C1", "roles": roles, "iss": "fenlu", "aud": "fenlu", "iat": now,
            "exp": now + timedelta(hours=12)}  # some are made when tests are collected
    used = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return jwt.encode(used, key, algorithm=algorithm)


def bearer(*roles: str, **claims: Any) -> dict[str, str]:
    """The header with such a token."""
    return {"Authorization": f"Bearer {token(*roles, **claims)}"}


def app_of(service: Service, router: APIRouter, pool: Pool) -> FastAPI:
    """The service's application, of which nothing is wrong."""

    async def nothing() -> dict[str, str]:
        return {}

    async def no_figures() -> bytes:
        return b""

    return create_app(
        service, router, pool, TokenVerifier(PUBLIC, "fenlu", "fenlu"), Probes(nothing, no_figures, nothing)
    )


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """An application at a port of its own."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]  # they are the test run's
    task = asyncio.create_task(server.serve())
    await until_true("a server listens", lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@asynccontextmanager
async def client_of(app: FastAPI, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of it with these headers on every request."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://door", headers=headers) as client:
        yield client
