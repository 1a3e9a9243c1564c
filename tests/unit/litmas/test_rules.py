"""The rules of the desks: who may, what must be there before, and what a return or a decision makes of a report."""

from dataclasses import replace
from datetime import date

import pytest

from chassis.rules.refusal import Refused
from contracts.litmas import CancelledFor, LitmasReturned, Outcome
from services.litmas.reintegration.domain import (
    assigning,
    attachments,
    clocks,
    desks,
    field_work,
    intake,
    sections,
)
from services.litmas.reintegration.domain.acts import (
    Analyse,
    Assign,
    Cancel,
    CheckItem,
    Deliver,
    Initial,
    Number,
    Prepare,
    Ready,
    RecordOutcome,
    ReturnDraft,
    Sign,
    SubmitDraft,
    WriteSection,
)
from services.litmas.reintegration.domain.case import Recommendation
from services.litmas.reintegration.domain.sections import Section
from services.litmas.reintegration.domain.states import Status
from tests.unit.litmas.examples import (
    ASSISTANT,
    HEAD,
    MONDAY,
    OFFICER,
    PAPER,
    REFERENCE,
    REGISTRAR,
    SECTION_HEAD,
    STRANGER,
    a_decree,
    a_request,
    a_session,
    a_withdrawal,
    an_assessment,
    an_assignment,
    at,
    kept,
    later,
    papers,
    received,
    written,
)

DRAFT = SubmitDraft(recommendation=Recommendation.RECOMMENDED)
RETURN = ReturnDraft(code="SUBSTANCE", reason="analisis kurang")


def test_a_request_without_its_papers_goes_back_and_names_them() -> None:
    decided = intake.receive(None, a_request(attachments=papers("REGISTER_F")), now=MONDAY, reference=REFERENCE)

    assert decided.case.status is Status.RETURNED_INCOMPLETE
    assert "JUDGMENT_EXCERPT" in decided.case.missing
    assert "REGISTER_F" not in decided.case.missing


def test_the_missing_papers_come_with_a_higher_revision_and_the_heads_time_begins_then() -> None:
    case = kept(None, intake.receive(None, a_request(attachments=[]), now=MONDAY, reference=REFERENCE))

    complete = kept(case, intake.receive(case, a_request(revision=2), now=later(30), reference=REFERENCE), later(30))

    assert complete.status is Status.REQUEST_RECEIVED
    assert complete.clock is not None
    assert (complete.received_at, complete.clock.since) == (later(30), later(30))


def test_two_programmes_need_the_papers_of_both() -> None:
    one = attachments.REQUIRED[a_request().programmes[0]]
    both = a_request(programmes=["FAMILY_VISIT_LEAVE", "CONDITIONAL_RELEASE"]).programmes

    assert set(attachments.missing(both, [])) == set(one)
    assert attachments.missing(both, one) == ()


@pytest.mark.parametrize(
    "said",
    [{"category": "CHILD"}, {"age_at_offence": 17}, {"facility": "LPKA-PLG"}],
    ids=["by law", "by the age at the offence", "by the institution"],
)
def test_a_child_is_asked_for_elsewhere(said: dict[str, object]) -> None:
    with pytest.raises(intake.ChildrenHaveTheirOwnReports):
        intake.receive(None, a_request(**said), now=MONDAY, reference=REFERENCE)


def test_an_id_of_another_prison_or_person_is_refused() -> None:
    with pytest.raises(intake.AskedElsewhere):
        intake.receive(received(), a_request(facility="LP1-PLG", revision=2), now=MONDAY, reference=REFERENCE)
    other = a_request(prison_register_no="B.I 42/2024", revision=2)
    with pytest.raises(intake.AnotherPersonUnderThisId):
        intake.receive(received(), other, now=MONDAY, reference=REFERENCE)


def test_after_the_signature_a_correction_is_too_late_and_a_withdrawal_until_delivery_is_not() -> None:
    signed = at(Status.SIGNED)
    with pytest.raises(intake.ReportIsOut):
        intake.receive(signed, a_request(revision=2), now=later(60), reference=REFERENCE)

    assert intake.withdraw(signed, a_withdrawal(), now=later(60), reference=REFERENCE).case.status is Status.CANCELLED
    with pytest.raises(intake.ReportIsOut):
        intake.withdraw(at(Status.DELIVERED), a_withdrawal(), now=later(60), reference=REFERENCE)


