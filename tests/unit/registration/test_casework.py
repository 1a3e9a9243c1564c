"""What officers do, and what they are refused."""

import pytest

from chassis.rules.refusal import Irrelevant
from chassis.rules.transitions import StepNotAllowed
from contracts.registration import (
    BiometricWaived,
    ClientRegistered,
    ClosingReason,
    FirstContactMade,
    IdentityLevel,
    RegistrationRefused,
)
from services.registration.domain import casework, clocks, meeting, registers
from services.registration.domain.acts import (
    Approval,
    Biometrics,
    Closing,
    HandOn,
    PersonRefusal,
    Refusal,
    Return,
    Submission,
    SubmittedFile,
)
from services.registration.domain.case import Acting, BiometricStatus, Registration, Status
from tests.unit.registration.examples import (
    DUTY_OFFICER,
    HEAD,
    PRISON_OFFICER,
    REFERENCE,
    REGISTRAR,
    SECTION_HEAD_ADULT,
    SECTION_HEAD_CHILD,
    a_cancellation,
    a_met_client,
    a_registered_client,
    a_released_client,
    a_submitted_client,
    an_announced_client,
    approve,
    hours_later,
    meet,
    report,
    said,
)

ACCEPTED = HandOn(to_office="BPS-LAHAT", acceptance_no="W6.PAS-12", accepted_on="2026-01-30")  # type: ignore[arg-type]
DUPLICATE = Closing(reason=ClosingReason.DUPLICATE, evidence="OTHER_REGISTRATION")


def test_a_contact_with_the_person_is_a_provisional_registration() -> None:
    decided = meet(a_released_client())

    assert decided.case.status is Status.PROVISIONALLY_REGISTERED
    assert said(decided) == ["FirstContactMade"]


def test_a_contact_with_the_guarantor_alone_is_a_trace_entry_and_the_clock_runs_on() -> None:
    decided = meet(a_released_client(), whom="GUARANTOR_ALONE", note="ibunya menelepon")

    assert decided.case.status is Status.RELEASED
    assert decided.facts == ()
    assert decided.trail[0].reason == "GUARANTOR_MET, not reached: ibunya menelepon"
    assert clocks.timers_of(decided.case, REFERENCE) == {"first-contact": hours_later(24)}


def test_somebody_met_inside_the_prison_before_the_gate_is_met() -> None:
    decided = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-3))

    assert decided.case.status is Status.PROVISIONALLY_REGISTERED
    assert isinstance(decided.facts[0], FirstContactMade)
    assert decided.facts[0].before_gate


@pytest.mark.parametrize("status", [each for each in BiometricStatus if each is not BiometricStatus.CAPTURED])
def test_no_biometric_status_ever_blocks_a_contact(status: BiometricStatus) -> None:
    decided = meet(a_released_client(), biometric_status=status)

    assert decided.case.status is Status.PROVISIONALLY_REGISTERED
    assert isinstance(decided.facts[-1], BiometricWaived)
    assert decided.facts[-1].reason.value == status.value
    assert decided.case.needs_identity_follow_up


def test_a_fingerprint_is_the_highest_level_of_identity() -> None:
    decided = meet(a_released_client(), biometric_status=BiometricStatus.CAPTURED)

    assert decided.case.identity_level is IdentityLevel.L3
    assert said(decided) == ["FirstContactMade", "BiometricCaptured"]
    assert not decided.case.needs_identity_follow_up


def test_a_fingerprint_taken_later_ends_the_follow_up() -> None:
    met = meet(a_released_client(), biometric_status=BiometricStatus.DEVICE_DOWN).case

    decided = meeting.record_biometrics(
        met, Biometrics(status=BiometricStatus.CAPTURED, at=hours_later(70)), now=hours_later(70)
    )

    assert said(decided) == ["BiometricCaptured"]
    assert not decided.case.needs_identity_follow_up


def test_a_prison_officer_records_a_contact_by_code_only() -> None:
    assert meet(a_released_client(), by=PRISON_OFFICER, identity_level="L1").case.status is (
        Status.PROVISIONALLY_REGISTERED
    )
    with pytest.raises(meeting.PrisonOfficerIdentifiesByCodeOnly):
        meet(a_released_client(), by=PRISON_OFFICER, identity_level="L2")


def test_a_second_first_contact_is_irrelevant() -> None:
    with pytest.raises(Irrelevant):
        meet(a_met_client(), contact_at=hours_later(9))


def test_a_contact_in_the_future_is_refused() -> None:
    with pytest.raises(meeting.InTheFuture):
        meet(a_released_client(), contact_at=hours_later(4), now=hours_later(3))


def test_a_contact_long_before_the_release_does_not_stop_its_clock() -> None:
    with pytest.raises(meeting.ContactTooLongBeforeRelease):
        meet(a_released_client(), method="AT_OUTPOST", contact_at=hours_later(-15 * 24))


