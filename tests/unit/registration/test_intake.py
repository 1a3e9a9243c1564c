"""What a prison reports, and what it means."""

import pytest

from chassis.rules.refusal import Irrelevant
from contracts.lapas import CancelReason, ReleaseType
from contracts.registration import (
    ClosingReason,
    RegistrationAnnounced,
    RegistrationCorrected,
    RegistrationOpened,
    Source,
)
from services.registration.domain import casework, clocks, intake
from services.registration.domain.acts import Closing
from services.registration.domain.case import Registration, Status
from services.registration.domain.decided import concluded
from tests.unit.registration.examples import (
    HEAD,
    REFERENCE,
    RELEASE_DAY,
    a_cancellation,
    a_met_client,
    a_registered_client,
    a_release,
    a_released_client,
    a_submitted_client,
    an_announced_client,
    an_announcement,
    hours_later,
    meet,
    report,
    said,
)


def test_an_announced_release_is_prepared_for() -> None:
    decided = report(None, an_announcement(), now=hours_later(-72))

    assert decided.case.status is Status.RELEASE_ANNOUNCED
    assert said(decided) == ["RegistrationAnnounced"]


def test_a_release_that_was_announced_opens_the_same_case() -> None:
    announced = an_announced_client()

    decided = report(announced, a_release())

    assert decided.case.registration_id == announced.registration_id
    assert decided.case.status is Status.RELEASED
    assert isinstance(decided.facts[0], RegistrationOpened)
    assert decided.facts[0].source is Source.ANNOUNCED


def test_a_release_that_nobody_announced_opens_a_case() -> None:
    decided = report(None, a_release())

    assert decided.case.status is Status.RELEASED
    assert isinstance(decided.facts[0], RegistrationOpened)
    assert decided.facts[0].source is Source.UNANNOUNCED
    assert "PHONE" in decided.facts[0].missing


def test_an_announcement_that_comes_after_its_release_fills_what_was_missing() -> None:
    released = a_released_client(release_type=None)

    decided = report(released, an_announcement(phone="0812 3456 7890"))

    assert decided.case.status is Status.RELEASED
    assert decided.case.person is not None
    assert decided.case.person.phone == "0812 3456 7890"
    assert "PHONE" not in decided.case.missing


def test_what_the_release_says_goes_before_what_the_announcement_said() -> None:
    announced = an_announced_client(name="Budi S.")

    decided = report(announced, a_release(name="Budi Santoso"))

    assert decided.case.person is not None
    assert decided.case.person.name == "Budi Santoso"


@pytest.mark.parametrize("revision", [1, 2], ids=["older", "the same"])
def test_a_revision_that_is_not_newer_changes_nothing(revision: int) -> None:
    known = a_released_client(revision=2)

    with pytest.raises(Irrelevant):
        report(known, a_release(revision=revision, released_at=hours_later(1)))


def test_the_same_report_with_fewer_fields_is_known() -> None:
    known = a_released_client(phone="0812 3456 7890")

    with pytest.raises(intake.AlreadyKnown):
        report(known, a_release())


def test_other_content_under_the_same_revision_is_told_so_that_the_prison_counts_up() -> None:
    known = a_released_client()

    with pytest.raises(intake.OtherContentOfAKnownRevision):
        report(known, a_release(released_at=hours_later(1)))


def test_a_correction_of_the_hour_moves_the_clock() -> None:
    known = a_released_client()

    decided = report(known, a_release(revision=2, released_at=hours_later(10)), now=hours_later(12))

    assert clocks.timers_of(decided.case, REFERENCE) == {"first-contact": hours_later(34)}
    correction = decided.facts[0]
    assert isinstance(correction, RegistrationCorrected)
    assert correction.changed == ("RELEASED_AT",)
    assert correction.released_at == hours_later(10)


def test_a_correction_says_which_field_changed_and_not_to_what() -> None:
    known = a_released_client()

    decided = report(known, a_release(revision=2, phone="0812 3456 7890", name="Budi Santosa"))

    assert isinstance(decided.facts[0], RegistrationCorrected)
    assert set(decided.facts[0].changed) == {"PHONE", "NAME"}
    assert "0812" not in decided.facts[0].model_dump_json()


def test_a_release_that_is_corrected_to_days_later_is_no_longer_searched_for() -> None:
    known = report(None, a_release(), now=hours_later(80)).case
    assert known.status is Status.TRACING

    decided = report(known, a_release(revision=2, released_at=hours_later(60)), now=hours_later(80))

    assert decided.case.status is Status.RELEASED
    assert decided.case.tracing is None
    assert clocks.timers_of(decided.case, REFERENCE) == {"first-contact": hours_later(84)}


def test_a_release_in_2099_is_refused() -> None:
    with pytest.raises(intake.ReleasedInTheFuture):
        report(None, a_release(released_at="2099-01-01T08:00:00+07:00"))


