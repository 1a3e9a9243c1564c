"""The corners in which somebody could drop out of sight: seen again, never really released, known by the day only."""

from datetime import UTC, date, datetime

import pytest

from contracts.lapas import CancelReason
from contracts.registration import (
    ClosingReason,
    FirstContactMade,
    IdentityLevel,
    RegistrationConflict,
    RegistrationOpened,
    ReleaseBreachReported,
)
from services.registration.domain import casework, clocks, intake, meeting
from services.registration.domain.acts import Closing, HandOn, Return, Submission, SubmittedFile, TraceEntry, TraceKind
from services.registration.domain.case import Registration, Status
from tests.unit.registration.examples import (
    FRIDAY_1630,
    HEAD,
    PRISON_OFFICER,
    REFERENCE,
    REGISTRAR,
    SECTION_HEAD_ADULT,
    a_cancellation,
    a_met_client,
    a_registered_client,
    a_release,
    a_released_client,
    an_announced_client,
    an_announcement,
    hours_later,
    meet,
    report,
    said,
)

DENIED_BEFORE_RELEASE = a_cancellation(reason=CancelReason.DISCIPLINE, cancelled_at=hours_later(-3))


def clocks_of(case: Registration) -> dict[str, datetime]:
    """The clocks that run."""
    return clocks.timers_of(case, REFERENCE)


# --- seen although the prison says not outside ------------------------------------------------------------------------


def met_inside_and_cancelled() -> Registration:
    """Met at the outpost, then the prison cancelled the announced release."""
    inside = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-30)).case
    cancelled = report(inside, DENIED_BEFORE_RELEASE, now=hours_later(-3)).case
    assert cancelled.status is Status.CANCELLED
    return cancelled


def met_inside_released_and_denied() -> Registration:
    """Met at the outpost, released, and the prison says that the release did not happen."""
    inside = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-30)).case
    closed = report(inside, a_release(), a_cancellation(), now=hours_later(2)).case
    assert closed.status is Status.CLOSED
    return closed


@pytest.mark.parametrize(
    "ended", [met_inside_and_cancelled(), met_inside_released_and_denied()], ids=lambda case: case.status.value
)
def test_somebody_met_before_and_seen_again_after_the_prison_took_the_release_back_is_a_conflict(
    ended: Registration,
) -> None:
    decided = meet(ended, contact_at=hours_later(20), method="HOME_VISIT")

    assert decided.case.status is Status.CONFLICT
    assert any(isinstance(fact, RegistrationConflict) for fact in decided.facts)
    assert set(clocks_of(decided.case)) == {"submission"}


def test_a_conflict_has_a_clock_wherever_the_person_was_seen() -> None:
    cancelled = report(an_announced_client(), DENIED_BEFORE_RELEASE, now=hours_later(-3)).case

    conflict = meet(cancelled, contact_at=hours_later(-1), method="AT_OUTPOST").case

    assert conflict.status is Status.CONFLICT
    assert set(clocks_of(conflict)) == {"submission"}


# --- what a prison may take back --------------------------------------------------------------------------------------

WITHDRAWN = (CancelReason.NEW_CASE, CancelReason.DISCIPLINE, CancelReason.OTHER)


@pytest.mark.parametrize("reason", WITHDRAWN)
def test_after_the_release_only_a_denial_ends_the_clocks(reason: CancelReason) -> None:
    decided = report(a_released_client(), a_cancellation(reason=reason), now=hours_later(2))

    assert decided.case.status is Status.RELEASED
    assert said(decided) == ["RegistrationConflict"]
    assert set(clocks_of(decided.case)) == {"first-contact"}


@pytest.mark.parametrize("reason", WITHDRAWN)
def test_a_withdrawal_that_comes_before_its_release_is_told_with_it_and_stops_no_clock(reason: CancelReason) -> None:
    first = report(None, a_cancellation(reason=reason), now=hours_later(3)).case

    decided = report(first, a_release(), now=hours_later(4))

    assert decided.case.status is Status.RELEASED
    assert said(decided) == ["RegistrationOpened", "RegistrationConflict"]
    assert set(clocks_of(decided.case)) == {"first-contact"}


def test_who_is_released_after_a_withdrawal_of_the_same_revision_is_simply_released() -> None:
    withdrawn = report(an_announced_client(), DENIED_BEFORE_RELEASE, now=hours_later(-3)).case

    assert said(report(withdrawn, a_release())) == ["RegistrationOpened"]


