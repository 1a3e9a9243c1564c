"""Whether the process is alive, whether it can serve, who it is and what it measures."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from chassis.access import public
from chassis.problems import Problem
from chassis.settings import VERSION

if TYPE_CHECKING:
    from chassis.clock import OfficeClock
    from chassis.metrics import Metrics
    from chassis.settings import Settings

PROBE_SECONDS_MAX: Final = 2.0


class Loops:
    """The loops of this process and when each of them last moved."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """No loop runs yet."""
        self._monotonic = monotonic
        self._silence_max: dict[str, float] = {}
        self._moved_at: dict[str, float] = {}

    def register(self, name: str, *, silence_seconds_max: float) -> Callable[[], None]:
        """Watch a loop from now on; what comes back is to be called whenever it moves."""
        self._silence_max[name] = silence_seconds_max
        self.beat(name)
        return lambda: self.beat(name)

    def beat(self, name: str) -> None:
        """Remember that the loop moved."""
        self._moved_at[name] = self._monotonic()

    def forget(self, name: str) -> None:
        """Watch it no longer: it has ended on purpose."""
        self._silence_max.pop(name, None)
        self._moved_at.pop(name, None)

    def silent_seconds(self) -> dict[str, float]:
        """How long each watched loop has not moved."""
        now = self._monotonic()
        return {name: now - self._moved_at[name] for name in self._silence_max}

    def stuck(self) -> list[str]:
        """The loops that have been silent for too long."""
        silent = self.silent_seconds()
        return sorted(name for name, seconds in silent.items() if seconds > self._silence_max[name])


@dataclass(frozen=True, slots=True)
class Check:
    """Something that the process leans on; `probe` returns nothing when it is there, else in a word what is wrong."""

    name: str
    probe: Callable[[], Awaitable[str | None]]
    required: bool = True


class Part(BaseModel):
    """One thing that the process leans on."""

    name: str
    required: bool
    problem: str | None = None


class Liveness(BaseModel):
    """How long each loop has been silent."""

    silent_seconds: dict[str, float]


class Readiness(BaseModel):
    """What the process leans on, and whether it is there."""

    parts: list[Part]


class OfficeTime(BaseModel):
    """What time it is in the office."""

    now: datetime
    zone: str
    factor: float


class Info(BaseModel):
    """Who this process is."""

    service: str
    instance: str
    unit: str
    version: str
    git_sha: str | None
    roles: list[str]
    started_at: datetime
    office_clock: OfficeTime
    reference_version: str
    consumed_topics: list[str]


@dataclass(frozen=True, slots=True)
class Health:
    """What the health routes show."""

    settings: "Settings"
    office_clock: "OfficeClock"
    metrics: "Metrics"
    loops: Loops
    started_at: datetime
    reference_version: str
    consumed_topics: Sequence[str] = ()
    checks: Sequence[Check] = field(default_factory=tuple)

    def liveness(self) -> Liveness:
        """Whether our own loops move; raises Problem when one is stuck."""
        stuck = self.loops.stuck()
        if stuck:
            raise Problem(503, kind="stuck", detail=f"no progress: {', '.join(stuck)}")
        return Liveness(silent_seconds={name: round(s, 3) for name, s in self.loops.silent_seconds().items()})

    async def readiness(self) -> Readiness:
        """Whether what we lean on is there; raises Problem when a required part is not."""
        parts = await self.parts()
        missing = [f"{part.name} ({part.problem})" for part in parts if part.required and part.problem]
        if missing:
            raise Problem(503, kind="not-ready", detail=f"not ready: {', '.join(missing)}")
        return Readiness(parts=parts)

    async def parts(self) -> list[Part]:
        """What we lean on, each with what is wrong with it."""
        return list(await asyncio.gather(*(_look(check) for check in self.checks)))

    def info(self) -> Info:
        """Who this process is."""
        settings, clock = self.settings, self.office_clock
        return Info(
            service=settings.service,
            instance=settings.instance,
            unit=settings.unit,
            version=VERSION,
            git_sha=settings.git_sha,
            roles=sorted(settings.service_roles),
            started_at=self.started_at,
            office_clock=OfficeTime(now=clock.local(), zone=clock.zone.key, factor=clock.factor),
            reference_version=self.reference_version,
            consumed_topics=sorted(self.consumed_topics),
        )


def health_routes(health: Health) -> APIRouter:
    """The routes that machines ask; they hold nothing that needs protection."""
    router = APIRouter(tags=["health"], dependencies=[Depends(public())])

    @router.get("/livez")
    async def livez() -> Liveness:
        """Whether this process makes progress; if not it should be replaced."""
        return health.liveness()

    @router.get("/readyz")
    async def readyz() -> Readiness:
        """Whether this process can serve; Kafka is shown and not required."""
        return await health.readiness()

    @router.get("/info")
    async def info() -> Info:
        """Who this process is, and what time it is in the office."""
        return health.info()

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Counters and gauges in Prometheus' text format."""
        return PlainTextResponse(health.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _look(check: Check) -> Part:
    problem: str | None
    try:
        async with asyncio.timeout(PROBE_SECONDS_MAX):
            problem = await check.probe()
    except Exception as error:  # noqa: BLE001 - whatever a probe raises means that the part is not there
        problem = type(error).__name__
    return Part(name=check.name, required=check.required, problem=problem)
