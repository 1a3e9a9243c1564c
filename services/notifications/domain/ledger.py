"""The life of a notice, one row per recipient and channel: from being owed until somebody has it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from chassis.rules.refusal import Irrelevant, Refused
from chassis.rules.transitions import Table
from contracts.notifications import Channel, NotificationDelivered, NotificationFact, NotificationFailed

_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}")
_NOTICES: Final = UUID("2f0b6f5a-7a35-5b0c-93c4-6a0d8f1e4b77")


class Urgency(StrEnum):
    """How loudly somebody is told."""

    URGENT = "urgent"
    """By every channel, at any hour."""
    NORMAL = "normal"
    """By every channel."""
    QUIET = "quiet"
    """In the application only; it interrupts nobody."""


class State(StrEnum):
    """How far a notice has come."""

    PENDING = "pending"  # -> sending
    SENDING = "sending"  # -> delivered | pending | failed, or sending again when the lease ran out
    DELIVERED = "delivered"
    FAILED = "failed"


class Step(StrEnum):
    """What can happen to a notice."""

    PUT_UP = "put up"
    QUEUE = "queue"
    GIVE_UP = "give up"
    CLAIM = "claim"
    DELIVER = "deliver"
    POSTPONE = "postpone"


STATES: Final = Table(
    matter="notification",
    states=State,
    steps=Step,
    moves={
        (None, Step.PUT_UP): State.DELIVERED,
        (None, Step.QUEUE): State.PENDING,
        (None, Step.GIVE_UP): State.FAILED,
        (State.PENDING, Step.CLAIM): State.SENDING,
        (State.SENDING, Step.CLAIM): State.SENDING,
        (State.SENDING, Step.DELIVER): State.DELIVERED,
        # A sender that was thought dead reports that it had succeeded, after another try was postponed.
        (State.PENDING, Step.DELIVER): State.DELIVERED,
        (State.SENDING, Step.POSTPONE): State.PENDING,
        (State.SENDING, Step.GIVE_UP): State.FAILED,
    },
)

DELIVERED_BY_WRITING: Final = frozenset({Channel.IN_APP})
"""Channels whose recipient reads this very ledger: nothing has to leave the house."""

INTERRUPTED: Final = frozenset({"SMTP_INTERRUPTED", "TIME-OUT"})
"""Attempts that broke off when the other side may already have had everything: the next one may be the second copy."""

NO_CHANNEL: Final = "NO_CHANNEL"
NO_RECIPIENT: Final = "NO_RECIPIENT"
NOBODY: Final = "NOBODY"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently an effect outside the house is tried."""

    first_wait: timedelta = timedelta(seconds=15)
    factor: int = 2
    wait_max: timedelta = timedelta(hours=1)
    attempts_max: int = 12

    def wait_after(self, attempts: int) -> timedelta:
        """How long to wait after so many attempts."""
        wait = self.first_wait
        for _ in range(1, attempts):
            wait = min(wait * self.factor, self.wait_max)
        return wait


RETRIES: Final = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Letter:
    """What is said, in the words of one version of a template."""

    template: str
    version: int
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Matter:
    """What a notice is about, what caused it, and how loud it is."""

    about: UUID
    occasion: str
    urgency: Urgency
    cause: str
    juvenile: bool = False


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient and a way to reach them; None is no way at all."""

    recipient: str
    channel: Channel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One row of the ledger."""

    notification_id: UUID
    recipient: str
    channel: Channel
    about: UUID
    occasion: str
    urgency: Urgency
    juvenile: bool
    cause: str
    template: str
    template_version: int
    subject: str
    body: str
    state: State
    created_at: datetime
    attempts: int = 0
    next_attempt_at: datetime | None = None
    lease_until: datetime | None = None
    maybe_doubled: bool = False
    message_id: str | None = None
    reason: str | None = None
    settled_at: datetime | None = None
    read_at: datetime | None = None
    acknowledged_at: datetime | None = None
    traceparent: str | None = None
    correlation_id: str | None = None
    sequence: int = 0


Settled = tuple[Notice, list[NotificationFact]]


class NoticeUnknown(Refused):
    """There is no such notification in this inbox."""


def notification_id(*, cause: str, recipient: str, channel: Channel) -> UUID:
    """The same event tells the same person by the same channel once, however often it is delivered."""
    return uuid5(_NOTICES, f"{cause}|{recipient}|{channel}")


def owe(addressee: Addressee, matter: Matter, letter: Letter, *, mail_domain: str, now: datetime) -> Settled:
    """Open a notice: what is read here is delivered by that, what must leave waits, what cannot be told has failed."""
    channel = addressee.channel or Channel.IN_APP
    identity = notification_id(cause=matter.cause, recipient=addressee.recipient, channel=channel)
    notice = Notice(
        notification_id=identity,
        recipient=addressee.recipient,
        channel=channel,
        about=matter.about,
        occasion=matter.occasion,
        urgency=matter.urgency,
        juvenile=matter.juvenile,
        cause=matter.cause,
        template=letter.template,
        template_version=letter.version,
        subject=letter.subject,
        body=letter.body,
        state=State.PENDING,
        created_at=now,
    )
    if addressee.channel is None:
        reason = NO_RECIPIENT if addressee.recipient == NOBODY else NO_CHANNEL
        return _failed(None, notice, reason=reason, now=now)
    if channel in DELIVERED_BY_WRITING:
        return _delivered(None, Step.PUT_UP, notice, now=now)
    waiting = replace(notice, state=STATES.move(None, Step.QUEUE), message_id=f"<{identity}@{mail_domain}>")
    return waiting, []


