"""The envelope of a message: CloudEvents 1.0, Kafka binary mode.

Attributes are record headers (`ce_id`, `ce_type` ...), the key is the subject, the value is the event as JSON.
Parsed by hand: a model for the envelope would double what reading a message costs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contracts.event import Event
from contracts.personal import parts_of
from contracts.upcasting import is_version_of, lifted, readable_as

EVENT_BYTES_MAX: Final = 256 * 1024
ATTRIBUTE_CHARS_MAX: Final = 256
TRACE_BYTES_MAX: Final = 1024
SEQUENCE_DIGITS_MAX: Final = 18
PROBLEMS_MAX: Final = 20
OUR_SOURCES: Final = "/bapas/"
_EVENT_KEYS: Final = UUID("c3a0f7d4-4a52-5d0f-9a37-3a5d1b6a8e02")
_UUID_VERSION: Final = 7
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CONTENT_TYPE: Final = ("content-type", "application/json")
_SPECIFICATION: Final = ("ce_specversion", "1.0")
_STRUCTURED: Final = b"application/cloudevents"
_NOT_HASHED: Final = frozenset({"ce_traceparent", "ce_tracestate"})

Header = tuple[str, bytes | None]
Attributes = dict[str, bytes | None]


class Envelope(NamedTuple):
    """What is known of an event without reading it."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    sequence: int | None = None
    traceparent: str | None = None
    tracestate: str | None = None


class EnvelopeParts(NamedTuple):
    """As much of an envelope as a broken message shows; each part is there only if it is safe to store."""

    id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None
    traceparent: str | None = None


class Malformed(Exception):
    """A message that cannot be read; the reason names what is wrong and never repeats a value."""

    def __init__(self, reason: str, *, problems: Sequence[str] = ()) -> None:
        """Keep the reason, and every single problem where there are several."""
        super().__init__(reason)
        self.reason = reason
        self.problems = tuple(problems) or (reason,)
        self.envelope_parts = EnvelopeParts()


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was read."""

    envelope: Envelope
    event: Event
    unknown_fields: int = 0
    upgraded: bool = False


@dataclass(frozen=True, slots=True)
class Erased:
    """A tombstone: what a compacted topic said about the subject is to be forgotten."""

    envelope: Envelope
    event_class: type[Event]


@dataclass(frozen=True, slots=True)
class NotForUs:
    """A message of a type that is not handled here; nothing else of it was looked at."""

    type: str


def decode(
    record_key: bytes | None,
    headers: Sequence[Header] | Attributes,
    value: bytes | None,
    *,
    known: Mapping[str, type[Event]],
    bytes_max: int = EVENT_BYTES_MAX,
) -> Received | Erased | NotForUs:
    """Read a record of Kafka as one of the event classes in `known`.

    Raises Malformed for whatever is not a CloudEvent of a known type with valid data.
    """
    found = attributes(headers)
    try:
        return _read(found, record_key, value, known, bytes_max)
    except Malformed as malformed:
        malformed.envelope_parts = _readable_parts(found, record_key)
        raise


def _read(
    found: Mapping[str, bytes | None],
    record_key: bytes | None,
    value: bytes | None,
    known: Mapping[str, type[Event]],
    bytes_max: int,
) -> Received | Erased | NotForUs:
    event_type = _required(found, "ce_type")
    event_class = readable_as(event_type, known)
    if event_class is None:
        if any(is_version_of(event_type, handled) for handled in known):
            raise Malformed(f"type {event_type}: the major version is unknown")
        return NotForUs(event_type)
    envelope = _envelope(found, event_type, record_key)
    if not value:
        return _erased(envelope, event_class, value)
    if len(value) > bytes_max:
        raise Malformed("value is over the limit")
    event, unknown_fields = parse(event_class, value)
    if event.subject != envelope.subject:
        raise Malformed(f"field {event_class.subject_field} is not the key")
    current = lifted(event, known)
    return Received(envelope, current, unknown_fields, upgraded=current is not event)


def parse(event_class: type[Event], value: bytes | str) -> tuple[Event, int]:
    """Read JSON data as an event, with the number of fields that its class does not know.

    Strict about types, tolerant of unknown fields. Raises Malformed.
    """
    try:
        # Nearly every message is one without unknown fields, and to count them costs as much as to read it.
        return event_class.model_validate_json(value, strict=True, extra="forbid"), 0
    except ValidationError:
        return _parse_tolerantly(event_class, value)


def _parse_tolerantly(event_class: type[Event], value: bytes | str) -> tuple[Event, int]:
    try:
        event = event_class.model_validate_json(value, strict=True, extra="allow")
        unknown_fields = _count_unknown(event)
        if unknown_fields:
            event = event_class.model_validate_json(value, strict=True, extra="ignore")
    except ValidationError as error:
        raise _explained(error) from None
    return event, unknown_fields


def encode(event: Event, envelope: Envelope) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
    """The key, headers and value of the record that carries an event."""
    if (envelope.type, envelope.subject) != (event.type, event.subject):
        raise ValueError(f"the envelope of a {event.type} says {envelope.type} or another subject")
    return envelope.subject.encode(), encode_headers(envelope), encode_data(event)


def encode_data(event: Event) -> bytes:
    """The value of the record that carries an event."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def encode_headers(envelope: Envelope) -> list[tuple[str, bytes]]:
    """The headers of a record, in a fixed order."""
    return [(name, text.encode()) for name, text in header_texts(envelope)]


