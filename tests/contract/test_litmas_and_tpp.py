"""What litmas submits is heard by tpp as it stands, and what tpp decides is understood by litmas: event by event."""

from dataclasses import replace

import pytest

from contracts.litmas import LitmasSubmittedToBoard
from contracts.tpp import Decision, Outcome, TPPDecided
from services.litmas.reintegration.domain import desks, hearing
from services.litmas.reintegration.domain.acts import Initial
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.states import Status as Report
from services.tpp.domain import item, minutes, session
from services.tpp.domain.acts import Announcement
from services.tpp.domain.hearing import Line, Status
from services.tpp.domain.item import ItemState, ItemStep
from tests.unit.litmas.examples import PAPER, SECTION_HEAD, at, later
from tests.unit.litmas.examples import kept as report_kept
from tests.unit.tpp.examples import CHAIR, HEARING, MEMBERS, MONDAY, REFERENCE, SECRETARY, a_hearing


def submitted() -> tuple[Litmas, LitmasSubmittedToBoard]:
    """A report that waits for the team, and the event that says so, as it is read from the wire."""
    before = at(Report.NUMBERED_CHECKED)
    decided = desks.initial(before, Initial(), PAPER, by=SECTION_HEAD, now=later(32))
    [told] = [fact for fact in decided.facts if isinstance(fact, LitmasSubmittedToBoard)]
    return report_kept(before, decided), LitmasSubmittedToBoard.model_validate_json(told.model_dump_json())


def heard(event: LitmasSubmittedToBoard, decision: Decision) -> TPPDecided:
    """What the team makes known of a report that it heard, as it is read from the wire."""
    queued = item.submit(None, event, reference=REFERENCE)
    listed = queued.moved(ItemStep.LIST, hearing_id=HEARING)
    sitting = a_hearing(lines=(Line(subject_id=listed.subject_id),))
    called = session.call(sitting, listed, by=CHAIR, now=MONDAY)
    outcomes = tuple(Outcome(programme=each, decision=decision) for each in listed.programmes)
    announced = session.announce(
        called.hearing, called.cases[0].item, Announcement(consensus=outcomes), by=SECRETARY, readers=MEMBERS,
        now=MONDAY, reference=REFERENCE,
    )  # fmt: skip
    signed = replace(
        a_hearing(Status.SIGNED, lines=announced.hearing.lines), minutes=a_hearing(Status.MINUTES_DRAFTED).minutes
    )
    done = minutes.hand_over(signed, [announced.cases[0].item], by=SECRETARY, now=MONDAY, reference=REFERENCE)
    [told] = done.cases[0].facts
    return TPPDecided.model_validate_json(told.model_dump_json())


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (Decision.APPROVE, Report.TPP_APPROVED),
        (Decision.APPROVE_WITH_REVISION, Report.TPP_REVISION),
        (Decision.DEFER, Report.TPP_DEFERRED),
        (Decision.REJECT, Report.TPP_REJECTED),
    ],
)
def test_a_report_that_was_heard_goes_on_as_the_team_decided(decision: Decision, state: Report) -> None:
    report, event = submitted()

    known = heard(event, decision)

    assert known.subject == event.subject == str(report.litmas_id)
    assert report_kept(report, hearing.hear(report, known)).status is state


def test_every_programme_that_was_asked_for_is_decided_by_name() -> None:
    report, event = submitted()

    known = heard(event, Decision.APPROVE)

    decided = report_kept(report, hearing.hear(report, known)).board.decisions
    assert [each.programme for each in decided] == list(report.programmes)


def test_a_report_that_was_submitted_waits_in_the_queue() -> None:
    _, event = submitted()

    assert item.submit(None, event, reference=REFERENCE).state is ItemState.QUEUED
