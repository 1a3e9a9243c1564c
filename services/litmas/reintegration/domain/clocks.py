"""The clock of each desk: which policy runs in which state, when it warns, and when its time is over.

Every clock is derived from the state: there is nothing to forget when a report moves on.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at, warnings_at
from chassis.rules.refusal import Irrelevant
from contracts.litmas import Desk, LitmasDeadlineBreached, LitmasDeadlineWarned, Outcome, OutcomeReminderDue
from contracts.reference import DeadlinePolicy, Reference, ReferenceInvalid
from services.litmas.reintegration.domain.case import DeskClock, Litmas, Result
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.states import OUT, Status, Step

DESK_WARNING: Final = "desk-warning"
DESK_DUE: Final = "desk-due"
OUTCOME_REMINDER: Final = "outcome-reminder"
REMINDER: Final = "LITMAS-OUTCOME"


@dataclass(frozen=True)
class OnDesk:
    """Whose desk a state is, and which policy counts there; a wait outside the office has none of ours."""

    desk: Desk
    policy: str | None = None


DESKS: Final[dict[Status, OnDesk]] = {
    Status.REQUEST_RECEIVED: OnDesk(Desk.HEAD, "D20"),
    Status.RETURNED_INCOMPLETE: OnDesk(Desk.PRISON),
    Status.DISPOSED: OnDesk(Desk.SECTION_HEAD, "D21"),
    Status.ASSIGNED: OnDesk(Desk.OFFICER, "D22"),
    Status.PREPARING: OnDesk(Desk.OFFICER, "D22"),
    Status.IN_FIELD: OnDesk(Desk.OFFICER, "D22"),
    Status.DATA_COLLECTION: OnDesk(Desk.OFFICER, "D22"),
    Status.ANALYSIS: OnDesk(Desk.OFFICER, "D22"),
    Status.DRAFT_RETURNED: OnDesk(Desk.OFFICER, "LITMAS-REVISION"),
    Status.TPP_REVISION: OnDesk(Desk.OFFICER, "LITMAS-REVISION"),
    Status.DRAFTED: OnDesk(Desk.REGISTRAR, "D23-NUMBER"),
    Status.NUMBERED_CHECKED: OnDesk(Desk.SECTION_HEAD, "D23-INITIAL"),
    Status.IN_TPP: OnDesk(Desk.BOARD),
    Status.TPP_DEFERRED: OnDesk(Desk.SECTION_HEAD, "LITMAS-REHEARING"),
    Status.TPP_REJECTED: OnDesk(Desk.SECTION_HEAD, "LITMAS-REJECTED"),
    Status.TPP_APPROVED: OnDesk(Desk.HEAD, "D23-SIGN"),
    Status.SIGNED: OnDesk(Desk.REGISTRAR, "D24"),
    Status.DELIVERED: OnDesk(Desk.REGISTRAR, "LITMAS-ARCHIVE"),
}
STARTS: Final = (Step.ASSIGN, Step.REASSIGN, Step.COMPLETE, Step.ASK_AGAIN, Step.RETURN_DECISION)
"""Steps that begin a desk's time also where the desk's policy stays the same."""
POLICIES: Final = (REMINDER, *sorted({row.policy for row in DESKS.values() if row.policy is not None}))


class ClockStopped(Irrelevant):
    """The desk that this clock belongs to has done its work."""


def check_policies(reference: Reference) -> None:
    """Raise ReferenceInvalid where a row is missing without which a clock would never be set."""
    missing = sorted(set(POLICIES) - reference.policies.keys())
    if missing:
        raise ReferenceInvalid(f"deadline_policies.toml: litmas needs {', '.join(missing)}")


def rewound(before: Litmas | None, decided: Decided, *, now: datetime) -> Decided:
    """The case with the clock of the desk that holds it now: another desk's begins, the same one's goes on."""
    row = DESKS.get(decided.case.status)
    if before is None or DESKS.get(before.status) is None or row is None or DESKS[before.status].desk is not row.desk:
        decided = replace(decided, case=replace(decided.case, waits_since=now))
    case = decided.case
    if row is None or row.policy is None:
        return replace(decided, case=replace(case, clock=None))
    running = case.clock
    anew = any(line.step in STARTS for line in decided.trail)
    if running is not None and running.policy == row.policy and not anew:
        return decided
    start = case.received_at if case.status is Status.REQUEST_RECEIVED and before is None else now
    clock = DeskClock(policy=row.policy, desk=row.desk, since=start)
    return replace(decided, case=replace(case, clock=clock))


def timers_of(case: Litmas, reference: Reference) -> dict[str, datetime]:
    """Every clock that runs for this case, and when it is due."""
    due: dict[str, datetime | None] = {OUTCOME_REMINDER: _reminder_due(case, reference)}
    clock = case.clock
    if clock is not None:
        policy, calendar = reference.policies[clock.policy], OfficeCalendar.of(reference)
        ahead = warnings_at(policy, clock.since, calendar)[clock.warned :]
        due[DESK_WARNING] = ahead[0] if ahead and not clock.breached else None
        due[DESK_DUE] = None if clock.breached else due_at(policy, clock.since, calendar)
    return {kind: instant for kind, instant in due.items() if instant is not None}


def due_of(case: Litmas, reference: Reference) -> datetime | None:
    """When the desk that holds the report should be done with it."""
    clock = case.clock
    if clock is None:
        return None
    return due_at(reference.policies[clock.policy], clock.since, OfficeCalendar.of(reference))


def warn(case: Litmas, *, reference: Reference) -> Decided:
    """Part of a desk's time has passed."""
    clock, policy = _running(case, reference)
    ahead = policy.warn_at[clock.warned :]
    if not ahead:
        raise ClockStopped
    warned = clock.model_copy(update={"warned": clock.warned + 1})
    end = due_at(policy, clock.since, OfficeCalendar.of(reference))
    return Decided(case=replace(case, clock=warned)).said(
        LitmasDeadlineWarned, policy=policy.id, desk=clock.desk, percent=ahead[0], due_at=end
    )


def breach(case: Litmas, *, due: datetime, reference: Reference) -> Decided:
    """The time of a desk is over; it is told once."""
    clock, policy = _running(case, reference)
    over = clock.model_copy(update={"breached": True})
    return Decided(case=replace(case, clock=over)).said(
        LitmasDeadlineBreached,
        policy=policy.id,
        desk=clock.desk,
        told=policy.breach_role_for(juvenile=False),
        due_at=due,
    )


def remind(case: Litmas, *, due: datetime, reference: Reference) -> Decided:
    """Long after delivery nobody knows what became of the proposal; somebody is reminded once."""
    if _reminder_due(case, reference) is None:
        raise ClockStopped
    pending = Result(outcome=Outcome.PENDING, at=due, reminded_at=due)
    return Decided(case=replace(case, result=pending)).said(OutcomeReminderDue, due_at=due)


def _running(case: Litmas, reference: Reference) -> tuple[DeskClock, DeadlinePolicy]:
    if case.clock is None or case.clock.breached:
        raise ClockStopped
    return case.clock, reference.policies[case.clock.policy]


def _reminder_due(case: Litmas, reference: Reference) -> datetime | None:
    result = case.result
    known = result is not None and (result.outcome is not Outcome.PENDING or result.reminded_at is not None)
    if case.status not in OUT or case.delivery is None or known:
        return None
    return due_at(reference.policies[REMINDER], case.delivery.at, OfficeCalendar.of(reference))