def test_whoever_asks_anew_after_a_withdrawal_begins_at_the_first_desk() -> None:
    case = at(Status.IN_TPP)
    withdrawn = kept(case, intake.withdraw(case, a_withdrawal(revision=2), now=later(40), reference=REFERENCE))

    again = intake.receive(withdrawn, a_request(revision=3), now=later(41), reference=REFERENCE).case

    assert again.status is Status.REQUEST_RECEIVED
    assert (again.assignment, again.numbered, again.ending) == (None, None, None)
    assert again.board.submission == 1


def test_officers_are_proposed_by_distance_load_and_grade() -> None:
    ranked = assigning.proposed(received(), {"PO-HQ-01": 4}, reference=REFERENCE)

    assert ranked[0].officer == "PO-TJR-01"
    heads = [each.officer for each in ranked if each.unit == "PLG-HQ"]
    assert heads == ["PO-HQ-02", "PO-HQ-03", "PO-HQ-04", "PO-HQ-05", "PO-HQ-01"]
    assert {each.distance for each in ranked[6:]} == {2}


@pytest.mark.parametrize(
    ("act", "rule"),
    [
        (an_assignment(officer="REG-HQ-01"), assigning.NotAnOfficer),
        (an_assignment(officer="PO-XX-99"), assigning.NotAnOfficer),
        (an_assignment(assistant="PO-HQ-03"), assigning.NotAnOfficer),
        (an_assignment(valid_until=date(2026, 6, 7)), assigning.PeriodBackwards),
        (an_assignment(expected_officer="PO-HQ-03"), assigning.AnotherOfficerMeanwhile),
    ],
    ids=["a registrar", "nobody", "no assistant", "ends before it begins", "somebody else has it"],
)
def test_a_letter_of_assignment_that_cannot_be_meant_is_refused(act: Assign, rule: type[Refused]) -> None:
    with pytest.raises(rule):
        assigning.check(at(Status.DISPOSED), act, reference=REFERENCE)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"officer": "PO-HQ-03", "reason": "sakit"}, assigning.AnotherOfficerMeanwhile),
        ({"officer": "PO-HQ-03", "expected_officer": "PO-TJR-01"}, assigning.ReasonMissing),
        ({"expected_officer": "PO-TJR-01", "reason": "sakit"}, assigning.SameOfficer),
    ],
    ids=["nobody is expected", "without a reason", "to the same"],
)
def test_a_reassignment_names_the_present_officer_and_a_reason(said: dict[str, str], rule: type[Refused]) -> None:
    with pytest.raises(rule):
        assigning.check(at(Status.ANALYSIS), an_assignment(**said), reference=REFERENCE)


def test_only_the_assigned_officer_works_and_the_assistant_collects_data() -> None:
    case = at(Status.IN_FIELD)
    assert field_work.collect(case, a_session(), by=ASSISTANT, now=later(4)).case.collection is not None
    for by in (STRANGER, ASSISTANT):
        with pytest.raises(field_work.AnotherOfficersReport):
            field_work.assess(at(Status.DATA_COLLECTION), an_assessment(), by=by, now=later(5))
    with pytest.raises(field_work.AnotherOfficersReport):
        field_work.collect(case, a_session(), by=STRANGER, now=later(4))


def test_before_the_journey_the_checklist_is_complete() -> None:
    ready = frozenset(Ready) - {Ready.CONSENT_FORMS}

    with pytest.raises(field_work.NotReady, match="CONSENT_FORMS"):
        field_work.prepare(at(Status.ASSIGNED), Prepare(ready=ready, visit_at=later(24)), by=OFFICER, now=MONDAY)


def test_a_refused_session_counts_and_says_how_it_was_refused() -> None:
    case = at(Status.IN_FIELD)
    refused = a_session(outcome="REFUSED", refusal_kind="VICTIM_ABSENT", informant="VICTIM")

    collection = field_work.collect(case, refused, by=OFFICER, now=later(4)).case.collection

    assert collection is not None
    assert (collection.sessions, collection.refused) == (1, 1)
    for act in (a_session(outcome="REFUSED"), a_session(refusal_kind="NONE")):
        with pytest.raises(field_work.RefusalUnexplained):
            field_work.collect(case, act, by=OFFICER, now=later(4))


