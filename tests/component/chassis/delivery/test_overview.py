"""What operations sees of one service at a glance is what is so, whichever of its processes is asked."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis import audit
from chassis.audit_chain import Sealer
from chassis.consumer import Consumer
from chassis.database import open_pool
from chassis.health import Check, Health, Loops
from chassis.overview import Lookout, Overview
from chassis.relay import Relay
from chassis.settings import Settings
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import House, record_of, released, until
from tests.component.chassis.delivery.tally import FRIDAY, SERVICE
from tests.component.chassis.delivery.test_audit_chain import entry_by
from tests.component.chassis.delivery.wire import INTAKE, Wire, consumer_of, relay_of, running, wire_to

INSERT_TIMER = "INSERT INTO timer (subject, kind, due_at, context) VALUES ($1, 'ring', $2, '{}')"
INSERT_OUTBOX = """
    INSERT INTO outbox (event_id, topic, key, headers, payload, created_at, parked_reason)
    VALUES (gen_random_uuid(), 'registration.events', 'key', '[]', '{}', now() - interval '1 hour', $1)
"""


@pytest.fixture
async def wire(backing: Backing) -> AsyncIterator[Wire]:
    """An intake of two partitions."""
    async with wire_to(backing) as wire:
        await asyncio.to_thread(wire.make, INTAKE, partitions=2)
        yield wire


@pytest.fixture
def settings(dsn: str, wire: Wire) -> Settings:
    """The settings of the process that is looked at."""
    return wire.settings(dsn)


def lookout_of(
    house: House, settings: Settings, *checks: Check, consumer: Consumer | None = None, relay: Relay | None = None
) -> Lookout:
    """What a process with these parts shows."""
    health = Health(
        settings=settings,
        office_clock=house.office_clock,
        metrics=house.metrics,
        loops=Loops(house.clock.monotonic),
        started_at=FRIDAY,
        reference_version="r1",
        checks=checks,
    )
    return Lookout(house.pool, house.clock, health, SERVICE, consumer, relay)


async def test_a_service_at_rest_has_its_partitions_and_nothing_that_waits(
    house: House, settings: Settings, wire: Wire
) -> None:
    consumer = consumer_of(house, settings)
    lookout = lookout_of(house, settings, consumer=consumer)

    async with running(consumer):

        async def assigned() -> bool:
            return (await lookout.look()).consumer.assigned_partitions == 2

        await until(assigned)
        seen = await lookout.look()

    assert (seen.service, seen.version, seen.instance) == (SERVICE, "0.1.0", settings.instance)
    assert seen.clock.office.now == FRIDAY
    assert seen.health.ready
    assert seen.consumer.works_here
    assert seen.consumer.stopped is None
    assert (seen.consumer.lag_records, seen.consumer.lag_seconds) == (0, 0.0)
    assert (seen.outbox.rows, seen.timers.due, seen.dead_letters.held_keys) == (0, 0, 0)


async def test_a_stopped_consumer_says_why_and_its_lag_grows_though_it_never_handled_anything(
    house: House, settings: Settings, wire: Wire
) -> None:
    """It was stopped before this process began: no record was handled here whose age could be shown."""
    await house.pool.execute(
        "INSERT INTO consumer_stop (consumer, reason, stopped_at) VALUES ($1, 'too many bugs', $2)", SERVICE, FRIDAY
    )
    for number in range(3):
        await wire.release(f"r-{number}", partition=0)
    consumer = consumer_of(house, settings)
    lookout = lookout_of(house, settings, consumer=consumer)

    async with running(consumer):

        async def behind() -> bool:
            now = (await lookout.look()).consumer
            return now.lag_records == 3 and now.lag_seconds > 0.5

        await until(behind)
        seen = await lookout.look()
        elsewhere = await lookout_of(house, settings).look()

    for each in (seen, elsewhere):
        assert each.consumer.stopped is not None
        assert (each.consumer.stopped.reason, each.consumer.stopped.since) == ("too many bugs", FRIDAY)
    assert not elsewhere.consumer.works_here


async def test_everybody_sees_that_somebody_relays_and_that_nobody_does(dsn: str, settings: Settings) -> None:
    pool = await open_pool(dsn, name="test")
    try:
        house = House(pool)
        relay = relay_of(house, settings)
        leading, other = lookout_of(house, settings, relay=relay), lookout_of(house, settings)

        async with running(relay):

            async def leads() -> bool:
                return (await leading.look()).relay.leads_here

            await until(leads)
            there = await other.look()

        assert not there.relay.leads_here
        assert there.relay.leader_since is not None

        async def led_by_nobody() -> bool:
            return (await other.look()).relay.leader_since is None

        await until(led_by_nobody)
    finally:
        await pool.close()


async def test_what_waits_is_counted_with_its_age(house: House, settings: Settings) -> None:
    await house.pool.execute(INSERT_TIMER, "late", FRIDAY - timedelta(minutes=5))
    await house.pool.execute(INSERT_TIMER, "early", FRIDAY + timedelta(hours=1))
    await house.pool.execute(INSERT_OUTBOX, None)
    await house.pool.execute(INSERT_OUTBOX, "MessageSizeTooLargeError")
    await house.a_bug_with_followers("Budi", "Andi")
    await house.deliver(record_of(released("r-2"), 9, value=b"{"))

    seen: Overview = await lookout_of(house, settings).look()

    assert (seen.timers.waiting, seen.timers.due, seen.timers.oldest_late_seconds) == (2, 1, 300.0)
    assert seen.timers.next_due_at == FRIDAY - timedelta(minutes=5)
    assert seen.outbox.parked == 1
    assert seen.outbox.rows >= 2
    assert seen.outbox.oldest_seconds >= 3600
    assert seen.dead_letters.parked == {"malformed": 1, "refused": 0, "bug": 1, "held": 0}
    assert seen.dead_letters.held_keys >= 2
    assert seen.dead_letters.longest_held_seconds > 0
    assert seen.dead_letters.oldest_at is not None


@pytest.mark.parametrize(("required", "ready"), [(True, False), (False, True)])
async def test_what_is_missing_is_shown_and_only_what_is_needed_makes_it_not_ready(
    house: House, settings: Settings, *, required: bool, ready: bool
) -> None:
    async def away() -> str | None:
        return "no partitions assigned"

    seen = await lookout_of(house, settings, Check("kafka", away, required=required)).look()

    assert seen.health.ready is ready
    assert [part.problem for part in seen.health.parts] == ["no partitions assigned"]


async def test_how_far_the_audit_trail_is_sealed_and_what_is_missing_in_it_is_shown(
    house: House, settings: Settings, dsn: str
) -> None:
    sealer = Sealer(dsn, house.setting, house.metrics.audit, lambda: None)
    lookout = lookout_of(house, settings)
    before = (await lookout.look()).audit
    async with house.pool.acquire() as connection:
        await audit.insert(connection, [entry_by("PO-HQ-01"), entry_by("PO-HQ-02")])
    waiting = (await lookout.look()).audit
    async with house.pool.acquire() as connection:
        await sealer.seal(connection)
    house.metrics.audit.lost(3)

    sealed = (await lookout.look()).audit

    assert (before.unsealed, before.oldest_unsealed_seconds, before.lost_entries) == (0, 0.0, 0)
    assert (waiting.sealed_until, waiting.unsealed) == (before.sealed_until, 2)
    assert waiting.oldest_unsealed_seconds > 0
    assert (sealed.sealed_until, sealed.unsealed, sealed.lost_entries) == (before.sealed_until + 2, 0, 3)
    assert sealed.sealed_at is not None
