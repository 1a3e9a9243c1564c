"""The services as they describe themselves, put together without anything to connect to."""

import asyncio
import atexit
from importlib import import_module
from typing import Any

import asyncpg
from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from chassis.access import assert_every_route_has_a_rule
from chassis.audit_api import audit_routes
from chassis.clock import OfficeClock, SystemClock
from chassis.commands import Commands
from chassis.dead_letters_api import dead_letter_routes
from chassis.engine import Engine
from chassis.health import health_routes
from chassis.http import create_app
from chassis.metrics import Metrics
from chassis.overview import overview_routes
from chassis.service import Service, ServiceContext
from chassis.settings import Settings
from chassis.telemetry import Telemetry
from chassis.transaction import Setting
from contracts.event import EVENT_TYPES
from contracts.reference import load_reference
from tests.architecture.house_rules import ROOT

_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)

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
    # Nothing runs here; the pool only wants to know where it would.
    pool = asyncpg.create_pool(settings.database_url, min_size=0, loop=_LOOP)
    commands = Commands(Engine(pool, setting, office_clock))
    return ServiceContext(
        settings, setting, pool, commands, reference, clock, office_clock, telemetry, metrics
    )  # fmt: skip


def routes(service: str) -> list[RouteContext]:
    """The routes of a service."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for router in described(service).routes(context(service)):
        app.include_router(router)
    assert_every_route_has_a_rule(app)
    return [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]


def all_routes(service: str) -> list[RouteContext]:
    """The routes of a service and those that its chassis adds."""
    nothing: Any = None
    parts = context(service)
    chassis = (health_routes(nothing), dead_letter_routes(nothing), audit_routes(nothing), overview_routes(nothing))
    app = create_app(
        title=service,
        routers=[*described(service).routes(parts), *chassis],
        clock=parts.system_clock,
        telemetry=parts.telemetry,
        metrics=parts.metrics,
        verifier=nothing,
        units=frozenset(),
    )
    return [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]


def described(service: str) -> Service:
    """What a service is made of."""
    description: Service = import_module(f"services.{service}.app").SERVICE
    return description


def events_in(service: str) -> set[str]:
    """The names of the events that a service handles."""
    return {event.__name__ for event in described(service).inbox.events.values()}


def events_out(service: str) -> set[str]:
    """The names of the events that a service owns."""
    import_module(f"contracts.{service}")
    return {event.__name__ for event in EVENT_TYPES.values() if event.owner == service}
