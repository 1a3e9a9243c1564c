"""The whole stack as a journey uses it: doors, people with tokens, the office clock, and what can be seen."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx
from cloudevents.core.bindings.kafka import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from prometheus_client.parser import text_string_to_metric_families

from contracts.reference import Reference, load_reference
from contracts.roles import Role
from deploy.demo.databases import Databases
from deploy.demo.quiescence import Quiescence
from deploy.local.stack import Stack
from deploy.local.tokens import Holder
from tests.journeys.span_sink import SpanSink
from tests.journeys.topics import ANY_PARTITION, Topics

T = TypeVar("T")

WAIT_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05
MAILS_PER_PAGE: Final = 1000
TRACE_HEADERS: Final = ("traceparent", "tracestate")
FRIDAY_EVENING: Final = datetime(2026, 5, 29, 10, 0, tzinfo=UTC)
"""Friday 29 May 2026, 17:00 in Palembang, half an hour after the release; the Monday that follows is a holiday."""
AT_SEKAYU: Final = ("PO-SKY-01", "AO-SKY-01")
"""Who is on duty at Sekayu in turns; they have telephones."""


@dataclass(repr=False)
class House:
    """A running stack and the people around it."""

    stack: Stack
    sink: SpanSink
    databases: Databases
    topics: Topics
    quiescence: Quiescence
    http: httpx.AsyncClient
    office: datetime = FRIDAY_EVENING
    reference: Reference = field(default_factory=load_reference)
    _tokens: dict[Holder, str] = field(default_factory=dict)

    @property
    def endpoints(self) -> dict[str, Any]:
        """Where everything is."""
        return dict(self.stack.endpoints)

    def url(self, service: str) -> str:
        """The address of a service, or of an instance of it."""
        return self.stack.services.url(service)

    # --- people -------------------------------------------------------------------------------------------------------

    def officer(self, code: str) -> "Caller":
        """An officer of the office, by the code that is their token's subject."""
        officer = self.reference.officers[code]
        return self.somebody(officer.role, unit=officer.unit, subject=code)

    def prison(self, facility: str) -> "Caller":
        """The system of a prison."""
        return self.somebody(Role.PRISON_SYSTEM, facility=facility, subject=f"system-{facility}")

    def prison_officer(self, facility: str) -> "Caller":
        """Somebody who works in a prison."""
        return self.somebody(Role.PRISON_OFFICER, facility=facility, subject=f"officer-{facility}")

    def somebody(
        self, *roles: Role, unit: str | None = None, facility: str | None = None, subject: str | None = None
    ) -> "Caller":
        """Somebody with a token that says this."""
        holder = Holder(roles=tuple(role.value for role in roles), unit=unit, facility=facility, subject=subject)
        if holder not in self._tokens:
            self._tokens[holder] = self.stack.token(holder)
        return Caller(self, {"Authorization": f"Bearer {self._tokens[holder]}"})

    def nobody(self) -> "Caller":
        """Somebody without a token."""
        return Caller(self, {})

    # --- doors --------------------------------------------------------------------------------------------------------

    def publish(
        self, data: dict[str, Any], *, kind: str = "client-released", partition: int = ANY_PARTITION, **attributes: str
    ) -> tuple[str, int, int]:
        """Publish as a prison's system does: confluent-kafka, the headers made by the CloudEvents SDK."""
        subject = data["release_id"]
        event = CloudEvent(
            {
                "id": str(uuid4()),
                "source": f"/lapas/{data['facility']}",
                "type": f"lapas.{kind}.v1",
                "subject": subject,
                "time": datetime.now(UTC),
                "datacontenttype": "application/json",
                **{name: value for name, value in attributes.items() if name not in TRACE_HEADERS},
            },
            data,
        )
        message = to_binary(event, JSONFormat(), key_mapper=lambda _: subject)
        headers = dict(message.headers)
        headers |= {name: value.encode() for name, value in attributes.items() if name in TRACE_HEADERS}
        topic = "lapas.juvenile.events" if data["facility"].startswith("LPKA") else "lapas.events"
        return self.topics.produce(
            topic, key=subject.encode(), value=message.value, headers=headers, partition=partition
        )

    # --- time ---------------------------------------------------------------------------------------------------------

    def step_to(self, office: datetime) -> None:
        """Let the office clock show this instant."""
        self.stack.set_office_clock(office)
        self.office = office

    @contextmanager
    def clock_moves(self) -> Iterator[None]:
        """Let a journey move the office clock; afterwards it is Friday evening again."""
        try:
            yield
        finally:
            self.step_to(FRIDAY_EVENING)

    # --- what can be seen ---------------------------------------------------------------------------------------------

    async def quiet(self) -> None:
        """Wait until nothing is on its way anywhere."""
        await self.quiescence.wait(self.office)

    async def rows(self, service: str, statement: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows of a service's database."""
        return [dict(row) for row in await self.databases.rows(service, statement, *arguments)]

    async def metric(self, service: str, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        text = (await self.http.get(f"{self.url(service)}/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def mails(self, *, after: int = 0) -> list[dict[str, Any]]:
        """Every mail that was sent, the newest first, or those after the first so many."""
        found: list[dict[str, Any]] = []
        wanted = await self.count_mails() - after
        while len(found) < wanted:
            query = {"start": len(found), "limit": min(wanted - len(found), MAILS_PER_PAGE)}
            answer = await self.http.get(f"{self.endpoints['mail']['url']}/api/v1/messages", params=query)
            found += answer.json()["messages"]
        return found

    async def count_mails(self) -> int:
        """How many mails were sent."""
        answer = await self.http.get(f"{self.endpoints['mail']['url']}/api/v1/messages", params={"limit": 1})
        return int(answer.json()["total"])

    async def messages(self) -> list[dict[str, Any]]:
        """Every message that the gateway was given."""
        answer = await self.http.get(f"{self.endpoints['gateway']['url']}/v1/messages")
        return list(answer.json()["messages"])

    async def text_of(self, mail: dict[str, Any]) -> str:
        """A mail as it went over the wire."""
        return (await self.http.get(f"{self.endpoints['mail']['url']}/api/v1/message/{mail['ID']}/raw")).text


@dataclass(frozen=True)
class Caller:
    """Somebody who calls the services over HTTP."""

    house: House
    headers: dict[str, str]

    async def call(self, method: str, service: str, path: str, **more: Any) -> httpx.Response:
        """Ask or do."""
        headers = {**self.headers, **more.pop("headers", {})}
        return await self.house.http.request(method, f"{self.house.url(service)}{path}", headers=headers, **more)

    async def get(self, service: str, path: str, **query: Any) -> httpx.Response:
        """Ask."""
        return await self.call("GET", service, path, params=query)

    async def post(self, service: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Do."""
        return await self.call("POST", service, path, json=body, **more)

    async def pages(self, service: str, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a list."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self.get(service, path, limit=100, **query, **cursor)
            assert answer.status_code == httpx.codes.OK, answer.text
            found += answer.json()["items"]
            if answer.json()["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json()["next_cursor"]}


async def eventually(look: Callable[[], Awaitable[T]], what: str, *, seconds: float = WAIT_SECONDS) -> T:
    """What `look` finds, as soon as it finds something."""
    until = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < until, f"{what} did not come within {seconds:.0f} s"
        await asyncio.sleep(POLL_SECONDS)
    return found
