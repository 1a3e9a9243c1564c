"""One stack for all journeys: started once, on free ports, gone afterwards."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deploy.demo.databases import Databases
from deploy.demo.quiescence import Quiescence
from deploy.local.settings import Ports, Settings, existing_services
from deploy.local.stack import SAMPLES, Stack
from tests.journeys.house import AT_SEKAYU, FRIDAY_EVENING, WAIT_SECONDS, House
from tests.journeys.span_sink import SpanSink
from tests.journeys.topics import Topics


def _contacts_with_telephones(file: Path) -> Path:
    """The contacts of the samples, where whoever is on duty at Sekayu prefers a message to a mail."""
    contacts = (SAMPLES / "officer_contacts.toml").read_text()
    for number, officer in enumerate(AT_SEKAYU, start=1):
        head, found, tail = contacts.partition(f'officer = "{officer}"\n')
        phone = f'phone = "+628120000000{number}"\n'
        contacts = head + found + phone + tail.replace('["IN_APP", "EMAIL"]', '["IN_APP", "GATEWAY", "EMAIL"]', 1)
    file.write_text(contacts)
    return file


@pytest.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    """The whole house on the Friday evening before a long weekend, its spans exported to the tests."""
    state = Path(tempfile.mkdtemp(prefix="bapas-journeys-"))
    settings = Settings(ports=Ports.free(), traces=False)
    with SpanSink() as sink:
        told = {name: {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint} for name in existing_services()}
        told["notifications"]["OFFICER_CONTACTS"] = str(_contacts_with_telephones(state / "contacts.toml"))
        with Stack(state, settings=settings, keep=False, office_clock=FRIDAY_EVENING, service_env=told) as stack:
            servers, names = stack.endpoints["kafka"]["bootstrap_servers"], stack.endpoints["topics"]
            topics = Topics(servers, names)
            async with (
                Databases(stack.endpoints["databases"]) as databases,
                httpx.AsyncClient(timeout=WAIT_SECONDS) as http,
            ):
                yield House(stack, sink, databases, topics, Quiescence(databases, topics.ends), http)
            topics.close()
