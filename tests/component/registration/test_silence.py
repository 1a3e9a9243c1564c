"""A prison from which nothing comes, on a real database: listened to, noticed, told once."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg

from contracts.lapas import ReleaseType
from contracts.registration import FacilitySilent
from deploy.local.backing import Backing
from services.registration.app import SERVICE
from tests.component.house import FRIDAY, House, database_of
from tests.component.registration.people import a_cancellation, a_release, an_announcement, prison, release_data

LISTENS = "INSERT INTO timer (subject, kind, due_at, context) VALUES ('facilities', 'facility-silence', $1, '{}')"
MORNING = datetime(2026, 5, 29, 1, 0, tzinfo=UTC)
"""Eight o'clock in Palembang on the Friday."""


async def silent(house: House) -> list[FacilitySilent]:
    """What was made known of silent prisons."""
    return [fact for fact in await house.published() if isinstance(fact, FacilitySilent)]


async def listening(house: House) -> None:
    """The clock as the migration sets it, rung for the first time."""
    await house.pool.execute(LISTENS, datetime(2000, 1, 1, tzinfo=UTC))
    assert await house.step_to(FRIDAY) == 1


def test_a_new_database_listens_from_the_beginning(backing: Backing) -> None:
    async def clocks(dsn: str) -> list[tuple[str, str]]:
        connection = await asyncpg.connect(dsn)
        try:
            return [tuple(row) for row in await connection.fetch("SELECT subject, kind FROM timer")]
        finally:
            await connection.close()

    with database_of(backing, SERVICE) as dsn:
        assert asyncio.run(clocks(dsn)) == [("facilities", "facility-silence")]


async def test_a_prison_that_says_nothing_for_a_week_is_made_known_once(house: House) -> None:
    await listening(house)
    await house.hear(a_release(facility="LP-SKY"))

    for day in range(1, 9):
        await house.step_to(MORNING + timedelta(days=day))

    told = [fact for fact in await silent(house) if fact.facility == "LP-SKY"]
    assert [(fact.last_heard_on, fact.silent_days, fact.receiving_unit) for fact in told] == [
        (date(2026, 5, 29), 7, "PLG-SKY")
    ]
    assert await house.clocks() == await house.clocks() | {"facility-silence": MORNING + timedelta(days=9)}
    assert ("registration.events", "LP-SKY") in await house.topics()


async def test_each_door_and_each_kind_of_word_is_heard_once_a_day(house: House) -> None:
    house.office.set(FRIDAY)
    await house.hear(
        an_announcement(release_id="R-1", facility="LP-SKY"), a_release(release_id="R-1", facility="LP-SKY")
    )
    await house.hear(a_cancellation(release_id="R-9", facility="LP-KAG"))
    async with prison(house, "LPP-PLG") as client:
        await client.post("/v1/releases", json=release_data(release_id="R-3", facility="LPP-PLG"))

    rows = await house.pool.fetch("SELECT facility, heard_on FROM facility_heard ORDER BY facility")

    assert [tuple(row) for row in rows] == [(each, date(2026, 5, 29)) for each in ("LP-KAG", "LP-SKY", "LPP-PLG")]


async def test_a_word_that_is_not_taken_is_not_heard(house: House) -> None:
    """A message that is refused is told by itself; one about nobody must not hide that the others do not come."""
    outcomes = await house.hear(
        a_release(released_at="2099-01-01T00:00:00+07:00"),
        a_release(release_id="R-2", release_type=ReleaseType.FULL_TERM.value),
    )

    assert outcomes == ["refused", "irrelevant"]
    assert await house.pool.fetchval("SELECT count(*) FROM facility_heard") == 0


async def test_the_day_is_that_of_the_office(house: House) -> None:
    """At eleven at night in London it is already Saturday in Palembang."""
    house.office.set(datetime(2026, 5, 29, 18, 0, tzinfo=UTC))

    await house.hear(a_release())

    assert await house.pool.fetchval("SELECT heard_on FROM facility_heard") == date(2026, 5, 30)


async def test_mornings_during_which_the_service_was_down_are_one_notice(house: House) -> None:
    await listening(house)

    await house.step_to(MORNING + timedelta(days=12, hours=3))

    told = await silent(house)
    assert {(fact.facility, fact.silent_days) for fact in told} >= {("LP-SKY", 12), ("LP1-PLG", 12)}
    assert len(told) == len(house.reference.facilities) - 1
    assert (await house.clocks())["facility-silence"] == MORNING + timedelta(days=13)


async def test_two_processes_that_listen_at_the_same_moment_tell_once(house: House) -> None:
    await listening(house)
    house.office.set(MORNING + timedelta(days=7))

    await asyncio.gather(*(house.timers.fire_due() for _ in range(4)))

    assert len(await silent(house)) == len(house.reference.facilities) - 1
