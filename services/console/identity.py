"""Who sends a request. Pages know only `authenticate`; local accounts stand behind it, and an OpenID provider may later
stand beside them: it would make the same sessions after its own sign-in."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from starlette.requests import Request

from services.console import store, views
from services.console.domain.lockout import IDLE, LASTS, SEEN_EVERY, counted, wait_after
from services.console.domain.roles import Person
from shared.db import Pool

HASHER = PasswordHasher()  # Argon2id with the parameters of RFC 9106 for memory-constrained environments
NOBODY = HASHER.hash(secrets.token_hex())  # so that a name that does not exist takes as long as one that does
_AT_ONCE = asyncio.Semaphore(4)  # each takes 64 MiB
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Refused:
    """A sign-in that did not succeed: wrong, or to be tried again in so many seconds."""

    wait: int = 0


class Accounts:
    """The local accounts of this installation, and the sessions of browsers."""

    def __init__(self, pool: Pool, *, https: bool) -> None:
        self._pool, self._https = pool, https

    @property
    def cookie(self) -> str:
        return "__Host-fenlu" if self._https else "fenlu"

    async def authenticate(self, request: Request, *, quietly: bool = False) -> Person | None:
        """The person whose browser sent it; None if nobody is signed in there, or not any more.

        Quietly: what a page asks by itself does not keep its session alive."""
        token = request.cookies.get(self.cookie, "")
        if not token:
            return None
        now, token_hash = datetime.now(UTC), _hash(token)
        found = await views.session(self._pool, token_hash)
        if found is None or found["state"] != "active" or now >= found["expires_at"] or now - found["seen_at"] >= IDLE:
            return None
        if not quietly and now - found["seen_at"] >= SEEN_EVERY:
            await store.touch_session(self._pool, token_hash, now)
        return Person(found["account"], found["company"], found["display_name"], frozenset(found["roles"]))

    async def sign_in(self, name: str, password: str, address: str) -> str | Refused:
        """The token of a new session, or why there is none. Both counters are claimed before the password is judged."""
        now = datetime.now(UTC)
        name = name.strip().lower()[:64]
        if wait := await self._claim(name, address, now):
            await self._audit(name, address, "sign-in.wait", now, seconds=wait)
            return Refused(wait)
        account = await views.account(self._pool, name)
        right = await verify(account["password"] if account else NOBODY, password)
        if not (account and right and account["state"] == "active"):
            await self._audit(name, address, "sign-in.refused", now)
            return Refused()
        await store.forget_attempts(self._pool, name, address)
        if HASHER.check_needs_rehash(account["password"]):
            await store.rehash(self._pool, name, account["password"], await hashed(password))
        await self._audit(name, address, "sign-in", now)
        return await self.begin_session(name, address)

    async def begin_session(self, name: str, address: str) -> str:
        """A token that nobody had before, whatever the browser came with."""
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        await store.insert_session(self._pool, _hash(token), name, address, now, now + LASTS)
        return token

    async def sign_out(self, request: Request) -> None:
        if token := request.cookies.get(self.cookie):
            await store.delete_session(self._pool, _hash(token))

    async def _claim(self, name: str, address: str, now: datetime) -> int:
        """Count it as failed for the account and the address; seconds to wait, 0 if it may be tried now."""
        for kind, key in (("account", name), ("address", address)):
            if wait := await self._claim_one(kind, key, now):
                return wait
        return 0

    async def _claim_one(self, kind: str, key: str, now: datetime) -> int:
        """Others who sign in at the same moment are met at the counter: then it is read again."""
        for _ in range(ATTEMPTS):
            before = await views.attempt(self._pool, kind, key)
            if before and wait_after(kind, before["failures"]) and before["until"] > now:
                return max(1, int((before["until"] - now).total_seconds()))
            seen = before["failures"] if before else None
            failures = (counted(before["failures"], before["last_at"], now) if before else 0) + 1
            if await store.claim_attempt(self._pool, kind, key, seen, failures, now + wait_after(kind, failures), now):
                return 0
        return 1

    async def _audit(self, name: str, address: str, action: str, now: datetime, **detail: int) -> None:
        account = await views.account(self._pool, name)
        company = account["company"] if account else ""
        await store.write_audit(self._pool, company, name, address, action, name, detail, now)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def hashed(password: str) -> str:
    async with _AT_ONCE:
        return await asyncio.to_thread(HASHER.hash, password)


async def verify(hash_: str, password: str) -> bool:
    """True if it is the password; takes as long if it is not."""
    async with _AT_ONCE:
        try:
            return await asyncio.to_thread(HASHER.verify, hash_, password)
        except VerificationError:
            return False
