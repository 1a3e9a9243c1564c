"""The edges of a service as they really are: an issuer with real keys, exporters that keep what they are given."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.access import TokenVerifier
from chassis.clock import SystemClock
from chassis.http import create_app
from chassis.keys import KeyFile, KeySet
from chassis.metrics import Metrics
from chassis.telemetry import Telemetry
from contracts.roles import Role
from deploy.local.tokens import AUDIENCE, ISSUER, Holder, Issuer

UNITS = frozenset({"PLG-HQ", "PLG-SKY"})

Token = Callable[..., str]


@dataclass
class Door:
    """Everything that an application is built from, and what it left behind."""

    verifier: TokenVerifier
    clock: SystemClock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    @property
    def telemetry(self) -> Telemetry:
        """Telemetry that exports into memory."""
        return Telemetry(clock=self.clock, resource=Resource({}), processor=SimpleSpanProcessor(self.spans))

    @asynccontextmanager
    async def client(self, *routers: APIRouter) -> AsyncIterator[httpx.AsyncClient]:
        """A client of an application with these routes."""
        app = create_app(
            title="test",
            routers=routers,
            clock=self.clock,
            telemetry=self.telemetry,
            metrics=self.metrics,
            verifier=self.verifier,
            units=UNITS,
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """An issuer with a key pair of its own."""
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    issuer.prepare()
    return issuer


@pytest.fixture
def door(issuer: Issuer) -> Door:
    """The parts of an application that believes the issuer."""
    clock = SystemClock()
    keys = KeySet(KeyFile(Path(issuer.jwks_file)), monotonic=clock.monotonic)
    return Door(verifier=TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE), clock=clock)


@pytest.fixture
def token(issuer: Issuer) -> Token:
    """Makes the header with which somebody in a role calls."""

    def make(*roles: Role, unit: str | None = "PLG-HQ", facility: str | None = None, subject: str | None = None) -> str:
        holder = Holder(roles=tuple(role.value for role in roles), unit=unit, facility=facility, subject=subject)
        return f"Bearer {issuer.issue(holder)}"

    return make
