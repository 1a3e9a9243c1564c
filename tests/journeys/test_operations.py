"""What operations asks, on the running house: every question of every page, and all services in one table."""

import asyncio
import shlex
import subprocess
import sys

import pytest

from contracts.roles import Role
from deploy.local import ops
from deploy.local.settings import REPOSITORY
from deploy.local.tokens import Holder
from tests.contract.runbook_pages import Page, pages, request_of
from tests.journeys.house import House, eventually

SERVICES = ("registration", "litmas", "supervision", "tpp", "notifications")
ALL = pages()


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_answers_at_a_glance_and_in_the_same_shape(house: House, service: str) -> None:
    operator = house.somebody(Role.OPS)

    async def well() -> ops.Look | None:
        answer = await operator.get(service, "/v1/ops/overview")
        assert answer.status_code == 200, answer.text
        look = ops.Look(service, answer.json())
        return look if look.well else None

    seen = await eventually(well, f"{service} as it should be")

    assert seen is not None
    assert seen.overview is not None
    assert seen.overview["service"] == service
    assert seen.overview["roles"] == ["api", "relay", "worker"]
    other = await operator.get("registration", "/v1/ops/overview")
    assert seen.overview.keys() == other.json().keys()


@pytest.mark.parametrize("page", ALL, ids=[page.name for page in ALL])
async def test_what_a_page_asks_is_answered_by_every_service(house: House, page: Page) -> None:
    asked = [
        request_of(command)
        for section in ("How to see it", "How to know that it is mended")
        for command in page.commands(section)
        if command.startswith("curl ")
    ]
    assert asked

    for service in SERVICES:
        for request in asked:
            caller = house.somebody(Role.OPS) if request.headers else house.nobody()
            answer = await caller.call(request.method, service, request.path, params=dict(request.query))
            assert answer.status_code == 200, f"{service}: {shlex.join([request.method, request.path])}: {answer.text}"


async def test_one_command_shows_all_services_and_fails_when_one_does_not_answer(house: House) -> None:
    services = {name: {"url": house.url(name)} for name in SERVICES}
    token = house.stack.token(Holder(roles=(Role.OPS.value,)))

    async def all_well() -> list[ops.Look] | None:
        looks = await asyncio.to_thread(ops.look, services, token)
        return looks if all(look.well for look in looks) else None

    await eventually(all_well, "every service as it should be")
    command = [sys.executable, "-m", "deploy.local", "--state", str(house.stack.state), "ops"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert all(rows[name].split()[1] == "well" for name in SERVICES)
    away = await asyncio.to_thread(ops.look, {**services, "registration": {"url": "http://127.0.0.1:9"}}, token)
    assert [look.service for look in away if not look.well] == ["registration"]
    assert "does not answer" in ops.table(away)
    refused = await asyncio.to_thread(ops.look, services, "no-token")
    assert {look.problem for look in refused} == {"answers 401"}
