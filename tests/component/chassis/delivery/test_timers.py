"""Clocks run out once, in order, without Kafka, whatever their handlers do."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from chassis.transaction import Transaction
from contracts.lapas import registration_id_of
from tests.component.chassis.delivery.harness import Gate, House, record_of, released, until
from tests.component.chassis.delivery.tally import FRIDAY, RINGS_AFTER, TALLIES

SATURDAY = FRIDAY + RINGS_AFTER


async def cases(house: House, count: int) -> list[str]:
    """Cases whose clock rings a day later."""
    release_ids = [f"r-{number}" for number in range(count)]
    await house.deliver(*(record_of(released(each, each), place) for place, each in enumerate(release_ids)))
    return release_ids


async def set_timer(house: House, release_id: str, kind: str, due_at: datetime) -> None:
    """Set a clock by a command."""
    subject: UUID = registration_id_of(release_id)

    async def act(tx: Transaction) -> None:
        tx.set_timer(subject, kind, due_at)

    await house.do(act)


async def cancel_timer(house: House, release_id: str, kind: str) -> None:
    """Stop a clock by a command."""

    async def act(tx: Transaction) -> None:
        tx.cancel_timer(registration_id_of(release_id), kind)

    await house.do(act)


async def rings(house: House, release_id: str) -> list[str]:
    """When the clock of a case rang."""
    return [name for name in await house.names(release_id) if name.startswith("rang")]


async def test_clocks_fire_once_though_two_processes_look(house: House) -> None:
    """Both read the same due rows; the locks of the cases make them take turns."""
    release_ids = await cases(house, 40)
    house.office_clock.stepped.set(SATURDAY)
    other = house.new_timers()

    await asyncio.gather(*(poller.fire_due() for poller in (house.timers, other, house.timers, other)))

    assert [await rings(house, each) for each in release_ids] == [["rang 09:30"]] * 40
    assert await house.count("SELECT count(*) FROM timer") == 0
    assert await house.count("SELECT count(*) FROM outbox") == 80


async def test_a_clock_fires_when_it_is_due_and_not_before(house: House) -> None:
    """To the second."""
    await cases(house, 1)

    house.office_clock.stepped.set(SATURDAY - timedelta(seconds=1))
    assert await house.timers.fire_due() == 0
    house.office_clock.stepped.set(SATURDAY)
    assert await house.timers.fire_due() == 1


async def test_a_clock_set_again_is_moved(house: House) -> None:
    """There is one of a kind for a case."""
    await cases(house, 1)
    await set_timer(house, "r-0", "ring", SATURDAY + timedelta(hours=2))

    house.office_clock.stepped.set(SATURDAY + timedelta(hours=1))
    assert await house.timers.fire_due() == 0
    house.office_clock.stepped.set(SATURDAY + timedelta(hours=2))
    await house.timers.fire_due()

    assert await rings(house, "r-0") == ["rang 11:30"]


async def test_a_cancelled_clock_stays_silent(house: House) -> None:
    """Also for good."""
    await cases(house, 1)
    await cancel_timer(house, "r-0", "ring")

    house.office_clock.stepped.set(SATURDAY + timedelta(days=9))
    assert await house.timers.fire_due() == 0


async def test_clocks_fire_in_the_order_in_which_they_were_due(house: House) -> None:
    """Not in that in which they were set."""
    await cases(house, 3)
    for release_id, hours in (("r-0", 3), ("r-1", 1), ("r-2", 2)):
        await set_timer(house, release_id, "ring", SATURDAY + timedelta(hours=hours))
    house.wrong.calls.clear()

    house.office_clock.stepped.set(SATURDAY + timedelta(days=1))
    await house.timers.fire_due()

    assert house.wrong.calls == ["ring r-1", "ring r-2", "ring r-0"]


async def test_a_bug_in_one_clock_leaves_it_and_lets_the_others_fire(house: House) -> None:
    """It fires when a process comes that knows better."""
    await cases(house, 3)
    house.wrong.bugs.add("RING r-1")
    house.office_clock.stepped.set(SATURDAY)

    await house.timers.fire_due()
    assert [await rings(house, f"r-{n}") for n in range(3)] == [["rang 09:30"], [], ["rang 09:30"]]
    assert await house.timers.fire_due() == 0
    house.wrong.bugs.clear()
    await house.new_timers().fire_due()

    assert await rings(house, "r-1") == ["rang 09:30"]


async def test_clocks_that_ran_out_while_the_service_was_down_fire_when_it_comes_back(house: House) -> None:
    """Each knows when it was due."""
    await cases(house, 2)
    house.office_clock.stepped.set(SATURDAY + timedelta(days=3))

    await house.new_timers().fire_due()

    assert [await rings(house, f"r-{n}") for n in range(2)] == [["rang 09:30"], ["rang 09:30"]]


async def test_more_clocks_than_fit_in_a_round_fire_in_several(house: House) -> None:
    """A weekend's worth of them."""
    await cases(house, 230)
    house.office_clock.stepped.set(SATURDAY)

    rounds = [await house.timers.fire_due() for _ in range(4)]

    assert rounds == [100, 100, 30, 0]
    assert await house.count("SELECT count(*) FROM tally WHERE names[2] = 'rang 09:30'") == 230