def test_somebody_seen_whose_release_was_cancelled_is_a_conflict() -> None:
    cancelled = report(an_announced_client(), a_cancellation()).case

    decided = meet(cancelled, contact_at=hours_later(20))

    assert decided.case.status is Status.CONFLICT
    assert said(decided) == ["FirstContactMade", "RegistrationConflict"]


def test_a_contact_does_not_undo_what_the_office_closed_itself() -> None:
    closed = casework.close(a_released_client(), DUPLICATE, by=HEAD, now=hours_later(1)).case

    with pytest.raises(meeting.OfficeEndedTheCase):
        meet(closed)


def test_the_section_head_resolves_a_conflict_in_favour_of_the_officer() -> None:
    conflict = report(a_met_client(), a_cancellation(cancelled_at=hours_later(8)), now=hours_later(8)).case

    decided = casework.give_back(
        conflict, Return(reason="petugas sudah bertemu klien"), by=SECTION_HEAD_ADULT, now=hours_later(9)
    )

    assert decided.case.status is Status.PROVISIONALLY_REGISTERED


def test_a_submission_lists_the_papers_that_are_still_missing() -> None:
    decided = casework.submit(
        a_met_client(),
        Submission(files=frozenset({SubmittedFile.BASE_DOCUMENT})),
        by=REGISTRAR,
        now=hours_later(5),
        reference=REFERENCE,
    )

    assert decided.case.status is Status.SUBMITTED
    assert "FILE_HANDOVER_RECORD" in decided.case.missing
    assert "FILE_BASE_DOCUMENT" not in decided.case.missing


def test_somebody_still_inside_is_not_submitted() -> None:
    inside = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-3)).case

    with pytest.raises(casework.NotYetReleased):
        casework.submit(inside, Submission(), by=REGISTRAR, now=hours_later(-2), reference=REFERENCE)


def test_somebody_who_came_although_the_prison_never_reported_the_release_can_be_submitted() -> None:
    met = meet(an_announced_client(), contact_at=hours_later(64)).case

    decided = casework.submit(met, Submission(), by=REGISTRAR, now=hours_later(65), reference=REFERENCE)

    assert decided.case.status is Status.SUBMITTED


def test_the_section_head_approves_and_the_number_comes_in_the_same_moment() -> None:
    decided = approve(a_submitted_client(), seq=12)

    assert decided.case.status is Status.REGISTERED
    registered = decided.facts[0]
    assert isinstance(registered, ClientRegistered)
    assert registered.register_code == "KLD-PB"
    assert registered.register_no == "0012/KLD-PB/PLG-HQ/I/2026"


@pytest.mark.parametrize(
    ("release_type", "register"),
    [
        ("conditional_release", "KLD-PB"),
        ("conditional_leave", "KLD-CB"),
        ("pre_release_leave", "KLD-CMB"),
        ("assimilation", "KLD-ASM"),
        (None, "KLD-LN"),
    ],
)
def test_the_register_follows_the_kind_of_release(release_type: str | None, register: str) -> None:
    decided = approve(a_submitted_client(release_type=release_type))

    assert decided.case.registered is not None
    assert decided.case.registered.register_code == register


def test_children_stand_in_a_register_of_their_own() -> None:
    decided = approve(a_submitted_client(category="CHILD"), by=SECTION_HEAD_CHILD)

    assert decided.case.registered is not None
    assert decided.case.registered.register_code == "KLA-PB"


def test_the_year_of_a_number_is_that_of_the_office() -> None:
    # 1 January 06:00 in Palembang is still the old year in UTC.
    new_year = hours_later(0).replace(year=2025, month=12, day=31, hour=23, minute=0)

    decided = approve(a_submitted_client(), now=new_year)

    assert decided.case.registered is not None
    assert decided.case.registered.year == 2026
    assert decided.case.registered.register_no == "0001/KLD-PB/PLG-HQ/I/2026"


@pytest.mark.parametrize(
    ("case", "by"),
    [
        pytest.param({}, SECTION_HEAD_CHILD, id="an adult by the children's section"),
        pytest.param({"category": "CHILD"}, SECTION_HEAD_ADULT, id="a child by the adults' section"),
        pytest.param({}, HEAD, id="by the head of the office"),
        pytest.param({}, REGISTRAR, id="by a registrar"),
    ],
)
def test_only_the_head_of_the_section_approves(case: dict[str, str], by: Acting) -> None:
    with pytest.raises(meeting.NotYourSection):
        approve(a_submitted_client(**case), by=by)


def test_who_submitted_does_not_approve() -> None:
    case = casework.submit(
        a_met_client(), Submission(), by=SECTION_HEAD_ADULT, now=hours_later(5), reference=REFERENCE
    ).case

    with pytest.raises(casework.SubmitterMayNotApprove):
        approve(case)


