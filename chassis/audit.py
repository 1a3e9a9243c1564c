"""The audit trail: who did or read what, when and why, as entries that are added where the act itself is committed.

An entry names ids, fields and rules and never holds what a field says. Format and chain: contracts/decisions/0011.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from chassis import telemetry

if TYPE_CHECKING:
    from chassis.access import Principal
    from chassis.database import Connection

VERSION: Final = 1
SUBJECTS_MAX: Final = 200
"""As many as a page shows."""

Outcome = Literal["done", "shown", "refused", "irrelevant", "repeated", "failed"]

_PLAIN: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sha256:[0-9a-f]{64}|[a-z][a-z0-9.-]{0,79}"
)
_READS: Final = frozenset({"GET", "HEAD"})
_OUTSIDE_STATUS: Final = frozenset({403, 404})
"""A read that was refused: the caller may not, or finds nothing where others find something."""
_REFUSED, _FAILED = 400, 500
_FORBIDDEN: Final = 403

INSERT: Final = """
    INSERT INTO audit_entry (body, actor, action, outcome, subjects)
    SELECT body, actor, action, outcome, ARRAY(SELECT jsonb_array_elements_text(subjects::jsonb))
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
           WITH ORDINALITY AS e(body, actor, action, outcome, subjects, place)
     ORDER BY place
