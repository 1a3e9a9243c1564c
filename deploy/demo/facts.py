"""What lies in databases, topics and mailbox when it is all over: the facts that the checks judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.envelope import event_key
from contracts.reference import Reference
from deploy.demo.doors import Sent
from deploy.demo.officers import Shift, Slip
from deploy.demo.scenario import Scenario
from deploy.demo.topics import Record


@dataclass(frozen=True, kw_only=True)
class Case:
    """A registration as its database has it."""

    registration_id: UUID
    release_id: str
    client_id: UUID
    status: str
    clocks: tuple[str, ...] = ()
    """The kinds of the clocks that run."""
    unit: str = ""
    released_at: datetime | None = None
    met_at: datetime | None = None
    met_how: str | None = None
    register_no: str | None = None
    why: str | None = None
    """Why it ended, or where it went."""
    bound_to: UUID | None = None
    """The walk-in as which a release counts that a prison named otherwise."""
    slip_code: str | None = None
    fingerprint: str | None = None
    offered_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line in a register."""

    unit: str
    register: str
    year: int
    seq: int
    number: str
    registration_id: UUID | None
    void: bool = False


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A dead letter."""

    event_key: UUID
    kind: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A row of the ledger of notifications."""

    notification_id: UUID
    about: UUID
    occasion: str
    recipient: str
    channel: str
    state: str
    maybe_doubled: bool
    message_id: str | None
    parcel: UUID | None = None
    created_at: datetime | None = None
    settled_at: datetime | None = None
    """When the recipient had it, by the office's clock."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What somebody was to take care of."""

    about: UUID
    occasion: str
    unit: str
    state: str
    raised_at: datetime
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Address:
    """By what somebody of the office is reached."""

    email: str
    phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that lies at the messaging gateway."""

    key: str
    text: str
    to: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Store:
    """What the chassis keeps in one service's database."""

    inbox: Mapping[UUID, str]
    """The outcome of each event that was handled, by event key."""
    letters: Sequence[Letter] = ()
    outbox: int = 0
    held_keys: int = 0


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail that arrived."""

    message_id: str
    recipients: tuple[str, ...]
    text: str = field(repr=False)
    """Its subject and what it says."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that there is to see."""

    scenario: Scenario
    reference: Reference
    ended_at: datetime
    sent: Sequence[Sent]
    records: Sequence[Record]
    cases: Sequence[Case]
    entries: Sequence[Entry]
    counters: Mapping[str, int]
    """The last number of each register, by `unit|register|year`."""
    stores: Mapping[str, Store]
    supervisions: Sequence[UUID]
    """The client of each supervision."""
    check_ins: Sequence[UUID]
    """The client of each report that is owed."""
    notices: Sequence[Notice]
    mails: Sequence[Mail]
    messages: Sequence[Message] = ()
    alerts: Sequence[Alert] = ()
    slips: Sequence[Slip] = ()
    shifts: Sequence[Shift] = ()
    """What was planned."""
    addresses: Mapping[str, Address] = field(default_factory=dict)
    """Of each officer, as the house was told."""

    def records_of(self, event_type: str) -> list[Record]:
        """The records that carry one type of event, tombstones left out."""
        return [record for record in self.records if record.type == event_type and record.value is not None]

    def case_of(self, name: str) -> Case | None:
        """The registration that a case of the sheets became."""
        one = self.scenario.registrations[name]
        return next((case for case in self.cases if case.registration_id == one), None)

    def role_of(self, officer: str) -> str:
        """What somebody who was told is in the office."""
        known = self.reference.officers.get(officer)
        return known.role.value if known else officer

    def case_name(self, registration_id: UUID) -> str:
        """A registration by the number of its case, for people."""
        return f"case {self.scenario.case_of.get(registration_id, registration_id)}"


def key_of(record: Record) -> UUID:
    """What makes a record's event unique."""
    return event_key(record.source, record.id)
