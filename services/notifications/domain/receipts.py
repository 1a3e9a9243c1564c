"""What a carrier's receipt does to a notice: a table, so that receipts out of order or twice do no harm. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.rules.refusal import Irrelevant
from services.notifications.domain.attempts import code_of
from services.notifications.domain.ledger import Notice, Settled, State, as_accepted, as_delivered, as_failed


class Report(StrEnum):
    """What a carrier says of a message that it has."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


AFTER: Final[Mapping[tuple[State, Report], State]] = {
    # Nobody has heard the answer to the attempt yet, or ever will: the carrier has the message all the same.
    (State.PENDING, Report.QUEUED): State.ACCEPTED,
    (State.PENDING, Report.ACCEPTED): State.ACCEPTED,
    (State.PENDING, Report.DELIVERED): State.DELIVERED,
    (State.PENDING, Report.READ): State.DELIVERED,
    (State.PENDING, Report.FAILED): State.FAILED,
    (State.SENDING, Report.QUEUED): State.ACCEPTED,
    (State.SENDING, Report.ACCEPTED): State.ACCEPTED,
    (State.SENDING, Report.DELIVERED): State.DELIVERED,
    (State.SENDING, Report.READ): State.DELIVERED,
    (State.SENDING, Report.FAILED): State.FAILED,
    (State.ACCEPTED, Report.QUEUED): State.ACCEPTED,
    (State.ACCEPTED, Report.ACCEPTED): State.ACCEPTED,
    (State.ACCEPTED, Report.DELIVERED): State.DELIVERED,
    (State.ACCEPTED, Report.READ): State.DELIVERED,
    (State.ACCEPTED, Report.FAILED): State.FAILED,
    # Whoever has it has it, whatever is heard later of an earlier hop.
    (State.DELIVERED, Report.QUEUED): State.DELIVERED,
    (State.DELIVERED, Report.ACCEPTED): State.DELIVERED,
    (State.DELIVERED, Report.DELIVERED): State.DELIVERED,
    (State.DELIVERED, Report.READ): State.DELIVERED,
    (State.DELIVERED, Report.FAILED): State.DELIVERED,
    # Given up by us, or failed at the carrier; a telephone that has it after all is the truth.
    (State.FAILED, Report.QUEUED): State.FAILED,
    (State.FAILED, Report.ACCEPTED): State.FAILED,
    (State.FAILED, Report.DELIVERED): State.DELIVERED,
    (State.FAILED, Report.READ): State.DELIVERED,
    (State.FAILED, Report.FAILED): State.FAILED,
}
"""The state of a notice after a report. Of what is still held nothing has left the house: no report of it is true."""


def confirm(notice: Notice, report: Report, *, code: str, now: datetime) -> Settled:
    """The notice after a report; raises Irrelevant when it tells nothing new."""
    after = AFTER.get((notice.state, report))
    newly_read = report is Report.READ and notice.read_at is None
    if after is None:
        raise Irrelevant("nothing of it has left the house")
    if after is notice.state and not newly_read:
        raise Irrelevant(f"it was {notice.state.value} already")
    seen = replace(notice, read_at=now) if newly_read else notice
    match after:
        case State.DELIVERED:
            return as_delivered(seen, now=now) if notice.state is not State.DELIVERED else (seen, [])
        case State.FAILED:
            return as_failed(seen, reason=code_of(f"GATEWAY_{code or 'FAILED'}"), now=now)
        case _:
            return as_accepted(seen, now=now), []
