"""What time does to a registration: the rungs of first contact, the search, the submission, the silent prison.

Every clock is derived from the state: there is nothing to forget when a state changes.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import Rung, due_at, passed, rungs
from chassis.rules.refusal import Irrelevant
from contracts.event import Event
from contracts.reference import DeadlinePolicy, Reference, ReferenceInvalid
from contracts.registration import (
    FilesMissing,
    FirstContactOverdue,
    ReleaseUnconfirmed,
    SearchReviewDue,
    SubmissionOverdue,
    TracingOverdue,
    TracingStarted,
    TracingStep,
    TransferOfferOverdue,
)
from services.registration.domain.case import ANNOUNCED, AWAITED, Contact, Registration, Status, Step, Tracing
from services.registration.domain.decided import Decided
from services.registration.domain.whereabouts import FILE_PREFIX

FIRST_CONTACT: Final = "first-contact"
TRACING_CALLS: Final = "tracing-calls"
TRACING_VISIT: Final = "tracing-visit"
SUBMISSION: Final = "submission"
RELEASE_UNCONFIRMED: Final = "release-unconfirmed"
SEARCH_REVIEW: Final = "search-review"
TRANSFER_ANSWER: Final = "transfer-answer"
MISSING_FILES: Final = "missing-files"

RUNG_HOURS: Final = {"D30-24": 24, "D30-48": 48, "D30-72": 72}
"""The rungs by the row of the deadline policy; an office may tighten the hours, the rung keeps its name."""
RUNG_STEPS: Final = {48: Step.FALL_OVERDUE, 72: Step.TRACE}
LATER: Final = ("SEARCH-REVIEW", "TRANSFER-ANSWER", "MISSING-FILES")
POLICIES: Final = (*RUNG_HOURS, "TRACING-CALLS", "TRACING-VISIT", "SUBMIT", "RELEASE-UNCONFIRMED", *LATER)

WAITS_TO_SUBMIT: Final = (Status.PROVISIONALLY_REGISTERED, Status.CONFLICT)

KNOWN_LATE_AFTER: Final = timedelta(hours=1)
"""A rung recorded later than this was not noticed when it passed: the service was down, or the report came late."""


class ClockStopped(Irrelevant):
    """What this clock waited for has happened, or the case is over."""


def check_policies(reference: Reference) -> None:
    """Raise ReferenceInvalid where a row is missing without which a clock would never be set."""
    missing = sorted(set(POLICIES) - reference.policies.keys())
    if missing:
        raise ReferenceInvalid(f"deadline_policies.toml: registration needs {', '.join(missing)}")


def timers_of(case: Registration, reference: Reference) -> dict[str, datetime]:
    """Every clock that runs for this case, and when it is due."""
    due = {
        FIRST_CONTACT: _next_rung(case, reference),
        RELEASE_UNCONFIRMED: _unconfirmed_due(case, reference),
        SUBMISSION: _submission_due(case, reference),
        SEARCH_REVIEW: _review_due(case, reference),
        TRANSFER_ANSWER: case.offer.answer_due_at if case.offer is not None and not case.offer.overdue else None,
        MISSING_FILES: _files_due(case, reference),
    }
    tracing = case.tracing
    if case.status is Status.TRACING and tracing is not None:
        if tracing.called_at is None and not tracing.calls_missed:
            due[TRACING_CALLS] = tracing.calls_due_at
        if tracing.visited_at is None and not tracing.visit_missed:
            due[TRACING_VISIT] = tracing.visit_due_at
    return {kind: instant for kind, instant in due.items() if instant is not None}


def pass_rungs(decided: Decided, *, now: datetime, reference: Reference) -> Decided:
    """Record every rung that was reached and not recorded, in order; only the highest is to be escalated."""
    case = decided.case
    if case.status not in AWAITED or case.released_at is None:
        return decided
    reached = passed(_ladder(case.released_at, reference), now)
    fresh = reached[case.rungs_recorded :]
    if not fresh:
        return decided
    known_late = now - fresh[0].due_at > KNOWN_LATE_AFTER
    for rung in fresh:
        hours = RUNG_HOURS[rung.policy.id]
        if hours in RUNG_STEPS:
            decided = decided.moved(RUNG_STEPS[hours], at=rung.due_at)
        overdue = FirstContactOverdue.model_validate(
            decided.case.about()
            | {"hours": hours, "due_at": rung.due_at, "known_late": known_late, "escalate": rung is fresh[-1]}
        )
        decided = decided.said(overdue)
    decided = replace(decided, case=replace(decided.case, rungs_recorded=len(reached)))
    if decided.case.status is Status.TRACING and decided.case.tracing is None:
        return _start_tracing(decided, red=fresh[-1].due_at, now=now, reference=reference)
    return decided


def move_start(decided: Decided, *, now: datetime, reference: Reference) -> Decided:
    """The prison corrected the moment of release: rungs that are not reached any more were never reached."""
    case = decided.case
    if case.status not in AWAITED or case.released_at is None:
        return decided
    reached = len(passed(_ladder(case.released_at, reference), now))
    if reached < case.rungs_recorded:
        if case.status is not Status.RELEASED:
            decided = decided.moved(Step.RESTART_CLOCK, at=now, tracing=None)
            if reached > 1:
                decided = decided.moved(Step.FALL_OVERDUE, at=now)
        decided = replace(decided, case=replace(decided.case, rungs_recorded=reached))
    return pass_rungs(decided, now=now, reference=reference)


def move_submission(decided: Decided, known: Registration) -> Decided:
    """The prison corrected the moment of release: the time to submit of somebody met before it begins with it."""
    case, contact = decided.case, known.contact
    if contact is None or known.submission_from != _submission_start(known, contact):
        return decided
    start = _submission_start(case, contact)
    if case.status not in WAITS_TO_SUBMIT or start == case.submission_from:
        return decided
    return replace(decided, case=replace(case, submission_from=start, submission_overdue=False))


def reported_late(released_at: datetime, *, now: datetime, reference: Reference) -> bool:
    """Whether a rung had passed before anybody told us of the release."""
    return bool(passed(_ladder(released_at, reference), now))


def red_of(case: Registration, reference: Reference) -> datetime | None:
    """When the last rung was reached, from which on the person is searched for."""
    return None if case.released_at is None else _ladder(case.released_at, reference)[-1].due_at


def usual_visit(case: Registration, contact_at: datetime, reference: Reference) -> datetime:
    """When somebody is asked to come in person: at the opening of the next working day, and not before the release."""
    calendar = _calendar(reference)
    day = calendar.local_date(max(contact_at, case.released_at or contact_at))
    if case.released_at is None and case.announcement is not None:
        day = max(day, case.announcement.releases_on)
    return calendar.at(calendar.working_day_on_or_after(day + timedelta(days=1)), calendar.opens)


def check_first_contact(case: Registration, *, now: datetime, reference: Reference) -> Decided:
    """Nobody has met the person although a rung is reached: say so, once per rung."""
    if case.status not in AWAITED:
        raise ClockStopped
    return pass_rungs(Decided(case=case), now=now, reference=reference)


def miss_calls(case: Registration, *, due: datetime) -> Decided:
    """The time for the calls is over and nobody has noted one."""
    tracing = _search(case)
    return _missed(case, tracing.model_copy(update={"calls_missed": True}), step=TracingStep.CALLS, due=due)


def miss_visit(case: Registration, *, due: datetime) -> Decided:
    """The time for the visit is over and nobody has noted one."""
    tracing = _search(case)
    return _missed(case, tracing.model_copy(update={"visit_missed": True}), step=TracingStep.VISIT, due=due)


def miss_submission(case: Registration, *, due: datetime) -> Decided:
    """Somebody was met and nobody has entered the registration in time."""
    if case.submission_overdue or case.status not in WAITS_TO_SUBMIT:
        raise ClockStopped
    overdue = SubmissionOverdue.model_validate(case.about() | {"due_at": due})
    return Decided(case=replace(case, submission_overdue=True)).said(overdue)


def miss_release(case: Registration, *, due: datetime, now: datetime, reference: Reference) -> Decided:
    """The announced day has passed and the prison said nothing: somebody must ask it."""
    if case.announcement is None or _unconfirmed_due(case, reference) is None:
        raise ClockStopped
    fact = ReleaseUnconfirmed.model_validate(
        case.about() | {"releases_on": case.announcement.releases_on, "due_at": due}
    )
    return Decided(case=replace(case, unconfirmed_on=now)).said(fact)


def review_search(case: Registration, *, due: datetime, now: datetime, reference: Reference) -> Decided:
    """Somebody is out and was not found: the section head is asked again and again what is to become of it."""
    if case.tracing is None or _review_due(case, reference) is None:
        raise ClockStopped
    due = _latest(reference.policies["SEARCH-REVIEW"], due, now=now, reference=reference)
    tracing = case.tracing.model_copy(update={"reviewed_at": due})
    fact = SearchReviewDue.model_validate(case.about() | {"due_at": due})
    return Decided(case=replace(case, tracing=tracing)).said(fact)


def miss_answer(case: Registration, *, due: datetime) -> Decided:
    """The other office has not answered; the client is still ours."""
    if case.offer is None or case.offer.overdue:
        raise ClockStopped
    fact = TransferOfferOverdue.model_validate(case.about() | {"to_office": case.offer.to_office, "due_at": due})
    return Decided(case=replace(case, offer=case.offer.model_copy(update={"overdue": True}))).said(fact)


def chase_files(case: Registration, *, due: datetime, now: datetime, reference: Reference) -> Decided:
    """Papers are still missing: whoever keeps the register is reminded until they come or the client is registered."""
    if _files_due(case, reference) is None:
        raise ClockStopped
    due = _latest(reference.policies["MISSING-FILES"], due, now=now, reference=reference)
    files = tuple(code for code in case.missing if code.startswith(FILE_PREFIX))
    fact = FilesMissing.model_validate(case.about() | {"files": files, "due_at": due})
    return Decided(case=replace(case, files_chased_at=due)).said(fact)


def answer_due(offered_at: datetime, reference: Reference) -> datetime:
    """When another office should have answered an offer."""
    return due_at(reference.policies["TRANSFER-ANSWER"], offered_at, _calendar(reference))


def _review_due(case: Registration, reference: Reference) -> datetime | None:
    tracing = case.tracing
    searched = case.status is Status.TRACING and tracing is not None and tracing.is_settled
    if tracing is None or not (searched or case.status is Status.ABSCONDED_SUSPECTED):
        return None
    start = tracing.reviewed_at or tracing.visit_due_at
    return due_at(reference.policies["SEARCH-REVIEW"], start, _calendar(reference))


def _files_due(case: Registration, reference: Reference) -> datetime | None:
    if case.files_chased_at is None or case.status not in (Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED):
        return None
    return due_at(reference.policies["MISSING-FILES"], case.files_chased_at, _calendar(reference))


def _latest(policy: DeadlinePolicy, due: datetime, *, now: datetime, reference: Reference) -> datetime:
    """The last time at which a clock that repeats was due: told once after a standstill, not once for each."""
    while (following := due_at(policy, due, _calendar(reference))) <= now:
        due = following
    return due


def _calendar(reference: Reference) -> OfficeCalendar:
    office = reference.office
    return OfficeCalendar(holidays=reference.holidays, zone=reference.zone, opens=office.opens, closes=office.closes)


def _ladder(released_at: datetime, reference: Reference) -> tuple[Rung[DeadlinePolicy], ...]:
    return rungs((reference.policies[policy] for policy in RUNG_HOURS), released_at, _calendar(reference))


def _next_rung(case: Registration, reference: Reference) -> datetime | None:
    if case.status not in AWAITED or case.released_at is None:
        return None
    ahead = _ladder(case.released_at, reference)[case.rungs_recorded :]
    return ahead[0].due_at if ahead else None


def _unconfirmed_due(case: Registration, reference: Reference) -> datetime | None:
    """Somebody met inside the prison is still announced only: the silence of the prison is noticed all the same."""
    silent = case.status in (*ANNOUNCED, Status.PROVISIONALLY_REGISTERED) and case.released_at is None
    if case.announcement is None or not silent or case.unconfirmed_on is not None:
        return None
    policy, calendar = reference.policies["RELEASE-UNCONFIRMED"], _calendar(reference)
    clock = policy.start_time or reference.office.closes
    return due_at(policy, calendar.at(case.announcement.releases_on, clock), calendar)


def _submission_due(case: Registration, reference: Reference) -> datetime | None:
    if case.status not in WAITS_TO_SUBMIT or case.submission_from is None or case.submission_overdue:
        return None
    return due_at(reference.policies["SUBMIT"], case.submission_from, _calendar(reference))


def _submission_start(case: Registration, contact: Contact) -> datetime:
    return max(contact.at, case.released_at or contact.at)


def _start_tracing(decided: Decided, *, red: datetime, now: datetime, reference: Reference) -> Decided:
    """The search counts from red, or from when we learnt of it: nobody can call before that."""
    at = now if now - red > KNOWN_LATE_AFTER else red
    calendar = _calendar(reference)
    tracing = Tracing(
        started_at=at,
        calls_due_at=due_at(reference.policies["TRACING-CALLS"], at, calendar),
        visit_due_at=due_at(reference.policies["TRACING-VISIT"], at, calendar),
    )
    decided = replace(decided, case=replace(decided.case, tracing=tracing))
    said = {"started_at": at, "calls_due_at": tracing.calls_due_at, "visit_due_at": tracing.visit_due_at}
    return decided.said(TracingStarted.model_validate(decided.case.about() | said))


def _search(case: Registration) -> Tracing:
    if case.status is not Status.TRACING or case.tracing is None:
        raise ClockStopped
    return case.tracing


def _missed(case: Registration, tracing: Tracing, *, step: TracingStep, due: datetime) -> Decided:
    done = {TracingStep.CALLS: tracing.called_at, TracingStep.VISIT: tracing.visited_at}[step]
    if done is not None:
        raise ClockStopped
    fact: Event = TracingOverdue.model_validate(case.about() | {"step": step, "due_at": due})
    return Decided(case=replace(case, tracing=tracing)).said(fact)