"""


class Subject(NamedTuple):
    """What was acted on or read: a kind of thing and which one."""

    kind: str
    id: str


class Row(NamedTuple):
    """An entry as it is stored: the body that is hashed, and the words by which it is looked up."""

    body: str
    actor: str
    action: str
    outcome: str
    subjects: str
    """The ids, as JSON: an array of arrays would be one table to the driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that somebody did, read, or was refused."""

    service: str
    actor: Mapping[str, Any]
    action: str
    outcome: Outcome
    subject: Subject | None
    subjects: tuple[Subject, ...] = ()
    fields: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    reason: str | None = None
    rule: str | None = None
    status: int | None = None
    trace: str | None = None
    correlation: str | None = None

    def row(self) -> Row:
        """The entry in its canonical form, version 1."""
        seen = list(dict.fromkeys(([] if self.subject is None else [self.subject]) + list(self.subjects)))
        body = {
            "action": self.action,
            "actor": dict(self.actor),
            "correlation": self.correlation,
            "fields": sorted(self.fields),
            "outcome": self.outcome,
            "parameters": sorted(self.parameters),
            "reason": self.reason,
            "rule": self.rule,
            "service": self.service,
            "status": self.status,
            "subjects": [{"id": each.id, "kind": each.kind} for each in seen],
            "trace": self.trace,
            "v": VERSION,
        }
        text = canonical(body)
        return Row(text, str(self.actor["id"]), self.action, self.outcome, json.dumps([each.id for each in seen]))


@dataclass
class Act:
    """What one caller is about to do or to read; it ends as one entry, or as several where it did several things."""

    action: str
    method: str
    who: "Principal"
    subject: Subject | None = None
    parameters: tuple[str, ...] = ()
    service: str = ""
    restricted: bool = True
    reason: str | None = None
    entered: bool = False
    _subjects: list[Subject] = field(default_factory=list)
    _fields: set[str] = field(default_factory=set)
    _ended: list[Entry] = field(default_factory=list)

    def saw(self, kind: str, ids: Iterable[object], fields: Iterable[str] = ()) -> None:
        """Note which things the answer shows, and which restricted fields of them."""
        for each in ids:
            if len(self._subjects) < SUBJECTS_MAX:
                self._subjects.append(Subject(kind, plain(each)))
        self._fields.update(fields)

    def entry(
        self,
        outcome: Outcome,
        *,
        subject: Subject | None = None,
        rule: str | None = None,
        status: int | None = None,
        reason: str | None = None,
    ) -> Entry:
        """The entry for this act, or for a part of it with a subject of its own."""
        trace = telemetry.current()
        return Entry(
            service=self.service,
            actor=actor_of(self.who),
            action=self.action,
            outcome=outcome,
            subject=subject or self.subject,
            subjects=tuple(self._subjects),
            fields=tuple(self._fields),
            parameters=self.parameters,
            reason=reason or self.reason,
            rule=rule,
            status=status,
            trace=None if trace is None else trace.trace_hex,
            correlation=telemetry.correlation_id(),
        )

    def ended(self, outcome: Outcome, *, subject: Subject | None = None, rule: str | None = None) -> None:
        """Note how a part of it ended that left nothing in the database, where an entry could stand."""
        self._ended.append(self.entry(outcome, subject=subject, rule=rule))

    def closing(self, status: int) -> list[Entry]:
        """What is still to be entered once the answer has this status, before the answer leaves."""
        if self._ended:
            return [replace(each, status=status) for each in self._ended]
        reads = self.method in _READS
        if status < _REFUSED:
            if reads:
                return [self.entry("shown", status=status)] if self.restricted else []
            return [] if self.entered else [self.entry("done", status=status)]
        if reads and not self._is_refused_read(status):
            return []
        return [self.entry("failed" if status >= _FAILED else "refused", status=status)]

    def _is_refused_read(self, status: int) -> bool:
        return status == _FORBIDDEN or (self.restricted and status in _OUTSIDE_STATUS)


_act: ContextVar["_Place | None"] = ContextVar("audit_act", default=None)


@dataclass
class _Place:
    """Where a request keeps its act: made before the caller is known."""

    service: str
    act: Act | None = None
    restricted: bool = True


@contextmanager
def place_for_an_act(service: str) -> Iterator[_Place]:
    """Let what runs inside have an act of its own, at this service."""
    place = _Place(service)
    token = _act.set(place)
    try:
        yield place
    finally:
        _act.reset(token)


def begin(act: Act) -> None:
    """The caller is known, and so is what it asks for."""
    place = _act.get()
    if place is not None:
        act.service, act.restricted = place.service, place.restricted
        place.act = act


def current() -> Act | None:
    """The act of the caller for whom this task works; none for events, clocks and senders."""
    place = _act.get()
    return None if place is None else place.act


async def nothing_restricted() -> None:
    """Depend on this in a route whose answer holds nothing restricted: reading it is then not entered."""
    place = _act.get()
    if place is not None:  # a route's own dependencies are solved before the caller is known
        place.restricted = False


def saw(kind: str, ids: Iterable[object], fields: Iterable[str] = ()) -> None:
    """Note which things the answer shows to the caller, and which restricted fields of them."""
    act = current()
    if act is not None:
        act.saw(kind, ids, fields)


def refused() -> None:
    """Note that a part of what the caller asked for was refused to it, where the whole is answered all the same."""
    act = current()
    if act is not None:
        act.ended("refused")


def because(reason: str) -> None:
    """Note why the caller says to do it: a code, or the words of an operator; never what describes a client."""
    act = current()
    if act is not None:
        act.reason = reason


async def enter(
    connection: "Connection", outcome: Outcome, *, subject: Subject | None = None, reason: str | None = None
) -> None:
    """Enter the caller's act in the transaction that does it; nothing happens where nobody called.

    A transaction that is undone takes the entry with it: what the caller is told then is entered instead.
    """
    act = current()
    if act is not None:
        await insert(connection, [act.entry(outcome, subject=subject, reason=reason)])
        act.entered = True


async def insert(connection: "Connection", entries: Sequence[Entry]) -> None:
    """Add entries; the database stamps each with its time and its digest."""
    await connection.execute(INSERT, *map(list, zip(*(entry.row() for entry in entries), strict=True)))


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no spaces and ASCII alone: the same entry has the same bytes everywhere."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(value: object) -> str:
    """An id as it may stand in the trail: a UUID or a name of ours as it is, anything else by its hash."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else f"sha256:{sha256(text.encode()).hexdigest()}"


def actor_of(who: "Principal") -> dict[str, Any]:
    """Who it was, according to the token."""
    return {
        "facility": who.facility,
        "id": who.subject,
        "kind": "system" if {role.value for role in who.roles} == {"PRISON_SYSTEM"} else "person",
        "roles": sorted(role.value for role in who.roles),
        "unit": who.unit,
    }
