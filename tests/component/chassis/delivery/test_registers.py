"""Every number stands in its register, once, live or void; a subject keeps its own; a year that is over is closed."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chassis.database import CHASSIS_MIGRATIONS, connect, migrate, open_pool, read_migrations
from chassis.registers import REGISTER_MIGRATIONS
from chassis.rules.refusal import Refused
from chassis.rules.registers import Entry, Line, NothingIsEntered, YearIsClosed
from chassis.transaction import Transaction
from deploy.local.backing import Backing
from services.registration.app import SERVICE as REGISTRATION
from tests.component.chassis.delivery.harness import ACTOR, House
from tests.component.chassis.delivery.tally import FRIDAY

NEW_YEAR_IN_PALEMBANG = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)


class NotApproved(Refused):
    """The file is incomplete."""


def subject(number: int) -> UUID:
    return UUID(int=number)


def line(number: int, *, unit: str = "PLG-HQ", kind: str = "PB") -> Line:
    return Line(register="LIT-D", kind=kind, unit=unit, subject=subject(number))


async def enter(command: Line, tx: Transaction) -> Entry:
    return await tx.enter(command)


async def entered(house: House, command: Line) -> Entry:
    return await house.commands.run(enter, command, actor=ACTOR)


async def rows(house: House) -> list[tuple[Any, ...]]:
    found = await house.pool.fetch("SELECT unit, year, seq, state FROM register_entry ORDER BY unit, year, seq")
    return [tuple(row) for row in found]


async def test_a_line_is_entered_with_number_person_and_time(house: House) -> None:
    entry = await entered(house, line(1))

    assert entry.number == "0001/LIT-D/PB/PLG-HQ/V/2026"
    (row,) = await house.pool.fetch("SELECT * FROM register_entry")
    assert dict(row) == {
        "unit": "PLG-HQ", "register": "LIT-D", "year": 2026, "seq": 1, "number": entry.number, "subject": subject(1),
        "state": "live", "reason": None, "entered_by": ACTOR.id, "entered_at": FRIDAY,
    }  # fmt: skip


async def test_a_subject_that_comes_again_keeps_its_number(house: House) -> None:
    """A report that was returned and is numbered once more, under another programme and a day later."""
    first = await entered(house, line(1))
    house.office_clock.stepped.step(timedelta(days=1))

    again = await entered(house, line(1, kind="CB"))

    assert again == first
    assert await rows(house) == [("PLG-HQ", 2026, 1, "live")]
    assert await house.count("SELECT last_seq FROM register_counter") == 1


async def test_a_subject_that_comes_twice_in_one_piece_of_work_gets_one_number(house: House) -> None:
    async def twice(_command: None, tx: Transaction) -> tuple[str, str]:
        return (await tx.enter(line(1))).number, (await tx.enter(line(1))).number

    first, second = await house.commands.run(twice, None, actor=ACTOR)

    assert first == second
    assert await rows(house) == [("PLG-HQ", 2026, 1, "live")]


async def test_fifty_at_once_stand_in_the_register_without_a_gap(house: House) -> None:
    """Every third is refused after it has taken its number."""

    async def approve(command: Line, tx: Transaction) -> int:
        entry = await tx.enter(command)
        if command.subject.int % 3 == 0:
            raise NotApproved
        return entry.seq

    async def attempt(number: int) -> int | None:
        try:
            return await house.commands.run(approve, line(number), actor=ACTOR)
        except NotApproved:
            return None

    given = [seq for seq in await asyncio.gather(*map(attempt, range(50))) if seq is not None]

    assert sorted(given) == list(range(1, len(given) + 1))
    assert [row[2] for row in await rows(house)] == sorted(given)
    assert await house.count("SELECT last_seq FROM register_counter") == len(given) == 33


async def test_two_that_take_the_same_two_numbers_in_opposite_order_do_not_wait_for_each_other(house: House) -> None:
    units = ("PLG-HQ", "PLG-KAG")

    async def both(command: tuple[int, tuple[str, ...]], tx: Transaction) -> None:
        number, order = command
        for place, unit in enumerate(order):
            await tx.enter(line(2 * number + place, unit=unit))
            await asyncio.sleep(0.02)

    orders = [units if number % 2 else units[::-1] for number in range(12)]
    await asyncio.gather(*(house.commands.run(both, each, actor=ACTOR) for each in enumerate(orders)))

    expected = [(unit, 2026, seq, "live") for unit in units for seq in range(1, 13)]
    assert await rows(house) == expected
    async with house.pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await house.count(deadlocks) == 0


async def test_what_is_void_keeps_its_number_and_the_next_gets_another(house: House) -> None:
    first = await entered(house, line(1))

    async def strike(_command: None, tx: Transaction) -> Entry:
        return await tx.void_entry(register="LIT-D", subject=subject(1), reason="entered twice")

    struck = await house.commands.run(strike, None, actor=ACTOR)
    second = await entered(house, line(1))

    assert (struck.number, struck.state, struck.reason) == (first.number, "void", "entered twice")
    assert second.seq == 2
    assert await rows(house) == [("PLG-HQ", 2026, 1, "void"), ("PLG-HQ", 2026, 2, "live")]
    with pytest.raises(NothingIsEntered):
        await house.commands.run(_strike_another, None, actor=ACTOR)


async def _strike_another(_command: None, tx: Transaction) -> None:
    await tx.void_entry(register="LIT-D", subject=subject(2), reason="never entered")


async def test_entered_struck_out_and_entered_anew_in_one_piece_of_work(house: House) -> None:
    """Also where it was written in between."""

    async def all_of_it(_command: None, tx: Transaction) -> int:
        await tx.enter(line(1))
        await tx.void_entry(register="LIT-D", subject=subject(1), reason="the wrong unit")
        await tx.connection()
        return (await tx.enter(line(1))).seq

    assert await house.commands.run(all_of_it, None, actor=ACTOR) == 2
    assert await rows(house) == [("PLG-HQ", 2026, 1, "void"), ("PLG-HQ", 2026, 2, "live")]


async def test_the_year_is_that_of_the_office_and_one_that_is_over_stays_closed(house: House) -> None:
    """Midnight in Palembang comes seven hours before that of UTC; a clock that goes back enters nothing."""
    house.office_clock.stepped.step(NEW_YEAR_IN_PALEMBANG - FRIDAY - timedelta(seconds=1))
    old = await entered(house, line(1))
    house.office_clock.stepped.step(timedelta(seconds=1))
    new = await entered(house, line(2))
    late = House(house.pool)

    with pytest.raises(YearIsClosed):
        await entered(late, line(3))

    assert (old.year, old.seq, new.year, new.seq) == (2026, 1, 2027, 1)
    assert await house.count("SELECT count(*) FROM register_counter WHERE last_seq > 1") == 0
    # Another unit has not begun the later year.
    assert (await entered(late, line(4, unit="PLG-KAG"))).year == 2026
    # Who stood there before keeps the number.
    assert await entered(late, line(1)) == old


async def test_a_number_of_a_clock_that_was_wrong_closes_no_year_once_it_is_void(house: House) -> None:
    house.office_clock.stepped.step(timedelta(days=365))
    await entered(house, line(1))
    right = House(house.pool)

    async def strike(_command: None, tx: Transaction) -> None:
        await tx.void_entry(register="LIT-D", subject=subject(1), reason="the clock was wrong")

    await right.commands.run(strike, None, actor=ACTOR)

    assert (await entered(right, line(1))).year == 2026


COPY = """
    INSERT INTO register_entry (unit, register, year, seq, number, subject, state, entered_by, entered_at)
    SELECT unit, register, year, coalesce($1, seq), coalesce($2, number), coalesce($3, subject), state, entered_by,
           entered_at FROM register_entry WHERE seq = 1
