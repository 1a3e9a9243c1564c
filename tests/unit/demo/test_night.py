"""The checks on the night hold when all went well and fail when one fact is otherwise; the table shows what came."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from deploy.demo import night, told
from deploy.demo.facts import Facts
from deploy.demo.night import holes_of
from deploy.demo.show import Show
from tests.unit.demo.nights import BROKEN, SATURDAY, SUNDAY, the_night

CHECKS = {check for check, _, _ in BROKEN.values()}


def shown(facts: Facts) -> str:
    """The table as the audience sees it."""
    screen = io.StringIO()
    console = Console(file=screen, width=160)
    console.print(told.table(told.of_the_night(facts), facts, Show(console, zone=facts.reference.zone)))
    return screen.getvalue()


def test_every_check_holds_when_all_went_well() -> None:
    verdicts = [check(the_night()) for check in CHECKS]

    assert [(verdict.name, verdict.problems) for verdict in verdicts if not verdict.holds] == []
    assert not any(verdict.numbers == night.NOTHING for verdict in verdicts)


@pytest.mark.parametrize("what", BROKEN)
def test_a_check_fails_when_its_fact_is_broken(what: str) -> None:
    check, break_it, words = BROKEN[what]

    verdict = check(break_it(the_night()))

    assert not verdict.holds
    assert any(words in problem for problem in verdict.problems), verdict.problems


def test_the_table_says_who_was_told_what_when_and_by_which_channel() -> None:
    lines = [" ".join(line.split()) for line in shown(the_night()).splitlines()]

    assert "Thu 28 May 07:00 roster-gap SHA-HQ-01 (section head adult) app 07:00, mail 07:00" in lines
    assert "Sat 30 May 21:00 case 01: walked-in AO-TJR-01 (assistant officer) app 21:00, message 21:00" in lines
    assert "Sun 31 May 00:00 case 02: climbed-to-head HEAD-HQ-01 (head) app 00:00, mail 00:00" in lines


def test_the_table_does_not_show_as_told_what_never_arrived() -> None:
    assert "not there" not in shown(the_night())
    assert shown(replace(the_night(), mails=[])).count("mail delivered, not there") == 7


def test_a_hole_lies_between_two_shifts_of_a_unit() -> None:
    assert [(unit, starts_at) for unit, starts_at, _ in holes_of(the_night().shifts)] == [("PLG-TJR", SUNDAY)]
    assert holes_of([]) == []
    longer = replace(the_night().shifts[0], starts_at=SATURDAY, ends_at=SUNDAY.replace(day=30, month=6))
    assert holes_of([*the_night().shifts, longer]) == []
