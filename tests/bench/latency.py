"""Open loop: events at fixed rates whatever a contender does, each measured from the moment it was meant to be sent.

The broker stamps a follow-up in whole milliseconds; one is added, so that nothing looks quicker than it was.
"""

import asyncio
import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final
from uuid import UUID

from chassis.database import connect
from tests.bench.contenders import Contender
from tests.bench.figures import percentile
from tests.bench.invariants import Verdict, first_appended
from tests.bench.load import Message, messages, sent_once, with_sampled_traces
from tests.bench.stage import Stage, Trial

LEAD_SECONDS: Final = 0.2
SETTLE_SECONDS: Final = 1.0
"""The first second at a rate is not counted: everything has stood still before it."""
ROUNDED_UP_MS: Final = 1.0
IDLE_RATE: Final = 50

SELECT_COMMITTED: Final = """
    SELECT registration_id, pg_xact_commit_timestamp(xmin) AS committed_at FROM tracked_release
"""


@dataclass(frozen=True)
class Latency:
    """How long events took at one rate, in milliseconds; `sender_late_ms` says how late they were sent at worst."""

    contender: str
    rate: int
    events: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    sender_late_ms: float
    verdict: Verdict

    @classmethod
    def of(
        cls, contender: Contender, rate: int, milliseconds: Sequence[float], *, sender_late_ms: float, verdict: Verdict
    ) -> "Latency":
        """The percentiles of what was measured."""
        milliseconds = [one + ROUNDED_UP_MS for one in milliseconds]
        return cls(
            contender.name,
            rate,
            len(milliseconds),
            percentile(milliseconds, 50),
            percentile(milliseconds, 99),
            percentile(milliseconds, 99.9),
            max(milliseconds),
            sender_late_ms,
            verdict,
        )

    @classmethod
    def of_rounds(cls, rounds: Sequence["Latency"]) -> "Latency":
        """The median of each figure over rounds of the same contender and rate, and the worst of what must not be."""
        return cls(
            rounds[0].contender,
            rounds[0].rate,
            sum(one.events for one in rounds),
            median(one.p50_ms for one in rounds),
            median(one.p99_ms for one in rounds),
            median(one.p999_ms for one in rounds),
            max(one.max_ms for one in rounds),
            max(one.sender_late_ms for one in rounds),
            next((one.verdict for one in rounds if not one.verdict.holds), rounds[0].verdict),
        )

    def as_row(self) -> dict[str, Any]:
        """For the file that machines read."""
        return asdict(self)


@dataclass(frozen=True)
class Sent:
    """When each event was meant to be sent, in milliseconds since 1970, and how late the sender was at worst."""

    intended_ms: Mapping[str, float]
    late_ms: float


async def open_loop(stage: Stage, contender: Contender, *, rate: int, seconds: float) -> Latency:
    """From the intended send to the follow-up on its topic."""
    count = int(rate * (SETTLE_SECONDS + seconds))
    given = with_sampled_traces(messages(count, name="open"), contender.sampled)
    async with stage.trial(contender) as trial:
        sent = await sent_at(trial, given, rate=rate)
        left = await trial.left_behind()
        verdict = trial.verdict(given, left)
    appended = first_appended(left)
    times = [appended[event_id] - due_ms for event_id, due_ms in sent.intended_ms.items() if event_id in appended]
    return Latency.of(contender, rate, times, sender_late_ms=sent.late_ms, verdict=verdict)


async def idle(stage: Stage, contender: Contender, *, seconds: float) -> Latency:
    """From the commit of an event to its follow-up on the topic, with one event at a time."""
    given = with_sampled_traces(messages(int(IDLE_RATE * seconds), name="idle", revisions=1), contender.sampled)
    async with stage.trial(contender) as trial:
        sent = await sent_at(trial, given, rate=IDLE_RATE)
        left = await trial.left_behind()
        verdict = trial.verdict(given, left)
        committed_ms = await _committed(trial)
    appended = first_appended(left)
    times = [
        appended[event_id] - committed_ms[one.registration_id]
        for event_id, one in sent_once(given).items()
        if event_id in appended
    ]
    return Latency.of(contender, IDLE_RATE, times, sender_late_ms=sent.late_ms, verdict=verdict)


async def sent_at(trial: Trial, given: Sequence[Message], *, rate: float) -> Sent:
    """Warm up, send at fixed times, as many at once as are due, and wait for what follows."""
    await trial.warm_up()
    intended: dict[str, float] = {}
    sending = []
    late = 0.0
    with _no_pauses():
        start = time.time() + LEAD_SECONDS
        for number, message in enumerate(given):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.time()))
            late = max(late, time.time() - due)
            if due >= start + SETTLE_SECONDS:
                intended.setdefault(message.event_id, due * 1000)
            sending.append(await trial.post(message))
        await asyncio.gather(*sending)
    await trial.until_followed(given)
    return Sent(intended, late * 1000)


@contextmanager
def _no_pauses() -> Iterator[None]:
    """No looking for garbage while events are due: among so many messages it takes tens of milliseconds."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _committed(trial: Trial) -> dict[UUID, float]:
    connection = await connect(trial.dsn, name="bench")
    try:
        rows = await connection.fetch(SELECT_COMMITTED)
    finally:
        await connection.close()
    return {row["registration_id"]: row["committed_at"].timestamp() * 1000 for row in rows}
