"""The desks that a report passes, in the order that the study found, and every move between them.

The order of the steps is that of Pos Bapas Tanjung Raja, as the study gives it, and is kept as it is.
"""

from enum import StrEnum
from typing import Final

from chassis.rules.transitions import Table


class Status(StrEnum):
    """How far a report has come; the numbers are those of the study's fifteen steps."""

    REQUEST_RECEIVED = "request_received"
    """1: complete, waits for the head."""
    RETURNED_INCOMPLETE = "returned_incomplete"
    """1, back with the prison: papers are missing."""
    DISPOSED = "disposed"
    """2: waits for the section head."""
    ASSIGNED = "assigned"
    """3: an officer has the letter of assignment."""
    PREPARING = "preparing"
    """4: documents and equipment are at hand, the visit is agreed."""
    IN_FIELD = "in_field"
    """5: the officer is on the way."""
    DATA_COLLECTION = "data_collection"
    """6: assessment, interviews, observation, documents."""
    ANALYSIS = "analysis"
    """7: the officer analyses and writes."""
    DRAFTED = "drafted"
    """8: waits for the registrar."""
    DRAFT_RETURNED = "draft_returned"
    """8, back with its author."""
    NUMBERED_CHECKED = "numbered_checked"
    """9: waits for the section head's initials."""
    INITIALED = "initialed"
    """10: goes on at once, to the team or past it."""
    IN_TPP = "in_tpp"
    """11: waits for the assessment team."""
    TPP_DEFERRED = "tpp_deferred"
    """11, to be heard again."""
    TPP_REVISION = "tpp_revision"
    """11, approved on condition that the author revises it."""
    TPP_REJECTED = "tpp_rejected"
    """11, rejected: written anew, or closed."""
    TPP_APPROVED = "tpp_approved"
    """12: waits for the head's signature."""
    SIGNED = "signed"
    """13: fixed; waits for delivery."""
    DELIVERED = "delivered"
    """14: the prison has it."""
    ARCHIVED = "archived"
    """15"""
    CANCELLED = "cancelled"
    CLOSED_REJECTED = "closed_rejected"


class Step(StrEnum):
    """What happens to a report, in the words of a refusal."""

    RECEIVE = "a request"
    RECEIVE_INCOMPLETE = "an incomplete request"
    COMPLETE = "completion of the request"
    CORRECT = "a correction of the request"
    SEND_BACK = "a return to the prison"
    WITHDRAW = "a withdrawal"
    WITHDRAW_UNSEEN = "a withdrawal before the request"
    ASK_AGAIN = "a request after its withdrawal"
    DISPOSE = "a disposition"
    ASSIGN = "an assignment"
    REASSIGN = "a reassignment"
    PREPARE = "preparation"
    DEPART = "departure to the prison"
    COLLECT = "data collection"
    ASSESS = "an assessment"
    ANALYSE = "analysis"
    WRITE = "writing"
    DRAFT = "submission of the draft"
    NUMBER = "numbering"
    RETURN_DRAFT = "a return to the author"
    INITIAL = "initialling"
    SUBMIT_TO_BOARD = "submission to the assessment team"
    GO_PAST_BOARD = "passing on without another hearing"
    APPROVE = "approval by the assessment team"
    ASK_REVISION = "approval with a revision"
    DEFER = "deferral by the assessment team"
    REJECT = "rejection by the assessment team"
    RETURN_DECISION = "a return of the decision to the team"
    REWORK = "writing anew after a rejection"
    CLOSE_REJECTED = "closing after a rejection"
    SIGN = "signature"
    DELIVER = "delivery"
    ARCHIVE = "archiving"
    CANCEL = "cancellation"
    ADD = "an addendum"
    RECORD_OUTCOME = "the outcome of the proposal"


WITH_OFFICER: Final = (
    Status.ASSIGNED,
    Status.PREPARING,
    Status.IN_FIELD,
    Status.DATA_COLLECTION,
    Status.ANALYSIS,
    Status.DRAFT_RETURNED,
    Status.TPP_REVISION,
)
"""The officer's own desk: what lies there is the officer's, and a colleague who takes over finds it there."""
WRITTEN: Final = (Status.ANALYSIS, Status.DRAFT_RETURNED, Status.TPP_REVISION)
HEARD: Final = (Status.IN_TPP, Status.TPP_DEFERRED)
DECIDED: Final = (Status.TPP_APPROVED, Status.TPP_REVISION, Status.TPP_REJECTED)
OUT: Final = (Status.DELIVERED, Status.ARCHIVED)
FIXED: Final = (Status.SIGNED, *OUT)
"""From the signature on nothing in the report changes."""
STOPPED: Final = (Status.CANCELLED, Status.CLOSED_REJECTED)
OPEN: Final = tuple(status for status in Status if status not in (*OUT, *STOPPED))
"""Until it is delivered a report may be cancelled."""

