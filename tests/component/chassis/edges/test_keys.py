"""The issuer's keys: from a file or over TLS, rotated, asked for with a limit, kept while the issuer is away."""

import datetime as dt
import ipaddress
import json
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from chassis.clock import SteppedClock
from chassis.keys import (
    ASK_AGAIN_SECONDS_MIN,
    DOCUMENT_BYTES_MAX,
    KEPT_SECONDS,
    KeyAddress,
    KeyFile,
    KeySet,
    KeysUnavailable,
    KeysUnreadable,
    parse_keys,
    source_of,
)

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def rsa_key(key_id: str | None, bits: int = 2048) -> dict[str, Any]:
    """A public RSA key."""
    public = rsa.generate_private_key(65537, bits).public_key()
    entry: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public))
    return entry if key_id is None else {**entry, "kid": key_id}


def ec_key(key_id: str, curve: ec.EllipticCurve) -> dict[str, Any]:
    """A public key on a curve."""
    return {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(curve).public_key())), "kid": key_id}


def jwks(*entries: dict[str, Any]) -> bytes:
    """A document of keys."""
    return json.dumps({"keys": list(entries)}).encode()


def test_only_keys_that_we_accept_are_taken() -> None:
    found = parse_keys(
        jwks(
            rsa_key("good"),
            rsa_key("short", bits=1024),
            ec_key("curve", ec.SECP256R1()),
            ec_key("other-curve", ec.SECP384R1()),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "shared-secret"},
            {**rsa_key("for-encryption"), "use": "enc"},
            {"kty": "RSA", "kid": "broken"},
        )
    )

    assert sorted(str(key) for key in found) == ["curve", "good"]


def test_a_lone_key_answers_to_no_id() -> None:
    assert None in parse_keys(jwks(rsa_key("only")))
    assert None not in parse_keys(jwks(rsa_key("one"), rsa_key("other")))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"not json", id="not JSON"),
        pytest.param(b"{}", id="no keys"),
        pytest.param(b'{"keys": []}', id="an empty set"),
        pytest.param(b'{"keys": [3]}', id="not a key"),
        pytest.param(b'{"keys": 3}', id="not a list"),
        pytest.param(jwks({"kty": "oct", "k": "c2VjcmV0"}), id="nothing that we accept"),
    ],
)
def test_a_document_without_usable_keys_is_refused(document: bytes) -> None:
    with pytest.raises(KeysUnreadable):
        parse_keys(document)


async def test_a_file_that_is_replaced_is_read_again_at_once(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(rsa_key("old")))
    keys = KeySet(KeyFile(file), monotonic=SteppedClock(NOON).monotonic)
    assert await keys.find("old") is not None

    file.write_bytes(jwks(rsa_key("new")))
    os.utime(file, ns=(1, 1))

    assert await keys.find("new") is not None
    assert await keys.find("old") is None


async def test_a_file_that_breaks_leaves_the_last_good_keys(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(rsa_key("good")))
    keys = KeySet(KeyFile(file), monotonic=SteppedClock(NOON).monotonic)
    await keys.find("good")

    file.write_bytes(b"half a docu")
    os.utime(file, ns=(1, 1))

    assert await keys.find("good") is not None


async def test_without_any_keys_the_issuer_is_unavailable(tmp_path: Path) -> None:
    keys = KeySet(KeyFile(tmp_path / "nothing"), monotonic=SteppedClock(NOON).monotonic)

    with pytest.raises(KeysUnavailable):
        await keys.find("any")
    with pytest.raises(KeysUnavailable):
        await keys.find("any")


@dataclass
class Address:
    """An issuer behind TLS."""

    url: str
    client: httpx.AsyncClient
    document: bytes
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Address]:
    """A real server with a certificate of its own, which the client trusts."""
    certificate, key = _certificate(tmp_path)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.document)))
            self.end_headers()
            self.wfile.write(served.document)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    served = Address(
        url=f"https://127.0.0.1:{server.server_port}/jwks",
        client=httpx.AsyncClient(verify=trusting, trust_env=False),
        document=jwks(rsa_key("one")),
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


async def test_a_new_key_is_asked_for_once_and_not_for_every_stranger(address: Address) -> None:
    clock = SteppedClock(NOON)
    keys = KeySet(KeyAddress(address.url, client=address.client), monotonic=clock.monotonic)
    assert await keys.find("one") is not None

    for number in range(20):
        assert await keys.find(f"stranger-{number}") is None
    asked_at_once = len(address.asked)
    address.document = jwks(rsa_key("one"), rsa_key("two"))
    clock.step(timedelta(seconds=ASK_AGAIN_SECONDS_MIN))

    assert await keys.find("two") is not None
    assert asked_at_once == 1
    assert len(address.asked) == 2


async def test_while_the_issuer_is_away_its_last_keys_hold(address: Address) -> None:
    clock = SteppedClock(NOON)
    keys = KeySet(KeyAddress(address.url, client=address.client), monotonic=clock.monotonic)
    await keys.find("one")

    address.status = 503
    clock.step(timedelta(seconds=KEPT_SECONDS + 1))

    assert await keys.find("one") is not None
    assert len(address.asked) == 2


async def test_a_key_that_was_withdrawn_is_forgotten_after_its_time(address: Address) -> None:
    clock = SteppedClock(NOON)
    keys = KeySet(KeyAddress(address.url, client=address.client), monotonic=clock.monotonic)
    await keys.find("one")

    address.document = jwks(rsa_key("two"))
    clock.step(timedelta(seconds=KEPT_SECONDS + 1))

    assert await keys.find("one") is None


async def test_a_document_without_end_is_not_read_to_its_end(address: Address) -> None:
    address.document = b" " * (DOCUMENT_BYTES_MAX + 1)
    keys = KeySet(KeyAddress(address.url, client=address.client), monotonic=SteppedClock(NOON).monotonic)

    with pytest.raises(KeysUnavailable):
        await keys.find("one")


async def test_an_issuer_with_an_unknown_certificate_is_not_believed(address: Address) -> None:
    keys = KeySet(KeyAddress(address.url), monotonic=SteppedClock(NOON).monotonic)

    with pytest.raises(KeysUnavailable):
        await keys.find("one")


def test_the_setting_names_an_address_or_a_file() -> None:
    assert isinstance(source_of("https://issuer.example/jwks"), KeyAddress)
    assert isinstance(source_of("keys/jwks.json"), KeyFile)