def test_what_has_not_happened_yet_is_not_entered() -> None:
    with pytest.raises(field_work.NotYet):
        field_work.collect(at(Status.IN_FIELD), a_session(held_at=later(5)), by=OFFICER, now=later(4))


def test_no_draft_without_a_completed_assessment() -> None:
    case = kept(None, field_work.collect(at(Status.IN_FIELD), a_session(), by=OFFICER, now=later(4)))
    case = kept(case, field_work.analyse(case, Analyse(), by=OFFICER, now=later(6)))

    with pytest.raises(sections.NoAssessment):
        sections.submit(case, DRAFT, written(), by=OFFICER, now=later(7))


def test_no_draft_with_an_empty_section() -> None:
    texts = written() | {Section.CONCLUSION: "   "}

    with pytest.raises(sections.ReportIncomplete, match="CONCLUSION"):
        sections.submit(at(Status.ANALYSIS), DRAFT, texts, by=OFFICER, now=later(7))


def test_at_the_beginning_of_a_sentence_the_victim_is_not_asked_and_a_programme_is_planned() -> None:
    early = sections.needed(a_request(programmes=["INITIAL_PROGRAMME"]).programmes)
    integration = sections.needed(a_request().programmes)

    assert Section.VICTIM_RESPONSE not in early
    assert Section.PROGRAMME_PLAN in early
    assert Section.VICTIM_RESPONSE in integration
    assert Section.PROGRAMME_PLAN not in integration


def test_a_section_is_saved_only_over_what_was_read() -> None:
    case = at(Status.ANALYSIS)

    def save(before: sections.Written | None, text: str, expected: int) -> sections.Written:
        act = WriteSection(text=text)
        return sections.write(case, before, Section.FAMILY, act, expected=expected, by=OFFICER, now=MONDAY)

    first = save(None, "Pertama.", 0)
    second = save(first, "Kedua.", 1)

    assert second.edition == 2
    with pytest.raises(sections.TextChangedMeanwhile):
        save(second, "Lain.", 1)
    # The same save once more: it was done, and nothing is written over.
    assert save(second, "Kedua.", 1) is second


def test_the_author_checks_initials_and_signs_nothing_and_neither_does_a_former_one() -> None:
    case = replace(at(Status.NUMBERED_CHECKED), authors=("PO-TJR-01", SECTION_HEAD.id))
    with pytest.raises(desks.AuthorChecksNothing):
        desks.initial(case, Initial(), PAPER, by=SECTION_HEAD, now=later(32))
    with pytest.raises(desks.AuthorChecksNothing):
        desks.return_draft(case, RETURN, by=SECTION_HEAD, now=later(32))
    drafted = replace(at(Status.DRAFTED), authors=(REGISTRAR.id,))
    with pytest.raises(desks.AuthorChecksNothing):
        desks.number_line(drafted, Number(checked=frozenset(CheckItem)), by=REGISTRAR, reference=REFERENCE)
    approved = replace(at(Status.TPP_APPROVED), authors=(HEAD.id,))
    with pytest.raises(desks.AuthorChecksNothing):
        desks.sign(approved, Sign(revision=1), PAPER, token="V1", by=HEAD, now=later(55))  # noqa: S106  a word on paper


def test_a_report_is_numbered_when_everything_is_checked_and_by_its_programme() -> None:
    case = at(Status.DRAFTED)
    with pytest.raises(desks.CheckIncomplete, match="IDENTITY_MATCHES"):
        desks.number_line(
            case, Number(checked=frozenset({CheckItem.LETTER_MATCHES})), by=REGISTRAR, reference=REFERENCE
        )

    line = desks.number_line(case, Number(checked=frozenset(CheckItem)), by=REGISTRAR, reference=REFERENCE)

    assert (line.register, line.kind, line.unit, line.reg_code) == ("LIT-D", "PB", "PLG-TJR", "VIII.G")


