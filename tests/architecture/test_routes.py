"""Every route of every service says who may: by roles of the catalogue, by a signature, or to who holds a paper."""

import pytest

from chassis.access import Allowed, rules_of
from chassis.documents.verification import HeldInHand
from chassis.signatures import Signed
from tests.architecture.services import SERVICES, routes


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_of_a_service_has_a_rule_that_names_roles_or_who_signs(service: str) -> None:
    unguarded = [
        f"{sorted(route.methods or ())} {route.path}"
        for route in routes(service)
        if not all(isinstance(rule, Allowed | Signed | HeldInHand) for rule in rules_of(route))
    ]

    assert routes(service)
    assert unguarded == []


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_of_a_service_is_versioned_and_described(service: str) -> None:
    served = routes(service)

    assert [route.path for route in served if not str(route.path).startswith("/v1/")] == []
    assert [route.path for route in served if not route.description] == []


@pytest.mark.parametrize("service", SERVICES)
async def test_no_two_routes_of_a_service_share_a_name(service: str) -> None:
    names = [str(route.name) for route in routes(service)]

    assert sorted(names) == sorted(set(names))
