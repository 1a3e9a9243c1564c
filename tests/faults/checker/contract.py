"""The written contract as the checker reads it: what identifies a message, who handles what, what a clock makes known.

Nothing of this is imported from the house: a mistake there would otherwise be believed here.

An event is identified by its key. A service of ours (a source that begins with `/bapas/`) gives a UUID of version 7,
which is the key itself. Any other sender may use whatever text it likes, unique only among its own: its key is a UUID
of version 5 over `<number of characters of the source>:<source><id>` in the name space `FOREIGN_EVENTS`. The length
before the source keeps two pairs from flowing into the same text.
"""

import re
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

FOREIGN_EVENTS: Final = UUID("c3a0f7d4-4a52-5d0f-9a37-3a5d1b6a8e02")
OUR_SOURCES: Final = "/bapas/"
OUR_ID_VERSION: Final = 7
VERSION: Final = re.compile(r"(?P<name>.+)\.v[0-9]{1,4}")
TRACEPARENT: Final = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")

RELEASES: Final = "lapas.client-released.v1"
ANNOUNCEMENTS: Final = "lapas.release-announced.v1"
CANCELLATIONS: Final = "lapas.release-cancelled.v1"
DETAILS: Final = "registration.client-details.v1"
REGISTERED: Final = "registration.client-registered.v1"
SUPERVISION_OPENED: Final = "supervision.supervision-opened.v1"
FIRST_CHECK_IN: Final = "supervision.first-check-in-scheduled.v1"
SUPERVISION_FACTS: Final = frozenset({SUPERVISION_OPENED, FIRST_CHECK_IN})
DEAD_LETTERED: Final = ".event-dead-lettered.v1"
ANCHORED: Final = ".audit-anchored.v1"
SETTLED_NOTICES: Final = frozenset({"notifications.notification-delivered.v2", "notifications.notification-failed.v2"})

_OF_REGISTRATION: Final = (
    "registration-announced", "registration-opened", "registration-corrected", "registration-cancelled",
    "registration-conflict", "registration-closed", "client-handed-on", "release-unconfirmed", "first-contact-made",
    "first-contact-overdue", "tracing-started", "tracing-overdue", "registration-submitted", "registration-returned",
    "registration-refused", "submission-overdue", "client-registered", "release-breach-reported",
    "transfer-offer-overdue", "absconding-suspected", "search-review-due", "files-missing",
)  # fmt: skip

CASE_FACTS: Final = frozenset(f"registration.{name}.v1" for name in _OF_REGISTRATION)
"""What notifications learn of a case, each with the registration as its subject."""

BESIDE_CASES: Final = frozenset(
    {"registration.facility-silent.v1", "registration.transfer-offer-ended.v1", "registration.glass-broken.v1"}
)
"""What notifications react to besides; the workload has none of it."""

HANDLED: Final[dict[str, frozenset[str]]] = {
    "registration": frozenset({ANNOUNCEMENTS, RELEASES, CANCELLATIONS}),
    "supervision": frozenset({REGISTERED, DETAILS}),
    "notifications": CASE_FACTS
    | {f"registration{DEAD_LETTERED}", f"supervision{DEAD_LETTERED}", DETAILS, FIRST_CHECK_IN, *BESIDE_CASES},
}
"""The types that each service says in its README to react to; any other type on its topics is not for it."""

COMPACTED: Final = frozenset({DETAILS})
"""Types whose record may be a tombstone."""

CLOCK_FACTS: Final[dict[str, str]] = {
    "registration.first-contact-overdue.v1": "first-contact",
    "registration.submission-overdue.v1": "submission",
    "registration.release-unconfirmed.v1": "release-unconfirmed",
}
"""What is made known when a clock of registration runs out; a step of tracing names its clock itself."""
TRACING_OVERDUE: Final = "registration.tracing-overdue.v1"
TRACING_CLOCKS: Final = {"CALLS": "tracing-calls", "VISIT": "tracing-visit"}

RESTARTS: Final = frozenset(
    f"registration.{name}.v1"
    for name in (
        "registration-announced", "registration-opened", "registration-corrected", "registration-cancelled",
        "registration-closed", "registration-returned", "registration-conflict", "first-contact-made",
    )
)  # fmt: skip
"""Facts after which a clock may rightly run out once more at the same time."""

AWAITED: Final = frozenset({"released", "contact_overdue", "tracing"})
ENDED: Final = frozenset({"cancelled", "closed", "handed_on"})
NOT_RELEASED: Final = frozenset({"release_announced", "pre_registered"})
WAITS_TO_SUBMIT: Final = frozenset({"provisionally_registered", "conflict"})
OPEN_LETTER: Final = frozenset({"parked", "waiting"})


def event_key(source: str, event_id: str) -> str:
    """The key of an event, as text, from the source and the id that its envelope says."""
    own = as_uuid(event_id) if source.startswith(OUR_SOURCES) else None
    if own is not None and own.version == OUR_ID_VERSION:
        return str(own)
    return str(uuid5(FOREIGN_EVENTS, f"{len(source)}:{source}{event_id}"))


def as_uuid(text: str | None) -> UUID | None:
    """The UUID that a text is, if it is one."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def name_of_cause(event_id: str, key: str) -> str:
    """How what follows from an event names it: a foreign id that is no UUID could be a person's name, so its key."""
    own = as_uuid(event_id)
    return key if own is None else str(own)


def is_version_of_one(event_type: str, handled: frozenset[str]) -> bool:
    """Whether a type differs from one of the handled ones in its major version alone."""
    match = VERSION.fullmatch(event_type)
    return match is not None and any(name.rpartition(".v")[0] == match["name"] for name in handled)


def span_of(traceparent: str | None) -> tuple[str, str] | None:
    """Trace and span of a W3C trace context that is sampled."""
    match = TRACEPARENT.fullmatch(traceparent or "")
    if match is None or not int(match["flags"], 16) & 1:
        return None
    return match["trace"], match["span"]


def instant(value: object) -> datetime | None:
    """A moment written by PostgreSQL, by an event (ISO 8601) or as unix seconds; None where there is none."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