def test_a_registered_client_whose_release_is_withdrawn_stays_registered_and_a_human_is_told() -> None:
    decided = report(a_registered_client(), a_cancellation(reason=CancelReason.NEW_CASE), now=hours_later(9))

    assert decided.case.status is Status.REGISTERED
    assert said(decided) == ["RegistrationConflict"]


def test_a_revoked_decree_is_a_breach_although_the_prison_did_not_count_up() -> None:
    corrected = report(a_released_client(), a_release(revision=2, phone="0812 000 0001"), now=hours_later(1)).case

    decided = report(corrected, a_cancellation(reason=CancelReason.DECREE_REVOKED), now=hours_later(2))

    assert isinstance(decided.facts[0], ReleaseBreachReported)
    assert set(clocks_of(decided.case)) == {"first-contact"}


# --- known by the day only --------------------------------------------------------------------------------------------

LATE_ON_FRIDAY = datetime(2026, 1, 30, 16, 59, tzinfo=UTC)
FRIDAY_MIDNIGHT = datetime(2026, 1, 29, 17, 0, tzinfo=UTC)
"""0:00 on Friday in Palembang."""


def test_a_release_known_by_the_day_counts_from_the_beginning_of_that_day() -> None:
    decided = report(None, a_release(released_at=LATE_ON_FRIDAY, time_precision="DAY"), now=LATE_ON_FRIDAY)

    opened = decided.facts[0]
    assert isinstance(opened, RegistrationOpened)
    assert opened.released_at == FRIDAY_MIDNIGHT
    assert clocks_of(decided.case) == {"first-contact": datetime(2026, 1, 30, 17, 0, tzinfo=UTC)}


def test_the_same_release_by_a_door_that_knows_the_day_only_is_known_already() -> None:
    with pytest.raises(intake.AlreadyKnown):
        report(a_released_client(), a_release(released_at=FRIDAY_MIDNIGHT, time_precision="DAY"))


# --- two people, one id -----------------------------------------------------------------------------------------------


def test_another_person_under_a_known_id_is_refused_and_not_left_aside() -> None:
    known = a_released_client()

    with pytest.raises(intake.AnotherPersonUnderThisId):
        report(known, a_release(name="Citra Dewi", prison_register_no="BI.999/2024"))
    with pytest.raises(intake.AnotherPersonUnderThisId):
        report(known, a_release(name="Citra Dewi", facility="LP-SKY", prison_register_no=None, revision=2))


def test_the_same_person_reported_by_the_next_prison_or_spelt_otherwise_is_the_same_case() -> None:
    announced = an_announced_client()

    assert report(announced, a_release(facility="LP-SKY", name="BUDI  santoso")).case.status is Status.RELEASED
    with pytest.raises(intake.OtherContentOfAKnownRevision):
        report(a_released_client(), a_release(name="Budi Santosa"))


# --- corrections ------------------------------------------------------------------------------------------------------


def test_a_correction_of_the_hour_moves_the_time_to_submit_of_who_was_met_before_the_gate() -> None:
    inside = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-30)).case
    released = report(inside, a_release()).case
    assert clocks_of(released) == {"submission": datetime(2026, 2, 3, 9, 30, tzinfo=UTC)}

    monday = datetime(2026, 2, 2, 3, 0, tzinfo=UTC)
    corrected = report(released, a_release(revision=2, released_at=monday), now=monday).case

    assert clocks_of(corrected) == {"submission": datetime(2026, 2, 4, 9, 30, tzinfo=UTC)}


def test_a_correction_of_the_hour_leaves_the_time_to_submit_that_a_return_has_given() -> None:
    submitted = casework.submit(a_met_client(), Submission(), by=REGISTRAR, now=hours_later(5), reference=REFERENCE)
    returned = casework.give_back(
        submitted.case, Return(reason="nama tidak sama"), by=SECTION_HEAD_ADULT, now=hours_later(66)
    ).case

    corrected = report(returned, a_release(revision=2, released_at=hours_later(-2)), now=hours_later(67)).case

    assert clocks_of(corrected) == clocks_of(returned)


def test_a_correction_forgets_none_of_the_files_that_are_chased() -> None:
    submitted = casework.submit(
        a_met_client(),
        Submission(files=frozenset({SubmittedFile.ORDER})),
        by=REGISTRAR,
        now=hours_later(5),
        reference=REFERENCE,
    ).case

    corrected = report(submitted, a_release(revision=2, phone="0812 000 0001"), now=hours_later(6)).case

    files = {code for code in corrected.missing if code.startswith("FILE_")}
    assert files == {"FILE_BASE_DOCUMENT", "FILE_COVER_LETTER", "FILE_HANDOVER_RECORD"}


