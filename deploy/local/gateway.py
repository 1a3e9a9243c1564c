"""A messaging gateway that delivers nothing and shows everything: python -m deploy.local.gateway.

It takes messages for telephones as a provider of WhatsApp and SMS does, recognises a message that it has already by
its key, and says by signed receipts what became of it. It can be told to refuse, delay, fall silent and double.
"""

import argparse
import hashlib
import itertools
import json
import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from deploy.local import gateway_http
from deploy.local.gateway_receipts import Receipt, Receipts

MESSAGES_MAX: Final = 10_000
KEPT: Final = "accepted"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came in, and what was reported of it."""

    id: str
    key: str
    to: str
    text: str
    template: str
    digest: str
    received_at: datetime
    reports: tuple[str, ...] = ()
    times_given: int = 1
    """How often it was handed over under the same key."""


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """What the gateway does, until it is told otherwise."""

    refuse_with: int = 0
    """The HTTP status that every message gets; 0 takes them."""
    code: str = ""
    """The word that goes with a refusal."""
    retry_after_seconds: int = 0
    delay_seconds: float = 0.0
    hang_up: bool = False
    """Keep the message and close the connection without an answer."""
    unknown_numbers: list[str] = field(default_factory=list)
    """Numbers for which the receipt says that nobody has them."""
    reports: list[str] = field(default_factory=lambda: [KEPT, "delivered"])
    """What is reported of a message, in this order."""
    report_delay_seconds: float = 0.0
    copies: int = 1
    """How often each receipt is sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody who hands over a message is told; `silent` closes the connection instead."""

    status: int
    body: dict[str, Any]
    retry_after_seconds: int = 0
    delay_seconds: float = 0.0
    silent: bool = False


class Gateway:
    """The newest messages, in memory, and how the gateway behaves."""

    def __init__(self, receipts: Receipts, *, token: str) -> None:
        """Take where receipts go, and the token that a sender must show."""
        self.token = token
        self.behaviour = Behaviour()
        self._receipts = receipts
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def take(self, key: str, given: dict[str, Any]) -> Answer:
        """Take a message, or the same one again; another one under a key that was used is refused."""
        behaviour = self.behaviour
        if behaviour.refuse_with:
            return Answer(
                behaviour.refuse_with,
                {"code": behaviour.code},
                retry_after_seconds=behaviour.retry_after_seconds,
                delay_seconds=behaviour.delay_seconds,
            )
        digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
        with self._lock:
            known = self._messages.get(key)
            if known is not None and known.digest != digest:
                return Answer(HTTPStatus.CONFLICT, {"code": "KEY_REUSED"})
            message = self._keep(key, given, digest) if known is None else self._given_again(known)
        if known is None:
            self._report(message, behaviour)
        status = HTTPStatus.ACCEPTED if known is None else HTTPStatus.OK
        return Answer(
            status,
            {"id": message.id, "state": KEPT},
            delay_seconds=behaviour.delay_seconds,
            silent=behaviour.hang_up,
        )

    def report(self, key: str, state: str, *, code: str = "") -> bool:
        """Send a receipt about a message that is here; whether it is."""
        with self._lock:
            message = self._messages.get(key)
        if message is not None:
            self._send(message, state, code=code, behaviour=self.behaviour)
        return message is not None

    def newest_first(self) -> list[Message]:
        """All messages."""
        with self._lock:
            return list(reversed(self._messages.values()))

    def clear(self) -> None:
        """Forget all messages."""
        with self._lock:
            self._messages.clear()

    def behave(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Behave as asked from now on, and as usual in all that was not asked; how it behaves then."""
        known = asdict(Behaviour())
        self.behaviour = Behaviour(**{name: value for name, value in wanted.items() if name in known})
        return asdict(self.behaviour)

    def _keep(self, key: str, given: dict[str, Any], digest: str) -> Message:
        message = Message(
            id=f"g{next(self._numbers):07d}",
            key=key,
            to=str(given.get("to", "")),
            text=str(given.get("text", "")),
            template=str(given.get("template", "")),
            digest=digest,
            received_at=datetime.now(UTC),
        )
        self._messages[key] = message
        while len(self._messages) > MESSAGES_MAX:
            self._messages.popitem(last=False)
        return message

    def _given_again(self, message: Message) -> Message:
        again = replace(message, times_given=message.times_given + 1)
        self._messages[message.key] = again
        return again

    def _report(self, message: Message, behaviour: Behaviour) -> None:
        unknown = message.to in behaviour.unknown_numbers
        for state in [FAILED] if unknown else behaviour.reports:
            self._send(message, state, code="NUMBER_UNKNOWN" if state == FAILED else "", behaviour=behaviour)

    def _send(self, message: Message, state: str, *, code: str, behaviour: Behaviour) -> None:
        with self._lock:
            current = self._messages.get(message.key, message)
            self._messages[message.key] = replace(current, reports=(*current.reports, state))
        for _ in range(behaviour.copies):
            self._receipts.send(Receipt(message.key, state, code), after_seconds=behaviour.report_delay_seconds)


def serve(*, http_port: int, receipts_url: str, token: str, key: str) -> None:
    """Take messages, report on them and show them until the process is ended."""
    receipts = Receipts(url=receipts_url, key=key)
    threading.Thread(target=receipts.run, daemon=True).start()
    gateway_http.Server(Gateway(receipts, token=token), port=http_port).serve_forever()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.gateway", description=__doc__)
    parser.add_argument("--http-port", type=int, required=True, help="where to take and show messages")
    parser.add_argument("--receipts-url", required=True, help="where to send receipts")
    parser.add_argument("--token-file", type=Path, required=True, help="holds the token that a sender must show")
    parser.add_argument("--key-file", type=Path, required=True, help="holds the key that signs receipts")
    arguments = parser.parse_args()
    serve(
        http_port=arguments.http_port,
        receipts_url=arguments.receipts_url,
        token=arguments.token_file.read_text().strip(),
        key=arguments.key_file.read_text().strip(),
    )


if __name__ == "__main__":
    main()