def test_a_release_a_few_hours_ahead_is_taken() -> None:
    assert report(None, a_release(), now=hours_later(-23)).case.status is Status.RELEASED


def test_an_unknown_prison_is_flagged_and_its_people_come_to_head_office() -> None:
    case = a_released_client(facility="LP-ELSEWHERE")

    assert "FACILITY_UNKNOWN" in case.missing
    assert case.receiving_unit == "PLG-HQ"


def test_the_guarantors_address_decides_who_guides() -> None:
    case = a_released_client(
        guarantor={"name": "Siti", "address": {"regency": "Kabupaten Ogan Ilir"}}, domicile={"regency": "Prabumulih"}
    )

    assert case.receiving_unit == "PLG-HQ"
    assert case.guidance_unit == "PLG-TJR"


def test_a_cancellation_before_the_release_cancels() -> None:
    decided = report(an_announced_client(), a_cancellation(reason=CancelReason.DISCIPLINE))

    assert decided.case.status is Status.CANCELLED
    assert said(decided) == ["RegistrationCancelled"]
    assert clocks.timers_of(decided.case, REFERENCE) == {}


def test_a_cancellation_after_the_release_of_somebody_nobody_saw_closes() -> None:
    decided = report(a_released_client(), a_cancellation())

    assert decided.case.status is Status.CLOSED
    assert decided.case.closure is not None
    assert decided.case.closure.reason is ClosingReason.RELEASED_IN_ERROR
    assert clocks.timers_of(decided.case, REFERENCE) == {}


@pytest.mark.parametrize("case", [a_met_client(), a_submitted_client()], ids=["met", "submitted"])
def test_a_cancellation_against_what_an_officer_saw_is_a_conflict_with_clocks_running(case: Registration) -> None:
    decided = report(case, a_cancellation(cancelled_at=hours_later(8)), now=hours_later(8))

    assert decided.case.status is Status.CONFLICT
    assert said(decided) == ["RegistrationConflict"]
    assert "submission" in clocks.timers_of(decided.case, REFERENCE)


def test_somebody_seen_only_inside_before_a_release_that_did_not_happen_is_no_conflict() -> None:
    inside = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-2)).case
    released = report(inside, a_release()).case

    decided = report(released, a_cancellation())

    assert decided.case.status is Status.CLOSED


def test_a_revoked_decree_of_somebody_outside_is_a_breach_and_never_a_cancellation() -> None:
    decided = report(a_released_client(), a_cancellation(reason=CancelReason.DECREE_REVOKED))

    assert decided.case.status is Status.RELEASED
    assert said(decided) == ["ReleaseBreachReported"]
    assert "first-contact" in clocks.timers_of(decided.case, REFERENCE)


def test_a_cancellation_that_comes_before_its_release_is_remembered_and_applied() -> None:
    remembered = report(None, a_cancellation()).case
    assert remembered.status is Status.CANCELLED

    decided = report(remembered, a_release(), now=hours_later(3))

    assert decided.case.status is Status.CLOSED
    assert said(decided) == ["RegistrationClosed"]


def test_somebody_released_after_all_by_a_later_revision_is_waited_for() -> None:
    cancelled = report(an_announced_client(), a_cancellation(revision=2)).case

    decided = report(cancelled, a_release(revision=3))

    assert decided.case.status is Status.RELEASED
    assert "first-contact" in clocks.timers_of(decided.case, REFERENCE)


def test_a_release_later_than_its_cancellation_counts_even_without_revisions() -> None:
    cancelled = report(
        an_announced_client(), a_cancellation(reason=CancelReason.NEW_CASE, cancelled_at=hours_later(-20))
    ).case

    assert report(cancelled, a_release()).case.status is Status.RELEASED


def test_another_prison_cannot_take_a_release_back() -> None:
    with pytest.raises(intake.CancelledElsewhere):
        report(a_released_client(), a_cancellation(facility="LP-SKY"))


def test_a_registered_client_is_not_unmade_by_a_cancellation() -> None:
    with pytest.raises(intake.RegisteredClientIsNotUnmade):
        report(a_registered_client(), a_cancellation(cancelled_at=hours_later(9)), now=hours_later(9))


def test_a_full_term_release_closes_the_open_announcement() -> None:
    decided = report(an_announced_client(), a_release(release_type=ReleaseType.FULL_TERM))

    assert decided.case.status is Status.CLOSED
    assert decided.case.closure is not None
    assert decided.case.closure.reason is ClosingReason.FULL_TERM


def test_a_full_term_release_of_nobody_we_wait_for_is_irrelevant() -> None:
    with pytest.raises(intake.NobodyToGuide):
        report(None, a_release(release_type=ReleaseType.FULL_TERM))


