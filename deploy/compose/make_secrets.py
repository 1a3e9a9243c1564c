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
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

SERVICES: Final = ("registration", "litmas", "supervision", "tpp", "notifications")
PRIVATE_KEY: Final = "token_private_key"
PUBLIC_KEYS: Final = "token_jwks"
KEY_BITS: Final = 2048
PASSWORD_BYTES: Final = 24
KAFKA_PRINCIPALS: Final = ("broker", "admin", "lapas", *SERVICES)
"""Who logs in to the secured Kafka: itself, whoever makes topics and rights, the prisons, and the services."""
KAFKA_KEY: Final = "kafka_key"
KAFKA_CA: Final = "kafka_ca"
KAFKA_HOSTS: Final = ("kafka", "localhost")
CERTIFICATE_DAYS: Final = 825
# Readable, since a service's user is another one than the owner of the file; the folder is closed instead.
FILE_MODE: Final = 0o444


def missing(present: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each secret that is not there yet, by its file name; the two halves of the key pair are made together."""
    have = frozenset(present)
    made: dict[str, Callable[[], str]] = {"postgres_password": password}
    made |= {f"{service}_database_url": partial(database_url, service) for service in SERVICES}
    made |= {f"kafka_password_{principal}": password for principal in KAFKA_PRINCIPALS}
    yield from ((name, make()) for name, make in made.items() if name not in have)
    if not {PRIVATE_KEY, PUBLIC_KEYS} <= have:
        yield from key_pair()
    if not {KAFKA_KEY, KAFKA_CA} <= have:
        yield from certificates()


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


def certificates() -> Iterator[tuple[str, str]]:
    """The key and certificate of the broker, and the authority that signed it, whose own key is kept nowhere."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer, broker = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Bapas", "broker"))
    hosts: list[x509.GeneralName] = [x509.DNSName(host) for host in KAFKA_HOSTS]
    names = x509.SubjectAlternativeName([*hosts, x509.IPAddress(ip_address("127.0.0.1"))])
    ca = _signed(issuer, authority.public_key(), issuer, authority, (_constraints(ca=True), _signs_certificates()))
    leaf = _signed(broker, key.public_key(), issuer, authority, (_constraints(ca=False), names))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    yield KAFKA_KEY, pem.decode() + leaf + ca
    yield KAFKA_CA, ca


def _signed(
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    authority: ec.EllipticCurvePrivateKey,
    extensions: Iterable[x509.ExtensionType],
) -> str:
    """A certificate in PEM, with what a strict reader asks of it (RFC 5280)."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer, subject, public, x509.random_serial_number(), now, now + timedelta(days=CERTIFICATE_DAYS)
    )
    identifiers = (
        x509.SubjectKeyIdentifier.from_public_key(public),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
    )
    for extension in (*extensions, *identifiers):
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _constraints(*, ca: bool) -> x509.BasicConstraints:
    return x509.BasicConstraints(ca=ca, path_length=0 if ca else None)


def _signs_certificates() -> x509.KeyUsage:
    unused = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False
    )  # fmt: skip
    return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **unused)


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
