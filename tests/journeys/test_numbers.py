"""Register numbers: a number for every approval, none twice, none left out, in the year of the office."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.journeys.cases import Case, a_release, said
from tests.journeys.house import House

APPROVALS = 50
BESIDE = 6
NEW_YEARS_EVE = datetime.fromisoformat("2026-12-31T23:30:00+07:00")
NEW_YEARS_MORNING = datetime.fromisoformat("2027-01-01T06:00:00+07:00")
"""Still the old year in UTC."""
NOBODY_ELSES = "pre_release_leave"
"""Of a register that no other journey writes in: an entry of the new year closes the old one."""


async def test_fifty_approvals_at_once_take_fifty_numbers_without_a_gap(house: House) -> None:
    """Returns, refusals and second clicks at the same moment burn none."""
    cases = await submitted(house, APPROVALS + 2 * BESIDE)
    to_approve, to_return, to_refuse = cases[:APPROVALS], cases[APPROVALS:-BESIDE], cases[-BESIDE:]

    approved = [case.approve() for case in to_approve]
    clicked_again = [case.approve() for case in to_approve]
    beside = [case.act("SHA-HQ-01", "return", {"reason": "hand-over record is missing"}) for case in to_return]
    beside += [case.act("SHA-HQ-01", "refusal", a_refusal()) for case in to_refuse]
    of_the_wrong_section = [case.approve("SHC-HQ-01") for case in to_return]
    answers = await asyncio.gather(*interleaved(approved, beside, clicked_again, of_the_wrong_section))

    assert {answer.status_code for answer in answers} <= {200, 403, 409}
    numbers = [answer.json()["register_no"] for answer in answers if "register_no" in answer.json()]
    assert len(set(numbers)) == len(numbers) == APPROVALS
    given = sorted(int(number.partition("/")[0]) for number in numbers)
    assert given == list(range(given[0], given[0] + APPROVALS))
    assert await gaps(house) == []
    views = [await case.view() for case in (*to_return, *to_refuse)]
    assert [view["register_no"] for view in views if view is not None] == [None] * (2 * BESIDE)
    assert {view["status"] for view in views if view is not None} == {"provisionally_registered", "handed_on"}


async def test_the_year_of_a_number_is_that_of_the_office(house: House) -> None:
    """At six in the morning of New Year's Day it is still the old year in UTC; the series begins anew all the same."""
    with house.clock_moves():
        house.step_to(NEW_YEARS_EVE)
        old, new, second = await submitted(house, 3, released_at=said(NEW_YEARS_EVE), release_type=NOBODY_ELSES)
        in_the_old_year = await old.approve()
        house.step_to(NEW_YEARS_MORNING)
        in_the_new_year = await new.approve()
        after_it = await second.approve()
        await house.quiet()

    assert in_the_old_year.json()["register_no"].endswith("/XII/2026")
    assert in_the_new_year.json()["register_no"] == "0001/KLD-CMB/PLG-HQ/I/2027"
    assert after_it.json()["register_no"] == "0002/KLD-CMB/PLG-HQ/I/2027"
    assert await gaps(house) == []


async def submitted(house: House, count: int, **special: Any) -> Sequence[Case]:
    """So many registrations that wait for the section head."""
    cases = [Case(house, a_release(**special)) for _ in range(count)]
    return await asyncio.gather(*(case.brought_to_submission() for case in cases))


def a_refusal() -> dict[str, Any]:
    """The section head sends the client to another office."""
    transfer = {"to_office": "BPS-JMB", "acceptance_no": "W5.PAS.1-PK.05.09-12", "accepted_on": "2026-05-29"}
    return {"reason": "lives in Jambi", "transfer": transfer}


def interleaved(*groups: Sequence[Any]) -> list[Any]:
    """One of each in turn."""
    longest = max(len(group) for group in groups)
    return [group[place] for place in range(longest) for group in groups if place < len(group)]


async def gaps(house: House) -> list[dict[str, Any]]:
    """Series of the office in which a number is missing or doubled, in the register or against its counter."""
    return await house.rows(
        "registration",
        """
        SELECT unit, register, year, count(*) AS entries, max(seq) AS last FROM register_entry
         GROUP BY unit, register, year
        HAVING count(*) <> max(seq) OR count(DISTINCT seq) <> max(seq) OR min(seq) <> 1
        """,
    )
