"""The duty roster as rules: what may be planned, swapped and removed, and who answers for a unit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.reference import load_reference
from contracts.roles import DUTY_ROLES, Role
from services.notifications.domain.audience import FALLBACK, Answering, Staff, Whereabouts, answering
from services.notifications.domain.roster import (
    Office,
    PlanInvalid,
    Planned,
    Roster,
    ServesAlready,
    Shift,
    ShiftHasBegun,
    ShiftIsOver,
    ShiftsOverlap,
    in_force,
    load,
    refuse_removal,
    swap,
)

REFERENCE = load_reference()
OFFICE = Office(officers=REFERENCE.officers.keys(), units=REFERENCE.units.keys())
MONDAY = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
SEKAYU, HEAD_OFFICE = "PLG-SKY", "PLG-HQ"


def a_shift(*, day: int = 0, hours: int = 8, **fields: Any) -> Shift:
    starts_at = MONDAY + timedelta(days=day)
    row = {"unit": SEKAYU, "officer": "PO-SKY-01", "role": "PROBATION_OFFICER", "backup": "AO-SKY-01", **fields}
    return Shift(**{"starts_at": starts_at, "ends_at": starts_at + timedelta(hours=hours), **row})


def planned(*shifts: Shift) -> tuple[Planned, ...]:
    return load(shifts, known={}, office=OFFICE)


def by_id(rows: Sequence[Planned]) -> dict[Any, Planned]:
    return {each.shift_id: each for each in rows}


# --- loading ----------------------------------------------------------------------------------------------------------


def test_a_plan_that_is_loaded_twice_is_loaded_once() -> None:
    week = [a_shift(day=day) for day in range(7)]
    first = load(week, known={}, office=OFFICE)

    assert len(first) == 7
    assert load(week, known=by_id(first), office=OFFICE) == ()


def test_a_row_that_stands_twice_in_a_plan_is_one_shift() -> None:
    assert len(planned(a_shift(), a_shift())) == 1


def test_a_shift_that_was_swapped_stays_swapped_when_the_plan_comes_again() -> None:
    (row,) = planned(a_shift())
    swapped = swap(row, officer="AO-SKY-01", backup=None, others=[], office=OFFICE, now=MONDAY)

    assert load([a_shift()], known=by_id([swapped]), office=OFFICE) == ()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"unit": "PLG-XYZ"}, "unit", id="unknown unit"),
        pytest.param({"officer": "PO-XYZ-01"}, "officer", id="unknown officer"),
        pytest.param({"backup": "PO-XYZ-01"}, "backup", id="unknown backup"),
        pytest.param({"backup": "PO-SKY-01"}, "backup", id="their own backup"),
        pytest.param({"role": "PRISON_OFFICER"}, "role", id="no role of the office's duty"),
        pytest.param({"hours": 0}, "to", id="no length"),
        pytest.param({"hours": -1}, "to", id="backwards"),
        pytest.param({"hours": 24 * 31 + 1}, "to", id="longer than a month"),
    ],
)
def test_a_row_that_cannot_be_a_shift_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(PlanInvalid) as invalid:
        planned(a_shift(day=2), a_shift(**fields))

    assert [(problem.row, problem.field) for problem in invalid.value.problems] == [(1, field)]


def test_all_that_is_wrong_with_a_plan_is_said_at_once() -> None:
    with pytest.raises(PlanInvalid) as invalid:
        planned(a_shift(unit="X", officer="Y"), a_shift(day=1, role="Z"))

    assert [(each.row, each.field) for each in invalid.value.problems] == [(0, "unit"), (0, "officer"), (1, "role")]


@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        pytest.param({"unit": HEAD_OFFICE}, True, id="the same officer at another unit"),
        pytest.param({"officer": "PO-HQ-01"}, True, id="another officer in the same role at the same unit"),
        pytest.param({"officer": "AO-SKY-01", "role": "ASSISTANT_OFFICER", "backup": None}, False, id="another role"),
        pytest.param({"officer": "PO-HQ-01", "unit": HEAD_OFFICE}, False, id="another officer at another unit"),
        pytest.param({"starts_at": MONDAY + timedelta(hours=8)}, False, id="it begins when the other ends"),
        pytest.param({"starts_at": MONDAY + timedelta(hours=7, minutes=59)}, True, id="one minute too early"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["in one plan", "in two plans"])
def test_nobody_is_on_duty_twice_and_a_post_has_one_officer(
    other: dict[str, Any], *, overlaps: bool, at_once: bool
) -> None:
    first = a_shift()
    moved = {"ends_at": other["starts_at"] + timedelta(hours=8)} if "starts_at" in other else {}
    second = a_shift(**{"backup": None, **other, **moved})

    def plan() -> tuple[Planned, ...]:
        return planned(first, second) if at_once else load([second], known=by_id(planned(first)), office=OFFICE)

    if overlaps:
        with pytest.raises(ShiftsOverlap, match="overlaps with PO-SKY-01 at PLG-SKY"):
            plan()
    else:
        assert plan()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 48), st.sampled_from(["PO-SKY-01", "AO-SKY-01"]))))
def test_whatever_is_loaded_nobody_is_on_duty_twice_at_once(rows: list[tuple[int, int, str]]) -> None:
    known: dict[Any, Planned] = {}
    for day, hours, officer in rows:
        try:
            known |= by_id(
                load([a_shift(day=day, hours=hours, officer=officer, backup=None)], known=known, office=OFFICE)
            )
        except ShiftsOverlap:
            continue

    for one, other in product(known.values(), repeat=2):
        assert one.shift_id == other.shift_id or not one.shift.overlaps(other.shift)


# --- swapping and removing --------------------------------------------------------------------------------------------


def test_a_swapped_shift_stays_the_same_shift_with_another_officer() -> None:
    (row,) = planned(a_shift())

    taken = swap(row, officer="AO-SKY-01", backup="PO-SKY-01", others=[row], office=OFFICE, now=MONDAY)

    assert taken.shift_id == row.shift_id
    assert taken.shift == replace(row.shift, officer="AO-SKY-01", backup="PO-SKY-01")


def test_a_shift_is_not_given_to_somebody_who_is_on_duty_elsewhere() -> None:
    here, there = planned(a_shift(), a_shift(unit=HEAD_OFFICE, officer="PO-HQ-01", backup=None))

    with pytest.raises(ShiftsOverlap):
        swap(here, officer="PO-HQ-01", backup=None, others=[here, there], office=OFFICE, now=MONDAY)


@pytest.mark.parametrize(
    ("hours", "may_be_swapped", "may_be_removed"),
    [
        pytest.param(-1, True, True, id="before"),
        pytest.param(0, True, False, id="at the minute of the beginning"),
        pytest.param(4, True, False, id="in the midst"),
        pytest.param(8, False, False, id="at the minute of the end"),
    ],
)
def test_what_may_still_be_done_to_a_shift(hours: int, *, may_be_swapped: bool, may_be_removed: bool) -> None:
    (row,) = planned(a_shift())
    now = MONDAY + timedelta(hours=hours)

    def swapped() -> object:
        return swap(row, officer="AO-SKY-01", backup=None, others=[], office=OFFICE, now=now)

    if may_be_swapped:
        assert swapped()
    else:
        with pytest.raises(ShiftIsOver):
            swapped()
    if may_be_removed:
        refuse_removal(row, now=now)
    else:
        with pytest.raises(ShiftHasBegun):
            refuse_removal(row, now=now)


def test_a_swap_that_changes_nothing_is_refused() -> None:
    (row,) = planned(a_shift())

    with pytest.raises(ServesAlready):
        swap(row, officer="PO-SKY-01", backup="AO-SKY-01", others=[], office=OFFICE, now=MONDAY)


def test_a_swap_names_people_of_this_office() -> None:
    (row,) = planned(a_shift())

    with pytest.raises(PlanInvalid):
        swap(row, officer="PO-XYZ-01", backup=None, others=[], office=OFFICE, now=MONDAY)


# --- who answers ------------------------------------------------------------------------------------------------------


def test_the_file_counts_for_the_units_whose_roster_is_not_kept_here() -> None:
    file = Roster((a_shift(), a_shift(unit=HEAD_OFFICE, officer="PO-HQ-01")))
    kept = a_shift(officer="AO-SKY-01", backup=None)

    roster = in_force(file, kept={SEKAYU}, shifts=[kept])

    assert roster.on_duty(SEKAYU, MONDAY) == ("AO-SKY-01",)
    assert roster.on_duty(HEAD_OFFICE, MONDAY) == ("PO-HQ-01",)
    assert in_force(file, kept={SEKAYU}, shifts=[]).on_duty(SEKAYU, MONDAY) == ()


HERE = a_shift(officer="PO-SKY-01", backup="AO-SKY-01")
THERE = a_shift(unit=HEAD_OFFICE, officer="PO-HQ-01", backup="PO-HQ-02")


@pytest.mark.parametrize(
    ("shifts", "gone", "place", "officer"),
    [
        pytest.param((HERE, THERE), (), Answering.ON_DUTY, "PO-SKY-01", id="on duty here"),
        pytest.param((HERE, THERE), ("PO-SKY-01",), Answering.BACKUP, "AO-SKY-01", id="the backup steps in"),
        pytest.param((THERE,), (), Answering.HEAD_OFFICE, "PO-HQ-01", id="a hole here"),
        pytest.param(
            (HERE, THERE), ("PO-SKY-01", "AO-SKY-01"), Answering.HEAD_OFFICE, "PO-HQ-01", id="neither of both here"
        ),
        pytest.param(
            (HERE, THERE),
            ("PO-SKY-01", "AO-SKY-01", "PO-HQ-01"),
            Answering.HEAD_OFFICE_BACKUP,
            "PO-HQ-02",
            id="the backup at head office",
        ),
        pytest.param((), (), Answering.SECTION_HEAD, "SHA-HQ-01", id="nobody on duty anywhere"),
        pytest.param((), ("SHA-HQ-01",), Answering.HEAD, "HEAD-HQ-01", id="no section head"),
    ],
)
@pytest.mark.parametrize("how", ["left the office", "has no channel"])
def test_who_answers_for_a_unit(
    shifts: tuple[Shift, ...], gone: tuple[str, ...], place: Answering, officer: str, how: str
) -> None:
    left = set(gone) if how == "left the office" or place is Answering.HEAD else set()
    staff = Staff(
        officers={code: each for code, each in REFERENCE.officers.items() if code not in left},
        roster=Roster(shifts),
        head_office=HEAD_OFFICE,
        at=MONDAY,
        unreachable=frozenset(gone) - left,
    )

    assert answering(Whereabouts(receiving_unit=SEKAYU), staff) == (place, (officer,))


def test_the_fallback_names_every_place_in_order() -> None:
    assert list(FALLBACK) == list(Answering)


def test_in_an_office_without_people_nobody_answers() -> None:
    staff = Staff(officers={}, roster=Roster((HERE, THERE)), head_office=HEAD_OFFICE, at=MONDAY)

    assert answering(Whereabouts(receiving_unit=SEKAYU), staff) is None


def test_whoever_may_meet_a_client_may_be_on_duty() -> None:
    assert Role.PROBATION_OFFICER in DUTY_ROLES
    for number, role in enumerate(sorted(DUTY_ROLES)):
        assert planned(a_shift(day=number, role=role.value))