async def test_a_clock_stopped_by_another_one_of_the_same_round_stays_silent(house: House) -> None:
    """Both were read as due; what the first decided counts."""
    await cases(house, 2)
    await set_timer(house, "r-0", "silence", SATURDAY - timedelta(hours=1))
    house.office_clock.stepped.set(SATURDAY)

    await house.timers.fire_due()

    assert (await rings(house, "r-0"), await rings(house, "r-1")) == ([], ["rang 09:30"])
    assert await house.count("SELECT count(*) FROM timer") == 0


async def test_it_stays_silent_also_when_a_third_one_between_them_has_all_of_it_written(house: House) -> None:
    """What is in the database by then was decided in this round all the same."""
    await cases(house, 2)
    await set_timer(house, "r-0", "silence", SATURDAY - timedelta(hours=2))
    await set_timer(house, "r-1", "look", SATURDAY - timedelta(hours=1))
    house.wrong.calls.clear()
    house.office_clock.stepped.set(SATURDAY)

    await house.timers.fire_due()

    assert house.wrong.calls == ["silence", "look", "ring r-1"]
    assert (await rings(house, "r-0"), await rings(house, "r-1")) == ([], ["rang 09:30"])
    assert await house.count("SELECT count(*) FROM timer") == 0


@pytest.mark.parametrize("act", ["moved", "cancelled"])
async def test_a_clock_changed_while_it_is_about_to_fire_obeys(house: House, act: str) -> None:
    """It was read as due, and waits for the case that the command has in hand."""
    await cases(house, 1)
    house.office_clock.stepped.set(SATURDAY)
    gate = Gate("command.before_commit")
    officer = House(house.pool, probes=gate)

    async def change(tx: Transaction) -> None:
        await tx.lock(TALLIES, registration_id_of("r-0"))
        if act == "moved":
            tx.set_timer(registration_id_of("r-0"), "ring", SATURDAY + timedelta(hours=1))
        else:
            tx.cancel_timer(registration_id_of("r-0"), "ring")

    changing = asyncio.create_task(officer.do(change))
    await gate.reached.wait()
    firing = asyncio.create_task(house.timers.fire_due())
    await until(house.somebody_waits)
    gate.opened.set()
    await asyncio.gather(changing, firing)

    assert await rings(house, "r-0") == []
    assert await house.count("SELECT count(*) FROM timer") == (1 if act == "moved" else 0)


async def test_a_clock_and_an_event_of_the_same_case_at_once_both_count(house: House) -> None:
    """Neither overwrites the other, and the clock that the event sets again stays set."""
    release_ids = await cases(house, 20)
    house.office_clock.stepped.set(SATURDAY)

    for number, each in enumerate(release_ids):
        await asyncio.gather(
            house.timers.fire_due() if number % 4 == 0 else asyncio.sleep(0),
            house.deliver(record_of(released(each, "again"), 100 + number)),
        )

    for each in release_ids:
        assert sorted(set(await house.names(each))) in (sorted({each, "again"}), sorted({each, "again", "rang 09:30"}))
        assert (await house.names(each)).count("again") == 1
    assert await house.count("SELECT count(*) FROM timer WHERE due_at = $1", SATURDAY + RINGS_AFTER) == 20
    facts = await house.count("SELECT count(*) FROM outbox")
    assert await house.count("SELECT sum(sequence) FROM tally") == facts


@pytest.mark.parametrize("company", ["alone", "with others"])
async def test_a_clock_that_finds_itself_unwanted_leaves_nothing_behind(house: House, company: str) -> None:
    """Not even what its handler had written before it knew."""
    await cases(house, 2)
    await set_timer(house, "r-0", "whisper", SATURDAY - timedelta(hours=1))
    house.office_clock.stepped.set(SATURDAY if company == "with others" else SATURDAY - timedelta(minutes=1))

    await house.timers.fire_due()

    assert "whispered" not in await house.names("r-0")
    assert await house.count("SELECT count(*) FROM timer WHERE kind = 'whisper'") == 0


async def test_the_loop_fires_what_is_due_and_outlives_a_database_that_is_away(house: House) -> None:
    """Its sessions are ended under it; it takes new ones."""
    await cases(house, 1)
    loop = asyncio.create_task(house.timers.run())
    await house.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'test'"
    )
    house.office_clock.stepped.set(SATURDAY)

    async def rang() -> bool:
        return bool(await rings(house, "r-0"))

    await until(rang)
    loop.cancel()
