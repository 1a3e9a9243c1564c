"""What an operator sees of a dead letter: personal values hidden, unless revealing was asked for and recorded."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.spans import only_id
from contracts.event import EVENT_TYPES, Event
from contracts.personal import MASK, masked

PLAIN_HEADERS: Final = {
    "ce_specversion": re.compile(r"[0-9.]{1,10}"),
    "ce_time": re.compile(r"[0-9T:.+Z-]{10,40}"),
    "content-type": re.compile(r"[a-z]+/[a-z0-9.+-]+(; ?charset=[a-z0-9-]+)?"),
    "traceparent": re.compile(r"[0-9a-f-]{55}"),
}
"""Headers whose values are words of the protocol, and how these look; all others could hold anything."""
KNOWN_HEADERS: Final = frozenset(
    {*PLAIN_HEADERS, "ce_id", "ce_source", "ce_type", "ce_subject", "ce_sequence", "ce_correlationid",
     "ce_causationid", "tracestate"}
)  # fmt: skip

_SOURCE: Final = re.compile(r"[A-Za-z0-9/_.:-]{1,100}")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was set aside, as the database keeps it."""

    id: UUID
    seq: int
    consumer: str
    kind: str
    state: str
    reason: str
    rule: str | None
    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None
    corrected_value: bytes | None
    event_key: UUID
    event_id: str | None
    event_type: str | None
    source: str | None
    attempts: int
    received_at: datetime
    updated_at: datetime

    @property
    def event_class(self) -> type[Event] | None:
        """The class of the event, if it is known here."""
        return EVENT_TYPES.get(self.event_type or "")

    @property
    def current_value(self) -> bytes | None:
        """The data with which it will be retried."""
        return self.value if self.corrected_value is None else self.corrected_value


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key whose later events wait."""

    consumer: str
    key: str
    since: datetime
    waiting: int


class DeadLetterSummary(BaseModel):
    """A dead letter in a list."""

    id: UUID
    consumer: str
    kind: str = Field(description="malformed, refused or bug; held for an event that waits behind one of these")
    state: str = Field(description="parked, waiting, resolved or discarded")
    reason: str
    rule: str | None
    topic: str
    partition: int
    offset: int
    event_key: UUID
    event_type: str | None
    attempts: int
    received_at: datetime
    updated_at: datetime
    corrected: bool


class RecordView(BaseModel):
    """The record as it came, or as much of it as may be shown."""

    key: str | None
    headers: list[tuple[str, str | None]]
    data: Any = Field(description="The event's data; personal values hidden unless revealed")
    size: int
    sha256: str
    masked: bool


class DeadLetterView(DeadLetterSummary):
    """A dead letter with its record."""

    event_id: str | None
    source: str | None
    record: RecordView


class HeldKeyView(BaseModel):
    """A key whose later events wait."""

    consumer: str
    kind: str = Field(description="What the key names: a subject, or an aggregate by its table")
    key: str = Field(description="The key if it is a UUID, else hidden")
    key_sha256: str
    since: datetime
    waiting: int


def summary_of(letter: DeadLetter) -> DeadLetterSummary:
    """A dead letter as a list shows it."""
    return DeadLetterSummary(**_summary(letter))


def view_of(letter: DeadLetter, *, revealed: bool = False) -> DeadLetterView:
    """A dead letter with its record, hidden or revealed."""
    return DeadLetterView(
        **_summary(letter),
        event_id=letter.event_id if revealed else _id_or_mask(letter.event_id),
        source=letter.source if revealed else _source_or_mask(letter.source),
        record=_revealed(letter) if revealed else _masked(letter),
    )


def held_key_view(held: HeldKey) -> HeldKeyView:
    """A held key as operators see it."""
    kind, _, name = held.key.partition(":")
    return HeldKeyView(
        consumer=held.consumer,
        kind=kind,
        key=_id_or_mask(name) or MASK,
        key_sha256=hashlib.sha256(name.encode()).hexdigest(),
        since=held.since,
        waiting=held.waiting,
    )


def _summary(letter: DeadLetter) -> dict[str, Any]:
    known = letter.event_class is not None
    return {
        "id": letter.id,
        "consumer": letter.consumer,
        "kind": letter.kind,
        "state": letter.state,
        "reason": letter.reason,
        "rule": letter.rule,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "event_key": letter.event_key,
        "event_type": letter.event_type if known or letter.event_type is None else MASK,
        "attempts": letter.attempts,
        "received_at": letter.received_at,
        "updated_at": letter.updated_at,
        "corrected": letter.corrected_value is not None,
    }


def _masked(letter: DeadLetter) -> RecordView:
    value = letter.current_value
    data = json_of(value)
    event_class = letter.event_class
    return RecordView(
        key=None if letter.key is None else _id_or_mask(letter.key.decode("utf-8", "replace")),
        headers=[(_header_name(name), _header_masked(name, raw)) for name, raw in letter.headers],
        data=MASK if event_class is None else masked(data, event_class),
        size=len(value or b""),
        sha256=hashlib.sha256(value or b"").hexdigest(),
        masked=True,
    )


def _revealed(letter: DeadLetter) -> RecordView:
    value = letter.current_value
    return RecordView(
        key=None if letter.key is None else _text(letter.key),
        headers=[(name, None if raw is None else _text(raw)) for name, raw in letter.headers],
        data=json_of(value) if is_json(value) else _text(value or b""),
        size=len(value or b""),
        sha256=hashlib.sha256(value or b"").hexdigest(),
        masked=False,
    )


def json_of(value: bytes | None) -> Any:
    """The data as JSON, or nothing when they are none."""
    try:
        return json.loads(value or b"", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def is_json(value: bytes | None) -> bool:
    """Whether the data are JSON."""
    return json_of(value) is not None or (value or b"").strip() == b"null"


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(raw).decode()}"


def _header_name(name: str) -> str:
    return name if name in KNOWN_HEADERS else MASK


def _header_masked(name: str, raw: bytes | None) -> str | None:
    if raw is None:
        return None
    text = raw.decode("utf-8", "replace")
    if name == "ce_type":
        return text if text in EVENT_TYPES else MASK
    if name == "ce_source":
        return _source_or_mask(text)
    if name in PLAIN_HEADERS and PLAIN_HEADERS[name].fullmatch(text):
        return text
    return _id_or_mask(text)


def _id_or_mask(text: str | None) -> str | None:
    return None if text is None else only_id(text) or MASK


def _source_or_mask(source: str | None) -> str | None:
    """The sender, as operations must know who it is; an address holds no spaces, unlike a name."""
    return source if source is None or _SOURCE.fullmatch(source) else MASK
