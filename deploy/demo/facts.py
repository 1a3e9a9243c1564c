"""What lies in databases, topics and mailbox when it is all over: the facts that the checks judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.envelope import event_key
from contracts.reference import Reference
from deploy.demo.doors import Sent
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


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that lies at the messaging gateway."""

    key: str
    text: str


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

    def records_of(self, event_type: str) -> list[Record]:
        """The records that carry one type of event, tombstones left out."""
        return [record for record in self.records if record.type == event_type and record.value is not None]

    def case_name(self, registration_id: UUID) -> str:
        """A registration by the number of its case, for people."""
        return f"case {self.scenario.case_of.get(registration_id, registration_id)}"


def key_of(record: Record) -> UUID:
    """What makes a record's event unique."""
    return event_key(record.source, record.id)
