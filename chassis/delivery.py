"""One record from Kafka: what it says, or why it cannot be read; and in which of the named ways it ended."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal
from uuid import UUID, uuid5

from chassis.inbox import Erasure, Inbox, Reaction
from chassis.work import AggregateKey
from contracts.envelope import (
    Envelope,
    EnvelopeParts,
    Erased,
    Malformed,
    NotForUs,
    attributes,
    decode,
    event_key,
    record_hash,
)
from contracts.event import Event

OutcomeKind = Literal["applied", "duplicate", "not_for_us", "irrelevant", "held", "dead_lettered", "retried"]
DeadLetterKind = Literal["malformed", "refused", "bug"]

_UNREADABLE: Final = UUID("6f7d3f0e-5c1b-5a0e-8d57-1f1c4a3f7e55")


@dataclass(frozen=True)
class Record:
    """A record as Kafka gave it, or as a dead letter kept it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    timestamp_ms: int = 0


@dataclass(frozen=True)
class Ended:
    """How a delivery ended: one of a closed set, with the kind and the words where there are any."""

    outcome: OutcomeKind
    kind: DeadLetterKind | None = None
    reason: str = ""
    rule: str | None = None


@dataclass
class Delivery:
    """A record on its way through one consumer."""

    record: Record
    event_key: UUID
    record_hash: bytes
    parts: EnvelopeParts
    envelope: Envelope | None = None
    event: Event | Erasure | None = None
    reaction: Reaction | None = None
    malformed: str | None = None
    broken: Exception | None = None
    """What `key_of` raised: a bug of the handler like any other."""
    unknown_fields: int = 0
    ended: Ended | None = None
    aggregate_keys: list[AggregateKey] = field(default_factory=list)

    @property
    def known_type(self) -> str | None:
        """The event's type if it is handled here; a stranger's text is not a word to count by."""
        return self.reaction.event.type if self.reaction is not None else None

    @cached_property
    def order_keys(self) -> list[str]:
        """What this delivery must keep its place behind: its subject, and the aggregates that it touches."""
        keys = [f"{aggregates.name}:{key}" for aggregates, key in self.aggregate_keys]
        return [f"subject:{self.parts.subject}", *keys] if self.parts.subject else keys


def read(record: Record, inbox: Inbox, *, value: bytes | None = None) -> Delivery:
    """Read a record; it never raises, whatever the record holds. An operator's corrected `value` replaces its own."""
    found = attributes(record.headers)
    digest = record_hash(record.key, found, record.value)
    try:
        received = decode(record.key, found, record.value if value is None else value, known=inbox.events)
    except Malformed as malformed:
        parts = malformed.envelope_parts
        known = parts.source is not None and parts.id is not None
        key = event_key(str(parts.source), str(parts.id)) if known else key_of_unreadable(record, digest)
        return Delivery(record, key, digest, parts, malformed=malformed.reason)
    if isinstance(received, NotForUs):
        return _not_for_us(record, digest, EnvelopeParts(type=received.type))
    envelope = received.envelope
    parts = EnvelopeParts(envelope.id, envelope.source, envelope.type, envelope.subject, envelope.traceparent)
    event: Event | Erasure
    if isinstance(received, Erased):
        reaction, event = inbox.erasures.get(received.event_class.type), Erasure(envelope.subject)
    else:
        reaction, event = inbox.reactions.get(received.event.type), received.event
    if reaction is None:
        return _not_for_us(record, digest, parts)
    keys, broken = _keys(reaction, event)
    return Delivery(
        record,
        event_key(envelope.source, envelope.id),
        digest,
        parts,
        envelope=envelope,
        event=event,
        reaction=reaction,
        broken=broken,
        unknown_fields=0 if isinstance(received, Erased) else received.unknown_fields,
        aggregate_keys=keys,
    )


def _keys(reaction: Reaction, event: Event | Erasure) -> tuple[list[AggregateKey], Exception | None]:
    try:
        return reaction.keys(event), None
    except Exception as failure:  # noqa: BLE001  the boundary: a bug in `key_of` is an outcome
        return [], failure


def key_of_unreadable(record: Record, digest: bytes) -> UUID:
    """What makes a record unique that does not say who it is: the place where it lies, and what it holds."""
    return uuid5(_UNREADABLE, f"{record.topic}|{record.partition}|{record.offset}|{digest.hex()}")


def _not_for_us(record: Record, digest: bytes, parts: EnvelopeParts) -> Delivery:
    return Delivery(record, key_of_unreadable(record, digest), digest, parts, ended=Ended("not_for_us"))
