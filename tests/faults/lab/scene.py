"""What a fault has at hand while a run is on, and the book of what was done."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.lab.crew import Crew, Instance
from tests.faults.lab.doors import Counter, Prisons
from tests.faults.lab.ground import Ground
from tests.faults.lab.house import House
from tests.faults.lab.load import Operators
from tests.faults.lab.plan import Fault
from tests.faults.lab.recorder import Recorder


@dataclass
class Scene:
    """The house of a run and everything around it that can go wrong."""

    ground: Ground
    house: House
    prisons: Prisons
    counter: Counter
    operators: Mapping[str, Operators]
    recorder: Recorder
    forks: list[dict[str, Any]] = field(default_factory=list)
    database: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whatever needs the database server, or takes it away."""
    broker: asyncio.Lock = field(default_factory=asyncio.Lock)
    changes: dict[str, asyncio.Lock] = field(default_factory=dict)

    def changing(self, service: str) -> asyncio.Lock:
        """Held by whatever starts and stops the processes of a service on purpose."""
        return self.changes.setdefault(service, asyncio.Lock())

    @property
    def crew(self) -> Crew:
        """The processes."""
        return self.house.crew

    def instance(self, service: str) -> Instance:
        """The first process of a service."""
        return self.crew.instances[f"{service}-1"]

    async def second(self, service: str, **env: str) -> Instance:
        """A second process of a service."""
        name = f"{service}-2"
        if name not in self.crew.instances:
            return await self.crew.start(service, name, {**self.house.environment(service), **env})
        if not self.crew.instances[name].runs:
            await self.crew.begin(self.crew.instances[name], **env)
        return self.crew.instances[name]


Act = Callable[[Scene, Fault, dict[str, Any]], Awaitable[None]]
"""Does what a fault says and undoes it; what it did more exactly goes into the record that it is given."""
Draw = Callable[[Random], tuple[str, float, Mapping[str, Any]]]
"""The target, for how long, and the details."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how it is drawn, and how it is done."""

    draw: Draw
    act: Act
    weight: int = 2


async def carry_out(scene: Scene, kinds: Mapping[str, Kind], faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Let every fault happen at its time; what happened, in the order of the plan."""
    began = time.monotonic()
    done: list[dict[str, Any]] = []

    async def one(fault: Fault, record: dict[str, Any]) -> None:
        await asyncio.sleep(max(0.0, fault.at - (time.monotonic() - began)))
        record["at"] = time.time()
        await kinds[fault.kind].act(scene, fault, record)
        record["until"] = time.time()

    async with asyncio.TaskGroup() as group:
        for fault in faults:
            record: dict[str, Any] = {"at": None, "kind": fault.kind, "target": fault.target}
            record |= {"detail": dict(fault.detail), "until": None}
            done.append(record)
            group.create_task(one(fault, record))
    return done
