"""Messages on their way out: recorded in the transaction that makes them true, sent by the relay."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic_core import from_json, to_json

from chassis.rules.refusal import Refused
from chassis.work import OutboxRow
from contracts.envelope import Envelope, encode_data, header_texts
from contracts.event import Event

MESSAGE_BYTES_MAX: Final = 256 * 1024


class EventTooLarge(Refused):
    """What this would publish is larger than a message may be (256 KiB)."""


def source_of(service: str) -> str:
    """The CloudEvents source of a service of ours."""
    return f"/bapas/{service}"


def outbox_row(fact: Event | None, envelope: Envelope, *, event_id: UUID, topic: str) -> OutboxRow:
    """Make the row of one message; a fact of None makes a tombstone.

    Raises EventTooLarge here, where the caller can still be told, and not at the broker.
    """
    payload = None if fact is None else encode_data(fact)
    if payload is not None and len(payload) > MESSAGE_BYTES_MAX:
        raise EventTooLarge
    return OutboxRow(event_id, topic, envelope.subject, pack_headers(header_texts(envelope)), payload)


def pack_headers(headers: Sequence[tuple[str, str]]) -> bytes:
    """The headers of a message of ours as one value."""
    return to_json(headers)


def unpack_headers(packed: bytes) -> list[tuple[str, bytes]]:
    """The headers as the broker takes them."""
    return [(name, value.encode()) for name, value in from_json(packed)]
