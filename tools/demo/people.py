"""The demo's own token issuer: one person per role, each with a signed token. Production uses the company's issuer."""

import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = AUDIENCE = "fenlu-demo"
# One person holds one role, so that nobody can approve what he or she made.
PEOPLE = {"sales": "chen.sales", "buyer": "sun.buyer", "warehouse": "wu.warehouse", "accountant": "li.accountant",
          "chief_accountant": "zhao.chief", "cashier": "liu.cashier", "operator": "qian.operator"}
ROLES_BY_QUEUE = ["sales", "buyer", "warehouse", "accountant"]
DAY = 86_400


def issue(company: str, private_key_file: Path, public_key_file: Path, days: int = 1) -> dict[str, str]:
    """A token per role, signed with a fresh key that only the console gets; its public half is for everybody."""
    key = ec.generate_private_key(ec.SECP256R1())
    private_key_file.touch(mode=0o600)
    private_key_file.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public_key_file.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    now = int(time.time())
    return {
        role: jwt.encode(
            {"sub": person, "company": company, "roles": [role], "iss": ISSUER, "aud": AUDIENCE, "iat": now,
             "exp": now + days * DAY},
            key, algorithm="ES256",
        )
        for role, person in PEOPLE.items()
    }


def principals(folder: Path, user: str, company: str) -> Path:
    """The file that says what one broker user may do by queue; partners that come later get their line in it too."""
    file = folder / "queue_principals"
    file.write_text(json.dumps({user: {"companies": [company], "roles": ROLES_BY_QUEUE}}))
    return file
