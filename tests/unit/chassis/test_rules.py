"""Refusals, transition tables and register numbers."""

from datetime import UTC, date, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.numbering import (
    DEFAULT_TEMPLATE,
    RegisterNumber,
    TemplateInvalid,
    check_template,
    local_year,
    roman_month,
)
from chassis.rules.refusal import Irrelevant, Refused
from chassis.rules.transitions import StepNotAllowed, Table
from contracts.reference import load_reference


class ReportNotSigned(Refused):
    """A litmas goes to the board only after its officer signed it.

    What follows is for the reader of the code.
    """


def test_a_refusal_speaks_the_first_line_of_its_docstring() -> None:
    refusal = ReportNotSigned()

    assert refusal.reason == str(refusal) == "A litmas goes to the board only after its officer signed it."
    assert refusal.rule == "report-not-signed"


def test_a_refusal_can_be_given_its_words() -> None:
    assert ReportNotSigned("the officer is on leave").reason == "the officer is on leave"


def test_what_is_irrelevant_is_not_refused() -> None:
    irrelevant = Irrelevant("no hearing is open")

    assert irrelevant.reason == "no hearing is open"
    assert irrelevant.rule == "irrelevant"
    assert not isinstance(irrelevant, Refused)


class State(StrEnum):
    """States of a door."""

    OPEN = "open"
    SHUT = "shut"
    BRICKED_UP = "bricked up"


class Step(StrEnum):
    """What can be done to a door."""

    HANG = "hang"
    CLOSE = "close"
    UNLOCK = "unlock"


DOOR = Table(
    matter="door",
    states=State,
    steps=Step,
    moves={
        (None, Step.HANG): State.OPEN,
        (State.OPEN, Step.CLOSE): State.SHUT,
        (State.SHUT, Step.UNLOCK): State.OPEN,
    },
)


def test_the_whole_table_is_listed_with_what_it_refuses() -> None:
    rows = list(DOOR.product())

    assert len(rows) == (len(State) + 1) * len(Step)
    assert [row for row in rows if row[2] is not None] == [
        (None, Step.HANG, State.OPEN),
        (State.OPEN, Step.CLOSE, State.SHUT),
        (State.SHUT, Step.UNLOCK, State.OPEN),
    ]


@pytest.mark.parametrize(("before", "step", "after"), list(DOOR.product()))
def test_what_is_listed_moves_and_all_else_is_refused(before: State | None, step: Step, after: State | None) -> None:
    assert DOOR.allows(before, step) == (after is not None)
    if after is not None:
        assert DOOR.move(before, step) is after
    else:
        with pytest.raises(StepNotAllowed):
            DOOR.move(before, step)


def test_a_refused_step_names_the_step_and_the_state() -> None:
    with pytest.raises(StepNotAllowed, match=r"^unlock is not possible while the door is open$"):
        DOOR.move(State.OPEN, Step.UNLOCK)
    with pytest.raises(StepNotAllowed, match=r"^close is not possible while there is no door yet$"):
        DOOR.move(None, Step.CLOSE)


def test_a_table_tells_the_steps_from_a_state_and_the_states_nobody_reaches() -> None:
    assert DOOR.steps_from(State.OPEN) == (Step.CLOSE,)
    assert DOOR.unreachable() == {State.BRICKED_UP}


AN_ENTRY = RegisterNumber(
    seq=412, register="LIT-D", kind="PB", unit="PLG-TJR", issued_on=date(2025, 9, 26), reg_code="VIII.G"
)


def test_a_register_number_is_written_as_in_the_study() -> None:
    assert AN_ENTRY.text() == "0412/LIT-D/PB/PLG-TJR/IX/2025"


def test_a_template_may_use_the_registers_code() -> None:
    assert AN_ENTRY.text("{reg_code}-{seq}/{yyyy}") == "VIII.G-412/2025"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        pytest.param("{seq}/{office}", "unknown tokens office", id="a token that nobody fills"),
        pytest.param("{reg}/{yyyy}", "no {seq}", id="no sequence: two entries would bear one number"),
        pytest.param("{seq", "expected", id="a brace that is never closed"),
        pytest.param("{seq.__class__}", "unknown tokens", id="no way into the program"),
        pytest.param("{}/{seq}", "unknown tokens", id="a token without a name"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(template: str, problem: str) -> None:
    with pytest.raises(TemplateInvalid, match=problem):
        check_template(template)


def test_every_template_of_the_office_can_be_filled() -> None:
    for register in load_reference().registers.values():
        check_template(register.template)


@pytest.mark.parametrize(
    ("month", "roman"),
    list(enumerate(("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"), start=1)),
)
def test_months_are_written_in_roman_numerals(month: int, roman: str) -> None:
    assert roman_month(date(2026, month, 1)) == roman


def test_the_year_of_a_number_is_the_offices() -> None:
    six_in_the_morning_of_new_years_day = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)

    assert local_year(six_in_the_morning_of_new_years_day) == 2026


@given(st.integers(min_value=1, max_value=99_999), st.integers(min_value=1, max_value=99_999))
def test_two_places_in_a_series_never_look_alike(one: int, other: int) -> None:
    def text(seq: int) -> str:
        number = RegisterNumber(seq=seq, register="KLD-PB", kind="PB", unit="PLG-HQ", issued_on=date(2026, 1, 1))
        return number.text(DEFAULT_TEMPLATE)

    assert (text(one) == text(other)) == (one == other)
