"""Notifications answers as its description says: whoever knows that alone finds no 5xx and nothing undescribed."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from contracts import registration
from contracts.roles import Role
from deploy.local.backing import Backing
from deploy.local.tokens import Holder, Issuer
from services.notifications.app import SERVICE
from tests.component.chassis.edges.live import live
from tests.component.house import FRIDAY, House, database_of, furnished
from tests.component.notifications.conftest import ROSTER
from tests.unit.notifications.builders import a_fact

EXAMPLES_PER_ROUTE = 25
ROUTES_MIN = 14
TOO_STRICT: list[CheckFunction] = [positive_data_acceptance, negative_data_rejection]
"""Which ids and units exist, and which cursors a page has given, no schema says."""

MAIL = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1", "MAIL_FROM": "pemberitahuan@bapas.example"}
EVERYBODY = tuple(role.value for role in Role)
Known = dict[str, list[str]]


@pytest.fixture(scope="module")
def known() -> Known:
    """The ids of what exists, by the parameter that names it."""
    return {}


@pytest.fixture(scope="module")
def address(backing: Backing, issuer: Issuer, known: Known, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Notifications behind a real server, with a roster and an alert."""
    roster: Path = tmp_path_factory.mktemp("desk") / "roster.toml"
    roster.write_text(ROSTER)
    with database_of(backing, SERVICE) as dsn:

        @asynccontextmanager
        async def building() -> AsyncIterator[FastAPI]:
            async with furnished(SERVICE, dsn, issuer, MAIL | {"DUTY_ROSTER": str(roster)}) as house:
                await furnish(house)
                for table, column, name in (
                    ("notification", "notification_id", "notification_id"),
                    ("alert", "alert_id", "alert_id"),
                    ("shift", "shift_id", "shift_id"),
                ):
                    rows = await house.pool.fetch(f"SELECT {column} AS id FROM {table}")  # noqa: S608  names of our own
                    known[name] = [str(row["id"]) for row in rows]
                yield house.app

        with live(building) as url:
            yield url


async def furnish(house: House) -> None:
    """Let something have happened."""
    await house.hear(a_fact(registration.RegistrationOpened))
    row = {"unit": "PLG-KAG", "officer": "PO-KAG-01", "role": "PROBATION_OFFICER"}
    spans = [{"from": FRIDAY + timedelta(days=day), "to": FRIDAY + timedelta(days=day + 1)} for day in range(5)]
    rows = [row | {name: moment.isoformat() for name, moment in span.items()} for span in spans]
    async with house.client(Role.REGISTRAR_HEAD, subject="REGH-HQ-01") as planner:
        assert (await planner.post("/v1/roster/shifts", json={"shifts": rows})).is_success


@pytest.fixture(scope="module")
def description(address: str) -> OpenApiSchema:
    """What the door says about itself."""
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_gets_an_answer_that_is_not_described(
    description: OpenApiSchema, issuer: Issuer, known: Known, mode: GenerationMode
) -> None:
    holder = Holder(roles=EVERYBODY, unit="PLG-HQ", facility="LP1-PLG", subject="PO-SKY-01")
    header = {"Authorization": f"Bearer {issuer.issue(holder)}"}
    asked: set[str] = set()

    for found in description.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(max_examples=EXAMPLES_PER_ROUTE, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def ask(case: Case[Any], data: st.DataObject) -> None:
            for name in case.path_parameters.keys() & known.keys():
                made_up = case.path_parameters[name]
                case.path_parameters[name] = data.draw(st.sampled_from([*known[name], made_up]))
            case.call_and_validate(headers=header, excluded_checks=TOO_STRICT)
            asked.add(case.operation.label)

        # Of a route that takes nothing, nothing wrong can be asked.
        with contextlib.suppress(Unsatisfiable):
            ask()

    assert len(asked) >= ROUTES_MIN
