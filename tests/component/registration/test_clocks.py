"""The clocks of a release, as rows that ring."""

from datetime import UTC, datetime

from contracts.registration import (
    FirstContactOverdue,
    RegistrationOpened,
    ReleaseUnconfirmed,
    SubmissionOverdue,
    TracingOverdue,
    TracingStarted,
)
from tests.component.house import House
from tests.component.registration.people import (
    REGISTRATION,
    a_cancellation,
    a_contact,
    a_release,
    an_announcement,
    hours_later,
    officer,
    status_of,
)


async def overdue(house: House) -> list[tuple[int, bool, bool]]:
    """The rungs that were made known: hours, known late, to be escalated."""
    return [
        (fact.hours, fact.known_late, fact.escalate)
        for fact in await house.published()
        if isinstance(fact, FirstContactOverdue)
    ]


async def test_each_rung_rings_once_over_a_weekend_with_a_holiday_behind_it(house: House) -> None:
    await house.hear(a_release())

    for hour in (23.9, 24, 24.1, 47.9, 48, 60, 72, 73):
        await house.step_to(hours_later(hour))

    assert await overdue(house) == [(24, False, True), (48, False, True), (72, False, True)]
    assert await status_of(house) == "tracing"


async def test_rungs_that_passed_while_the_service_was_down_are_one_notice(house: House) -> None:
    await house.hear(a_release())

    await house.step_to(hours_later(75))

    assert await overdue(house) == [(24, True, False), (48, True, False), (72, True, True)]
    assert sum(isinstance(fact, TracingStarted) for fact in await house.published()) == 1


async def test_a_release_that_is_reported_days_late_is_one_notice_too(house: House) -> None:
    house.office.set(hours_later(50))

    await house.hear(a_release())

    opened = (await house.published())[0]
    assert isinstance(opened, RegistrationOpened)
    assert opened.reported_late
    assert await overdue(house) == [(24, True, False), (48, True, True)]
    assert await house.clocks() == {"first-contact": hours_later(72)}


async def test_a_search_that_nobody_notes_is_told_twice_and_then_asked_about_every_week(house: House) -> None:
    await house.hear(a_release())
    await house.step_to(hours_later(72))

    clocks = await house.clocks()
    for due in sorted(clocks.values()):
        await house.step_to(due)

    steps = [fact.step.value for fact in await house.published() if isinstance(fact, TracingOverdue)]
    assert steps == ["CALLS", "VISIT"]
    assert set(await house.clocks()) == {"search-review"}


async def test_somebody_found_at_hour_80_is_provisionally_registered(house: House) -> None:
    await house.hear(a_release())
    await house.step_to(hours_later(72))
    house.office.set(hours_later(80))

    async with officer(house) as client:
        noted = await client.post(
            f"/v1/registrations/{REGISTRATION}/trace-entries",
            json={"kind": "HOME_VISIT", "at": hours_later(79.5).isoformat(), "reached": True},
        )
        met = await client.post(
            f"/v1/registrations/{REGISTRATION}/contacts",
            json=a_contact(contact_at=hours_later(80).isoformat(), method="HOME_VISIT"),
        )

    assert (noted.status_code, met.status_code) == (200, 200)
    assert met.json()["status"] == "provisionally_registered"
    assert set(await house.clocks()) == {"submission"}


async def test_a_submission_that_does_not_come_is_told_to_the_section_head(house: House) -> None:
    await house.hear(a_release())
    async with officer(house) as client:
        await client.post(f"/v1/registrations/{REGISTRATION}/contacts", json=a_contact())
    # Monday 1 June 2026 is a holiday: two working days after Friday end on Wednesday.
    due = (await house.clocks())["submission"]
    assert due == datetime(2026, 6, 3, 9, 30, tzinfo=UTC)

    await house.step_to(due)

    assert isinstance((await house.published())[-1], SubmissionOverdue)
    assert await house.clocks() == {}


async def test_a_prison_that_stays_silent_on_the_announced_day_is_asked_once(house: House) -> None:
    await house.hear(an_announcement())
    due = (await house.clocks())["release-unconfirmed"]
    assert due == datetime(2026, 5, 29, 15, 0, tzinfo=UTC)

    await house.step_to(due)

    assert isinstance((await house.published())[-1], ReleaseUnconfirmed)
    assert await house.clocks() == {}


async def test_a_corrected_hour_moves_the_clock_that_is_set(house: House) -> None:
    await house.hear(a_release())

    await house.hear(a_release(revision=2, released_at=hours_later(-5).isoformat()))

    assert await house.clocks() == {"first-contact": hours_later(19)}


async def test_a_cancelled_release_leaves_no_clock_behind(house: House) -> None:
    await house.hear(an_announcement())
    await house.hear(a_cancellation(reason="NEW_CASE"))

    assert await house.clocks() == {}
    assert await house.step_to(hours_later(100)) == 0
