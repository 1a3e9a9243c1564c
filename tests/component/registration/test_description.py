"""Registration answers as its description says: whoever knows that alone finds no 5xx and nothing undescribed."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
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

from contracts.lapas import registration_id_of
from contracts.roles import Role
from deploy.local.backing import Backing
from deploy.local.tokens import Holder, Issuer
from services.registration.app import SERVICE
from tests.component.chassis.edges.live import live
from tests.component.house import database_of, furnished
from tests.component.registration.people import a_cancellation, a_contact, a_release, an_announcement, officer

EXAMPLES_PER_ROUTE = 25
ROUTES_MIN = 18
TOO_STRICT: list[CheckFunction] = [positive_data_acceptance, negative_data_rejection]
"""Which ids exist, which cursors a page has given, and that unknown fields are left aside, no schema says."""

EVERYBODY = tuple(role.value for role in Role)
CASES = [registration_id_of(f"R-{number}") for number in range(5)]


@pytest.fixture(scope="module")
def address(backing: Backing, issuer: Issuer) -> Iterator[str]:
    """Registration behind a real server, with a case in each of several states."""
    with database_of(backing, SERVICE) as dsn:

        @asynccontextmanager
        async def building() -> AsyncIterator[FastAPI]:
            async with furnished(SERVICE, dsn, issuer) as house:
                await house.hear(
                    an_announcement(release_id="R-0"),
                    a_release(release_id="R-1"),
                    a_release(release_id="R-2"),
                    a_release(release_id="R-3", category="CHILD"),
                    a_cancellation(release_id="R-4"),
                )
                async with officer(house) as client:
                    await client.post(f"/v1/registrations/{CASES[2]}/contacts", json=a_contact())
                yield house.app

        with live(building) as url:
            yield url


@pytest.fixture(scope="module")
def description(address: str) -> OpenApiSchema:
    """What the door says about itself."""
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_gets_an_answer_that_is_not_described(
    description: OpenApiSchema, issuer: Issuer, mode: GenerationMode
) -> None:
    holder = Holder(roles=EVERYBODY, unit="PLG-HQ", facility="LP1-PLG", subject="somebody")
    header = {"Authorization": f"Bearer {issuer.issue(holder)}"}
    asked: set[str] = set()

    for found in description.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(max_examples=EXAMPLES_PER_ROUTE, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), known=st.sampled_from([None, *CASES]))
        def ask(case: Case[Any], known: Any) -> None:
            if known is not None and "registration_id" in case.path_parameters:
                case.path_parameters["registration_id"] = str(known)
            case.call_and_validate(headers=header, excluded_checks=TOO_STRICT)
            asked.add(case.operation.label)

        # Of a route that takes nothing, nothing wrong can be asked.
        with contextlib.suppress(Unsatisfiable):
            ask()

    assert len(asked) >= ROUTES_MIN
