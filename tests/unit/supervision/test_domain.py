"""How guidance begins: the first stage, the first report, and who may know how to reach a client."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant
from contracts.reference import Officer, load_reference
from contracts.registration import ClientRegistered
from contracts.roles import Role
from contracts.supervision import CheckInFrequency, CheckInMode, FirstCheckInScheduled, Stage, SupervisionOpened
from services.supervision import domain
from services.supervision.domain import GRID, GRID_IN_USE, Opened, Risk, Supervision, Window

REFERENCE = load_reference()
CLIENT = UUID("0412aaaa-0000-5000-8000-000000000002")
TUESDAY = datetime(2026, 6, 2, 3, 0, tzinfo=UTC)
MONTHLY, TWICE, WEEKLY = CheckInFrequency.MONTHLY, CheckInFrequency.TWICE_MONTHLY, CheckInFrequency.WEEKLY


def a_registered_client(**changes: Any) -> ClientRegistered:
    base = {
        "registration_id": UUID("0412aaaa-0000-5000-8000-000000000001"),
        "client_id": CLIENT,
        "receiving_unit": "PLG-SKY",
        "guidance_unit": "PLG-KAG",
        "officer": "PO-HQ-01",
        "register_code": "KLD-PB",
        "register_no": "0001/KLD-PB/PLG-KAG/VI/2026",
        "registered_at": TUESDAY,
    }
    return ClientRegistered(**{**base, **changes})


def opened(**changes: Any) -> Opened:
    return domain.open_supervision(None, a_registered_client(**changes), reference=REFERENCE)


def test_guidance_begins_in_the_first_stage_at_the_guidance_unit() -> None:
    supervision = opened().supervision

    assert (supervision.stage, supervision.unit, supervision.officer) == (Stage.FIRST, "PLG-KAG", "PO-HQ-01")
    assert opened(guidance_unit=None).supervision.unit == "PLG-SKY"


def test_a_client_learns_when_to_report_for_the_first_time() -> None:
    result = opened()

    assert [type(fact) for fact in result.facts] == [SupervisionOpened, FirstCheckInScheduled]
    assert result.check_in is not None
    assert (result.check_in.window_from, result.check_in.window_until) == (date(2026, 7, 1), date(2026, 7, 31))
    assert (result.check_in.frequency, result.check_in.mode) == (MONTHLY, CheckInMode.IN_PERSON)


def test_what_is_published_is_numbered_from_the_first_fact_on() -> None:
    assert opened().supervision.sequence == 2
    assert opened(guidance_until=date(2026, 6, 1)).supervision.sequence == 1


def test_a_client_who_is_guided_already_is_not_opened_again() -> None:
    with pytest.raises(Irrelevant):
        domain.open_supervision(opened().supervision, a_registered_client(), reference=REFERENCE)


def test_facts_about_a_child_travel_on_topics_of_their_own() -> None:
    assert {fact.topic for fact in opened(juvenile=True).facts} == {"supervision.juvenile.events"}


def test_the_month_of_registration_is_that_of_the_office() -> None:
    new_years_morning = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    check_in = opened(registered_at=new_years_morning).check_in

    assert check_in is not None
    assert check_in.window_from == date(2027, 2, 1)


@pytest.mark.parametrize(
    ("frequency", "until", "expected"),
    [
        pytest.param(MONTHLY, None, (date(2026, 7, 1), date(2026, 7, 31)), id="the month after"),
        pytest.param(MONTHLY, date(2026, 7, 20), (date(2026, 7, 1), date(2026, 7, 20)), id="until guidance ends"),
        pytest.param(MONTHLY, date(2026, 6, 20), (date(2026, 6, 3), date(2026, 6, 20)), id="the days that are left"),
        pytest.param(MONTHLY, date(2026, 6, 2), None, id="guidance ends today"),
        pytest.param(MONTHLY, date(2020, 1, 1), None, id="guidance was over long ago"),
        pytest.param(WEEKLY, None, (date(2026, 6, 6), date(2026, 6, 12)), id="in a week, three days either way"),
        pytest.param(TWICE, None, (date(2026, 6, 14), date(2026, 6, 20)), id="in half a month"),
    ],
)
def test_when_the_first_report_counts(
    frequency: CheckInFrequency, until: date | None, expected: tuple[date, date] | None
) -> None:
    window = domain.first_window(frequency, date(2026, 6, 2), until=until, months_later=1)

    assert window == (None if expected is None else Window(first=expected[0], last=expected[1]))


DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31))


@given(
    day=DAYS, left=st.none() | st.integers(min_value=-400, max_value=400), frequency=st.sampled_from(CheckInFrequency)
)
def test_a_first_report_lies_after_the_registration_and_within_guidance(
    day: date, left: int | None, frequency: CheckInFrequency
) -> None:
    until = None if left is None else day + timedelta(days=left)

    window = domain.first_window(frequency, day, until=until, months_later=1)

    assert (window is None) == (until is not None and until <= day)
    if window is not None:
        assert day < window.first <= window.last
        assert until is None or window.last <= until


@given(day=DAYS, months_later=st.integers(min_value=0, max_value=30))
def test_a_month_is_whole(day: date, months_later: int) -> None:
    window = domain.month_window(day, months_later=months_later)

    assert window.first.day == 1
    assert (window.last + timedelta(days=1)).day == 1
    assert (window.first.year * 12 + window.first.month) - (day.year * 12 + day.month) == months_later


def test_everybody_reports_monthly_and_the_stricter_grid_is_there_and_off() -> None:
    assert not GRID_IN_USE
    assert set(GRID) == set(product(Stage, Risk))
    for stage in Stage:
        rule = REFERENCE.check_in_rule(stage)

        assert domain.frequency_of(rule, risk=Risk.HIGH) is MONTHLY
    assert domain.frequency_of(REFERENCE.check_in_rule(Stage.FIRST), risk=None, grid=True) is WEEKLY


CERTIFIED = Officer(code="PO-HQ-01", role=Role.PROBATION_OFFICER, unit="PLG-HQ", child_certified=True)
NOT_CERTIFIED = Officer(code="PO-HQ-02", role=Role.PROBATION_OFFICER, unit="PLG-HQ")


def guided(officer: str | None, *, juvenile: bool = False) -> Supervision:
    return replace(opened().supervision, officer=officer, juvenile=juvenile)


@pytest.mark.parametrize(
    ("supervision", "role", "officer", "expected"),
    [
        pytest.param(guided("PO-HQ-02"), Role.PROBATION_OFFICER, NOT_CERTIFIED, True, id="the officer in charge"),
        pytest.param(guided("PO-HQ-01"), Role.PROBATION_OFFICER, NOT_CERTIFIED, False, id="another officer"),
        pytest.param(guided(None), Role.PROBATION_OFFICER, NOT_CERTIFIED, False, id="nobody is in charge"),
        pytest.param(guided(None), Role.REGISTRAR, None, True, id="the registrar"),
        pytest.param(guided(None), Role.SECTION_HEAD_ADULT, None, True, id="the Kasi of adults"),
        pytest.param(guided(None), Role.SECTION_HEAD_CHILD, None, False, id="the Kasi of children, of an adult"),
        pytest.param(guided(None), Role.OPS, None, False, id="operations"),
        pytest.param(guided("PO-HQ-01", juvenile=True), Role.PROBATION_OFFICER, CERTIFIED, True, id="child: certified"),
        pytest.param(guided("PO-HQ-02", juvenile=True), Role.PROBATION_OFFICER, NOT_CERTIFIED, False, id="child: not"),
        pytest.param(guided(None, juvenile=True), Role.PROBATION_OFFICER, CERTIFIED, False, id="child: not in charge"),
        pytest.param(guided(None, juvenile=True), Role.REGISTRAR, None, False, id="child: the registrar"),
        pytest.param(guided(None, juvenile=True), Role.SECTION_HEAD_CHILD, None, True, id="child: their Kasi"),
        pytest.param(guided(None, juvenile=True), Role.SECTION_HEAD_ADULT, None, False, id="child: the Kasi of adults"),
        pytest.param(guided(None, juvenile=True), Role.HEAD, None, True, id="child: the Kabapas"),
    ],
)
def test_who_may_know_how_to_reach_a_client(
    *, supervision: Supervision, role: Role, officer: Officer | None, expected: bool
) -> None:
    subject = officer.code if officer is not None else "somebody"

    assert domain.may_see_contact(supervision, frozenset({role}), officer, subject=subject) is expected


def test_who_may_know_of_children_at_all() -> None:
    assert domain.may_see_children(frozenset({Role.PROBATION_OFFICER}), CERTIFIED)
    assert not domain.may_see_children(frozenset({Role.PROBATION_OFFICER}), NOT_CERTIFIED)
    assert not domain.may_see_children(frozenset({Role.SERVICE_COUNTER}), CERTIFIED)
    assert domain.may_see_children(frozenset({Role.SECTION_HEAD_CHILD}), None)
    assert not domain.may_see_children(frozenset({Role.REGISTRAR}), None)