"""
CHANGES = {
    "void without a reason": "UPDATE register_entry SET state = 'void' WHERE seq = 1",
    "another number": "UPDATE register_entry SET number = 'N-1' WHERE seq = 1",
    "another subject": "UPDATE register_entry SET subject = gen_random_uuid() WHERE seq = 1",
    "taken away": "DELETE FROM register_entry WHERE seq = 1",
    "live again": "UPDATE register_entry SET state = 'live' WHERE seq = 2",
}


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param((None, "N-9", subject(9)), id="one sequence number twice"),
        pytest.param((9, None, subject(9)), id="one number twice"),
        pytest.param((9, "N-9", None), id="two live entries of a subject"),
    ],
)
async def test_the_database_itself_allows_nothing_twice(house: House, copied: tuple[Any, ...]) -> None:
    await entered(house, line(1))

    with pytest.raises(asyncpg.UniqueViolationError):
        await house.pool.execute(COPY, *copied)


@pytest.mark.parametrize("change", CHANGES)
async def test_the_database_itself_lets_an_entry_only_become_void(house: House, change: str) -> None:
    await entered(house, line(1))
    await entered(house, line(2))
    await house.pool.execute("UPDATE register_entry SET state = 'void', reason = 'a mistake' WHERE seq = 2")
    before = await rows(house)

    with pytest.raises(asyncpg.PostgresError):
        await house.pool.execute(CHANGES[change])

    assert await rows(house) == before


@pytest.fixture
def empty_dsn(backing: Backing) -> Iterator[str]:
    """A database without tables."""
    name = f"registers_{uuid4().hex[:12]}"
    yield backing.create_database(name)
    backing.drop_database(name)


async def test_the_numbers_of_before_stay_and_are_counted_on(empty_dsn: str) -> None:
    """Registration had the table before the chassis did: its entries stay, and so do its own walls."""
    own = read_migrations("registration", REGISTRATION.migrations)
    await migrate(empty_dsn, [*read_migrations("chassis", CHASSIS_MIGRATIONS), *own])
    connection = await connect(empty_dsn, name="test")
    await connection.execute("ALTER TABLE register_entry DROP CONSTRAINT register_entry_subject_fkey")
    await connection.execute(
        "INSERT INTO register_entry (unit, register, year, seq, number, subject, state, entered_by, entered_at)"
        " VALUES ('PLG-HQ', 'LIT-D', 2026, 1, '0001/OLD', $1, 'live', 'REG-HQ-01', now())",
        subject(1),
    )
    await connection.execute("INSERT INTO register_counter VALUES ('PLG-HQ|LIT-D|2026', 1, 1)")
    await connection.close()

    applied = await migrate(empty_dsn, REGISTRATION.all_migrations())

    assert [each.component for each in applied] == ["registers"] * len(
        read_migrations("registers", REGISTER_MIGRATIONS)
    )
    pool = await open_pool(empty_dsn, name="test")
    try:
        house = House(pool)
        assert (await entered(house, line(1))).number == "0001/OLD"
        assert (await entered(house, line(2))).seq == 2
    finally:
        await pool.close()
