"""Receipts of the messaging gateway: signed, in order, and sent again until somebody takes them."""

import hashlib
import hmac
import itertools
import json
import queue
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

TIMEOUT_SECONDS: Final = 5.0
FIRST_WAIT_SECONDS: Final = 0.2
WAIT_SECONDS_MAX: Final = 5.0
TRIES_MAX: Final = 200
AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message, by the key under which it was handed over."""

    message: str
    state: str
    code: str = ""


@dataclass(order=True, slots=True)
class _Waiting:
    due: float
    number: int
    receipt: Receipt = field(compare=False)
    tries: int = field(compare=False, default=0)


class Receipts:
    """Sends receipts one after the other; one that nobody takes is tried again, and the others pass it."""

    def __init__(self, *, url: str, key: str) -> None:
        """Take where they go, and the key that signs them."""
        self._url = url
        self._key = key.encode()
        self._waiting: queue.PriorityQueue[_Waiting] = queue.PriorityQueue()
        self._numbers = itertools.count()

    def send(self, receipt: Receipt, *, after_seconds: float = 0.0) -> None:
        """Let a receipt leave, soon or after a while."""
        self._waiting.put(_Waiting(time.monotonic() + after_seconds, next(self._numbers), receipt))

    def run(self) -> None:
        """Send until the process ends."""
        while True:
            first = self._waiting.get()
            wait = first.due - time.monotonic()
            if wait > 0:
                self._waiting.put(first)
                time.sleep(min(wait, 0.05))
            elif not self._post(first.receipt) and first.tries < TRIES_MAX:
                first.tries += 1
                first.due = time.monotonic() + min(FIRST_WAIT_SECONDS * 2**first.tries, WAIT_SECONDS_MAX)
                self._waiting.put(first)

    def _post(self, receipt: Receipt) -> bool:
        """Whether this receipt is done with: taken, or refused for good."""
        said = {"message": receipt.message, "state": receipt.state, "at": datetime.now(UTC).isoformat()}
        body = json.dumps({**said, **({"code": receipt.code} if receipt.code else {})}).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Gateway-Timestamp": timestamp,
            "X-Gateway-Signature": f"v1={signature(self._key, timestamp, body)}",
        }
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")  # noqa: S310  our own URL
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310  the same
                return True
        except urllib.error.HTTPError as refusal:
            return refusal.code < HTTPStatus.INTERNAL_SERVER_ERROR and refusal.code not in AGAIN
        except (OSError, urllib.error.URLError):
            return False


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a dot and the body, in hexadecimal digits."""
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
