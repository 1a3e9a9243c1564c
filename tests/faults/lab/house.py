"""The house of one run: its databases, topics, clock and processes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg

from contracts.catalogue import TOPICS
from deploy.demo.databases import Databases
from deploy.demo.quiescence import Quiescence
from deploy.demo.topics import Topics
from deploy.local.office_clock import set_office_clock
from deploy.local.ports import HOST
from deploy.local.problem import Problem
from deploy.local.settings import REPOSITORY
from deploy.local.stack import MAIL_FROM
from deploy.local.tokens import AUDIENCE, ISSUER
from tests.faults.lab.crew import Crew
from tests.faults.lab.entry import SERVICES
from tests.faults.lab.ground import Ground

FRIDAY_EVENING: Final = datetime(2026, 5, 29, 10, 0, tzinfo=UTC)
"""17:00 in Palembang, half an hour after everybody's release; the Monday that follows is a holiday."""
TABLE_OF: Final = {"registration": "registration", "supervision": "supervision", "notifications": "notification"}
"""The table of each service that changes most."""
SAMPLES: Final = REPOSITORY / "deploy" / "samples"
QUIET_POLL_SECONDS: Final = 0.1
COUNT_TRAIL: Final = """
    SELECT (SELECT count(*) FROM audit_unsealed)
           + (SELECT count(*) FROM (SELECT position, anchored_at FROM audit_anchor
                                     ORDER BY anchored_at DESC LIMIT 1) AS last
               WHERE position < (SELECT max(position) FROM audit_link)
                 AND anchored_at < clock_timestamp() - interval '45 seconds')
"""
"""Entries that are not in the chain of acts and reads, and a head that is anchored within a quarter of a minute."""
QUIET_LOOKS: Final = 2
"""Quiet is what is seen so many times in a row."""


@dataclass
class House:
    """Three services, each with a database of its own, on topics of the run's own."""

    ground: Ground
    crew: Crew
    folder: Path
    run: str
    bug: str | None = None
    office: datetime = FRIDAY_EVENING
    databases: dict[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """Before the name of every topic."""
        return f"{self.run}."

    async def build(self) -> None:
        """Make databases and topics, and start every service once."""
        self.step_to(FRIDAY_EVENING)
        self.databases = await asyncio.to_thread(self.ground.new_databases, self.run)
        await asyncio.to_thread(self.ground.new_topics, self.prefix)
        for service in SERVICES:
            await self.crew.start(service, f"{service}-1", self.environment(service))

    async def tear_down(self) -> None:
        """End the processes and remove what is in the way of the next run."""
        await self.crew.close()
        await asyncio.to_thread(self.ground.drop_databases, self.databases)
        await asyncio.to_thread(self.ground.drop_topics, self.prefix)

    def step_to(self, office: datetime) -> None:
        """Let the office clock of all processes stand at this instant."""
        self.office = office
        set_office_clock(self._clock_file, office)

    def step(self, by: timedelta) -> None:
        """Let the office clock go forward."""
        self.step_to(self.office + by)

    def environment(self, service: str) -> Mapping[str, str]:
        """What a process of a service is told."""
        return {
            "DATABASE_URL": self.ground.database_url(service, self.databases[service]),
            "KAFKA_BOOTSTRAP_SERVERS": self.ground.bootstrap_servers(service),
            "KAFKA_TOPIC_PREFIX": self.prefix,
            "HTTP_HOST": HOST,
            "OFFICE_CLOCK_FILE": str(self._clock_file),
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_JWKS": str(self.ground.issuer.jwks_file),
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(self.ground.smtp_port),
            "MAIL_FROM": MAIL_FROM,
            "OFFICER_CONTACTS": str(SAMPLES / "officer_contacts.toml"),
            "DUTY_ROSTER": str(SAMPLES / "duty_roster.toml"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": "",
            "BUG": self.bug or "",
        }

    async def widen_schema(self, service: str) -> None:
        """Add a column that only the next version knows, while this one runs: expand, and contract much later."""
        connection = await asyncpg.connect(self.databases[service], server_settings={"lock_timeout": "3s"})
        try:
            for table in ("inbox", "outbox", "timer", TABLE_OF[service]):
                await connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS said_since text")
        finally:
            connection.terminate()

    async def on_its_way(self) -> list[str]:
        """What is not done yet anywhere, in words; empty when it is quiet, twice in a row."""
        try:
            topics = await asyncio.to_thread(self.topics)
            return await self._on_its_way(topics)
        except Problem as problem:
            # Of a broker that was killed the client knows more than the broker does; the next one asks anew.
            return [str(problem)]

    def topics(self) -> Topics:
        """Where the topics of this run end; raises Problem as long as the broker does not know."""
        names = [self.prefix + name for name in TOPICS]
        return Topics(self.ground.backing.bootstrap_servers, prefix=self.prefix, names=names)

    async def _on_its_way(self, topics: Topics) -> list[str]:
        async with Databases(self.databases) as databases:
            quiescence = Quiescence(databases, topics, topic_prefix=self.prefix)
            for _ in range(QUIET_LOOKS):
                if found := [*await quiescence.on_its_way(self.office), *await _of_the_trail(databases)]:
                    return found
                await asyncio.sleep(QUIET_POLL_SECONDS)
        return []

    @property
    def _clock_file(self) -> Path:
        return self.folder / "office-clock.json"


async def _of_the_trail(databases: Databases) -> list[str]:
    """What the trails of acts and reads will still write by themselves."""
    counts = {service: await databases.value(service, COUNT_TRAIL) for service in databases.services}
    return [f"{count} entries of the trail of {service}" for service, count in counts.items() if count]
