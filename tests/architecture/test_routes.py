"""Every route of every service says who may, and in the words of the catalogue of roles."""

from importlib import import_module

import asyncpg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from chassis.access import Allowed, assert_every_route_has_a_rule, rules_of
from chassis.clock import OfficeClock, SystemClock
from chassis.commands import Commands
from chassis.engine import Engine
from chassis.metrics import Metrics
from chassis.service import Service, ServiceContext
from chassis.settings import Settings
from chassis.telemetry import Telemetry
from chassis.transaction import Setting
from contracts.reference import load_reference
from tests.architecture.house_rules import ROOT

SERVICES = sorted(file.parent.name for file in (ROOT / "services").glob("*/app.py"))


def context(service: str) -> ServiceContext:
    """A service that is put together and has connected to nothing."""
    env = {
        "DATABASE_URL": "postgresql://127.0.0.1/nothing", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "AUTH_ISSUER": "urn:test", "AUTH_JWKS": "https://issuer.example/jwks", "SMTP_HOST": "127.0.0.1",
        "MAIL_FROM": "bapas@example.org",
    }  # fmt: skip
    settings = Settings.from_env(env, service=service)
    clock, reference, metrics = SystemClock(), load_reference(), Metrics()
    telemetry, office_clock = Telemetry.from_settings(settings, clock), OfficeClock(clock)
    setting = Setting(service, "", reference, clock, telemetry)
    pool = asyncpg.create_pool(settings.database_url, min_size=0)
    commands = Commands(Engine(pool, setting, office_clock))
    return ServiceContext(
        settings, setting, pool, commands, reference, clock, office_clock, telemetry, metrics
    )  # fmt: skip


def routes(service: str) -> list[RouteContext]:
    """The routes of a service."""
    description: Service = import_module(f"services.{service}.app").SERVICE
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for router in description.routes(context(service)):
        app.include_router(router)
    assert_every_route_has_a_rule(app)
    return [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_of_a_service_has_a_rule_that_names_roles(service: str) -> None:
    unguarded = [
        f"{sorted(route.methods or ())} {route.path}"
        for route in routes(service)
        if not all(isinstance(rule, Allowed) for rule in rules_of(route))
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
