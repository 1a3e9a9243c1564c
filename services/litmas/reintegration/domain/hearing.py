"""What the assessment team's decision means for a report, and what the office makes of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.rules.refusal import Irrelevant, Refused
from contracts.litmas import Desk, LitmasApproved, LitmasDeferred, LitmasRejected, LitmasReturned
from contracts.tpp import Decision, SubjectKind, TPPDecided
from services.litmas.reintegration.domain import desks
from services.litmas.reintegration.domain.acts import Decide
from services.litmas.reintegration.domain.case import Acting, Done, HeardOn, Litmas
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.states import HEARD, TRANSITIONS, Status, Step


class NotAboutAReport(Irrelevant):
    """The team decided about something else."""


class NoSuchReportHeard(Irrelevant):
    """The team decided about a report that is not ours."""


class DecidedAlready(Irrelevant):
    """What this hearing decided about the report is known."""


class OlderRevisionHeard(Irrelevant):
    """The team heard another revision than the one that waits."""


class NotWaiting(Irrelevant):
    """The report does not wait for the team: it was cancelled, or decided in another hearing."""


class ReturnedOnce(Refused):
    """The head returns a decision of the team once; the second one stands."""


def hear(case: Litmas | None, event: TPPDecided) -> Decided:
    """The team's word about the revision that it heard; a decision is taken once per hearing."""
    if event.subject_kind is not SubjectKind.LITMAS:
        raise NotAboutAReport
    if case is None:
        raise NoSuchReportHeard
    if event.hearing_id in case.board.heard_in:
        raise DecidedAlready
    if case.status not in HEARD:
        raise NotWaiting
    if event.revision != case.board.revision or event.report_hash != case.board.report_hash:
        raise OlderRevisionHeard
    return _taken(case, event)


def return_decision(case: Litmas, act: Decide, *, by: Acting, now: datetime) -> Decided:
    """The head does not sign what the team decided and returns it, once and in writing."""
    desks.not_the_author(case, by)
    TRANSITIONS.move(case.status, Step.RETURN_DECISION)
    if case.board.returned_by_head is not None:
        raise ReturnedOnce
    returned = case.board.model_copy(update={"returned_by_head": Done(by=by.id, at=now)})
    paper = desks.Paper(reference=str(case.board.reference), sha256=str(case.board.report_hash))
    decided = Decided(case=replace(case, board=returned))
    return desks.submit_to_board(decided, paper, Step.RETURN_DECISION, now=now, reason=act.reason)


def rework(case: Litmas, act: Decide, *, now: datetime) -> Decided:
    """A rejected report is written anew under its number."""
    decided = Decided(case=case).moved(Step.REWORK, at=now, reason=act.reason, initialed=None)
    return decided.said(LitmasReturned, by=Desk.BOARD, reason="REJECTED", revision=case.revision, returned_at=now)


def close_rejected(case: Litmas, act: Decide, *, now: datetime) -> Decided:
    """A rejected report ends here; the prison is answered that there is none."""
    decided = Decided(case=case).moved(Step.CLOSE_REJECTED, at=now, reason=act.reason)
    return decided.said(LitmasRejected, submission=case.board.submission, closed=True, rejected_at=now)


def weighed(decisions: Sequence[Decision]) -> Step:
    """What several programmes' decisions mean for the one report: it waits for the slowest of them."""
    if Decision.DEFER in decisions:
        return Step.DEFER
    if Decision.APPROVE_WITH_REVISION in decisions:
        return Step.ASK_REVISION
    return Step.APPROVE if Decision.APPROVE in decisions else Step.REJECT


def _taken(case: Litmas, event: TPPDecided) -> Decided:
    heard = tuple(
        HeardOn(
            hearing_id=event.hearing_id,
            programme=programme,
            decision=outcome.decision,
            conditions=outcome.condition_codes,
            decided_at=event.decided_at,
        )
        for outcome in event.outcomes
        for programme in case.programmes
        if outcome.programme in {None, programme}
    )
    step = weighed([outcome.decision for outcome in event.outcomes])
    board = case.board.model_copy(
        update={
            "decisions": (*case.board.decisions, *heard),
            "heard_in": (*case.board.heard_in, event.hearing_id),
            "rehear_by": event.rehear_by,
            "approved_with_revision": step is Step.ASK_REVISION,
            "minutes_no": event.minutes_no,
        }
    )
    decided = Decided(case=case).moved(step, at=event.decided_at, documents=(event.minutes_no,), board=board)
    return _told(decided, event)


def _told(decided: Decided, event: TPPDecided) -> Decided:
    board, at = decided.case.board, event.decided_at
    if decided.case.status is Status.TPP_DEFERRED:
        return decided.said(LitmasDeferred, submission=board.submission, rehear_on=event.rehear_by, deferred_at=at)
    if decided.case.status is Status.TPP_REJECTED:
        return decided.said(LitmasRejected, submission=board.submission, rejected_at=at)
    revise = decided.case.status is Status.TPP_REVISION
    return decided.said(LitmasApproved, submission=board.submission, revise=revise, approved_at=at)