def test_each_desk_returns_what_lies_on_it() -> None:
    drafted, numbered = at(Status.DRAFTED), at(Status.NUMBERED_CHECKED)
    with pytest.raises(desks.ReportNotHere):
        desks.return_draft(drafted, RETURN, by=SECTION_HEAD, now=later(30))
    with pytest.raises(desks.ReportNotHere):
        desks.return_draft(numbered, RETURN, by=REGISTRAR, now=later(31))

    returned = desks.return_draft(numbered, RETURN, by=SECTION_HEAD, now=later(31))

    assert returned.case.status is Status.DRAFT_RETURNED
    assert returned.case.numbered == numbered.numbered
    [fact] = returned.facts
    assert isinstance(fact, LitmasReturned)
    assert (fact.by, fact.reason, fact.revision) == ("SECTION_HEAD", "SUBSTANCE", 1)


def test_the_head_signs_the_revision_that_was_read() -> None:
    with pytest.raises(desks.AnotherRevision):
        desks.sign(at(Status.TPP_APPROVED), Sign(revision=2), PAPER, token="V1", by=HEAD, now=later(55))  # noqa: S106


@pytest.mark.parametrize("hours", [54, 70], ids=["before the signature", "in days to come"])
def test_a_report_is_delivered_after_its_signature(hours: float) -> None:
    with pytest.raises(desks.DeliveredWhen):
        desks.deliver(
            at(Status.SIGNED), Deliver(receipt="BA-1", delivered_at=later(hours)), by=REGISTRAR, now=later(60)
        )


def test_an_outcome_may_come_at_any_time_and_a_decree_stands_above_it() -> None:
    entered = desks.record_outcome(at(Status.ARCHIVED), RecordOutcome(outcome=Outcome.REFUSED), now=later(90)).case
    decreed = intake.hear_decree(entered, a_decree(), now=later(91)).case

    assert decreed.result is not None
    assert decreed.result.outcome is Outcome.GRANTED
    assert intake.hear_decree(at(Status.ANALYSIS), a_decree(), now=later(9)).case.status is Status.ANALYSIS
    with pytest.raises(desks.OutcomeKnown):
        desks.record_outcome(decreed, RecordOutcome(outcome=Outcome.UNKNOWN), now=later(92))
    with pytest.raises(intake.NoReportOfOurs):
        intake.hear_decree(None, a_decree(), now=later(9))


def test_nobody_knows_the_outcome_after_ninety_days_and_is_reminded_once() -> None:
    case = at(Status.ARCHIVED)
    due = clocks.timers_of(case, REFERENCE)[clocks.OUTCOME_REMINDER]

    reminded = clocks.remind(case, due=due, reference=REFERENCE).case

    assert (due - case.delivery.at).days == 90  # type: ignore[union-attr]  # it was delivered
    assert clocks.OUTCOME_REMINDER not in clocks.timers_of(reminded, REFERENCE)
    with pytest.raises(clocks.ClockStopped):
        clocks.remind(reminded, due=due, reference=REFERENCE)


def test_every_desk_of_the_office_has_a_clock_and_every_clock_its_policy() -> None:
    clocks.check_policies(REFERENCE)
    passes = {Status.INITIALED, Status.ARCHIVED, Status.CANCELLED, Status.CLOSED_REJECTED}
    outside = {Status.RETURNED_INCOMPLETE, Status.IN_TPP}

    assert set(clocks.DESKS) == set(Status) - passes
    assert {status for status, row in clocks.DESKS.items() if row.policy is None} == outside


def test_the_officers_seven_days_run_from_the_appointment_through_all_the_officers_steps() -> None:
    assigned, analysed = at(Status.ASSIGNED), at(Status.ANALYSIS)

    assert assigned.clock == analysed.clock
    assert clocks.due_of(analysed, REFERENCE) == clocks.due_of(assigned, REFERENCE)
    # Seven working days after Monday 8 June; Tuesday 16 June is a holiday.
    assert clocks.due_of(assigned, REFERENCE).isoformat() == "2026-06-18T09:30:00+00:00"  # type: ignore[union-attr]


def test_a_cancelled_report_has_no_clock() -> None:
    case = at(Status.NUMBERED_CHECKED)

    over = kept(case, desks.cancel(case, Cancel(reason=CancelledFor.DIED), by=SECTION_HEAD, now=later(40)))

    assert clocks.timers_of(over, REFERENCE) == {}