# --- first contact ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [15 * 24, 40 * 24])
def test_a_contact_long_before_the_release_does_not_stand_whichever_came_first(hours: int) -> None:
    inside = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-30)).case
    late = hours_later(hours - 30)

    released = report(inside, a_release(released_at=late), now=late)

    assert released.case.status is Status.RELEASED
    assert released.case.contact is None
    assert set(clocks_of(released.case)) == {"first-contact"}


def test_a_prison_officer_does_not_reach_level_3_by_a_fingerprint() -> None:
    with pytest.raises(meeting.PrisonOfficerIdentifiesByCodeOnly):
        meet(a_released_client(), by=PRISON_OFFICER, identity_level=IdentityLevel.L1, biometric_status="CAPTURED")


@pytest.mark.parametrize("status", ["DEVICE_DOWN", "QUALITY_LOW", "REFUSED", "EXEMPT", "NOT_AVAILABLE"])
def test_without_a_fingerprint_there_is_no_level_3_and_a_task_remains(status: str) -> None:
    decided = meet(a_released_client(), identity_level=IdentityLevel.L3, biometric_status=status)

    met = decided.facts[0]
    assert isinstance(met, FirstContactMade)
    assert met.identity_level is IdentityLevel.L2
    assert decided.case.needs_identity_follow_up


def test_the_first_contact_names_date_and_place_of_the_visit_in_person() -> None:
    contact = meet(a_released_client(domicile={"regency": "Prabumulih"})).case.contact

    assert contact is not None
    # Met on Friday evening: Monday morning at the unit that guides.
    assert contact.visit_at == datetime(2026, 2, 2, 1, 0, tzinfo=UTC)
    assert contact.visit_unit == "PLG-PBM"


def test_who_is_met_before_the_gate_is_asked_to_come_after_the_announced_day() -> None:
    contact = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-48)).case.contact

    assert contact is not None
    assert contact.visit_at == datetime(2026, 2, 2, 1, 0, tzinfo=UTC)
    assert contact.visit_unit == "PLG-HQ"


def test_what_the_officer_agreed_on_goes_before_the_usual_date() -> None:
    contact = meet(a_released_client(), visit_at=hours_later(90), visit_unit="PLG-SKY").case.contact

    assert contact is not None
    assert (contact.visit_at, contact.visit_unit) == (hours_later(90), "PLG-SKY")


# --- the search -------------------------------------------------------------------------------------------------------


def test_a_call_before_red_is_not_one_of_the_search() -> None:
    traced = report(None, a_release(), now=hours_later(72)).case

    early = TraceEntry(kind=TraceKind.CALL_CLIENT, at=hours_later(71))
    case = meeting.record_trace(traced, early, now=hours_later(73), reference=REFERENCE).case

    assert set(clocks_of(case)) == {"tracing-calls", "tracing-visit"}


# --- ends -------------------------------------------------------------------------------------------------------------


def test_a_client_is_not_handed_on_before_the_other_office_has_accepted() -> None:
    tomorrow = HandOn(to_office="BPS-LAHAT", acceptance_no="W6-1", accepted_on=date(2026, 1, 31))

    with pytest.raises(meeting.InTheFuture):
        casework.hand_on(a_released_client(), tomorrow, by=HEAD, now=FRIDAY_1630, reference=REFERENCE)


def test_a_registered_client_whose_number_is_void_begins_without_one() -> None:
    closed = casework.close(
        a_registered_client(),
        Closing(reason=ClosingReason.RELEASED_IN_ERROR, evidence="PRISON_LETTER"),
        by=HEAD,
        now=hours_later(9),
    ).case

    again = report(closed, a_release(revision=2, released_at=hours_later(10)), now=hours_later(10)).case

    assert again.status is Status.RELEASED
    assert again.registered is None
    assert again.officer == closed.officer


def test_a_registered_client_who_has_served_the_full_term_is_not_searched_for_again() -> None:
    closed = casework.close(
        a_registered_client(),
        Closing(reason=ClosingReason.FULL_TERM, evidence="PRISON_LETTER"),
        by=HEAD,
        now=hours_later(9),
    ).case

    with pytest.raises(intake.CaseIsOver):
        report(closed, a_release(revision=2), an_announcement(revision=2), now=hours_later(10))
