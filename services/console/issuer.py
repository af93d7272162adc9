"""The console is the issuer of tokens: short ones for the requests that it makes for somebody, signed with its key."""

from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.console.domain.roles import Person

LASTS = timedelta(minutes=2)
KEPT = 10_000


class Issuer:
    """Signs for one issuer and audience with an ES256 key (PEM)."""

    def __init__(self, private_key: bytes, issuer: str, audience: str) -> None:
        try:
            key = load_pem_private_key(private_key, None)
        except ValueError as error:
            raise SystemExit("JWT_PRIVATE_KEY_FILE holds no private key (PEM)") from error
        if not isinstance(key, EllipticCurvePrivateKey):
            raise SystemExit("JWT_PRIVATE_KEY_FILE holds no key for ES256")
        self._key, self._issuer, self._audience = key, issuer, audience
        self._signed: dict[Person, tuple[str, datetime]] = {}

    def token(self, person: Person) -> str:
        """One that is good for another minute at least; who gets other roles gets another one."""
        now = datetime.now(UTC)
        token, until = self._signed.get(person, ("", now))
        if until - now < LASTS / 2:
            if len(self._signed) > KEPT:
                self._signed.clear()
            token = self._sign(person, now)
            self._signed[person] = token, now + LASTS
        return token

    def _sign(self, person: Person, now: datetime) -> str:
        return jwt.encode(
            {"sub": person.name, "company": person.company, "roles": sorted(person.roles), "iss": self._issuer,
             "aud": self._audience, "iat": now, "exp": now + LASTS},
            self._key, algorithm="ES256",
        )
