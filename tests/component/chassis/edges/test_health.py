"""Alive, ready, who, and how much: as machines ask."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis.clock import OfficeClock, SteppedClock
from chassis.health import Check, Health, Loops, health_routes
from chassis.settings import Settings
from tests.component.chassis.edges.door import Door

FRIDAY = datetime(2025, 9, 26, 9, 30, tzinfo=UTC)


def settings() -> Settings:
    """The settings of a service."""
    env = {
        "DATABASE_URL": "postgresql://u:hush@h/d", "KAFKA_BOOTSTRAP_SERVERS": "x", "AUTH_ISSUER": "x",
        "AUTH_JWKS": "https://x", "INSTANCE": "registration-1", "GIT_SHA": "abc123", "SERVICE_ROLES": "api,worker",
    }  # fmt: skip
    return Settings.from_env(env, service="registration")


def health(door: Door, loops: Loops, *checks: Check) -> Health:
    """The health of a service that began on a Friday afternoon."""
    return Health(
        settings=settings(),
        office_clock=OfficeClock(SteppedClock(FRIDAY)),
        metrics=door.metrics,
        loops=loops,
        started_at=FRIDAY,
        reference_version="r1",
        consumed_topics=("lapas.juvenile.events", "lapas.events"),
        checks=checks,
    )


async def get(door: Door, health: Health, path: str) -> httpx.Response:
    """Ask."""
    async with door.client(health_routes(health)) as client:
        return await client.get(path)


async def test_a_process_whose_loops_move_is_alive(door: Door) -> None:
    clock = SteppedClock(FRIDAY)
    loops = Loops(clock.monotonic)
    beat = loops.register("relay", silence_seconds_max=10)
    clock.step(timedelta(seconds=30))
    beat()

    answer = await get(door, health(door, loops), "/livez")

    assert answer.status_code == 200
    assert answer.json() == {"silent_seconds": {"relay": 0.0}}


async def test_a_process_with_a_stuck_loop_is_not(door: Door) -> None:
    clock = SteppedClock(FRIDAY)
    loops = Loops(clock.monotonic)
    loops.register("relay", silence_seconds_max=10)
    loops.register("consumer", silence_seconds_max=60)
    clock.step(timedelta(seconds=11))

    answer = await get(door, health(door, loops), "/livez")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "no progress: relay"


async def test_a_loop_that_ended_on_purpose_is_not_missed(door: Door) -> None:
    clock = SteppedClock(FRIDAY)
    loops = Loops(clock.monotonic)
    loops.register("relay", silence_seconds_max=10)
    loops.forget("relay")
    clock.step(timedelta(seconds=11))

    assert (await get(door, health(door, loops), "/livez")).status_code == 200


async def there() -> str | None:
    """Be there."""
    return None


async def away() -> str | None:
    """Be away."""
    return "no partitions assigned"


async def broken() -> str | None:
    """Break, with a name in the words."""
    raise ConnectionRefusedError("postgresql://u:hush@h/d of Budi Santoso")


@pytest.mark.parametrize(
    ("check", "status", "words"),
    [
        pytest.param(Check("database", there), 200, '"problem":null', id="it is there"),
        pytest.param(Check("kafka", away, required=False), 200, "no partitions assigned", id="away and not required"),
        pytest.param(Check("database", away), 503, "database (no partitions assigned)", id="away and required"),
        pytest.param(Check("database", broken), 503, "database (ConnectionRefusedError)", id="a probe that breaks"),
    ],
)
async def test_ready_is_who_has_what_it_needs(door: Door, check: Check, status: int, words: str) -> None:
    answer = await get(door, health(door, Loops(lambda: 0.0), check), "/readyz")

    assert answer.status_code == status
    assert words in answer.text
    assert "hush" not in answer.text
    assert "Budi" not in answer.text


async def test_a_process_says_who_it_is_and_what_time_it_is_in_the_office(door: Door) -> None:
    answer = await get(door, health(door, Loops(lambda: 0.0)), "/info")

    assert answer.json() == {
        "service": "registration",
        "instance": "registration-1",
        "unit": "PLG-HQ",
        "version": "0.1.0",
        "git_sha": "abc123",
        "roles": ["api", "worker"],
        "started_at": "2025-09-26T09:30:00Z",
        "office_clock": {"now": "2025-09-26T16:30:00+07:00", "zone": "Asia/Jakarta", "factor": 1.0},
        "reference_version": "r1",
        "consumed_topics": ["lapas.events", "lapas.juvenile.events"],
    }


async def test_metrics_are_what_prometheus_reads(door: Door) -> None:
    door.metrics.identify(settings(), "0.1.0")

    answer = await get(door, health(door, Loops(lambda: 0.0)), "/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"bapas_service_info", "bapas_outbox_rows"} <= families


async def test_questions_of_machines_are_measured_and_not_traced(door: Door) -> None:
    await get(door, health(door, Loops(lambda: 0.0)), "/livez")

    assert 'route="/livez"' in door.metrics.text().decode()
    assert door.spans.get_finished_spans() == ()
