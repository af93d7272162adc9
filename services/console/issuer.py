"""The console is the issuer of tokens: a short one for each request that it makes for somebody, signed with its key."""

from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.console.domain.roles import Person

LASTS = timedelta(minutes=2)


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

    def token(self, person: Person) -> str:
        now = datetime.now(UTC)
        return jwt.encode(
            {"sub": person.name, "company": person.company, "roles": sorted(person.roles), "iss": self._issuer,
             "aud": self._audience, "iat": now, "exp": now + LASTS},
            self._key, algorithm="ES256",
        )
