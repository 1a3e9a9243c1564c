"""Requests that carry no token but the signature of a machine outside the house: what a webhook demands of its caller.

The signature is HMAC-SHA256 over the time of sending, a dot and the body, in hexadecimal digits behind `v1=`. Two keys
are believed while one takes the place of the other, and a request is believed only near the time that it names.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from fastapi import Request

from chassis.access import Rule
from chassis.problems import Problem

if TYPE_CHECKING:
    from chassis.clock import SystemClock

WINDOW: Final = timedelta(minutes=5)
"""How far the sender's clock and ours may differ, and how long a copied request can be played again."""
SCHEME: Final = "v1="
SIGNATURES_MAX: Final = 4
_DIGITS_MAX: Final = 12


class NotSigned(Problem):
    """The request is not signed by whom we know, or not now."""

    def __init__(self, detail: str) -> None:
        """Say why."""
        super().__init__(401, kind="not-signed", detail=detail)


class Signed(Rule):
    """Only requests that are signed with one of these keys may; without any key nobody may."""

    problems: ClassVar[frozenset[int]] = frozenset({401})

    def __init__(self, sender: str, *, keys: Sequence[str], clock: "SystemClock", window: timedelta = WINDOW) -> None:
        """Name who signs, as in the headers `X-<sender>-Timestamp` and `X-<sender>-Signature`, and the keys."""
        self.sender = sender
        self._keys = tuple(key.encode() for key in keys)
        self._clock = clock
        self._window = window

    async def __call__(self, request: Request) -> None:
        """Let a signed request in; raises NotSigned for any other."""
        check(
            timestamp=request.headers.get(f"X-{self.sender}-Timestamp", ""),
            signatures=request.headers.get(f"X-{self.sender}-Signature", ""),
            body=await request.body(),
            keys=self._keys,
            now=self._clock.now(),
            window=self._window,
        )
        self.refuse_unknown_parameters(request)


def check(
    *, timestamp: str, signatures: str, body: bytes, keys: Sequence[bytes], now: datetime, window: timedelta
) -> None:
    """Raise NotSigned unless one of the signatures, parted by commas, was made with one of the keys, and lately.

    Every key is tried with every signature, each in constant time: how long it takes tells nothing about a key.
    """
    if not keys:
        raise NotSigned("no key is set up here: nobody's signature is known")
    sent_at = _seconds(timestamp)
    if sent_at is None or abs(now.timestamp() - sent_at) > window.total_seconds():
        raise NotSigned("the time of sending is missing, or too far from now")
    given = [each.strip() for each in signatures.split(",")][:SIGNATURES_MAX]
    hits = [
        hmac.compare_digest(f"{SCHEME}{_made(key, timestamp, body)}".encode(), each.encode())
        for key in keys
        for each in given
    ]
    if not any(hits):
        raise NotSigned("the signature is missing, or not made with a key that is known here")


def _made(key: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _seconds(timestamp: str) -> int | None:
    plain = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _DIGITS_MAX
    return int(timestamp) if plain else None
