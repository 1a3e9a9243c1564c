"""One stack for all journeys: started once, on free ports, gone afterwards."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deploy.demo.databases import Databases
from deploy.demo.quiescence import Quiescence
from deploy.local.settings import Ports, Settings, existing_services
from deploy.local.stack import Stack
from tests.journeys.house import FRIDAY_EVENING, WAIT_SECONDS, House
from tests.journeys.span_sink import SpanSink
from tests.journeys.topics import Topics


@pytest.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    """The whole house on the Friday evening before a long weekend, its spans exported to the tests."""
    state = Path(tempfile.mkdtemp(prefix="bapas-journeys-"))
    settings = Settings(ports=Ports.free(), traces=False)
    with SpanSink() as sink:
        traced = {name: {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint} for name in existing_services()}
        with Stack(state, settings=settings, keep=False, office_clock=FRIDAY_EVENING, service_env=traced) as stack:
            servers, names = stack.endpoints["kafka"]["bootstrap_servers"], stack.endpoints["topics"]
            topics = Topics(servers, names)
            async with (
                Databases(stack.endpoints["databases"]) as databases,
                httpx.AsyncClient(timeout=WAIT_SECONDS) as http,
            ):
                yield House(stack, sink, databases, topics, Quiescence(databases, topics.ends), http)
            topics.close()
