"""Who asks: bearer tokens (JWT, ES256) whose claims name the person, the company and the roles."""

import time
from typing import Any

import jwt

from shared.events import Actor

ALGORITHMS = ["ES256"]
LEEWAY_SECONDS = 30
KEPT = 10_000


class NotAuthenticatedError(Exception):
    """The token is missing or wrong; the text says which, never the token."""


class TokenVerifier:
    """Verifies tokens of one issuer for one audience with its public key (PEM). A good one is known until it expires:
    its signature takes as long as a small query."""

    def __init__(self, public_key: bytes, issuer: str, audience: str) -> None:
        self._key, self._issuer, self._audience = public_key, issuer, audience
        self._verified: dict[str, tuple[Actor, float]] = {}

    def verify(self, token: str) -> Actor:
        """The actor of a valid token; NotAuthenticatedError otherwise."""
        actor, expires = self._verified.get(token, (None, 0.0))
        if actor and time.time() < expires:
            return actor
        try:
            claims = jwt.decode(
                token, self._key, algorithms=ALGORITHMS, issuer=self._issuer, audience=self._audience,
                leeway=LEEWAY_SECONDS, options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise NotAuthenticatedError(str(error)) from error
        if len(self._verified) >= KEPT:
            self._verified.clear()
        found = _actor(claims)
        self._verified[token] = found, float(claims["exp"])
        return found


def _actor(claims: dict[str, Any]) -> Actor:
    company, roles = claims.get("company"), claims.get("roles")
    if not isinstance(company, str) or not company:
        raise NotAuthenticatedError("the token names no company")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise NotAuthenticatedError("the token names no roles")
    return Actor(claims["sub"], company, frozenset(roles))
