"""The processes of a run: started, watched over as a supervisor would, and ended in whatever way a fault wants."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGSTOP, Signals
from typing import Any, Final

import httpx

from deploy.local.ports import HOST, free_ports
from deploy.local.processes import tail
from tests.faults import entry as small_entry
from tests.faults.lab import entry
from tests.faults.lab.orders import Orders
from tests.faults.plant import FROM_SERVER, Worker

FROM_SERVER.set_forkserver_preload([small_entry.__name__, entry.__name__])

WATCH_SECONDS: Final = 0.05
READY_SECONDS: Final = 60.0
READY_ANSWER_SECONDS: Final = 2.0


@dataclass
class Instance:
    """One process of a service, or the place of one that has ended."""

    name: str
    service: str
    port: int
    env: Mapping[str, str]
    log: Path
    orders: Orders
    worker: Worker | None = None
    is_wanted: bool = True
    stands_still: bool = False
    began: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its door."""
        return f"http://{HOST}:{self.port}"

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.worker is not None and self.worker.is_running

    @property
    def has_died(self) -> bool:
        """Whether there should be a process and there is none."""
        return self.is_wanted and not self.runs


class Crew:
    """All instances of a run; one that is wanted and has ended is started again after a moment."""

    def __init__(self, folder: Path, *, restart_seconds: float) -> None:
        self.folder = folder
        self.restart_seconds = restart_seconds
        self.instances: dict[str, Instance] = {}
        self.lives: list[dict[str, Any]] = []
        """Of each process: the service, the instance, from when until when it ran, and how it ended."""
        for name in ("orders", "logs", "spans"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def of(self, service: str) -> list[Instance]:
        """The instances of a service."""
        return [instance for instance in self.instances.values() if instance.service == service]

    def doors(self, service: str) -> list[str]:
        """Where a service could be asked now, the most likely first."""
        wanted = [instance for instance in self.of(service) if instance.is_wanted]
        return [each.url for each in sorted(wanted, key=lambda each: (each.stands_still, not each.runs))]

    async def start(self, service: str, name: str, env: Mapping[str, str]) -> Instance:
        """Start an instance; the variables have the last word."""
        (port,) = free_ports(1)
        told = {
            **env,
            "SERVICE": service,
            "INSTANCE": name,
            "HTTP_PORT": str(port),
            "LAB_ORDERS": str(self.folder / "orders"),
            "LAB_SPANS": str(self.folder / "spans" / f"{name}.jsonl"),
        }
        orders = Orders(self.folder / "orders", name)
        instance = Instance(name, service, port, told, self.folder / "logs" / f"{name}.log", orders)
        self.instances[name] = instance
        await self.begin(instance)
        return instance

    async def begin(self, instance: Instance, **env: str) -> None:
        """Start the process of an instance anew, perhaps told something else than before."""
        instance.env = {**instance.env, **env}
        process = FROM_SERVER.Process(target=entry.main, args=(instance.env, instance.log), name=instance.name)
        await asyncio.to_thread(process.start)
        instance.worker = Worker(process, instance.port, instance.log)
        instance.is_wanted, instance.stands_still = True, False
        instance.began = {"service": instance.service, "instance": instance.name, "started_at": time.time()}
        instance.began |= {"ended_at": None, "how": None}
        self.lives.append(instance.began)

    async def kill(self, instance: Instance) -> None:
        """End it as a power cut would; the watch starts it again if it is wanted."""
        if instance.worker is not None:
            await instance.worker.kill()
        self._ended(instance, "killed")

    async def stop(self, instance: Instance) -> None:
        """End it in order, and keep it down."""
        instance.is_wanted = False
        self.go_on(instance)
        in_order = await instance.worker.stop() if instance.worker is not None else False
        self._ended(instance, "stopped" if in_order else "killed")

    def stand_still(self, instance: Instance) -> None:
        """Stop it where it is."""
        if instance.worker is not None:
            instance.stands_still = True
            instance.worker.send(SIGSTOP)

    def go_on(self, instance: Instance) -> None:
        """Let it go on, if it stands still."""
        if instance.worker is not None:
            instance.worker.send(SIGCONT)
            instance.stands_still = False

    async def watch(self) -> None:
        """Start again whatever has ended and is wanted, until cancelled."""
        while True:
            for instance in list(self.instances.values()):
                if instance.has_died:
                    self._ended(instance, "ended")
                    await asyncio.sleep(self.restart_seconds)
                if instance.has_died:
                    await self.begin(instance)
            await asyncio.sleep(WATCH_SECONDS)

    async def until_ready(self, http: httpx.AsyncClient) -> None:
        """Wait until every wanted instance takes requests and has partitions; raises TimeoutError that says why not."""
        end = time.monotonic() + READY_SECONDS
        for instance in list(self.instances.values()):
            while instance.is_wanted and (missing := await _missing(http, instance.url)):
                if time.monotonic() > end:
                    raise TimeoutError(f"{instance.name} is not ready: {missing}\n{tail(instance.log)}")
                await asyncio.sleep(WATCH_SECONDS)

    async def end(self) -> None:
        """End all at once, and start none again."""
        for instance in self.instances.values():
            instance.is_wanted = False
        await asyncio.gather(*(self.kill(instance) for instance in self.instances.values()))

    async def close(self) -> None:
        """End all."""
        for instance in self.instances.values():
            instance.is_wanted = False
            self.go_on(instance)
            if instance.worker is not None:
                instance.worker.send(Signals.SIGTERM)
        for instance in self.instances.values():
            await self.stop(instance)

    def _ended(self, instance: Instance, how: str) -> None:
        if instance.began and instance.began["ended_at"] is None:
            code = None if instance.worker is None else instance.worker.process.exitcode
            word = Signals(-code).name if code is not None and code < 0 else f"{how} ({code})"
            instance.began |= {"ended_at": time.time(), "how": word}


async def _missing(http: httpx.AsyncClient, url: str) -> str:
    """What a process says that it lacks; empty when it is ready."""
    try:
        answer = await http.get(f"{url}/readyz", timeout=READY_ANSWER_SECONDS)
    except httpx.TransportError as failure:
        return f"no answer ({type(failure).__name__})"
    problems = [f"{part['name']}: {part['problem']}" for part in answer.json().get("parts", []) if part["problem"]]
    return ", ".join(problems) or ("" if answer.is_success else f"status {answer.status_code}")