_RESTARTS: Final = (Status.ASSIGNED, Status.PREPARING, Status.IN_FIELD)

MOVES: Final[dict[tuple[Status | None, Step], Status]] = {
    (None, Step.RECEIVE): Status.REQUEST_RECEIVED,
    (None, Step.RECEIVE_INCOMPLETE): Status.RETURNED_INCOMPLETE,
    (None, Step.WITHDRAW_UNSEEN): Status.CANCELLED,
    (Status.RETURNED_INCOMPLETE, Step.COMPLETE): Status.REQUEST_RECEIVED,
    (Status.REQUEST_RECEIVED, Step.SEND_BACK): Status.RETURNED_INCOMPLETE,
    **{(status, Step.CORRECT): status for status in Status if status not in FIXED},
    **{(status, Step.WITHDRAW): Status.CANCELLED for status in OPEN},
    (Status.CANCELLED, Step.ASK_AGAIN): Status.REQUEST_RECEIVED,
    (Status.REQUEST_RECEIVED, Step.DISPOSE): Status.DISPOSED,
    (Status.DISPOSED, Step.ASSIGN): Status.ASSIGNED,
    # Before the field another officer begins anew; later the data and the draft stay, and somebody else goes on.
    **{(status, Step.REASSIGN): Status.ASSIGNED if status in _RESTARTS else status for status in WITH_OFFICER},
    (Status.ASSIGNED, Step.PREPARE): Status.PREPARING,
    (Status.PREPARING, Step.DEPART): Status.IN_FIELD,
    (Status.IN_FIELD, Step.COLLECT): Status.DATA_COLLECTION,
    (Status.DATA_COLLECTION, Step.COLLECT): Status.DATA_COLLECTION,
    (Status.DATA_COLLECTION, Step.ASSESS): Status.DATA_COLLECTION,
    **{(status, Step.ASSESS): status for status in WRITTEN},
    (Status.DATA_COLLECTION, Step.ANALYSE): Status.ANALYSIS,
    **{(status, Step.WRITE): status for status in WRITTEN},
    **{(status, Step.DRAFT): Status.DRAFTED for status in WRITTEN},
    (Status.DRAFTED, Step.NUMBER): Status.NUMBERED_CHECKED,
    (Status.DRAFTED, Step.RETURN_DRAFT): Status.DRAFT_RETURNED,
    (Status.NUMBERED_CHECKED, Step.RETURN_DRAFT): Status.DRAFT_RETURNED,
    (Status.NUMBERED_CHECKED, Step.INITIAL): Status.INITIALED,
    (Status.INITIALED, Step.SUBMIT_TO_BOARD): Status.IN_TPP,
    (Status.INITIALED, Step.GO_PAST_BOARD): Status.TPP_APPROVED,
    (Status.TPP_DEFERRED, Step.SUBMIT_TO_BOARD): Status.IN_TPP,
    **{(status, Step.APPROVE): Status.TPP_APPROVED for status in HEARD},
    **{(status, Step.ASK_REVISION): Status.TPP_REVISION for status in HEARD},
    **{(status, Step.DEFER): Status.TPP_DEFERRED for status in HEARD},
    **{(status, Step.REJECT): Status.TPP_REJECTED for status in HEARD},
    **{(status, Step.RETURN_DECISION): Status.IN_TPP for status in DECIDED},
    (Status.TPP_REJECTED, Step.REWORK): Status.DRAFT_RETURNED,
    (Status.TPP_REJECTED, Step.CLOSE_REJECTED): Status.CLOSED_REJECTED,
    (Status.TPP_APPROVED, Step.SIGN): Status.SIGNED,
    (Status.SIGNED, Step.DELIVER): Status.DELIVERED,
    (Status.DELIVERED, Step.ARCHIVE): Status.ARCHIVED,
    **{(status, Step.CANCEL): Status.CANCELLED for status in OPEN},
    **{(status, Step.ADD): status for status in OUT},
    # A decree may come at any time, also for a report that was never finished.
    **{(status, Step.RECORD_OUTCOME): status for status in Status},
}

TRANSITIONS: Final = Table(matter="report", states=Status, steps=Step, moves=MOVES)