def header_texts(envelope: Envelope) -> list[tuple[str, str]]:
    """The same before they are encoded."""
    attributes = (
        _CONTENT_TYPE,
        _SPECIFICATION,
        ("ce_id", envelope.id),
        ("ce_source", envelope.source),
        ("ce_type", envelope.type),
        ("ce_subject", envelope.subject),
        ("ce_time", None if envelope.time is None else _zulu(envelope.time)),
        ("ce_correlationid", envelope.correlation_id),
        ("ce_causationid", envelope.causation_id),
        ("ce_sequence", None if envelope.sequence is None else str(envelope.sequence)),
        ("traceparent", envelope.traceparent),
        ("tracestate", envelope.tracestate),
    )
    return [(name, text) for name, text in attributes if text is not None]


def _zulu(moment: datetime) -> str:
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.replace(tzinfo=None).isoformat()}Z"


def event_key(source: str, event_id: str) -> UUID:
    """What makes a message unique: our own ids as they are, a foreign one together with its source."""
    if source.startswith(OUR_SOURCES):
        try:
            own = UUID(event_id)
        except ValueError:
            own = None
        if own is not None and own.version == _UUID_VERSION:
            return own
    return uuid5(_EVENT_KEYS, f"{len(source)}:{source}{event_id}")


def record_hash(key: bytes | None, headers: Sequence[Header] | Attributes, value: bytes | None) -> bytes:
    """A fingerprint of a record as it came: key, CloudEvents attributes and value, but not its trace."""
    found = attributes(headers)
    names = [name for name in found if name.startswith("ce_") and name not in _NOT_HASHED]
    names.sort()
    parts: list[bytes | None] = [key, value]
    for name in names:
        parts += (name.encode(), found[name])
    # The length before each part, so that no two records can flow into the same bytes.
    return sha256(b"".join([b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts])).digest()


def attributes(headers: Sequence[Header] | Attributes) -> Attributes:
    """The headers by name; of a repeated one the first counts."""
    return headers if isinstance(headers, dict) else dict(reversed(headers))


def _text(found: Mapping[str, bytes | None], name: str) -> str | None:
    raw = found.get(name)
    if raw is None:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Malformed(f"header {name} is not UTF-8") from None
    return text if text.isprintable() and len(text) <= ATTRIBUTE_CHARS_MAX else _checked(text, f"header {name}")


def _words(raw: bytes | None, place: str) -> str | None:
    if raw is None:
        return None
    try:
        return _checked(raw.decode(), place)
    except UnicodeDecodeError:
        raise Malformed(f"{place} is not UTF-8") from None


def _checked(text: str, place: str) -> str:
    if len(text) > ATTRIBUTE_CHARS_MAX:
        raise Malformed(f"{place} is too long")
    if _CONTROL.search(text):
        raise Malformed(f"{place} has control characters")
    return text


