"""The issuer of tokens for development: a key pair and its public half as JWKS, in the state folder."""

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.local.processes import write_whole

ISSUER: Final = "urn:bapas:local"
AUDIENCE: Final = "bapas"
ALGORITHM: Final = "RS256"
KEY_BITS: Final = 2048
LIFETIME_SECONDS: Final = 12 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who a token speaks for."""

    roles: tuple[str, ...]
    unit: str | None = None
    facility: str | None = None
    subject: str | None = None


class Issuer:
    """Signs tokens with the key of one state folder, which is made at first use."""

    def __init__(self, folder: Path) -> None:
        self.private_key_file = folder / "private-key.pem"
        self.jwks_file = folder / "jwks.json"

    def prepare(self) -> None:
        """Make the key pair if there is none."""
        if self.private_key_file.exists() and self.jwks_file.exists():
            return
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key_id = secrets.token_hex(8)
        public: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        jwks = {"keys": [{**public, "kid": key_id, "alg": ALGORITHM, "use": "sig"}]}
        self.private_key_file.parent.mkdir(parents=True, exist_ok=True)
        self.private_key_file.parent.chmod(0o700)
        write_whole(self.private_key_file, pem.decode(), mode=0o600)
        write_whole(self.jwks_file, json.dumps(jwks, indent=1), mode=0o644)

    def issue(self, holder: Holder, *, lifetime_seconds: int = LIFETIME_SECONDS) -> str:
        """A signed token for this holder."""
        self.prepare()
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": holder.subject or "-".join(role.lower() for role in holder.roles),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + lifetime_seconds,
            "roles": list(holder.roles),
            **({"unit": holder.unit} if holder.unit else {}),
            **({"facility": holder.facility} if holder.facility else {}),
        }
        key_id = json.loads(self.jwks_file.read_text())["keys"][0]["kid"]
        return jwt.encode(claims, self.private_key_file.read_text(), algorithm=ALGORITHM, headers={"kid": key_id})
