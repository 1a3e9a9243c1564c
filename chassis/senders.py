"""Effects outside the database: claimed in one transaction, done outside any, settled in another.

This is the one place where twice is possible: a process that dies between the effect and its settling leaves a claim
behind, and whoever takes it over marks it `maybe_doubled`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
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
LEASE: Final = timedelta(seconds=60)
SEND_TIMEOUT_SECONDS: Final = 30.0


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
class Sender(Generic[I]):
    """A service's effect outside its database: how items are claimed, sent and settled."""

    name: str
    claim: Callable[[Claim, Transaction], Awaitable[Sequence[I]]]
    send: Callable[[I], Awaitable[SendResult]]
    settle: Callable[[Settlement[I], Transaction], Awaitable[object]]


@dataclass
class SenderLoop(Generic[I]):
    """Runs one sender until cancelled."""

    sender: Sender[I]
    commands: Commands
    clock: SystemClock
    metrics: SenderMetrics
    beat: Callable[[], None]
    probes: Probes = NO_PROBES
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look at the ledger now."""
        self._wake.set()

    async def run(self) -> None:
        """Claim, send and settle, again and again."""
        while True:
            self.beat()
            try:
                items = await self._round()
            except (UnavailableError, *TRANSIENT) as failure:
                log.warning(
                    "sender interrupted", action="send", sender=self.sender.name, failure=type(failure).__name__
                )
                items = 0
            if items < ITEMS_MAX:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), timeout=POLL_SECONDS)
                self._wake.clear()

    async def _round(self) -> int:
        now = self.clock.now()
        actor = Actor("timer", self.sender.name)
        items = await self.commands.run(self.sender.claim, Claim(now, now + LEASE, ITEMS_MAX), actor=actor)
        if items:
            await self.probes.reach("sender.claimed")
        for item in items:
            self.beat()
            context = TraceContext.parse(item.traceparent)
            with telemetry.use(context, correlation=item.correlation_id) if context else contextlib.nullcontext():
                await self._send(item, actor)
        return len(items)

    async def _send(self, item: I, actor: Actor) -> None:
        started = self.clock.monotonic()
        result = await self._attempt(item)
        await self.probes.reach("sender.after_send")
        word = "sent" if result.sent else "retry" if result.retryable else "failed"
        self.metrics.attempted(self.sender.name, result=word, seconds=self.clock.monotonic() - started)
        try:
            await self.commands.run(self.sender.settle, Settlement(item, result, self.clock.now()), actor=actor)
        except Outcome as outcome:
            log.info("settlement not wanted", action="send", sender=self.sender.name, rule=outcome.rule)

    async def _attempt(self, item: I) -> SendResult:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                return await self.sender.send(item)
        except TimeoutError:
            return SendResult(sent=False, reason="time-out")
        except Exception as failure:
            log.exception("sender failed", action="send", sender=self.sender.name)
            return SendResult(sent=False, reason=type(failure).__name__)


AnySender = Sender[Any]
