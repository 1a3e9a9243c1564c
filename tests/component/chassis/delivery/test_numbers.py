"""Register numbers are gap-free and unique, whoever takes them and whatever fails."""

import asyncio

import pytest

from chassis.rules.refusal import Refused
from chassis.transaction import Transaction
from tests.component.chassis.delivery.harness import ACTOR, House, record_of, released
from tests.component.chassis.delivery.tally import Misbehaviour


class NotApproved(Refused):
    """The file is incomplete."""


async def take(command: tuple[str, int, bool], tx: Transaction) -> int:
    """Take a number; what is refused afterwards must not have taken it."""
    unit, year, approved = command
    number = await tx.next_number(unit=unit, register="KLIEN", year=year)
    if not approved:
        raise NotApproved
    return number


async def test_fifty_at_once_get_fifty_numbers_without_a_gap(house: House) -> None:
    """Also the first of them, when there is no counter yet whose row could be locked."""
    numbers = await asyncio.gather(*(house.commands.run(take, ("PLG-HQ", 2026, True), actor=ACTOR) for _ in range(50)))

    assert sorted(numbers) == list(range(1, 51))


async def test_a_refused_approval_burns_no_number(house: House) -> None:
    """Among others that are not refused, all at once."""

    async def try_to(number: int) -> int | None:
        try:
            return await house.commands.run(take, ("PLG-HQ", 2026, number % 3 != 0), actor=ACTOR)
        except NotApproved:
            return None

    numbers = [number for number in await asyncio.gather(*map(try_to, range(30))) if number is not None]

    assert sorted(numbers) == list(range(1, 21))


async def test_each_unit_and_each_year_has_a_series_of_its_own(house: House) -> None:
    """On 1 January the caller names another year, and counting begins anew."""
    series = [("PLG-HQ", 2026), ("PLG-HQ", 2026), ("PLG-HQ", 2027), ("PLG-KAG", 2026), ("PLG-HQ", 2026)]

    taken = [await house.commands.run(take, (unit, year, True), actor=ACTOR) for unit, year in series]

    assert taken == [1, 2, 1, 1, 3]


@pytest.mark.parametrize("wrong", ["REFUSED", "BUG", "BAD ROW"])
async def test_an_event_that_comes_to_nothing_burns_no_number(house: House, wrong: str) -> None:
    """Neither when it is undone in memory nor when the database undoes it."""
    misbehaviour = Misbehaviour(bugs={"BUG"}, bad_rows={"BAD ROW"})
    numbering = House(house.pool, wrong=misbehaviour)
    count = numbering.inbox.reactions["lapas.client-released.v1"].handle
    taken: list[int] = []

    async def number_and_count(event: object, tx: Transaction) -> None:
        taken.append(await tx.next_number(unit="PLG-HQ", register="KLIEN", year=2026))
        await count(event, tx)

    reaction = numbering.inbox.reactions["lapas.client-released.v1"]
    numbering.inbox.reactions["lapas.client-released.v1"] = type(reaction)(
        reaction.event, reaction.aggregates, reaction.key_of, number_and_count
    )
    names = ["A", wrong, "B", wrong, "C"]
    await numbering.deliver(*(record_of(released(f"r-{n}", name), n) for n, name in enumerate(names)))

    assert await house.commands.run(take, ("PLG-HQ", 2026, True), actor=ACTOR) == 4
    assert await house.count("SELECT count(*) FROM tally") == 3