@pytest.mark.parametrize("officer", ["PO-NOBODY", "REG-HQ-01"], ids=["unknown", "no probation officer"])
def test_only_a_probation_officer_of_this_office_guides(officer: str) -> None:
    with pytest.raises(casework.OfficerNotAvailable):
        casework.register_on_approval(
            a_submitted_client(), Approval(officer=officer), by=SECTION_HEAD_ADULT, reference=REFERENCE
        )


def test_a_child_is_guided_by_a_certified_officer() -> None:
    child = a_submitted_client(category="CHILD")

    with pytest.raises(casework.OfficerNotAvailable):
        casework.register_on_approval(child, Approval(officer="PO-HQ-03"), by=SECTION_HEAD_CHILD, reference=REFERENCE)
    register = casework.register_on_approval(
        child, Approval(officer="PO-HQ-01"), by=SECTION_HEAD_CHILD, reference=REFERENCE
    )

    assert register.juvenile


def test_a_refusal_names_a_transfer_or_a_closure() -> None:
    refusal = Refusal(reason="bukan wilayah kami", transfer=ACCEPTED)

    decided = casework.refuse(
        a_submitted_client(), refusal, by=SECTION_HEAD_ADULT, now=hours_later(9), reference=REFERENCE
    )

    assert decided.case.status is Status.HANDED_ON
    assert said(decided) == ["RegistrationRefused", "ClientHandedOn"]
    assert isinstance(decided.facts[0], RegistrationRefused)


def test_a_refusal_with_a_closure_closes() -> None:
    refusal = Refusal(reason="sudah terdaftar", closure=DUPLICATE)

    decided = casework.refuse(
        a_submitted_client(), refusal, by=SECTION_HEAD_ADULT, now=hours_later(9), reference=REFERENCE
    )

    assert decided.case.status is Status.CLOSED
    assert said(decided) == ["RegistrationRefused", "RegistrationClosed"]


@pytest.mark.parametrize(
    "refusal",
    [Refusal(reason="tidak lengkap"), Refusal(reason="dua-duanya", transfer=ACCEPTED, closure=DUPLICATE)],
    ids=["neither", "both"],
)
def test_a_refusal_that_names_no_one_way_is_refused(refusal: Refusal) -> None:
    with pytest.raises(casework.RefusalNamesOneWay):
        casework.refuse(a_submitted_client(), refusal, by=SECTION_HEAD_ADULT, now=hours_later(9), reference=REFERENCE)


def test_a_refusal_by_the_person_keeps_its_letter() -> None:
    letter = PersonRefusal(letter_no="B-1", letter_on="2026-01-31", kind="WRITTEN")  # type: ignore[arg-type]
    refusal = Refusal(reason="menolak bimbingan", closure=DUPLICATE, person_refuses=letter)

    assert (
        casework.refuse(
            a_submitted_client(), refusal, by=SECTION_HEAD_ADULT, now=hours_later(9), reference=REFERENCE
        ).case.status
        is Status.CLOSED
    )


@pytest.mark.parametrize(
    "case",
    [an_announced_client(), a_released_client(), a_met_client(), a_submitted_client(), a_registered_client()],
    ids=lambda case: case.status.value,
)
def test_a_case_is_closed_with_evidence_from_any_state_and_its_clocks_stop(case: Registration) -> None:
    decided = casework.close(
        case, Closing(reason=ClosingReason.DIED, evidence="DEATH_CERTIFICATE"), by=HEAD, now=hours_later(9)
    )

    assert decided.case.status is Status.CLOSED
    assert clocks.timers_of(decided.case, REFERENCE) == {}


def test_handing_on_stops_our_clocks() -> None:
    decided = casework.hand_on(
        a_released_client(), ACCEPTED, by=SECTION_HEAD_ADULT, now=hours_later(9), reference=REFERENCE
    )

    assert decided.case.status is Status.HANDED_ON
    assert clocks.timers_of(decided.case, REFERENCE) == {}


def test_a_registered_client_is_not_handed_on_by_registration() -> None:
    with pytest.raises(StepNotAllowed):
        casework.hand_on(
            a_registered_client(), ACCEPTED, by=SECTION_HEAD_ADULT, now=hours_later(9), reference=REFERENCE
        )


def test_a_duty_officer_does_not_close() -> None:
    with pytest.raises(meeting.NotYourSection):
        casework.close(a_released_client(), DUPLICATE, by=DUTY_OFFICER, now=hours_later(9))


@pytest.mark.parametrize(
    ("reason", "void"), [(ClosingReason.DUPLICATE, True), (ClosingReason.DIED, False)], ids=["a duplicate", "a death"]
)
def test_a_number_that_should_never_have_been_given_becomes_void(reason: ClosingReason, *, void: bool) -> None:
    registered = a_registered_client()

    closed = casework.close(registered, Closing(reason=reason, evidence="LETTER"), by=HEAD, now=hours_later(9)).case

    assert registers.voids_entry(registered, closed) is void
