"""Who may do what: every route of every running service refuses whoever is not known, and whoever may not."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.roles import Role
from tests.journeys.cases import Case, a_release, uploaded
from tests.journeys.house import Caller, House

SERVICES = ("registration", "litmas", "supervision", "tpp", "notifications")
PUBLIC = {"/livez", "/readyz", "/info", "/metrics"}
SIGNED = {"/v1/receipts/gateway"}
"""What a machine outside may say under its signature; no token opens it."""
HELD_IN_HAND = {"/v1/verify/{token}"}
"""What whoever holds a paper of the office may ask: whether it is genuine, by the random token on it alone."""
ROLES_OF = re.compile(r"Roles: ([A-Z_, ]+)\.")
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Route:
    """One thing that can be asked of a service."""

    service: str
    method: str
    path: str
    description: Mapping[str, Any]

    @property
    def address(self) -> str:
        """The path with something for each of its parameters."""
        return re.sub(r"\{[^}]+\}", str(uuid4()), self.path)

    @property
    def roles(self) -> set[str]:
        """Who may, as it says itself; nobody in particular where everybody may."""
        found = ROLES_OF.search(self.description.get("description", ""))
        return set(found[1].split(", ")) if found else set()

    async def ask(self, caller: Caller, **more: Any) -> httpx.Response:
        """Ask it, with a body that fits no route."""
        body: dict[str, Any] = {"json": {}} if "requestBody" in self.description and not more else {}
        return await caller.call(self.method, self.service, self.address, **body, **more)


async def routes_of(house: House, service: str) -> list[Route]:
    """Every route that a service describes."""
    document = (await house.http.get(f"{house.url(service)}/openapi.json")).json()
    return [
        Route(service, method.upper(), path, description)
        for path, methods in document["paths"].items()
        for method, description in methods.items()
    ]


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_gets_in_without_a_token(house: House, service: str) -> None:
    routes = [route for route in await routes_of(house, service) if route.path not in PUBLIC | HELD_IN_HAND]
    assert len(routes) > 5

    for route in routes:
        with_a_made_up_token = Caller(house, {"Authorization": "Bearer e30.e30.e30"})
        for answer in (
            await route.ask(house.nobody()),
            await route.ask(house.nobody(), content=b"{not json"),
            await route.ask(with_a_made_up_token),
        ):
            refused(answer, 401, route)
            if route.path not in SIGNED:
                assert answer.headers["www-authenticate"].startswith("Bearer "), route


@pytest.mark.parametrize("service", SERVICES)
async def test_what_everybody_may_see_is_health_and_the_description_alone(house: House, service: str) -> None:
    open_to_all = {route.path for route in await routes_of(house, service) if not route.roles}

    assert open_to_all - SIGNED - HELD_IN_HAND == PUBLIC
    for path in (*PUBLIC, "/openapi.json"):
        assert (await house.nobody().get(service, path)).status_code == 200, path


async def test_whoever_asks_about_a_paper_that_does_not_exist_learns_just_that(house: House) -> None:
    for token in (str(uuid4()), "A" * 26, "0"):
        answer = await house.nobody().get("litmas", f"/v1/verify/{token}")

        assert (answer.status_code, answer.json()) == (200, {"genuine": False})


@pytest.mark.parametrize("service", SERVICES)
async def test_no_route_lets_in_a_role_that_it_does_not_name(house: House, service: str) -> None:
    """Every other role of the network, one by one, also those of other services."""
    for route in await routes_of(house, service):
        if route.path in PUBLIC | HELD_IN_HAND:
            continue
        status = 401 if route.path in SIGNED else 403
        for role in sorted(set(Role) - {Role(name) for name in route.roles}):
            refused(await route.ask(somebody(house, role)), status, route)
        refused(await route.ask(house.somebody(unit="PLG-HQ", subject="somebody")), status, route)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_at_another_office_is_no_role_here(house: House, service: str) -> None:
    """The same role, but at a unit that is none of this Bapas; operations run the network for all of them."""
    for route in await routes_of(house, service):
        for role in sorted(route.roles - {Role.PRISON_SYSTEM, Role.PRISON_OFFICER}):
            answer = await route.ask(house.somebody(Role(role), unit="JKT-HQ"))
            if "Scope: ANY" not in route.description["description"]:
                refused(answer, 403, route)


async def test_a_prison_reports_for_itself_alone(house: House) -> None:
    """By no door, and not by naming itself in a release of another prison."""
    case = Case(house, a_release(facility="LP1-PLG"))
    assert (await case.posted()).status_code == 201
    path = f"/v1/releases/{case.release['release_id']}/cancellation"
    cancellation = {"facility": "LP-KAG", "reason": "NOT_RELEASED", "cancelled_at": "2026-05-29T16:40:00+07:00"}
    announcement = {key: value for key, value in a_release().items() if key != "released_at"}
    theirs = {**case.release, "facility": "LP-KAG", "revision": 2}

    for caller in (house.prison("LP-KAG"), house.prison_officer("LP-KAG")):
        for address, body in (
            ("/v1/releases", a_release(facility="LP1-PLG")),
            ("/v1/announcements", {**announcement, "releases_on": "2026-06-03"}),
            ("/v1/releases", theirs),
            (path, cancellation),
            (path, {**cancellation, "facility": "LP1-PLG"}),
        ):
            answer = await caller.post("registration", address, body)
            assert answer.status_code == 403, (address, answer.text)
            assert answer.headers["content-type"] == PROBLEM

    [row] = (await uploaded(house, [case.release], facility="LP-KAG")).json()["rows"]
    assert (row["outcome"], row["column"]) == ("refused", "facility")
    contact = {"contact_at": "2026-05-29T16:50:00+07:00", "method": "AT_GATE"}
    met = await house.prison_officer("LP-KAG").post("registration", f"{case.path}/contacts", contact)
    assert met.status_code == 403
    view = await case.view()
    assert view is not None
    assert (view["status"], view["facility"]) == ("released", "LP1-PLG")


async def test_a_prison_reads_nothing_of_the_office(house: House) -> None:
    case = Case(house)
    await case.posted()

    for path in (case.path, f"{case.path}/timeline", "/v1/registrations", "/v1/registrations/board"):
        assert (await house.prison("LP1-PLG").get("registration", path)).status_code == 403


async def test_who_decides_is_the_head_of_the_section_whose_matter_it_is(house: House) -> None:
    of_an_adult = await Case(house).brought_to_submission()
    of_a_child = await Case(house, a_release(facility="LPKA-PLG")).brought_to_submission()

    assert (await of_an_adult.approve("SHC-HQ-01")).status_code == 403
    assert (await of_a_child.approve("SHA-HQ-01")).status_code == 403
    assert (await of_an_adult.approve("SHA-HQ-01")).status_code == 200
    assert (await of_a_child.approve("SHC-HQ-01")).status_code == 200


async def test_a_child_is_known_by_name_to_those_who_may_know_it(house: House) -> None:
    case = Case(house, a_release(facility="LPKA-PLG", name="Bunga Rahasia"))
    await case.posted()
    knowing, not_knowing = ("SHC-HQ-01", "HEAD-HQ-01", "PO-HQ-01"), ("SHA-HQ-01", "PO-HQ-03", "REG-HQ-01")

    for officer in (*knowing, *not_knowing):
        caller = house.officer(officer)
        seen = [
            await caller.get("registration", case.path),
            await caller.get("registration", "/v1/registrations", q="Bunga"),
            await caller.get("registration", "/v1/registrations/board", limit=100),
        ]
        named = "Bunga" in json.dumps([answer.json() for answer in seen])
        assert all(answer.status_code == 200 for answer in seen)
        assert named is (officer in knowing), officer


def somebody(house: House, role: Role) -> Caller:
    """Somebody in this role, with everything that a token may say beside it."""
    return house.somebody(role, unit="PLG-HQ", facility="LP1-PLG")


def refused(answer: httpx.Response, status: int, route: Route) -> None:
    """The answer is this refusal, as a problem document."""
    assert answer.status_code == status, (route.method, route.path, answer.status_code, answer.text)
    assert answer.headers["content-type"] == PROBLEM, route
    document = answer.json()
    assert document["status"] == status
    assert {"type", "title"} <= document.keys()