def is_due(notice: Notice, *, at: datetime) -> bool:
    """Whether a sender may take a notice: it waits and its time has come, or whoever took it has not been heard of."""
    if notice.state is State.SENDING:
        return notice.lease_until is not None and notice.lease_until <= at
    return notice.state is State.PENDING and (notice.next_attempt_at is None or notice.next_attempt_at <= at)


def claim(notice: Notice, *, lease_until: datetime) -> Notice:
    """Take a notice for one attempt; whoever takes it from a silent sender may be sending it a second time."""
    return replace(
        notice,
        state=STATES.move(notice.state, Step.CLAIM),
        attempts=notice.attempts + 1,
        lease_until=lease_until,
        next_attempt_at=None,
        maybe_doubled=notice.maybe_doubled or notice.state is State.SENDING,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one attempt: its number, and the system's time at its end."""

    number: int
    sent: bool
    retryable: bool = True
    reason: str = ""
    at: datetime

    @property
    def code(self) -> str:
        """Why it failed, as a code; whatever else was said could name somebody."""
        word = self.reason.upper()
        return word if _CODE.fullmatch(word) else "UNKNOWN"


def settle(notice: Notice, attempt: Attempt, *, now: datetime, retries: RetryPolicy = RETRIES) -> Settled:
    """Write down what came of an attempt."""
    overtaken = notice.state is not State.SENDING or attempt.number != notice.attempts
    if attempt.sent and STATES.allows(notice.state, Step.DELIVER):
        sent_twice = replace(notice, maybe_doubled=notice.maybe_doubled or overtaken)
        return _delivered(notice.state, Step.DELIVER, sent_twice, now=now)
    if overtaken:
        raise Irrelevant(f"attempt {attempt.number} was overtaken: the notification is {notice.state.value}")
    if attempt.retryable and notice.attempts < retries.attempts_max:
        return _postponed(notice, attempt, retries), []
    return _failed(notice.state, notice, reason=attempt.code, now=now)


def _postponed(notice: Notice, attempt: Attempt, retries: RetryPolicy) -> Notice:
    return replace(
        notice,
        state=STATES.move(notice.state, Step.POSTPONE),
        lease_until=None,
        next_attempt_at=attempt.at + retries.wait_after(notice.attempts),
        maybe_doubled=notice.maybe_doubled or attempt.code in INTERRUPTED,
        reason=attempt.code,
    )


def own(notice: Notice | None, *, by: Sequence[str]) -> Notice:
    """The notice if it lies in one of these inboxes; somebody else's is as unknown as none at all."""
    if notice is None or notice.channel is not Channel.IN_APP or notice.recipient not in by:
        raise NoticeUnknown
    return notice


def read(notice: Notice, *, now: datetime) -> Notice:
    """Note that the recipient has seen it; the first time counts."""
    return notice if notice.read_at is not None else replace(notice, read_at=now)


def acknowledge(notice: Notice, *, now: datetime) -> Notice:
    """Note that the recipient takes care of it, and so has seen it; the first time counts."""
    seen = read(notice, now=now)
    return seen if seen.acknowledged_at is not None else replace(seen, acknowledged_at=now)


def _delivered(before: State | None, step: Step, notice: Notice, *, now: datetime) -> Settled:
    after = replace(
        notice,
        state=STATES.move(before, step),
        settled_at=now,
        lease_until=None,
        next_attempt_at=None,
        reason=None,
        sequence=notice.sequence + 1,
    )
    fact = NotificationDelivered(
        **_said_of(after), delivered_at=now, attempts=max(1, after.attempts), maybe_doubled=after.maybe_doubled
    )
    return after, [fact]


def _failed(before: State | None, notice: Notice, *, reason: str, now: datetime) -> Settled:
    after = replace(
        notice,
        state=STATES.move(before, Step.GIVE_UP),
        settled_at=now,
        lease_until=None,
        next_attempt_at=None,
        reason=reason,
        sequence=notice.sequence + 1,
    )
    fact = NotificationFailed(**_said_of(after), failed_at=now, attempts=max(1, after.attempts), reason=reason)
    return after, [fact]


def _said_of(notice: Notice) -> dict[str, Any]:
    return {
        "notification_id": notice.notification_id,
        "recipient": notice.recipient,
        "channel": notice.channel,
        "template": notice.template.upper(),
        "about": notice.about,
        "juvenile": notice.juvenile,
    }
