"""The public keys of the token issuer: read from a file or over https, kept, and asked for again with a limit."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import jwt
import structlog

log = structlog.get_logger(__name__)

ALGORITHMS: Final = ("RS256", "ES256")
KEPT_SECONDS: Final = 600.0
ASK_AGAIN_SECONDS_MIN: Final = 30.0
FETCH_TIMEOUT_SECONDS: Final = 5.0
DOCUMENT_BYTES_MAX: Final = 256 * 1024
KEYS_MAX: Final = 100
RSA_BITS_MIN: Final = 2048


class KeysUnavailable(Exception):
    """The issuer's keys could not be read, and there are none from before."""


class KeysUnreadable(ValueError):
    """What was read is not a set of keys."""


class KeySource(Protocol):
    """Where the set of keys comes from."""

    async def read(self) -> bytes:
        """The JWKS document; raises OSError or httpx.HTTPError when it cannot be had."""

    def changed(self) -> bool:
        """Whether the source says by itself that its document is another one than that read last."""


class KeyFile:
    """A JWKS in a file, noticed when it is replaced."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        self._path = path
        self._mtime_ns: int | None = None

    async def read(self) -> bytes:
        """The document."""
        self._mtime_ns = self._path.stat().st_mtime_ns
        return self._path.read_bytes()

    def changed(self) -> bool:
        """Whether the file is another one than that read last."""
        try:
            return self._path.stat().st_mtime_ns != self._mtime_ns
        except OSError:
            return False


class KeyAddress:
    """A JWKS at an https address."""

    def __init__(self, url: str, *, client: httpx.AsyncClient | None = None) -> None:
        """Name the address; a client of one's own brings its own certificates."""
        self._url = url
        self._client = client

    async def read(self) -> bytes:
        """The document, if it comes in time and is not too large."""
        if self._client is not None:
            return await self._fetch(self._client)
        async with httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS) as client:
            return await self._fetch(client)

    def changed(self) -> bool:
        """An address does not say."""
        return False

    async def _fetch(self, client: httpx.AsyncClient) -> bytes:
        document = bytearray()
        async with client.stream("GET", self._url, headers={"Accept": "application/json"}) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                document += chunk
                if len(document) > DOCUMENT_BYTES_MAX:
                    raise KeysUnreadable("the key document is too large")
        return bytes(document)


def source_of(jwks: str) -> KeySource:
    """The source that a setting names: an https address, or else a file."""
    return KeyAddress(jwks) if jwks.startswith("https://") else KeyFile(Path(jwks))


class KeySet:
    """The keys by their id. The last good set is kept while the issuer is away."""

    def __init__(self, source: KeySource, *, monotonic: Callable[[], float]) -> None:
        """Nothing is read before the first token comes."""
        self._source = source
        self._monotonic = monotonic
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._read_at: float | None = None
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key with this id; an unknown id makes us ask the issuer again, though not too often."""
        known = key_id in self._keys
        # While somebody else asks a slow issuer, the keys at hand are good enough.
        if not known or (self._is_old() and not self._lock.locked()):
            await self._refresh(key_id)
        return self._keys.get(key_id)

    async def _refresh(self, key_id: str | None) -> None:
        async with self._lock:
            if not self._is_old() and key_id in self._keys:
                return
            if not self._may_ask():
                if not self._keys:
                    raise KeysUnavailable
                return
            self._asked_at = self._monotonic()
            try:
                self._keys = parse_keys(await self._source.read())
                self._read_at = self._monotonic()
            except (OSError, httpx.HTTPError, KeysUnreadable) as error:
                log.warning("the issuer's keys could not be read", action="read-keys", failure=type(error).__name__)
                if not self._keys:
                    raise KeysUnavailable from error

    def _is_old(self) -> bool:
        return self._read_at is None or self._monotonic() - self._read_at > KEPT_SECONDS or self._source.changed()

    def _may_ask(self) -> bool:
        if self._asked_at is None or self._source.changed():
            return True
        return self._monotonic() - self._asked_at >= ASK_AGAIN_SECONDS_MIN


def parse_keys(document: bytes) -> dict[str | None, jwt.PyJWK]:
    """The signing keys in a JWKS that we accept; others are left out. A lone key also answers to no id."""
    try:
        entries = json.loads(document)["keys"]
        found = [key for entry in entries[:KEYS_MAX] if (key := _usable(entry)) is not None]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeysUnreadable(KeysUnreadable.__doc__) from error
    if not found:
        raise KeysUnreadable("the key document holds no key that we accept (RS256 or ES256, RSA from 2048 bits)")
    keys: dict[str | None, jwt.PyJWK] = {key.key_id: key for key in found}
    if len(found) == 1:
        keys[None] = found[0]
    return keys


def _usable(entry: dict[str, Any]) -> jwt.PyJWK | None:
    if entry.get("kty") not in {"RSA", "EC"} or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(entry)
    except jwt.PyJWTError:
        return None
    if key.algorithm_name not in ALGORITHMS or getattr(key.key, "key_size", RSA_BITS_MIN) < _bits_min(key):
        return None
    return key


def _bits_min(key: jwt.PyJWK) -> int:
    return RSA_BITS_MIN if key.key_type == "RSA" else 0
