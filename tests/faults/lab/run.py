"""One run: the house is built, loaded and broken, healed, left alone until it is quiet, recorded and judged."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from tests.faults.lab.crew import Crew
from tests.faults.lab.doors import Book, Counter, Prisons
from tests.faults.lab.drawing import KINDS
from tests.faults.lab.entry import SERVICES
from tests.faults.lab.ground import Ground
from tests.faults.lab.house import FRIDAY_EVENING, House
from tests.faults.lab.load import Load, Operators
from tests.faults.lab.people import LOAD_SECONDS
from tests.faults.lab.plan import Plan
from tests.faults.lab.recorder import Recorder
from tests.faults.lab.scene import Kind, Scene, carry_out

SETTLE_SECONDS_MAX: Final = 120.0
"""Far more than a run needs, on a machine that does nothing else."""
POLL_SECONDS: Final = 0.1
HTTP_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 90.0
AHEAD_SECONDS: Final = 3600.0
"""After the heal notifications' clock goes forward by this: whoever waits for a mail server is not waited for."""


@dataclass
class Run:
    """One run of a plan on a ground, recorded into a folder."""

    plan: Plan
    ground: Ground
    folder: Path
    bug: str | None = None
    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)
    settle_seconds: float = SETTLE_SECONDS_MAX
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def settled_seconds(self) -> float | None:
        """How long after the last heal all was quiet; None where it never was."""
        quiet_at, healed_at = self.told.get("quiet_at"), self.told.get("healed_at")
        return None if quiet_at is None or healed_at is None else quiet_at - healed_at

    async def go(self) -> Mapping[str, Any]:
        """Run it and write the run folder; what run.json says."""
        self.folder.mkdir(parents=True)
        self.ground.mailbox.remove(None)
        crew = Crew(self.folder, restart_seconds=self.plan.restart_seconds)
        house = House(self.ground, crew, self.folder, f"lab{self.plan.seed}", bug=self.bug)
        async with httpx.AsyncClient(timeout=HTTP_SECONDS) as http, _built(house):
            await crew.until_ready(http)
            await self._live(house, http)
        return self.told

    async def _live(self, house: House, http: httpx.AsyncClient) -> None:
        book = Book()
        counter = Counter(http, house.crew.doors, self.ground.token, book)
        prisons = Prisons(self.ground.backing.bootstrap_servers, house.prefix, book)
        seed, pause = self.plan.seed, self.plan.operator_seconds
        operators = {service: Operators(service, counter, book, house.prefix, seed, pause) for service in SERVICES}
        recorder = Recorder(self.folder)
        try:
            times = await self._load_and_break(Scene(self.ground, house, prisons, counter, operators, recorder))
            self.told = {**self._facts(house), **times}
            await recorder.write_answers(counter, book)
            if times["quiet_at"] is None or not await self._is_still(house):
                # What still goes on must not show in one place of the record and be missing in another.
                await house.crew.end()
            await recorder.write(
                book=book,
                databases=house.databases,
                bootstrap_servers=self.ground.backing.bootstrap_servers,
                prefix=house.prefix,
                mailbox=self.ground.mailbox,
            )
            self.told |= {"inputs": len(book.entries), "ended": recorder.ended()}
            recorder.write_run(self.told)
        finally:
            await asyncio.to_thread(prisons.close)

    async def _load_and_break(self, scene: Scene) -> Mapping[str, Any]:
        """What went wrong, and when it began, was healed and became quiet."""
        began_at = time.time()
        load = Load(self.plan.people, scene.prisons, scene.counter)
        async with _beside(scene.crew.watch(), *(each.run() for each in scene.operators.values())):
            loading = asyncio.create_task(load.run())
            breaking = asyncio.create_task(carry_out(scene, self.kinds, self.plan.faults))
            await asyncio.gather(self._step_clock(scene.house), breaking, asyncio.sleep(LOAD_SECONDS))
            await self._heal(scene)
            healed_at = time.time()
            quiet_at, waiting = await self._until_quiet(scene, loading)
        return {
            "began_at": began_at,
            "healed_at": healed_at,
            "quiet_at": quiet_at,
            "waiting": waiting,
            "faults": breaking.result(),
            "forks": scene.forks,
        }

    def _facts(self, house: House) -> dict[str, Any]:
        return {
            "seed": self.plan.seed,
            "services": list(SERVICES),
            "prefix": house.prefix,
            "settle_bound_seconds": self.settle_seconds,
            "processes": house.crew.lives,
            "office": house.office.isoformat(),
            "sampled": True,
            "bug": self.bug,
            "plan": {"faults": [asdict(fault) for fault in self.plan.faults], "office_steps": self.plan.office_steps},
        }

    async def _step_clock(self, house: House) -> None:
        began = time.monotonic()
        for at, hours in self.plan.office_steps:
            await asyncio.sleep(max(0.0, at - (time.monotonic() - began)))
            house.step_to(FRIDAY_EVENING + timedelta(hours=hours))

    async def _heal(self, scene: Scene) -> None:
        """Put everything right that lies in the lab's hands."""
        await asyncio.to_thread(self.ground.proxy.heal)
        self.ground.mailbox.sender_fault.percent = 0
        await scene.crew.until_ready(scene.counter.http)
        for instance in scene.crew.of("notifications"):
            instance.orders.turn_clock(AHEAD_SECONDS)
        for operators in scene.operators.values():
            operators.begin_anew()

    async def _is_still(self, house: House) -> bool:
        """Whether it becomes quiet once more: what the doors are asked is on record too, and that is told behind it."""
        try:
            async with asyncio.timeout(self.settle_seconds):
                while await house.on_its_way():  # noqa: ASYNC110 - the stores tell nobody
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _until_quiet(self, scene: Scene, loading: "asyncio.Task[None]") -> tuple[float | None, list[str]]:
        """When it became quiet, or never within the bound, and what was still on its way."""
        end = time.monotonic() + self.settle_seconds
        waiting: list[str] = []
        while time.monotonic() < end:
            waiting = await scene.house.on_its_way()
            acted = [await operators.look() for operators in scene.operators.values()]
            if not waiting and not any(acted):
                if loading.done():
                    await loading
                    return time.time(), []
                # Nothing is on its way: what somebody still waits for will never come.
                scene.counter.is_over.set()
            await asyncio.sleep(POLL_SECONDS)
        loading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loading
        return None, waiting


@asynccontextmanager
async def _built(house: House) -> AsyncIterator[None]:
    try:
        await house.build()
        yield
    finally:
        async with asyncio.timeout(CLOSE_SECONDS):
            await house.tear_down()


@asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do this beside the block, and no longer; whatever fails in it fails the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
