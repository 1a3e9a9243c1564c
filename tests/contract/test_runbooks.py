"""Every command on a page of operations exists: targets of make, addresses and fields, parts of compose, SQL."""

import json
import re
import shlex
from functools import cache
from typing import Any, Final, cast

import pytest
import yaml
from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel

from chassis.access import Allowed, rules_of
from chassis.database import connect, migrate
from chassis.dead_letters_api import DeadLetters, dead_letter_routes
from chassis.health import Health, health_routes
from chassis.http import query_parameters
from chassis.overview import Lookout, overview_routes
from contracts.catalogue import TOPICS
from contracts.reference import load_reference
from contracts.roles import Role
from deploy.local.backing import Backing
from deploy.local.blocking import wait_for
from tests.architecture.services import SERVICES, described
from tests.contract.image import REPOSITORY
from tests.contract.runbook_pages import PLACE, SECTIONS, Page, Request, pages, request_of

ALL: Final = pages()
MAKEFILE: Final = (REPOSITORY / "Makefile").read_text()
PARTS: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
KAFKA_TOOLS: Final = {"/opt/kafka/bin/kafka-configs.sh"}
LINK: Final = re.compile(r"\]\(([^)#:]+)\)")
SQL: Final = re.compile(r'psql -U postgres -d (\w+) -c "(.*)"$')

by_page = pytest.mark.parametrize("page", ALL, ids=[page.name for page in ALL])


