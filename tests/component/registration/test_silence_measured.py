"""Operations see for how long a prison has been silent, until its next word."""

from datetime import UTC, datetime, timedelta

from services.registration import silence, silence_store
from tests.component.house import FRIDAY, House
from tests.component.plans import indexes, plan_of
from tests.component.registration.people import a_cancellation, a_release

LISTENS = "INSERT INTO timer (subject, kind, due_at, context) VALUES ('facilities', 'facility-silence', $1, '{}')"
MORNING = datetime(2026, 5, 29, 1, 0, tzinfo=UTC)


async def test_the_days_of_a_silence_are_shown_while_it_lasts_and_of_no_other_prison(house: House) -> None:
    measure = silence.measure_of(house.context)

    async def days(facility: str) -> float | None:
        async with house.pool.acquire() as connection:
            await measure(connection)
        return house.metrics.registry.get_sample_value("bapas_facility_silent_days", {"facility": facility})

    await house.pool.execute(LISTENS, datetime(2000, 1, 1, tzinfo=UTC))
    await house.step_to(FRIDAY)
    release = a_release(facility="LP-SKY")
    await house.hear(release)
    shown = [await days("LP-SKY")]
    for day in range(1, 10):
        await house.step_to(MORNING + timedelta(days=day))
        shown.append(await days("LP-SKY"))

    assert shown == [0, 0, 0, 0, 0, 0, 0, 7, 8, 9]
    assert await days("LPKA-PLG") == 0, "it may be silent for a month"
    await house.hear(a_cancellation(release_id=release.release_id, facility="LP-SKY"))
    assert await days("LP-SKY") == 0, "heard today, before the next morning's look"


async def test_it_is_read_from_one_row_and_by_an_index(house: House) -> None:
    async with house.pool.acquire() as connection:
        steps = await plan_of(connection, silence_store.SELECT_SILENT)

    assert {name for name in indexes(steps) if name.startswith("facility_heard")}, steps
