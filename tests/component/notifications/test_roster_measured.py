"""Operations see for how many of the hours that come nobody is on duty."""

from datetime import timedelta

import pytest

from services.notifications import roster_handlers
from services.notifications.domain.gaps import Gap
from tests.component.house import FRIDAY, House
from tests.component.notifications.test_roster import a_row, hours, load


async def test_the_hours_of_a_hole_are_shown_and_grow_less_as_they_pass(house: House) -> None:
    measure = roster_handlers.measure_of(house.context)

    async def shown(unit: str) -> float | None:
        async with house.pool.acquire() as connection:
            await measure(connection)
        return house.metrics.registry.get_sample_value("bapas_roster_gap_hours", {"unit": unit})

    assert (await load(house, a_row(0, 24), a_row(36, 400))).status_code == 201

    assert await shown("PLG-KAG") == 12
    assert await shown("PLG-HQ") == 0
    await house.step_to(hours(30))
    assert await shown("PLG-KAG") == 6
    await house.step_to(hours(40))
    assert await shown("PLG-KAG") == 0


@pytest.mark.parametrize(
    ("begin", "end", "within"),
    [(0, 5, 5), (-5, 5, 5), (70, 80, 2), (80, 90, 0), (-9, -1, 0), (10, None, 62), (-3, None, 72), (99, None, 0)],
)
def test_of_a_hole_only_what_lies_within_the_span_counts(begin: float, end: float | None, within: float) -> None:
    gap = Gap(unit="PLG-KAG", starts_at=hours(begin), ends_at=None if end is None else hours(end))

    assert gap.hours_within(FRIDAY, FRIDAY + timedelta(hours=72)) == within