@cache
def routes() -> tuple[RouteContext, ...]:
    """What every service answers, whatever else it does."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(dead_letter_routes(cast("DeadLetters", None)))
    app.include_router(overview_routes(cast("Lookout", None)))
    app.include_router(health_routes(cast("Health", None)))
    return tuple(route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute))


def route_of(request: Request) -> RouteContext | None:
    """The route that takes a request."""
    for route in routes():
        pattern = re.sub(r"\{[^}]*\}", "[^/]+", str(route.path))
        if request.method in (route.methods or ()) and re.fullmatch(pattern, request.path):
            return route
    return None


def problems_of_curl(command: str) -> list[str]:
    """What of a call no service would take."""
    request = request_of(command)
    route = route_of(request)
    if route is None:
        return [f"{request.method} {request.path} is served by nobody"]
    found = [
        f"{request.path} does not know {name}"
        for name in {name for name, _ in request.query} - {name for name, _ in query_parameters(route.dependant)}
    ]
    original = cast("APIRoute", route.original_route)
    model = original.body_field.field_info.annotation if original.body_field else None
    if request.body is not None and model is None:
        found.append(f"{request.path} takes no body")
    if isinstance(model, type) and issubclass(model, BaseModel):
        model.model_validate(request.body)
    for rule in rules_of(route):
        if isinstance(rule, Allowed):
            if Role.OPS not in rule.roles:
                found.append(f"{request.path} is not for operations")
            if "Authorization: Bearer $OPS" not in request.headers:
                found.append(f"{request.path} without a token")
    return found


def problems_of_make(command: str) -> list[str]:
    """What of a call the Makefile does not know."""
    words = [word for word in shlex.split(command)[1:] if word != "-s"]
    targets = [word for word in words if "=" not in word]
    found = [f"make {target}" for target in targets if not re.search(rf"(?m)^{re.escape(target)}:.*## ", MAKEFILE)]
    for name, _, value in (word.partition("=") for word in words if "=" in word):
        if f"$({name})" not in MAKEFILE:
            found.append(f"make {name}=")
        known = {"ROLE": {str(role) for role in Role}, "UNIT": set(load_reference().units)}.get(name)
        if known is not None and value not in known:
            found.append(f"{name}={value}")
    return found


def problems_of_compose(command: str) -> list[str]:
    """What of a call docker-compose.yml does not know."""
    words = shlex.split(command)[2:]
    verb, rest = words[0], words[1:]
    rest = [word for word in rest if not word.startswith("--")]
    if verb in {"ps", "logs", "restart", "up"}:
        parts = [word for word in rest if word != "-d"]
        return [f"no part {part}" for part in parts if part not in PARTS]
    if verb == "run":
        rest = [word for word in rest if word != "-T"]
        part, arguments = rest[0], rest[1:]
        return _problems_of_run(part, arguments)
    if verb == "exec":
        while rest and rest[0].startswith("-"):
            rest = rest[2:] if rest[0] == "-e" else rest[1:]
        if rest[0] not in PARTS:
            return [f"no part {rest[0]}"]
        return [] if rest[1] == "psql" or rest[1] in KAFKA_TOOLS else [f"{rest[1]} in {rest[0]}"]
    return [f"docker compose {verb}"]


def _problems_of_run(part: str, arguments: list[str]) -> list[str]:
    if part not in PARTS:
        return [f"no part {part}"]
    if part in SERVICES and arguments not in (["check"], ["migrate"]):
        return [f"{part} {arguments}"]
    return []


CHECKS: Final = {"curl": problems_of_curl, "make": problems_of_make, "docker": problems_of_compose}


@by_page
def test_a_page_says_what_it_means_how_to_see_it_how_to_mend_it_and_how_to_know(page: Page) -> None:
    assert page.text.startswith(f"# {page.name}: ")
    assert tuple(page.sections) == SECTIONS
    for section in SECTIONS[1:]:
        assert list(page.commands(section)), f"{section}: nothing to type"


@by_page
def test_every_command_on_a_page_exists(page: Page) -> None:
    found = {}
    for command in page.commands():
        program = command.split()[0]
        assert program in CHECKS, command
        if wrong := CHECKS[program](command):
            found[command] = wrong

    assert found == {}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("curl -s $AT/v1/letters", "GET /v1/letters is served by nobody"),
        ('curl -s -X POST $AT/v1/held-keys -H "Authorization: Bearer $OPS"', "POST /v1/held-keys is served by nobody"),
        ('curl -s "$AT/v1/dead-letters?status=parked" -H "Authorization: Bearer $OPS"', "does not know status"),
        ("curl -s $AT/v1/ops/overview", "without a token"),
        ("make look", "make look"),
        ("make -s token ROLE=OPERATOR", "ROLE=OPERATOR"),
        ("docker compose restart registrar", "no part registrar"),
        ("docker compose run --rm registration repair", "registration ['repair']"),
        ("docker compose exec -T kafka /opt/kafka/bin/kafka-mend.sh", "kafka-mend.sh in kafka"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str, words: str) -> None:
    """The check above can fail."""
    [found] = CHECKS[command.split(maxsplit=1)[0]](command)

    assert words in found


@by_page
def test_what_a_page_links_to_is_there(page: Page) -> None:
    for link in LINK.findall(page.text):
        assert (REPOSITORY / "deploy/runbooks" / link).exists(), link


@by_page
def test_every_value_in_a_command_is_told_on_its_page(page: Page) -> None:
    """Somebody who types from the page alone knows what to put in the place of each."""
    for command in page.commands():
        for place in PLACE.findall(command):
            assert f"{place[1:]}=" in page.text or f"`{place[1:]}` is" in page.text, place


def test_every_statement_on_a_page_is_sql_for_the_database_that_it_names(backing: Backing) -> None:
    statements = {match.groups() for page in ALL for command in page.commands() if (match := SQL.search(command))}
    assert statements
    dsn = backing.create_database("runbooks")
    wait_for(migrate(dsn, described("registration").all_migrations()))

    for service, statement in statements:
        assert service in SERVICES
        wait_for(_prepared(dsn, PLACE.sub("1", statement)))


async def _prepared(dsn: str, statement: str) -> None:
    connection = await connect(dsn, name="runbooks")
    try:
        await connection.prepare(statement)
    finally:
        await connection.close()


def test_a_topic_is_set_back_to_what_the_catalogue_says() -> None:
    [page] = [page for page in ALL if page.name == "ConsumerNearRetention"]
    [more, back] = [int(ms) for ms in re.findall(r"retention\.ms=(\d+)", page.text)]
    settings = {one["name"]: one["config"] for one in json.loads((REPOSITORY / "deploy/kafka/topics.json").read_text())}

    assert str(back) == settings["lapas.events"]["retention.ms"]
    assert back == TOPICS["lapas.events"].retention_hours * 3_600_000
    assert more == 4 * back
