"""The page of a service says what its code does: no event and no address is missing, and none is invented."""

import re
from collections.abc import Iterable
from typing import cast

import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from chassis.dead_letters_api import DeadLetters, dead_letter_routes
from contracts.event import EVENT_TYPES
from tests.architecture.house_rules import ROOT
from tests.architecture.services import SERVICES, events_in, events_out, routes

_EVENT = re.compile(r"`((?:[A-Z][a-z]+[A-Z]|[A-Z]{2,}[a-z])[A-Za-z0-9]*)(?:\{[^}]*\})?`")
_ADDRESS = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE)\s+(/v1/[^\s`|,?]+)")
_PLACE = re.compile(r"\{[^}]*\}")

DOCUMENTED = [service for service in SERVICES if (ROOT / "services" / service / "README.md").exists()]


def page(service: str) -> str:
    """The README of a service."""
    return (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")


def first_cells(text: str) -> str:
    """The first cells of all tables: what they are about."""
    rows = [line.split("|") for line in text.splitlines() if line.lstrip().startswith("|")]
    return "\n".join(cells[1] for cells in rows if len(cells) > 1)


@pytest.mark.parametrize("service", DOCUMENTED)
async def test_a_page_names_every_event_that_comes_in_or_goes_out(service: str) -> None:
    named = set(_EVENT.findall(page(service)))

    assert (events_in(service) | events_out(service)) - named == set()


@pytest.mark.parametrize("service", DOCUMENTED)
async def test_a_page_invents_no_event(service: str) -> None:
    known = {event.__name__ for event in EVENT_TYPES.values()}

    assert set(_EVENT.findall(first_cells(page(service)))) - known == set()


def of_every_service() -> set[tuple[str, str]]:
    """The addresses that the chassis gives to each service."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(dead_letter_routes(cast("DeadLetters", None)))
    return addresses(iter_route_contexts(app.routes))


def addresses(served: Iterable[RouteContext]) -> set[tuple[str, str]]:
    """Methods and paths; how a place in a path is called is for the reader."""
    return {(method, _PLACE.sub("{}", str(route.path))) for route in served for method in route.methods or ()}


@pytest.mark.parametrize("service", DOCUMENTED)
async def test_a_page_names_every_address_and_invents_none(service: str) -> None:
    served = addresses(routes(service))
    named = {(method, _PLACE.sub("{}", path)) for method, path in _ADDRESS.findall(page(service))}

    assert served - named == set(), "served, and not on the page"
    assert named - served - of_every_service() == set(), "on the page, and not served"
