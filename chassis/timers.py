"""Clocks that run out: rows of the service's database, fired without Kafka, once, in due order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from chassis import spans
from chassis.engine import Engine
from chassis.failures import TRANSIENT, LostRaceError, UnavailableError
from chassis.inbox import Inbox, TimerDue
from chassis.metrics import TimerMetrics
from chassis.rules.refusal import Outcome
from chassis.telemetry import TraceContext
from chassis.transaction import Actor, Cause, Transaction
from chassis.work import AggregateKey, WorkingSet

log = structlog.get_logger(__name__)

DUE_ROWS_MAX: Final = 100
POLL_SECONDS: Final = 0.25
FAILED_PAUSE_SECONDS: Final = 60.0
BROKEN_MAX: Final = 1_000

PASSING: Final = (UnavailableError, LostRaceError, *TRANSIENT)
"""No clock is to blame for it: the same again, soon."""

SELECT_DUE: Final = """
    SELECT subject, kind, due_at, context FROM timer
     WHERE due_at <= $1 AND kind = ANY($2) ORDER BY due_at, subject, kind LIMIT $3
"""
TAKE_DUE: Final = """
    DELETE FROM timer USING unnest($1::text[], $2::text[], $3::timestamptz[]) AS due(subject, kind, due_at)
     WHERE timer.subject = due.subject AND timer.kind = due.kind AND timer.due_at = due.due_at
       AND timer.subject = ANY ($1)  -- the same once more: so they are looked up by key, whatever is known of the table
    RETURNING timer.subject, timer.kind
"""


@dataclass(frozen=True)
class _Due:
    subject: str
    kind: str
    due_at: Any
    context: dict[str, Any]


@dataclass
class Timers:
    """The loop that fires the clocks of one service."""

    engine: Engine
    inbox: Inbox
    metrics: TimerMetrics
    beat: Callable[[], None]
    _broken: dict[tuple[str, str], float] = field(default_factory=dict)

    async def run(self) -> None:
        """Fire what is due, again and again, until cancelled."""
        while True:
            self.beat()
            try:
                fired = await self.fire_due()
            except PASSING as failure:
                log.warning("timers interrupted", action="timer", failure=type(failure).__name__)
                fired = 0
                await asyncio.sleep(1.0)
            if fired < DUE_ROWS_MAX:
                await asyncio.sleep(POLL_SECONDS)

    async def fire_due(self) -> int:
        """Fire one batch of due clocks; the number of rows that were due."""
        now = self.engine.setting.system_clock.monotonic()
        self._broken = {key: until for key, until in self._broken.items() if until > now}
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            rows = await connection.fetch(
                SELECT_DUE, self.engine.office_clock.now(), list(self.inbox.clocks), DUE_ROWS_MAX + len(self._broken)
            )
        due = [_Due(**row) for row in rows if (row["subject"], row["kind"]) not in self._broken]
        if not due:
            return 0
        try:
            await self._fire(due)
        except (UnavailableError, *TRANSIENT):
            raise
        except Exception:  # noqa: BLE001  one clock of many is at fault: find it, and let the others run
            for one in due:
                await self._fire_alone(one)
        return len(due)

    async def _fire_alone(self, due: _Due) -> None:
        try:
            await self._fire([due], isolated=True)
        except PASSING:
            raise
        except Exception:
            log.exception("timer failed", action="timer", kind=due.kind)
            self.metrics.fired(due.kind, outcome="failed", late_seconds=0.0)
            if len(self._broken) >= BROKEN_MAX:
                self._broken.clear()
            self._broken[due.subject, due.kind] = self.engine.setting.system_clock.monotonic() + FAILED_PAUSE_SECONDS

    async def _fire(self, due: Sequence[_Due], *, isolated: bool = False) -> None:
        clock = self.engine.setting.system_clock
        start_ns = clock.nanoseconds()
        fired: list[tuple[_Due, Transaction, str]] = []

        async def body(work: WorkingSet, learnt: Sequence[AggregateKey]) -> None:
            fired.clear()
            keys = [
                (self.inbox.clocks[one.kind].aggregates, self.inbox.clocks[one.kind].key(one.subject)) for one in due
            ]
            await work.load([*learnt, *keys])
            taken = await work.connection.fetch(
                TAKE_DUE, [one.subject for one in due], [one.kind for one in due], [one.due_at for one in due]
            )
            still_due = {(row["subject"], row["kind"]) for row in taken}
            for one in due:
                if (one.subject, one.kind) not in still_due or work.has_timer_change(one.subject, one.kind):
                    # Gone since it was read, or another clock of this round has just stopped or moved it.
                    continue
                call = self._call_alone if isolated else self._call
                fired.append((one, *await call(one, work)))

        await self.engine.run(body, point="timer")
        for one, transaction, outcome in fired:
            late = (transaction.now - one.due_at).total_seconds()
            self.metrics.fired(one.kind, outcome=outcome, late_seconds=late)
            spans.record_timer(
                self.engine.setting.telemetry,
                transaction.cause.trace,
                parent=TraceContext.parse(one.context.get("traceparent")),
                kind=one.kind,
                late_seconds=late,
                ended=spans.Ended(start_ns, clock.nanoseconds(), outcome),
            )
            self.engine.record_created(transaction)

    async def _call(self, one: _Due, work: WorkingSet) -> tuple[Transaction, str]:
        clock = self.inbox.clocks[one.kind]
        transaction, mark = self.engine.transaction(work, self._cause(one)), work.mark()
        try:
            await clock.handle(TimerDue(clock.key(one.subject), one.kind, one.due_at), transaction)
        except Outcome as outcome:
            # The state no longer wants this clock: it has been taken, and that is all.
            work.undo_to(mark)
            transaction.published.clear()
            return transaction, outcome.rule
        return transaction, "applied"

    async def _call_alone(self, one: _Due, work: WorkingSet) -> tuple[Transaction, str]:
        """The same behind a savepoint, for a handler whose statements could not be undone in memory."""
        clock = self.inbox.clocks[one.kind]
        own = WorkingSet(work.connection, may_learn_keys=False)
        transaction = self.engine.transaction(own, self._cause(one))
        try:
            async with work.connection.transaction():
                await own.load([(clock.aggregates, clock.key(one.subject))])
                await clock.handle(TimerDue(clock.key(one.subject), one.kind, one.due_at), transaction)
                await own.flush()
        except Outcome as outcome:
            transaction.published.clear()
            return transaction, outcome.rule
        work.published += own.published
        return transaction, "applied"

    def _cause(self, one: _Due) -> Cause:
        return Cause(
            actor=Actor("timer", one.kind),
            trace=self.engine.setting.telemetry.new_context(one.context.get("traceparent")),
            correlation_id=one.context.get("correlation_id") or str(self.engine.setting.system_clock.new_id()),
            causation_id=one.context.get("causation_id"),
        )
