"""What the running services say about their doors is true: a tool that knows nothing else finds no other answer."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case as Request
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.roles import Role
from tests.journeys.cases import Case, a_release
from tests.journeys.house import House
from tests.journeys.test_nothing_stops_intake import Sent

SERVICES = ("registration", "litmas", "supervision", "tpp", "notifications")
EXAMPLES_PER_ROUTE = 10
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
async def matters(house: House) -> Mapping[str, list[str]]:
    """Things that exist in several states, by the parameter of a route that names one."""
    open_case = Case(house)
    met = Case(house)
    submitted = await Case(house).brought_to_submission()
    registered = await Case(house, a_release(facility="LPKA-PLG")).brought_to_submission()
    assert (await registered.approve("SHC-HQ-01")).is_success
    for case in (open_case, met):
        await case.posted()
    await met.meet()
    for broken in (Sent(a_release(phone=1)), Sent(a_release(released_at="2099-01-01T00:00:00Z")), Sent(value=b"{")):
        broken.to(house)
    await house.quiet()
    letters = await house.rows("registration", "SELECT dead_letter_id FROM dead_letter ORDER BY seq DESC LIMIT 3")
    notices = await house.rows("notifications", "SELECT notification_id FROM notification ORDER BY seq DESC LIMIT 5")
    return {
        "hearing_id": [await a_hearing(house)],
        "registration_id": [str(case.id) for case in (open_case, met, submitted, registered)],
        "release_id": [str(case.release["release_id"]) for case in (open_case, met)],
        "client_id": [str(registered.client_id)],
        "letter_id": [str(row["dead_letter_id"]) for row in letters],
        "notification_id": [str(row["notification_id"]) for row in notices],
    }


async def a_hearing(house: House) -> str:
    """A hearing of a team in which somebody with every role presides."""
    members = ["SHC-HQ-01", "PO-HQ-01", "PO-HQ-02", "PO-HQ-03", "PO-HQ-04"]
    team = {"unit": "PLG-HQ", "panel": "ADULT", "chair": "SHC-HQ-01", "secretary": "REGH-HQ-01", "members": members}
    term = {"decree_no": "SK-17", "valid_from": "2026-01-01", "valid_until": "2026-12-31"}
    head = house.somebody(Role.HEAD, unit="PLG-HQ", subject="HEAD-HQ-01")
    assert (await head.call("POST", "tpp", "/v1/teams", json=team | term)).is_success
    secretary = house.somebody(Role.TPP_SECRETARY, unit="PLG-HQ", subject="REGH-HQ-01")
    hearing = {"panel": "ADULT", "mode": "HYBRID", "starts_at": "2026-06-03T02:00:00Z"}
    drafted = await secretary.call("POST", "tpp", "/v1/hearings", json=hearing)
    assert drafted.is_success
    return str(drafted.json()["hearing_id"])


# Some services have forty routes, and a machine may have other things to do.
@pytest.mark.timeout(420)
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("service", SERVICES)
def test_no_request_gets_an_answer_that_is_not_described(
    house: House, matters: Mapping[str, list[str]], service: str, mode: GenerationMode
) -> None:
    document = schemathesis.openapi.from_url(f"{house.url(service)}/openapi.json")
    callers = st.sampled_from(headers_of_callers(house))
    asked = set[str]()

    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES_PER_ROUTE,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode), callers, st.data())
        def ask(request: Request[Any], caller: dict[str, str], data: st.DataObject) -> None:
            if mode is GenerationMode.POSITIVE:
                name_something_that_exists(request, matters, data)
            request.call_and_validate(headers=caller, checks=CHECKS)
            asked.add(request.operation.label)

        # Of a route that takes nothing, nothing wrong can be asked.
        with contextlib.suppress(Unsatisfiable):
            ask()

    assert len(asked) > 5


def headers_of_callers(house: House) -> Sequence[dict[str, str]]:
    """Somebody with every role, so that the routes themselves are met, and some with few or none."""
    everybody = house.somebody(*Role, unit="PLG-HQ", facility="LP1-PLG", subject="SHC-HQ-01")
    few = (house.prison("LP1-PLG"), house.officer("PO-HQ-03"), house.officer("SHA-HQ-01"), house.officer("OPS-HQ-01"))
    return [*[everybody.headers] * len(few), *(caller.headers for caller in few), house.nobody().headers]


def name_something_that_exists(request: Request[Any], matters: Mapping[str, list[str]], data: st.DataObject) -> None:
    """Put the id of a real matter where a made-up one would only be unknown; most of the time."""
    for name in request.path_parameters.keys() & matters.keys():
        request.path_parameters[name] = data.draw(st.sampled_from([*matters[name] * 3, request.path_parameters[name]]))
