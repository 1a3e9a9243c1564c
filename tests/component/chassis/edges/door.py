"""An application of the chassis around any routes, with everything that it leaves behind."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import APIRouter, FastAPI
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.access import TokenVerifier
from chassis.audit_trail import Audited
from chassis.clock import SystemClock
from chassis.database import Pool
from chassis.http import create_app
from chassis.keys import KeyFile, KeySet
from chassis.metrics import Metrics
from chassis.telemetry import Telemetry
from deploy.local.tokens import AUDIENCE, ISSUER, Issuer

UNITS = frozenset({"PLG-HQ", "PLG-SKY"})

Token = Callable[..., str]


@dataclass
class Door:
    """Everything that an application is built from, and what it left behind."""

    verifier: TokenVerifier
    clock: SystemClock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    audited: Pool | None = None

    @property
    def telemetry(self) -> Telemetry:
        """Telemetry that exports into memory."""
        return Telemetry(clock=self.clock, resource=Resource({}), processor=SimpleSpanProcessor(self.spans))

    def app(self, *routers: APIRouter) -> FastAPI:
        """An application with these routes."""
        return create_app(
            title="test",
            routers=routers,
            clock=self.clock,
            telemetry=self.telemetry,
            metrics=self.metrics,
            verifier=self.verifier,
            units=UNITS,
            audited=None if self.audited is None else Audited("registration", self.audited),
        )

    @asynccontextmanager
    async def client(self, *routers: APIRouter) -> AsyncIterator[httpx.AsyncClient]:
        """A client of an application with these routes."""
        app = self.app(*routers)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def door_of(issuer: Issuer) -> Door:
    """The parts of an application that believes the issuer."""
    clock = SystemClock()
    keys = KeySet(KeyFile(issuer.jwks_file), monotonic=clock.monotonic)
    return Door(verifier=TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE), clock=clock)
