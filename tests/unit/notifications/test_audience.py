"""Who is meant: the chains behind each audience, the duty roster and the contacts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.notifications import Channel
from contracts.reference import Officer, load_reference
from contracts.roles import Role
from services.notifications.domain.audience import (
    CHAINS,
    Audience,
    Contacts,
    DeskInvalid,
    Staff,
    Whereabouts,
    contacts_of,
    recipients,
    roster_of,
)
from services.notifications.domain.roster import Roster, Shift

JAKARTA = ZoneInfo("Asia/Jakarta")
SUNDAY = datetime(2026, 5, 31, 3, 0, tzinfo=UTC)
REFERENCE = load_reference()
SEKAYU, HEAD_OFFICE = "PLG-SKY", "PLG-HQ"


def staff(*shifts: Shift, without: frozenset[Role] = frozenset()) -> Staff:
    officers = {code: officer for code, officer in REFERENCE.officers.items() if officer.role not in without}
    return Staff(officers=officers, roster=Roster(shifts), head_office=HEAD_OFFICE, at=SUNDAY)


def a_shift(unit: str, officer: str, *, starts_at: datetime = SUNDAY, hours: int = 8) -> Shift:
    return Shift(unit, officer, starts_at, starts_at + timedelta(hours=hours), Role.PROBATION_OFFICER)


def a_case(**fields: Any) -> Whereabouts:
    return Whereabouts(**{"receiving_unit": SEKAYU, **fields})


def role_of(officer: str) -> Role:
    return REFERENCE.officers[officer].role


def test_whoever_is_on_duty_at_the_receiving_unit_is_told_first() -> None:
    office = staff(a_shift(SEKAYU, "PO-SKY-01"), a_shift(HEAD_OFFICE, "PO-HQ-01"))

    assert recipients((Audience.DUTY,), a_case(), office) == ("PO-SKY-01",)


def test_with_nobody_on_duty_there_the_head_office_is_told() -> None:
    office = staff(a_shift(HEAD_OFFICE, "PO-HQ-01"))

    assert recipients((Audience.DUTY,), a_case(), office) == ("PO-HQ-01",)


def test_with_nobody_on_duty_anywhere_the_section_head_is_told() -> None:
    assert [role_of(each) for each in recipients((Audience.DUTY,), a_case(), staff())] == [Role.SECTION_HEAD_ADULT]


def test_with_nobody_on_duty_the_section_head_of_children_is_told_of_a_child() -> None:
    told = recipients((Audience.DUTY,), a_case(juvenile=True), staff())

    assert [role_of(each) for each in told] == [Role.SECTION_HEAD_CHILD]


def test_a_section_without_a_head_falls_to_the_head_of_the_office() -> None:
    office = staff(without=frozenset({Role.SECTION_HEAD_ADULT}))

    assert [role_of(each) for each in recipients((Audience.SECTION_HEAD,), a_case(), office)] == [Role.HEAD]


@pytest.mark.parametrize(
    ("guidance_unit", "missing", "role", "unit"),
    [
        pytest.param(HEAD_OFFICE, frozenset[Role](), Role.REGISTRAR, HEAD_OFFICE, id="of the guidance unit"),
        pytest.param("PLG-KAG", frozenset[Role](), Role.REGISTRAR, HEAD_OFFICE, id="none there: of the head office"),
        pytest.param("PLG-KAG", frozenset({Role.REGISTRAR}), Role.REGISTRAR_HEAD, HEAD_OFFICE, id="then their head"),
    ],
)
def test_the_registrar_is_the_one_of_the_guidance_unit(
    guidance_unit: str, missing: frozenset[Role], role: Role, unit: str
) -> None:
    office = Staff(
        officers={
            code: officer
            for code, officer in REFERENCE.officers.items()
            if officer.role not in missing and (officer.role is not Role.REGISTRAR or officer.unit == HEAD_OFFICE)
        },
        roster=Roster(),
        head_office=HEAD_OFFICE,
        at=SUNDAY,
    )

    told = recipients((Audience.REGISTRAR,), a_case(guidance_unit=guidance_unit), office)

    assert told
    assert {(role_of(each), REFERENCE.officers[each].unit) for each in told} == {(role, unit)}


def test_a_client_without_an_officer_is_traced_by_whoever_is_on_duty() -> None:
    office = staff(a_shift(SEKAYU, "PO-SKY-01"))

    assert recipients((Audience.TRACING_OFFICER,), a_case(), office) == ("PO-SKY-01",)
    assert recipients((Audience.TRACING_OFFICER,), a_case(officer="PO-HQ-02"), office) == ("PO-HQ-02",)


def test_a_fact_for_an_officer_who_is_not_appointed_yet_reaches_the_section_head() -> None:
    told = recipients((Audience.OFFICER,), a_case(), staff())

    assert [role_of(each) for each in told] == [Role.SECTION_HEAD_ADULT]


def test_operations_without_anybody_listed_read_the_inbox_of_their_role() -> None:
    assert recipients((Audience.OPERATIONS,), a_case(), staff(without=frozenset({Role.OPS}))) == (Role.OPS,)


def test_somebody_who_is_meant_twice_is_told_once() -> None:
    office = staff(a_shift(SEKAYU, "PO-SKY-01"))

    assert recipients((Audience.DUTY, Audience.OFFICER), a_case(officer="PO-SKY-01"), office) == ("PO-SKY-01",)


def test_news_for_those_who_were_told_before_wakes_nobody_else() -> None:
    assert recipients((Audience.TOLD_BEFORE,), a_case(), staff()) == ()
    assert recipients((Audience.TOLD_BEFORE,), a_case(told=("PO-HQ-01",)), staff()) == ("PO-HQ-01",)


def test_every_audience_has_a_chain() -> None:
    assert set(CHAINS) == set(Audience)


@given(
    on_duty=st.lists(st.tuples(st.sampled_from(sorted(REFERENCE.units)), st.sampled_from(sorted(REFERENCE.officers)))),
    receiving=st.sampled_from(sorted(REFERENCE.units)),
    guidance=st.none() | st.sampled_from(sorted(REFERENCE.units)),
    juvenile=st.booleans(),
    audience=st.sampled_from(sorted(set(Audience) - {Audience.TOLD_BEFORE})),
)
def test_every_audience_reaches_somebody_on_any_roster(
    *, on_duty: list[tuple[str, str]], receiving: str, guidance: str | None, juvenile: bool, audience: Audience
) -> None:
    office = staff(*(a_shift(unit, officer) for unit, officer in on_duty))
    case = Whereabouts(receiving_unit=receiving, guidance_unit=guidance, juvenile=juvenile)

    assert recipients((audience,), case, office)


@given(keep=st.frozensets(st.sampled_from(sorted(Role))), audience=st.sampled_from(sorted(Audience)))
def test_an_office_without_people_reaches_nobody_and_says_so(keep: frozenset[Role], audience: Audience) -> None:
    office = staff(without=frozenset(Role) - keep)

    told = recipients((audience,), a_case(), office)

    assert len(set(told)) == len(told)
    assert told or audience is Audience.TOLD_BEFORE or not keep & {Role.HEAD, Role.SECTION_HEAD_ADULT}


def test_at_the_minute_of_the_change_the_next_officer_is_on_duty() -> None:
    change = SUNDAY + timedelta(hours=8)
    roster = Roster((a_shift(SEKAYU, "PO-SKY-01"), a_shift(SEKAYU, "AO-SKY-01", starts_at=change)))

    assert roster.on_duty(SEKAYU, change - timedelta(minutes=1)) == ("PO-SKY-01",)
    assert roster.on_duty(SEKAYU, change) == ("AO-SKY-01",)
    assert roster.on_duty(SEKAYU, change + timedelta(hours=8)) == ()


def read_roster(*rows: dict[str, Any]) -> Roster:
    return roster_of({"duty": rows}, officers=REFERENCE.officers, units=REFERENCE.units, zone=JAKARTA)


def a_row(**fields: Any) -> dict[str, Any]:
    return {
        "unit": SEKAYU,
        "officer": "PO-SKY-01",
        "from": datetime(2026, 5, 31, 8, 0),  # noqa: DTZ001  as TOML gives a local date-time
        "to": datetime(2026, 6, 1, 8, 0),  # noqa: DTZ001
        "role": "PROBATION_OFFICER",
        **fields,
    }


def test_a_time_without_an_offset_in_the_roster_is_the_offices() -> None:
    roster = read_roster(a_row())

    assert roster.on_duty(SEKAYU, datetime(2026, 5, 31, 1, 0, tzinfo=UTC)) == ("PO-SKY-01",)
    assert roster.on_duty(SEKAYU, datetime(2026, 5, 31, 0, 59, tzinfo=UTC)) == ()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        pytest.param({"unit": "PLG-XYZ"}, "unit 'PLG-XYZ' is unknown", id="unknown unit"),
        pytest.param({"officer": "PO-XYZ-01"}, "officer 'PO-XYZ-01' is unknown", id="unknown officer"),
        pytest.param({"backup": "PO-XYZ-01"}, "backup 'PO-XYZ-01' is unknown", id="unknown backup"),
        pytest.param({"to": datetime(2026, 5, 31, 7, 0)}, "ends before it begins", id="backwards"),  # noqa: DTZ001
        pytest.param({"from": "tomorrow"}, "are date-times", id="not a time"),
    ],
)
def test_a_roster_that_cannot_be_right_is_refused_with_the_row(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeskInvalid, match="duty row 1") as refused:
        read_roster(a_row(**fields))

    assert problem in str(refused.value)


def read_contacts(*rows: dict[str, Any]) -> Contacts:
    return contacts_of({"contact": rows}, officers=REFERENCE.officers)


def test_an_officer_without_an_address_is_told_in_the_application_only() -> None:
    contacts = read_contacts({"officer": "PO-SKY-01", "channels": ["EMAIL"]})

    assert contacts.of("PO-SKY-01").channels == (Channel.IN_APP,)


def test_an_officer_who_is_not_listed_is_told_in_the_application_only() -> None:
    assert read_contacts().of("PO-SKY-01").channels == (Channel.IN_APP,)


def test_an_officer_for_whom_no_channel_is_listed_cannot_be_told() -> None:
    contacts = read_contacts({"officer": "PO-SKY-01", "email": "a@bapas.example", "channels": []})

    assert contacts.of("PO-SKY-01").channels == ()


def test_channels_are_used_in_the_order_that_the_officer_prefers() -> None:
    contacts = read_contacts({"officer": "PO-SKY-01", "email": "a@bapas.example", "channels": ["EMAIL", "IN_APP"]})

    assert contacts.of("PO-SKY-01").channels == (Channel.EMAIL, Channel.IN_APP)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        pytest.param([{"officer": "PO-XYZ-01"}], "officer 'PO-XYZ-01' is unknown", id="unknown officer"),
        pytest.param([{"officer": "PO-SKY-01", "channels": ["FAX"]}], "'FAX' is none of", id="unknown channel"),
        pytest.param([{"officer": "PO-SKY-01", "email": "no address"}], "is not one", id="not an address"),
        pytest.param([{"officer": "PO-SKY-01"}] * 2, "is listed twice", id="twice"),
    ],
)
def test_contacts_that_cannot_be_right_are_refused(rows: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(DeskInvalid) as refused:
        read_contacts(*rows)

    assert problem in str(refused.value)


def test_a_complaint_about_contacts_repeats_no_address() -> None:
    with pytest.raises(DeskInvalid) as refused:
        read_contacts({"officer": "PO-SKY-01", "email": "rahasia at bapas"})

    assert "rahasia" not in str(refused.value)


def test_officers_and_roles_never_share_a_mailbox() -> None:
    codes: set[str] = {officer.code for officer in REFERENCE.officers.values()}

    assert codes.isdisjoint(Role)
    assert all(isinstance(officer, Officer) for officer in REFERENCE.officers.values())