def _required(found: Mapping[str, bytes | None], name: str) -> str:
    text = _text(found, name)
    if text:
        return text
    if (found.get("content-type") or b"").startswith(_STRUCTURED):
        raise Malformed("the message is in structured mode; binary mode is read here")
    raise Malformed(f"header {name} is missing" if text is None else f"header {name} is empty")


def _envelope(found: Mapping[str, bytes | None], event_type: str, record_key: bytes | None) -> Envelope:
    if _required(found, "ce_specversion") != "1.0":
        raise Malformed("header ce_specversion is not 1.0")
    event_id, source = _required(found, "ce_id"), _required(found, "ce_source")
    subject = _key(record_key)
    if _text(found, "ce_subject") not in {None, subject}:
        raise Malformed("key is not the subject")
    return Envelope(
        id=event_id,
        source=source,
        type=event_type,
        subject=subject,
        time=_time(found),
        correlation_id=_text(found, "ce_correlationid"),
        causation_id=_text(found, "ce_causationid"),
        sequence=_sequence(found),
        traceparent=_trace(found, "traceparent"),
        tracestate=_trace(found, "tracestate"),
    )


def _key(record_key: bytes | None) -> str:
    if not record_key:
        raise Malformed("key is missing" if record_key is None else "key is empty")
    return _words(record_key, "key") or ""


def _time(found: Mapping[str, bytes | None]) -> datetime | None:
    """When the sender says it happened; nothing is decided by it, so one that cannot be read is none."""
    try:
        moment = datetime.fromisoformat(_text(found, "ce_time") or "")
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _sequence(found: Mapping[str, bytes | None]) -> int | None:
    """The number of an event of ours within its subject; a foreign sequence may be any text and says nothing here."""
    text = _text(found, "ce_sequence") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= SEQUENCE_DIGITS_MAX else None


def _trace(found: Mapping[str, bytes | None], name: str) -> str | None:
    """Trace context, with or without prefix; a broken one is dropped: no event is refused because of its trace."""
    raw = found.get(name) or found.get(f"ce_{name}") or b""
    if len(raw) > TRACE_BYTES_MAX or not raw.isascii():
        return None
    return raw.decode() or None


def _erased(envelope: Envelope, event_class: type[Event], value: bytes | None) -> Erased:
    if value is None and event_class.carrier != "events":
        return Erased(envelope, event_class)
    raise Malformed("value is empty")


def _readable_parts(found: Mapping[str, bytes | None], record_key: bytes | None) -> EnvelopeParts:
    """What of a broken message can be stored; of no subject when key and header name different ones.

    Where they differ nobody can say whose order is at stake.
    """
    key, subject = _readable(record_key), _readable(found.get("ce_subject"))
    agreed = key if found.get("ce_subject") is None or subject == key else None
    return EnvelopeParts(
        id=_readable(found.get("ce_id")),
        source=_readable(found.get("ce_source")),
        type=_readable(found.get("ce_type")),
        subject=agreed,
        traceparent=_trace(found, "traceparent"),
    )


def _readable(raw: bytes | None) -> str | None:
    try:
        return _words(raw, "it") or None
    except Malformed:
        return None


@cache
def _nested_fields(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(
        name
        for name, field in model.model_fields.items()
        if any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts_of(field.annotation))
    )


def _count_unknown(part: BaseModel) -> int:
    count = len(part.model_extra or ())
    for name in _nested_fields(type(part)):
        inner = getattr(part, name)
        items = inner if isinstance(inner, tuple) else (inner,)
        count += sum(_count_unknown(item) for item in items if isinstance(item, BaseModel))
    return count


def _explained(error: ValidationError) -> Malformed:
    """What is wrong with the data, by field and kind of error."""
    problems = [_problem(each) for each in error.errors(include_url=False, include_context=False, include_input=False)]
    return Malformed(problems[0], problems=problems[:PROBLEMS_MAX])


def _problem(error: ErrorDetails) -> str:
    if error["type"] == "json_invalid":
        return "data is not JSON"
    if not error["loc"]:
        return "data is not an object"
    return f"field {'.'.join(str(step) for step in error['loc'])}: {error['type']}"
