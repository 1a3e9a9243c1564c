"""What the team's decision makes of a report: once per hearing, and for the revision that waits."""

import pytest

from chassis.rules.refusal import Irrelevant
from contracts.litmas import LitmasSubmittedToBoard
from contracts.tpp import Decision
from services.litmas.reintegration.domain import desks, hearing
from services.litmas.reintegration.domain.acts import Decide, Resubmit
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.states import Status
from tests.unit.litmas.examples import HASH, SECTION_HEAD, a_decision, at, kept, later, received


def heard(case: Litmas, decision: Decision) -> Litmas:
    """The report after the team's decision."""
    return kept(case, hearing.hear(case, a_decision(case, decision)))


@pytest.mark.parametrize(
    ("decisions", "status"),
    [
        (["APPROVE"], Status.TPP_APPROVED),
        (["REJECT"], Status.TPP_REJECTED),
        (["APPROVE", "REJECT"], Status.TPP_APPROVED),
        (["APPROVE", "APPROVE_WITH_REVISION"], Status.TPP_REVISION),
        (["APPROVE_WITH_REVISION", "DEFER"], Status.TPP_DEFERRED),
        (["REJECT", "DEFER"], Status.TPP_DEFERRED),
    ],
)
def test_one_report_for_two_programmes_waits_for_the_slowest_decision(decisions: list[str], status: Status) -> None:
    case = at(Status.IN_TPP, received(programmes=["CONDITIONAL_RELEASE", "CONDITIONAL_LEAVE"][: len(decisions)]))
    outcomes = [
        {"programme": programme, "decision": decision}
        for programme, decision in zip(case.programmes, decisions, strict=True)
    ]

    decided = hearing.hear(case, a_decision(case, outcomes=outcomes)).case

    assert decided.status is status
    assert [each.decision for each in decided.board.decisions] == decisions


def test_a_decision_counts_once_per_hearing_and_for_the_revision_that_waits() -> None:
    case = at(Status.IN_TPP)
    decision = a_decision(case)
    approved = kept(case, hearing.hear(case, decision))
    cases: list[tuple[Litmas | None, object, type[Irrelevant]]] = [
        (approved, decision, hearing.DecidedAlready),
        (case, a_decision(case, revision=2), hearing.OlderRevisionHeard),
        (case, a_decision(case, report_hash="d" * 64), hearing.OlderRevisionHeard),
        (at(Status.DRAFTED), decision, hearing.NotWaiting),
        (None, decision, hearing.NoSuchReportHeard),
        (case, a_decision(case, subject_kind="STAGE"), hearing.NotAboutAReport),
    ]
    for known, event, rule in cases:
        with pytest.raises(rule):
            hearing.hear(known, event)  # type: ignore[arg-type]  # each is one


def test_a_deferred_report_comes_before_the_team_as_another_submission() -> None:
    case = heard(at(Status.IN_TPP), Decision.DEFER)

    [fact] = desks.resubmit(case, Resubmit(), by=SECTION_HEAD, now=later(60)).facts

    assert isinstance(fact, LitmasSubmittedToBoard)
    assert (fact.submission, fact.revision, fact.report_hash) == (2, 1, HASH)


def test_a_rejected_report_is_rewritten_under_its_number_or_closed() -> None:
    case = heard(at(Status.IN_TPP), Decision.REJECT)

    again = hearing.rework(case, Decide(reason="tulis ulang"), now=later(60)).case
    closed = hearing.close_rejected(case, Decide(reason="selesai"), now=later(60)).case

    assert (again.status, again.numbered) == (Status.DRAFT_RETURNED, case.numbered)
    assert closed.status is Status.CLOSED_REJECTED
