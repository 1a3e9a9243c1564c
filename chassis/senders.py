"""Effects outside the database: claimed in one transaction, done outside any, settled in another.

This is the one place where twice is possible: a process that dies between the effect and its settling leaves a claim
behind, and whoever takes it over marks it `maybe_doubled`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from chassis import telemetry
from chassis.clock import SystemClock
from chassis.commands import Commands
from chassis.failures import TRANSIENT, UnavailableError
from chassis.metrics import SenderMetrics
from chassis.probes import NO_PROBES, Probes
from chassis.rules.refusal import Outcome
from chassis.telemetry import TraceContext
from chassis.transaction import Actor, Transaction

log = structlog.get_logger(__name__)


class Item(Protocol):
    """What a sender needs of a row of its ledger: the trace to which the effect belongs."""

    @property
    def traceparent(self) -> str | None:
        """The trace context of the work that asked for the effect."""

    @property
    def correlation_id(self) -> str | None:
        """The conversation of that work."""


I = TypeVar("I", bound=Item)  # noqa: E741  an item of a ledger

ITEMS_MAX: Final = 20
POLL_SECONDS: Final = 0.5
MEASURE_SECONDS: Final = 5.0
LEASE: Final = timedelta(seconds=60)
SEND_TIMEOUT_SECONDS: Final = 30.0
SETTLE_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Claim:
    """Take what is due, for so long; times are the system's, since retries are not the office's business."""

    at: datetime
    lease_until: datetime
    items_max: int


@dataclass(frozen=True)
class SendResult:
    """What became of an attempt: done, to be tried again, or never to be."""

    sent: bool
    retryable: bool = True
    reason: str = ""


@dataclass(frozen=True)
class Settlement(Generic[I]):
    """An item, and what became of the attempt to send it."""

    item: I
    result: SendResult
    at: datetime


@dataclass(frozen=True)
class Backlog:
    """How much of a ledger waits, how much was given up, and how old the oldest is that waits."""

    pending: int
    failed: int
    oldest_seconds: float


async def _no_backlog() -> Backlog:
    return Backlog(pending=0, failed=0, oldest_seconds=0.0)


@dataclass(frozen=True)
class Sender(Generic[I]):
    """A service's effect outside its database: how items are claimed, sent and settled."""

    name: str
    claim: Callable[[Claim, Transaction], Awaitable[Sequence[I]]]
    send: Callable[[I], Awaitable[SendResult]]
    settle: Callable[[Settlement[I], Transaction], Awaitable[object]]
    backlog: Callable[[], Awaitable[Backlog]] = _no_backlog
    at_once: int = 1
    """How many of it run beside each other in a process: they wait for slow carriers, not for each other."""


@dataclass
class SenderLoop(Generic[I]):
    """Runs one sender until cancelled."""

    sender: Sender[I]
    commands: Commands
    clock: SystemClock
    metrics: SenderMetrics
    beat: Callable[[], None]
    probes: Probes = NO_PROBES
    lease: timedelta = LEASE
    send_seconds_max: float = SEND_TIMEOUT_SECONDS
    """An effect that is not done by then has failed; a lease that has less left than that is not begun upon."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look at the ledger now."""
        self._wake.set()

    async def run(self) -> None:
        """Claim, send and settle, again and again; measure the ledger now and then."""
        measured_at = float("-inf")
        while True:
            self.beat()
            try:
                items = await self._round()
                if self.clock.monotonic() - measured_at > MEASURE_SECONDS:
                    measured_at = self.clock.monotonic()
                    await self._measure()
            except (UnavailableError, *TRANSIENT) as failure:
                log.warning(
                    "sender interrupted", action="send", sender=self.sender.name, failure=type(failure).__name__
                )
                items = 0
            # A claim may take fewer than it was offered, and leave more behind: only an empty one says that none wait.
            if not items:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), timeout=POLL_SECONDS)
                self._wake.clear()

    async def _measure(self) -> None:
        backlog = await self.sender.backlog()
        self.metrics.state(
            self.sender.name, pending=backlog.pending, failed=backlog.failed, oldest_seconds=backlog.oldest_seconds
        )

    async def _round(self) -> int:
        now, ours_until = self.clock.now(), self.clock.monotonic() + self.lease.total_seconds()
        actor = Actor("timer", self.sender.name)
        items = await self.commands.run(self.sender.claim, Claim(now, now + self.lease, ITEMS_MAX), actor=actor)
        if items:
            await self.probes.reach("sender.claimed")
        for item in items:
            self.beat()
            if self.clock.monotonic() + self.send_seconds_max > ours_until:
                # The lease could run out while this one is on its way, and somebody else would send it too.
                break
            context = TraceContext.parse(item.traceparent)
            with telemetry.use(context, correlation=item.correlation_id) if context else contextlib.nullcontext():
                await _finished(self._send(item, actor, ours_until))
        return len(items)

    async def _send(self, item: I, actor: Actor, ours_until: float) -> None:
        started = self.clock.monotonic()
        result = await self._attempt(item)
        await self.probes.reach("sender.after_send")
        word = "sent" if result.sent else "retry" if result.retryable else "failed"
        self.metrics.attempted(self.sender.name, result=word, seconds=self.clock.monotonic() - started)
        await self._settle(Settlement(item, result, self.clock.now()), actor, ours_until)

    async def _settle(self, settlement: Settlement[I], actor: Actor, ours_until: float) -> None:
        """Write down what became of an attempt; as long as it is ours, a database that is away doubles nothing."""
        while True:
            try:
                await self.commands.run(self.sender.settle, settlement, actor=actor)
            except Outcome as outcome:
                log.info("settlement not wanted", action="send", sender=self.sender.name, rule=outcome.rule)
            except UnavailableError:
                if self.clock.monotonic() > ours_until:
                    raise
                self.beat()
                await asyncio.sleep(SETTLE_PAUSE_SECONDS)
                continue
            return

    async def _attempt(self, item: I) -> SendResult:
        try:
            async with asyncio.timeout(self.send_seconds_max):
                return await self.sender.send(item)
        except TimeoutError:
            return SendResult(sent=False, reason="time-out")
        except Exception as failure:
            log.exception("sender failed", action="send", sender=self.sender.name)
            return SendResult(sent=False, reason=type(failure).__name__)


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Await work that is not cut off in the middle: nobody would know whether the effect took place."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=SEND_TIMEOUT_SECONDS)
        raise


AnySender = Sender[Any]
