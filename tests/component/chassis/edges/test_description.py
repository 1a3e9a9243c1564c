"""The description of the door is true: a tool that knows nothing else finds no undocumented answer and no 5xx."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from chassis.clock import OfficeClock
from chassis.database import CHASSIS_MIGRATIONS, migrate, open_pool, read_migrations
from chassis.dead_letters_api import dead_letter_routes
from chassis.engine import Engine
from chassis.health import Health, Loops, health_routes
from chassis.settings import Settings
from chassis.transaction import Setting
from contracts.reference import load_reference
from contracts.roles import Role
from deploy.local.backing import Backing
from deploy.local.tokens import Holder, Issuer
from tests.component.chassis.edges.desk import House
from tests.component.chassis.edges.door import Door, door_of
from tests.component.chassis.edges.live import live

EXAMPLES_PER_ROUTE = 20
ROUTES_WITH_PARAMETERS_MIN = 9
TOO_STRICT: list[CheckFunction] = [positive_data_acceptance, negative_data_rejection]
"""A schema cannot say which words are cursors that a page has given, nor which data fit the schema of an event; and
what the tool adds that is wrong may vanish when it is written into an address (an empty object, say)."""


def health_of(door: Door) -> Health:
    """The health of a process without loops."""
    env = {
        "DATABASE_URL": "postgresql://x", "KAFKA_BOOTSTRAP_SERVERS": "x", "AUTH_ISSUER": "x", "AUTH_JWKS": "https://x",
    }  # fmt: skip
    return Health(
        settings=Settings.from_env(env, service="registration"),
        office_clock=OfficeClock(door.clock),
        metrics=door.metrics,
        loops=Loops(door.clock.monotonic),
        started_at=datetime(2026, 1, 5, tzinfo=UTC),
        reference_version="r1",
    )


@pytest.fixture(scope="module")
def address(backing: Backing, issuer: Issuer) -> Iterator[str]:
    """Health and the desk of operations behind a real server, with dead letters of each kind."""
    dsn = backing.create_database("description")

    @asynccontextmanager
    async def building() -> AsyncIterator[FastAPI]:
        door = door_of(issuer)
        await migrate(dsn, read_migrations("chassis", CHASSIS_MIGRATIONS))
        pool = await open_pool(dsn, name="description")
        setting = Setting("registration", "", load_reference(), door.clock, door.telemetry)
        house = House(Engine(pool, setting, OfficeClock(door.clock)))
        await house.set_aside_a_broken_release()
        yield door.app(health_routes(health_of(door)), dead_letter_routes(house.desk))
        await pool.close()

    with live(building) as url:
        yield url


@pytest.fixture(scope="module")
def description(address: str) -> OpenApiSchema:
    """What the door says about itself."""
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_gets_an_answer_that_is_not_described(
    description: OpenApiSchema, issuer: Issuer, mode: GenerationMode
) -> None:
    header = {"Authorization": f"Bearer {issuer.issue(Holder(roles=(Role.OPS.value,)))}"}
    asked: set[str] = set()

    for found in description.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES_PER_ROUTE, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
        )
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Case[Any]) -> None:
            case.call_and_validate(headers=header, excluded_checks=TOO_STRICT)
            asked.add(case.operation.label)

        # Of a route that takes nothing, nothing wrong can be asked.
        with contextlib.suppress(Unsatisfiable):
            ask()

    assert len(asked) >= ROUTES_WITH_PARAMETERS_MIN