def test_a_release_typed_full_term_by_mistake_opens_when_it_is_corrected() -> None:
    closed = report(an_announced_client(), a_release(release_type=ReleaseType.FULL_TERM)).case

    decided = report(closed, a_release(revision=2))

    assert decided.case.status is Status.RELEASED


def test_the_offices_own_closure_stands_against_later_reports() -> None:
    closed = casework.close(
        a_released_client(),
        Closing(reason=ClosingReason.DIED, evidence="DEATH_CERTIFICATE"),
        by=HEAD,
        now=hours_later(3),
    ).case

    with pytest.raises(intake.CaseIsOver):
        report(closed, a_release(revision=2))


def test_an_announced_day_that_moves_moves_the_question_to_the_prison() -> None:
    announced = an_announced_client()

    decided = report(announced, an_announcement(revision=2, releases_on="2026-02-02"), now=hours_later(-48))

    before, after = clocks.timers_of(announced, REFERENCE), clocks.timers_of(decided.case, REFERENCE)
    assert before["release-unconfirmed"].isoformat() == "2026-01-30T15:00:00+00:00"
    assert after["release-unconfirmed"].isoformat() == "2026-02-02T15:00:00+00:00"


def test_the_details_go_to_those_who_guide_when_the_case_opens_and_when_they_change() -> None:
    opened = concluded(None, report(None, a_release()))
    corrected = concluded(opened.case, report(opened.case, a_release(revision=2, phone="0812 3456 7890")))
    unchanged = concluded(corrected.case, meet(corrected.case))

    assert said(opened)[-1] == "ClientDetails"
    assert said(corrected)[-1] == "ClientDetails"
    assert "ClientDetails" not in said(unchanged)


def test_the_details_are_taken_back_when_the_case_ends_without_a_client() -> None:
    opened = concluded(None, report(None, a_release()))

    closed = concluded(opened.case, report(opened.case, a_cancellation()))

    assert closed.erased_as == (False,)


def test_an_announced_person_is_nobodys_client_yet() -> None:
    decided = concluded(None, report(None, an_announcement()))

    assert "ClientDetails" not in said(decided)


@pytest.mark.parametrize(
    "about",
    [{"category": "CHILD"}, {"age_at_offence": 17}, {"facility": "LPKA-PLG"}],
    ids=["by category", "by the age at the offence", "by the institution"],
)
def test_a_child_comes_and_goes_on_topics_of_its_own(about: dict[str, object]) -> None:
    decided = concluded(None, report(None, a_release(**about)))

    assert {fact.topic for fact in decided.facts} == {"registration.juvenile.events", "registration.juvenile.clients"}


def test_no_fact_of_ours_repeats_the_prisons_own_id() -> None:
    decided = report(None, a_release(release_id="Budi-Santoso-1990"))

    assert all("Budi" not in fact.model_dump_json() for fact in decided.facts)
    assert decided.case.announcement is None
    assert RELEASE_DAY.isoformat() == "2026-01-30"


def test_everything_wanted_that_a_prison_leaves_out_is_listed() -> None:
    case = a_released_client(guarantor={"name": "Siti"}, category="ADULT")

    assert {"AGE_AT_OFFENCE", "OFFENCE_GROUP", "SUPERVISING_PROSECUTOR", "BIRTH_DATE", "LITMAS_NO"} <= set(case.missing)
    assert {"GUARANTOR_PHONE", "GUARANTOR_ADDRESS", "GUARANTOR_RELATION"} <= set(case.missing)
    assert not {"CATEGORY", "GUARANTOR", "GUARANTOR_NAME"} & set(case.missing)


def test_an_officer_of_the_place_of_guidance_is_proposed_from_the_first_report_on() -> None:
    decided = report(None, an_announcement(domicile={"regency": "Prabumulih"}), now=hours_later(-72))

    assert [fact.officer for fact in decided.facts if isinstance(fact, RegistrationAnnounced)] == ["PO-PBM-01"]
    assert report(decided.case, a_release()).case.officer == "PO-PBM-01"


def test_for_a_child_the_proposed_officer_is_certified_wherever_that_is() -> None:
    case = a_released_client(category="CHILD", domicile={"regency": "Prabumulih"})

    assert case.officer is not None
    assert REFERENCE.officers[case.officer].child_certified


def test_the_work_spreads_over_the_officers_of_a_unit() -> None:
    proposed = {a_released_client(release_id=f"R-{number}").officer for number in range(60)}

    assert proposed == {"PO-HQ-01", "PO-HQ-02", "PO-HQ-03", "PO-HQ-04", "PO-HQ-05"}


def test_a_correction_keeps_the_officer_unless_the_place_has_changed() -> None:
    known = a_released_client()

    assert report(known, a_release(revision=2, phone="0812 000 0001")).case.officer == known.officer
    assert report(known, a_release(revision=2, domicile={"regency": "OKI"})).case.officer == "PO-KAG-01"
