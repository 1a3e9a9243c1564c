"""What lies on the topics: every record, who says to have sent it, and which of them are copies of one another."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from tests.faults.checker.contract import COMPACTED, HANDLED, event_key, is_version_of_one, name_of_cause

Place = tuple[str, int, int]
"""Topic without the deployment's prefix, partition, offset."""

Reading = Literal["event", "foreign", "broken"]

ATTRIBUTE_CHARS_MAX: Final = 256
NO_TEXT: Final = re.compile("[\x00-\x1f\x7f\ufffd]")
"""Control characters, and what stands in a record of this run for bytes that are no UTF-8."""
_TRACE: Final = frozenset({"ce_traceparent", "ce_tracestate"})


@dataclass(frozen=True, eq=False)
class Record:
    """One record of a topic; no two are the same, for each has its place."""

    topic: str
    partition: int
    offset: int
    key: str | None
    headers: Mapping[str, str | None]
    value_sha256: str | None
    value: Any = None
    timestamp: float | None = None

    @classmethod
    def from_json(cls, row: Mapping[str, Any], topic: str) -> "Record":
        """The record that a line of a topic's file tells."""
        return cls(
            topic=topic,
            partition=row["partition"],
            offset=row["offset"],
            key=row["key"],
            headers=row["headers"],
            value_sha256=row["value_sha256"],
            value=row.get("value"),
            timestamp=row.get("timestamp"),
        )

    @property
    def place(self) -> Place:
        """Where it lies."""
        return self.topic, self.partition, self.offset

    @property
    def type(self) -> str | None:
        """The type of event that it says to be."""
        return readable(self.headers.get("ce_type"))

    @property
    def source(self) -> str | None:
        """Who says to have sent it."""
        return readable(self.headers.get("ce_source"))

    @property
    def id(self) -> str | None:
        """What its sender calls it."""
        return readable(self.headers.get("ce_id"))

    @property
    def traceparent(self) -> str | None:
        """The trace context that it carries, with or without prefix."""
        return self.headers.get("traceparent") or self.headers.get("ce_traceparent")

    @cached_property
    def event_key(self) -> str | None:
        """What identifies the event; None where the record does not say who it is."""
        return event_key(self.source, self.id) if self.source and self.id else None

    @property
    def cause_name(self) -> str | None:
        """How what follows from it names it."""
        return name_of_cause(self.id, self.event_key) if self.id and self.event_key else None

    @cached_property
    def body(self) -> tuple[object, ...]:
        """What makes two records with one key the same: key, attributes and value, but not the trace."""
        attributes = {name: text for name, text in self.headers.items() if name.startswith("ce_")}
        return (self.key, self.value_sha256, *sorted((k, v) for k, v in attributes.items() if k not in _TRACE))

    def reading(self, consumer: str) -> Reading:
        """How far a consumer must come with it, judged by the envelope alone."""
        handled = HANDLED.get(consumer, frozenset())
        event_type = self.type
        if not event_type:
            return "broken"
        if event_type not in handled:
            return "broken" if is_version_of_one(event_type, handled) else "foreign"
        subject = self.headers.get("ce_subject", self.key)
        whole = self.event_key is not None and self.headers.get("ce_specversion") == "1.0"
        if not whole or not readable(self.key) or subject != self.key:
            return "broken"
        return "broken" if self.value_sha256 is None and event_type not in COMPACTED else "event"


def readable(text: str | None) -> str | None:
    """An attribute as far as it can be read: not empty, no bytes that are no text, not too long."""
    if not text or len(text) > ATTRIBUTE_CHARS_MAX or NO_TEXT.search(text):
        return None
    return text


@dataclass(frozen=True)
class Log:
    """All records, by place and by what they are."""

    records: Sequence[Record]
    by_place: Mapping[Place, Record] = field(init=False)
    by_event: Mapping[str, Sequence[Record]] = field(init=False)
    by_partition: Mapping[tuple[str, int], Sequence[Record]] = field(init=False)

    def __post_init__(self) -> None:
        """Sort them."""
        ordered = sorted(self.records, key=lambda record: record.place)
        by_event, by_partition = defaultdict(list), defaultdict(list)
        for record in ordered:
            by_partition[record.topic, record.partition].append(record)
            if record.event_key is not None:
                by_event[record.event_key].append(record)
        object.__setattr__(self, "by_place", {record.place: record for record in ordered})
        object.__setattr__(self, "by_event", dict(by_event))
        object.__setattr__(self, "by_partition", dict(by_partition))

    def first(self, key: str, topics: Iterable[str]) -> Record | None:
        """Where an event stands first on one of these topics."""
        wanted = frozenset(topics)
        return next((record for record in self.by_event.get(key, ()) if record.topic in wanted), None)

    def value_of(self, key: str) -> Mapping[str, Any]:
        """What an event says, wherever it stands; nothing for a tombstone or an event that is on no topic."""
        for record in self.by_event.get(key, ()):
            if isinstance(record.value, dict):
                return record.value
        return {}
