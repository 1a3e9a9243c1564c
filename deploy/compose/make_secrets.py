"""The secrets of docker-compose.yml, as a tar archive on standard output; names that are given are left out.

It runs inside the image of a service, which has Python and cryptography, so that a machine needs only Docker and make:
`make compose-secrets` calls it and unpacks the archive into deploy/secrets. An archive, because a container could not
write there as the user whose folder it is.
"""

import hashlib
import io
import json
import secrets
import sys
import tarfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SERVICES: Final = ("registration", "supervision", "notifications")
PRIVATE_KEY: Final = "token_private_key"
PUBLIC_KEYS: Final = "token_jwks"
KEY_BITS: Final = 2048
PASSWORD_BYTES: Final = 24
# Readable, since a service's user is another one than the owner of the file; the folder is closed instead.
FILE_MODE: Final = 0o444


def missing(present: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each secret that is not there yet, by its file name; the two halves of the key pair are made together."""
    have = frozenset(present)
    made: dict[str, Callable[[], str]] = {"postgres_password": password}
    made |= {f"{service}_database_url": partial(database_url, service) for service in SERVICES}
    yield from ((name, make()) for name, make in made.items() if name not in have)
    if not {PRIVATE_KEY, PUBLIC_KEYS} <= have:
        yield from key_pair()


def password() -> str:
    """Long, random, and of characters that need no quoting in an address."""
    return secrets.token_hex(PASSWORD_BYTES)


def database_url(service: str) -> str:
    """Where a service finds its database, with the password of its role."""
    return f"postgresql://{service}:{password()}@postgres:5432/{service}"


def key_pair() -> Iterator[tuple[str, str]]:
    """The key that signs tokens for development, and its public half as services read it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    numbers = key.public_key().public_numbers()
    public = {"e": _base64(numbers.e), "kty": "RSA", "n": _base64(numbers.n)}
    thumbprint = hashlib.sha256(json.dumps(public, sort_keys=True, separators=(",", ":")).encode()).digest()
    key_id = urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    yield PRIVATE_KEY, pem.decode()
    yield PUBLIC_KEYS, json.dumps({"keys": [{**public, "alg": "RS256", "kid": key_id, "use": "sig"}]})


def archive(files: Iterable[tuple[str, str]]) -> bytes:
    """The files as a tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, text in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            entry.mode = FILE_MODE
            entry.mtime = int(time.time())
            tar.addfile(entry, io.BytesIO(text.encode()))
            sys.stderr.write(f"made {name}\n")
    return stream.getvalue()


def _base64(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.stdout.buffer.write(archive(missing(sys.argv[1:])))
