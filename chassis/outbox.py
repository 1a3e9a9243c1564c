"""Messages on their way out: recorded in the transaction that makes them true, sent by the relay."""

import json
from typing import Final
from uuid import UUID

from chassis.rules.refusal import Refused
from chassis.work import OutboxRow
from contracts.envelope import Envelope, encode, encode_headers
from contracts.event import Event

MESSAGE_BYTES_MAX: Final = 256 * 1024


class EventTooLarge(Refused):
    """What this would publish is larger than a message may be (256 KiB)."""


def source_of(service: str) -> str:
    """The CloudEvents source of a service of ours."""
    return f"/bapas/{service}"


def outbox_row(fact: Event | None, envelope: Envelope, *, topic: str) -> OutboxRow:
    """Make the row of one message; a fact of None makes a tombstone.

    Raises EventTooLarge here, where the caller can still be told, and not at the broker.
    """
    if fact is None:
        headers, payload = encode_headers(envelope), None
    else:
        _, headers, payload = encode(fact, envelope)
        if len(payload) > MESSAGE_BYTES_MAX:
            raise EventTooLarge
    return OutboxRow(UUID(envelope.id), topic, envelope.subject, pack_headers(headers), payload)


def pack_headers(headers: list[tuple[str, bytes]]) -> bytes:
    """The headers of a message of ours as one value; they are text by construction."""
    return json.dumps([[name, value.decode()] for name, value in headers], separators=(",", ":")).encode()


def unpack_headers(packed: bytes) -> list[tuple[str, bytes]]:
    """The headers as the broker takes them."""
    return [(name, value.encode()) for name, value in json.loads(packed)]
