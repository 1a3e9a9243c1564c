"""Whom no prison has reported: registered at once, found again by the prison's report in any order, never twice."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from chassis.rules.refusal import Irrelevant
from contracts.lapas import ClientReleased, ReleaseAnnounced, ReleaseType, registration_id_of
from contracts.registration import ClosingReason, FirstContactMade, IdentityLevel, RegistrationOpened, Source
from services.registration.domain import binding, casework, clocks, intake, meeting, walk_ins
from services.registration.domain.acts import Closing, Submission, WalkIn
from services.registration.domain.case import Registration, Status
from services.registration.domain.decided import Decided
from services.registration.domain.walked_in import business_id_of, day_of
from tests.unit.registration.examples import (
    DUTY_OFFICER,
    HEAD,
    REFERENCE,
    REGISTRAR,
    a_cancellation,
    a_release,
    a_released_client,
    an_announced_client,
    an_announcement,
    approve,
    hours_later,
    report,
    said,
)

NOW = hours_later(30)


def a_walk_in(contact: dict[str, Any] | None = None, **person: Any) -> WalkIn:
    """The person of the examples, at an outpost at night, with the papers of the release in hand."""
    return WalkIn.model_validate(
        {
            "person": {
                "facility": "LP1-PLG",
                "name": "Budi Santoso",
                "prison_register_no": "bi.123 / 2024",
                "decree_no": "PAS-77.PK.05.03",
                "phone": "0812 000 0009",
            }
            | person,
            "contact": {"contact_at": hours_later(4.5), "method": "AT_OUTPOST", "identity_level": "L2"}
            | (contact or {}),
        }
    )


def arrive(act: WalkIn, known: Registration | None = None, *, now: datetime = NOW) -> Decided:
    """The duty officer registers who walked in."""
    return walk_ins.arrive(
        known,
        act,
        release_id=walk_ins.business_key_of(act) or "WALK-IN.1",
        by=DUTY_OFFICER,
        slip_code="K7M2P9QX",
        now=now,
        reference=REFERENCE,
    )


def essence(case: Registration) -> dict[str, Any]:
    """What must not depend on the order in which things became known."""
    kept = ("status", "registration_id", "released_at", "contact", "submission_from", "missing", "identity_level")
    due = clocks.timers_of(case, REFERENCE)
    return {name: getattr(case, name) for name in kept} | {"due": due, "person": case.person}


# --- at the counter ---------------------------------------------------------------------------------------------------


def test_who_walks_in_is_registered_and_met_in_one_act() -> None:
    decided = arrive(a_walk_in())

    case = decided.case
    assert case.status is Status.PROVISIONALLY_REGISTERED
    assert said(decided) == ["RegistrationOpened", "FirstContactMade"]
    opened, met = decided.facts
    assert isinstance(opened, RegistrationOpened)
    assert isinstance(met, FirstContactMade)
    assert (opened.source, opened.released_at) == (Source.WALK_IN, hours_later(4.5))
    assert met.before_gate is False
    assert case.contact is not None
    assert case.contact.slip_code == "K7M2P9QX"
    assert set(clocks.timers_of(case, REFERENCE)) == {"submission"}


def test_the_day_that_the_person_names_is_when_they_were_released_at_the_earliest() -> None:
    opened = arrive(a_walk_in(released_on="2026-01-29")).facts[0]

    assert isinstance(opened, RegistrationOpened)
    assert opened.released_at == datetime(2026, 1, 28, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize("level", IdentityLevel)
def test_a_walk_in_is_identified_at_any_level_and_below_a_fingerprint_a_task_remains(level: IdentityLevel) -> None:
    status = "CAPTURED" if level is IdentityLevel.L3 else "NOT_AVAILABLE"

    case = arrive(a_walk_in({"identity_level": level, "biometric_status": status})).case

    assert case.identity_level is level
    assert case.needs_identity_follow_up is (level is not IdentityLevel.L3)


@pytest.mark.parametrize("contact", [{"whom": "GUARANTOR_ALONE"}, {"method": "PHONE"}, {"method": "VIDEO"}])
def test_a_walk_in_is_the_person_face_to_face(contact: dict[str, Any]) -> None:
    with pytest.raises(walk_ins.AWalkInIsThePerson):
        arrive(a_walk_in(contact))


def test_a_walk_in_to_come_is_none() -> None:
    with pytest.raises(meeting.InTheFuture):
        arrive(a_walk_in(), now=hours_later(1))


def test_who_has_served_the_full_term_is_nobody_to_guide() -> None:
    with pytest.raises(intake.NobodyToGuide):
        arrive(a_walk_in(release_type=ReleaseType.FULL_TERM))


def test_a_walk_in_can_be_submitted_and_gets_a_number_before_any_prison_has_spoken() -> None:
    case = arrive(a_walk_in()).case

    submitted = casework.submit(case, Submission(), by=REGISTRAR, now=hours_later(5), reference=REFERENCE).case

    assert approve(submitted).case.status is Status.REGISTERED


# --- the business key -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "length"),
    [
        ({}, 36),
        ({"decree_no": None}, 0),
        ({"decree_no": None, "release_type": "assimilation"}, 0),
        ({"decree_no": None, "release_type": "assimilation", "released_on": "2026-01-30"}, 36),
        ({"prison_register_no": None}, 0),
    ],
)
def test_the_business_key_needs_the_number_and_the_decree_or_the_kind_and_day(
    person: dict[str, Any], length: int
) -> None:
    assert len(walk_ins.business_key_of(a_walk_in(**person)) or "") == length


def test_the_business_key_is_the_id_that_a_prison_without_ids_is_answered_with() -> None:
    without_id = a_release(release_id="", prison_register_no="BI.123/2024")

    assert walk_ins.business_key_of(a_walk_in()) == without_id.release_id
    assert business_id_of(a_release(), on=day_of(a_release())) == without_id.release_id


# --- the prison's report before it, after it, doubled, corrected, taken back ------------------------------------------

REPORTS: dict[str, ReleaseAnnounced | ClientReleased] = {
    "announcement": an_announcement(decree_no="PAS-77.PK.05.03"),
    "release": a_release(revision=2),
    "correction": a_release(revision=3, released_at=hours_later(-3), phone="0812 000 0001"),
}


def told(known: Registration | None, name: str) -> Registration | None:
    """The case after a report; what is true and too late changes nothing."""
    try:
        return report(known, REPORTS[name], now=NOW).case
    except Irrelevant:
        return known


@pytest.mark.parametrize("reports", list(permutations(REPORTS)), ids="-".join)
@pytest.mark.parametrize("place", range(4))
def test_a_walk_in_among_the_reports_gives_the_same_case_wherever_it_stands(
    reports: tuple[str, ...], place: int
) -> None:
    walk_in = a_walk_in()

    def run(order: tuple[str, ...], at: int) -> Registration:
        known: Registration | None = None
        for number, name in enumerate((*order, "end")):
            if number == at:
                known = arrive(walk_in, known).case
            if name != "end":
                known = told(told(known, name), name)
        assert known is not None
        return known

    # The id differs with who opened the case; the rest may not.
    got, expected = run(reports, place), run(tuple(REPORTS), 3)
    assert essence(got) | {"registration_id": None} == essence(expected) | {"registration_id": None}


def test_the_prisons_report_of_a_walk_in_alarms_nobody_again() -> None:
    walk_in = arrive(a_walk_in()).case

    assert said(report(walk_in, a_release(), now=NOW)) == ["RegistrationCorrected"]


def test_a_walk_in_whose_release_was_reported_stops_its_clock() -> None:
    decided = arrive(a_walk_in(), a_released_client())

    assert said(decided) == ["FirstContactMade"]
    assert set(clocks.timers_of(decided.case, REFERENCE)) == {"submission"}


def test_a_walk_in_who_was_only_announced_is_out_all_the_same() -> None:
    decided = arrive(a_walk_in(), an_announced_client())

    assert said(decided) == ["RegistrationOpened", "FirstContactMade"]
    assert said(report(decided.case, a_release(), now=NOW)) == ["RegistrationCorrected"]


TAKEN_BACK = ("NOT_RELEASED", "WRONG_PERSON", "NEW_CASE", "DISCIPLINE", "DECREE_REVOKED")


@pytest.mark.parametrize("reason", TAKEN_BACK)
def test_who_walked_in_although_the_prison_takes_the_release_back_is_a_conflict_in_either_order(reason: str) -> None:
    cancellation = a_cancellation(reason=reason, cancelled_at=hours_later(1), revision=2)

    first = report(arrive(a_walk_in()).case, cancellation, now=NOW)
    second = arrive(a_walk_in(), report(None, cancellation, now=NOW).case)

    for decided in (first, second):
        assert decided.case.status is Status.CONFLICT
        assert said(decided)[-1] == "RegistrationConflict"
        assert set(clocks.timers_of(decided.case, REFERENCE)) == {"submission"}


def test_a_registered_walk_in_is_not_unmade_by_a_denial() -> None:
    submitted = casework.submit(arrive(a_walk_in()).case, Submission(), by=REGISTRAR, now=NOW, reference=REFERENCE)
    registered = approve(submitted.case, now=NOW).case

    with pytest.raises(intake.RegisteredClientIsNotUnmade):
        report(registered, a_cancellation(), now=NOW)


def test_who_was_met_is_not_met_again_by_walking_in() -> None:
    met = arrive(a_walk_in()).case

    with pytest.raises(meeting.AlreadyMet):
        arrive(a_walk_in({"contact_at": hours_later(20)}), met)


def test_what_the_person_says_fills_what_the_prison_left_out_and_replaces_nothing() -> None:
    case = report(arrive(a_walk_in(name="Budi")).case, a_release(), now=NOW).case

    assert case.person is not None
    assert (case.person.name, case.person.phone) == ("Budi Santoso", "0812 000 0009")
    assert "PHONE" not in case.missing


# --- bound by a person ------------------------------------------------------------------------------------------------


def without_key() -> Registration:
    """A walk-in without papers."""
    return arrive(a_walk_in(prison_register_no=None, decree_no=None)).case


@pytest.mark.parametrize(
    "release",
    [
        pytest.param(an_announced_client(), id="announced"),
        pytest.param(a_released_client(), id="released"),
        pytest.param(report(None, a_release(), now=hours_later(50)).case, id="overdue"),
        pytest.param(report(None, a_release(), now=hours_later(80)).case, id="searched for"),
    ],
)
def test_a_person_binds_a_release_and_its_clocks_stop(release: Registration) -> None:
    carried, pointer = binding.bind(without_key(), release, "kartu dan foto sama", now=NOW, reference=REFERENCE)

    assert carried.case.status is Status.PROVISIONALLY_REGISTERED
    assert carried.case.release == release.release
    assert pointer.case.status is Status.CLOSED
    assert pointer.case.bound_to == carried.case.registration_id
    assert said(pointer) == ["RegistrationClosed"]
    assert clocks.timers_of(pointer.case, REFERENCE) == {}
    assert pointer.trail[-1].reason == "kartu dan foto sama"


def test_a_release_that_was_denied_and_is_bound_makes_a_conflict() -> None:
    denied = report(a_released_client(), a_cancellation(), now=NOW).case

    carried, pointer = binding.bind(without_key(), denied, "foto sama", now=NOW, reference=REFERENCE)

    assert carried.case.status is Status.CONFLICT
    assert said(pointer) == []


def test_a_release_with_a_contact_of_its_own_is_left_to_the_section_head() -> None:
    met = arrive(a_walk_in(), a_released_client()).case

    with pytest.raises(binding.HasAContactOfItsOwn):
        binding.bind(without_key(), met, "foto sama", now=NOW, reference=REFERENCE)


def test_only_a_walk_in_that_no_prison_has_reported_is_bound() -> None:
    reported = report(arrive(a_walk_in()).case, a_release(), now=NOW).case

    for case in (a_released_client(), reported):
        with pytest.raises(binding.NotAWalkIn):
            binding.bind(case, a_released_client(release_id="R-2"), "foto sama", now=NOW, reference=REFERENCE)


def test_a_walk_in_whose_case_the_office_has_closed_takes_no_report_away() -> None:
    """The prison's release opens on its own then, and its clock runs."""
    closing = Closing(reason=ClosingReason.DUPLICATE, evidence="OTHER_REGISTRATION")
    closed = casework.close(arrive(a_walk_in()).case, closing, by=HEAD, now=NOW).case

    assert not binding.awaits_its_report(closed)


def test_a_bound_release_is_one_line_that_points_to_the_walk_in() -> None:
    walk_in = arrive(a_walk_in()).case

    pointer = binding.point(None, walk_in, by=a_release(), now=NOW, reference=REFERENCE)

    assert pointer.case.registration_id == registration_id_of("R-1")
    assert pointer.case.bound_to == walk_in.registration_id
    assert pointer.facts == ()
    assert not binding.can_be_bound(pointer.case)
