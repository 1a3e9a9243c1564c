"""One database, one set of topics, and the processes of the small service that work on them."""

import asyncio
import json
import multiprocessing
import multiprocessing.process
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from aiokafka import ConsumerRecord

from chassis.database import Pool
from chassis.letters_view import DeadLetter
from contracts.lapas import registration_id_of
from contracts.roles import Role
from deploy.local.backing import Backing
from deploy.local.ports import free_ports
from deploy.local.processes import tail
from deploy.local.tokens import AUDIENCE, ISSUER, Holder, Issuer
from tests.component.chassis.delivery.harness import House, until
from tests.component.chassis.delivery.tally import FRIDAY
from tests.component.chassis.delivery.wire import FACTS, INTAKE, Wire, first_of_each, sequences
from tests.faults import entry

FROM_SERVER: Final = multiprocessing.get_context("forkserver")
"""A server that has imported everything forks the processes: a new interpreter for each would take seconds."""
FROM_SERVER.set_forkserver_preload([entry.__name__])
STOP_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 90.0
RELEASES: Final = 6


@dataclass
class Worker:
    """A process, where its door is and what it says."""

    process: "multiprocessing.process.BaseProcess"
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Its door."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it has not ended; one that stands still has not."""
        return self.process.is_alive()

    async def has_ended(self) -> bool:
        """Whether it runs no more."""
        return not self.is_running

    async def has_stopped(self) -> bool:
        """Whether it stands still (SIGSTOP)."""
        state = await asyncio.to_thread(Path(f"/proc/{self.process.pid}/stat").read_text)
        return state.rpartition(")")[2].split()[0] == "T"

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if there is somebody to take it."""
        if self.is_running and self.process.pid is not None:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self.process.pid, number)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.send(signal.SIGKILL)
        await asyncio.to_thread(self.process.join, STOP_SECONDS)

    async def stop(self) -> bool:
        """End it in order; whether it did."""
        self.send(signal.SIGTERM)
        await asyncio.to_thread(self.process.join, STOP_SECONDS)
        if self.is_running:
            await self.kill()
            return False
        return self.process.exitcode == 0


@dataclass
class Plant:
    """The small service, in as many processes as a test wants."""

    name: str
    backing: Backing
    wire: Wire
    dsn: str
    pool: Pool
    folder: Path
    issuer: Issuer
    sent: dict[str, list[str]] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the topics and set the office's clock."""
        self.house = House(self.pool, prefix=self.wire.prefix)
        self.post_file = self.folder / "post"
        self.clock_file = self.folder / "clock.json"
        self.show(FRIDAY)

    def show(self, office: datetime) -> None:
        """Set the office's clock to an instant, from which it goes on."""
        text = json.dumps({"system": datetime.now(UTC).isoformat(), "office": office.isoformat(), "factor": 1})
        new = self.clock_file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.clock_file)

    async def start(self, fault: str = "", **env: str) -> Worker:
        """Start a process that will meet a fault: `point:times:signal`."""
        return await asyncio.to_thread(self._start, fault, env)

    def _start(self, fault: str, env: dict[str, str]) -> Worker:
        (port,) = free_ports(1)
        number = len(self.workers)
        log = self.folder / f"worker-{number}.log"
        settings = {
            "DATABASE_URL": self.dsn,
            "KAFKA_BOOTSTRAP_SERVERS": self.backing.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": self.wire.prefix,
            "HTTP_PORT": str(port),
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_JWKS": str(self.issuer.jwks_file),
            "OFFICE_CLOCK_FILE": str(self.clock_file),
            "INSTANCE": f"worker-{number}",
            "FAULT": fault,
            **env,
        }
        process = FROM_SERVER.Process(target=entry.main, args=(settings, log), name=f"{self.name} {number}")
        process.start()
        worker = Worker(process, port, log)
        self.workers.append(worker)
        return worker

    async def close(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            worker.send(signal.SIGCONT)
            await worker.stop()

    async def until(self, condition: Callable[[], Awaitable[object]]) -> None:
        """Wait until something is true; what the processes said is shown when it never becomes so."""
        try:
            await until(condition, seconds=PATIENCE_SECONDS)
        except TimeoutError:
            tails = "\n".join(tail(worker.log) for worker in self.workers)
            message = f"{self.name}: {await self.figures()}\n{tails}"
            raise AssertionError(message) from None

    async def figures(self) -> dict[str, int]:
        """How many rows lie where."""
        tables = ("tally_log", "inbox", "outbox", "timer", "held_key", "letter")
        return {table: await self.house.count(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608

    async def load(self, rounds: int, *, pause: float = 0.0) -> None:
        """Send events about a few releases, numbered in their order."""
        for _ in range(rounds):
            for number in range(RELEASES):
                release_id = f"r-{number}"
                names = self.sent.setdefault(release_id, [])
                await self.send(release_id, f"n{len(names):02}")
            await asyncio.sleep(pause)

    async def load_until_it_ended(self, worker: Worker) -> bool:
        """Send a round as soon as the last one was counted; whether the process has ended."""
        return not worker.is_running or await self._go_on()

    async def load_until_it_stands_still(self, worker: Worker) -> bool:
        """The same until it was stopped."""
        return await worker.has_stopped() or await self._go_on()

    async def _go_on(self) -> bool:
        if await self.house.count("SELECT count(*) FROM tally_log") >= sum(map(len, self.sent.values())):
            await self.load(1)
        return False

    async def send(self, release_id: str, name: str) -> None:
        """Send one event, and remember that it was sent."""
        self.sent.setdefault(release_id, []).append(name)
        await self.wire.release(release_id, name)

    async def seen(self, release_id: str) -> list[str]:
        """What the tally of a release has, but for what its clock wrote."""
        return [name for name in await self.house.names(release_id) if not name.startswith("rang")]

    async def is_quiet(self) -> bool:
        """Whether all that was sent was counted, and all that followed has left."""
        log = await self.house.count("SELECT count(*) FROM tally_log")
        outbox = await self.house.count("SELECT count(*) FROM outbox")
        return log >= sum(map(len, self.sent.values())) and not outbox

    async def check(self) -> None:
        """Nothing lost, nothing doubled, everything in order: in the tables and on the topic."""
        seen = {release_id: await self.seen(release_id) for release_id in self.sent}
        assert seen == self.sent
        total = sum(map(len, self.sent.values()))
        assert await self.house.count("SELECT count(*) FROM tally_log") == total
        assert await self.house.count("SELECT count(*) FROM held_key") == 0
        facts = await self.facts()
        counted = await self.pool.fetch("SELECT tally_id, sequence FROM tally")
        assert sequences(facts) == {str(row["tally_id"]): list(range(1, row["sequence"] + 1)) for row in counted}

    async def facts(self) -> list[ConsumerRecord[Any, Any]]:
        """Our facts about the cases as a consumer sees them that knows what it has seen."""
        lying = first_of_each(await self.wire.lying(FACTS))
        cases = {str(registration_id_of(release_id)).encode() for release_id in self.sent}
        return [record for record in lying if record.key in cases]

    async def repeated(self) -> int:
        """How many facts lie on the topic more than once, under the same id."""
        lying = await self.wire.lying(FACTS)
        return len(lying) - len(first_of_each(lying))

    async def has_partitions(self, worker: Worker) -> bool:
        """Whether Kafka gave it some."""
        async with httpx.AsyncClient(base_url=worker.url, timeout=5) as client:
            with suppress(httpx.TransportError):
                parts = (await client.get("/readyz")).json().get("parts", [])
                return any(part["name"] == "kafka" and not part["problem"] for part in parts)
        return False

    async def rung(self) -> dict[str, int]:
        """How often the clock of each release rang."""
        return {
            release_id: sum(name.startswith("rang") for name in await self.house.names(release_id))
            for release_id in self.sent
        }

    async def post(self, worker: Worker, path: str, body: object = None, **headers: str) -> httpx.Response | None:
        """Ask at the door; nothing when the process died before it answered."""
        holder = Holder(roles=(Role.OPS.value,), subject="ops")
        headers = {"Authorization": f"Bearer {self.issuer.issue(holder)}", **headers}
        async with httpx.AsyncClient(base_url=worker.url, timeout=20) as client:
            with suppress(httpx.TransportError):
                return await client.post(path, json=body, headers=headers)
        return None

    async def is_open(self, worker: Worker) -> bool:
        """Whether its door answers."""
        async with httpx.AsyncClient(base_url=worker.url, timeout=5) as client:
            with suppress(httpx.TransportError):
                return (await client.get("/readyz")).status_code == httpx.codes.OK
        return False

    async def letters(self) -> Sequence[DeadLetter]:
        """The dead letters that somebody must look at."""
        return await self.house.letters_in("parked")

    def carried(self) -> list[str]:
        """The letters that reached somebody, in their order."""
        return self.post_file.read_text().splitlines() if self.post_file.exists() else []


def make_topics(wire: Wire) -> None:
    """The topics that the service reads and writes."""
    wire.make(INTAKE, partitions=3)
    wire.make("lapas.juvenile.events")
    wire.make(FACTS, partitions=3)
    wire.make("registration.operations")


SATURDAY: Final = FRIDAY + timedelta(hours=25)
