"""The life of a notice, one row per recipient and channel: from being owed until somebody has it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from chassis.rules.refusal import Irrelevant, Refused
from chassis.rules.transitions import Table
from contracts.notifications import Channel, NotificationDeliveredV2, NotificationFact, NotificationFailedV2
from services.notifications.domain.attempts import INTERRUPTED, RETRIES, RETRIES_AFTER, Attempt, RetryPolicy

_NOTICES: Final = UUID("2f0b6f5a-7a35-5b0c-93c4-6a0d8f1e4b77")
_BUNDLES: Final = UUID("7c1d2e8f-5b64-5a0e-8f2b-0c9d3a7e6f15")


class Urgency(StrEnum):
    """How loudly somebody is told."""

    URGENT = "urgent"
    """In the application and by the way out that the recipient prefers, at any hour."""
    NORMAL = "normal"
    """The same, outside the hours in which the recipient wants quiet."""
    QUIET = "quiet"
    """In the application only; it interrupts nobody."""


class State(StrEnum):
    """How far a notice has come."""

    HELD = "held"  # -> sending, when the quiet hours of its recipient are over | failed, as below
    PENDING = "pending"  # -> sending | failed, when another channel took its place
    SENDING = "sending"  # -> delivered | accepted | pending | failed, or sending again when the lease ran out
    ACCEPTED = "accepted"  # -> delivered | failed: the carrier has it and will say what became of it
    DELIVERED = "delivered"
    FAILED = "failed"


class Step(StrEnum):
    """What can happen to a notice."""

    PUT_UP = "put up"
    QUEUE = "queue"
    HOLD = "hold"
    GIVE_UP = "give up"
    CLAIM = "claim"
    ACCEPT = "accept"
    DELIVER = "deliver"
    POSTPONE = "postpone"


STATES: Final = Table(
    matter="notification",
    states=State,
    steps=Step,
    moves={
        (None, Step.PUT_UP): State.DELIVERED,
        (None, Step.QUEUE): State.PENDING,
        (None, Step.HOLD): State.HELD,
        (None, Step.GIVE_UP): State.FAILED,
        (State.HELD, Step.CLAIM): State.SENDING,
        (State.HELD, Step.GIVE_UP): State.FAILED,
        (State.PENDING, Step.CLAIM): State.SENDING,
        (State.SENDING, Step.CLAIM): State.SENDING,
        (State.SENDING, Step.DELIVER): State.DELIVERED,
        # A sender that was thought dead reports that it had succeeded, after another try was postponed.
        (State.PENDING, Step.DELIVER): State.DELIVERED,
        (State.SENDING, Step.ACCEPT): State.ACCEPTED,
        (State.PENDING, Step.ACCEPT): State.ACCEPTED,
        (State.SENDING, Step.POSTPONE): State.PENDING,
        (State.SENDING, Step.GIVE_UP): State.FAILED,
        (State.PENDING, Step.GIVE_UP): State.FAILED,
    },
)

DELIVERED_BY_WRITING: Final = frozenset({Channel.IN_APP})
"""Channels whose recipient reads this very ledger: nothing has to leave the house."""

WITH_RECEIPTS: Final = frozenset({Channel.GATEWAY})
"""Channels whose carrier says later whether the recipient has it: to hand it over is not yet to deliver it."""

RECOGNISED_AGAIN: Final = frozenset({Channel.GATEWAY})
"""Channels whose carrier takes the same message once, however often it is handed over: no second copy can exist."""

NO_CHANNEL: Final = "NO_CHANNEL"
REPLACED: Final = "REPLACED"
"""It could not leave in time, and the recipient is told by another channel instead."""
NO_RECIPIENT: Final = "NO_RECIPIENT"
NOBODY: Final = "NOBODY"


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
    held_until: datetime | None = None
    bundle: UUID | None = None
    parcel: UUID | None = None
    digest_version: int | None = None
    accepted_at: datetime | None = None
    instead_of: UUID | None = None


Settled = tuple[Notice, list[NotificationFact]]


class NoticeUnknown(Refused):
    """There is no such notification in this inbox."""


def notification_id(*, cause: str, recipient: str, channel: Channel) -> UUID:
    """The same event tells the same person by the same channel once, however often it is delivered."""
    return uuid5(_NOTICES, f"{cause}|{recipient}|{channel}")


def owe(
    addressee: Addressee,
    matter: Matter,
    letter: Letter,
    *,
    mail_domain: str,
    now: datetime,
    held_until: datetime | None = None,
) -> Settled:
    """Open a notice: what is read here is delivered by that, what must leave waits, what cannot be told has failed.

    `held_until` is the end of the recipient's quiet hours, on the office's clock; what is held till the same instant
    makes one bundle.
    """
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
    return _waiting(notice, mail_domain=mail_domain, held_until=held_until), []


def instead(
    notice: Notice, channel: Channel, *, mail_domain: str, now: datetime, held_until: datetime | None = None
) -> Notice:
    """The same by another channel, since this one has not reached the recipient."""
    another = Notice(
        notification_id=notification_id(cause=notice.cause, recipient=notice.recipient, channel=channel),
        recipient=notice.recipient,
        channel=channel,
        about=notice.about,
        occasion=notice.occasion,
        urgency=notice.urgency,
        juvenile=notice.juvenile,
        cause=notice.cause,
        template=notice.template,
        template_version=notice.template_version,
        subject=notice.subject,
        body=notice.body,
        state=State.PENDING,
        created_at=now,
        traceparent=notice.traceparent,
        correlation_id=notice.correlation_id,
        instead_of=notice.notification_id,
    )
    return _waiting(another, mail_domain=mail_domain, held_until=held_until)


def _waiting(notice: Notice, *, mail_domain: str, held_until: datetime | None) -> Notice:
    message_id = f"<{notice.notification_id}@{mail_domain}>"
    if held_until is None:
        queued = STATES.move(None, Step.QUEUE)
        return replace(notice, state=queued, message_id=message_id, parcel=notice.notification_id)
    bundle = uuid5(_BUNDLES, f"{notice.recipient}|{notice.channel}|{held_until.astimezone(UTC).isoformat()}")
    held = STATES.move(None, Step.HOLD)
    return replace(notice, state=held, message_id=message_id, held_until=held_until, bundle=bundle)


def is_due(notice: Notice, *, at: datetime, now: datetime | None = None) -> bool:
    """Whether a sender may take a notice: it waits and its time has come, or whoever took it has not been heard of.

    `at` is the system's time, for retries; `now` the office's, for quiet hours.
    """
    if notice.state is State.HELD:
        return now is not None and notice.held_until is not None and notice.held_until <= now
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
        maybe_doubled=notice.maybe_doubled
        or (notice.state is State.SENDING and notice.channel not in RECOGNISED_AGAIN),
    )


def settle(notice: Notice, attempt: Attempt, *, now: datetime, retries: RetryPolicy = RETRIES) -> Settled:
    """Write down what came of an attempt."""
    overtaken = notice.state is not State.SENDING or attempt.number != notice.attempts
    if attempt.sent and notice.channel in WITH_RECEIPTS and STATES.allows(notice.state, Step.ACCEPT):
        STATES.move(notice.state, Step.ACCEPT)
        return as_accepted(notice, now=now), []
    if attempt.sent and STATES.allows(notice.state, Step.DELIVER):
        sent_twice = replace(notice, maybe_doubled=notice.maybe_doubled or overtaken)
        return _delivered(notice.state, Step.DELIVER, sent_twice, now=now)
    if overtaken:
        raise Irrelevant(f"attempt {attempt.number} was overtaken: the notification is {notice.state.value}")
    if attempt.retryable and notice.attempts < retries.attempts_max:
        return _postponed(notice, attempt, RETRIES_AFTER.get(attempt.code, retries)), []
    return _failed(notice.state, notice, reason=attempt.code, now=now)


def replaced(notice: Notice, *, now: datetime) -> Settled:
    """Give up a notice that has not left in time, for the sake of another channel; what has left stays as it is."""
    return _failed(notice.state, notice, reason=REPLACED, now=now)


def as_accepted(notice: Notice, *, now: datetime) -> Notice:
    """The notice once its carrier has it; that it may come so far, a table has said."""
    return replace(
        notice,
        state=State.ACCEPTED,
        accepted_at=now,
        lease_until=None,
        next_attempt_at=None,
        reason=None,
    )


def _postponed(notice: Notice, attempt: Attempt, retries: RetryPolicy) -> Notice:
    return replace(
        notice,
        state=STATES.move(notice.state, Step.POSTPONE),
        lease_until=None,
        next_attempt_at=attempt.at + retries.wait_after(notice.attempts),
        maybe_doubled=notice.maybe_doubled or (attempt.code in INTERRUPTED and notice.channel not in RECOGNISED_AGAIN),
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


def as_delivered(notice: Notice, *, now: datetime) -> Settled:
    """The notice once its recipient has it, and the fact that says so; that it may come so far, a table has said."""
    after = replace(
        notice,
        state=State.DELIVERED,
        settled_at=now,
        lease_until=None,
        next_attempt_at=None,
        reason=None,
        sequence=notice.sequence + 1,
    )
    fact = NotificationDeliveredV2(
        **_said_of(after), delivered_at=now, attempts=max(1, after.attempts), maybe_doubled=after.maybe_doubled
    )
    return after, [fact]


def as_failed(notice: Notice, *, reason: str, now: datetime) -> Settled:
    """The notice once it is given up, and the fact that says so; that it may come so far, a table has said."""
    after = replace(
        notice,
        state=State.FAILED,
        settled_at=now,
        lease_until=None,
        next_attempt_at=None,
        reason=reason,
        sequence=notice.sequence + 1,
    )
    fact = NotificationFailedV2(**_said_of(after), failed_at=now, attempts=max(1, after.attempts), reason=reason)
    return after, [fact]


def _delivered(before: State | None, step: Step, notice: Notice, *, now: datetime) -> Settled:
    STATES.move(before, step)
    return as_delivered(notice, now=now)


def _failed(before: State | None, notice: Notice, *, reason: str, now: datetime) -> Settled:
    STATES.move(before, Step.GIVE_UP)
    return as_failed(notice, reason=reason, now=now)


def _said_of(notice: Notice) -> dict[str, Any]:
    return {
        "notification_id": notice.notification_id,
        "recipient": notice.recipient,
        "channel": notice.channel,
        "template": notice.template.upper(),
        "about": notice.about,
        "juvenile": notice.juvenile,
    }
