"""The desk at which set-aside deliveries are taken up again: retried, corrected, discarded, and followed in order."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from chassis.batch import DELETE_INBOX, INSERT_INBOX, MARK_IRRELEVANT, BatchRunner
from chassis.database import Connection
from chassis.dead_letters import INSERT_HELD, RELEASE, Letters, holding_keys, record_of
from chassis.delivery import Delivery, Ended, read
from chassis.engine import RACE, Body
from chassis.failures import TRANSIENT, LostRaceError, UnavailableError
from chassis.handling import handle_alone, lock_alone
from chassis.inbox import Inbox
from chassis.letter_shelf import LetterShelf
from chassis.rules.refusal import Refused
from chassis.telemetry import TraceContext
from chassis.transaction import Cause, Transaction
from chassis.work import AggregateKey, WorkingSet

log = structlog.get_logger(__name__)

R = TypeVar("R")

FOLLOW_PAUSE_SECONDS: Final = 1.0
FOLLOW_SECONDS_MAX: Final = 10.0
"""Looked for at least so often, whether or not anything is known to be settled."""
REMINDERS_MAX: Final = 100

SELECT_LETTER: Final = "SELECT * FROM dead_letter WHERE dead_letter_id = $1 AND consumer = $2"
LOCK_LETTER: Final = "SELECT * FROM dead_letter WHERE dead_letter_id = $1 AND consumer = $2 FOR UPDATE"
SELECT_EARLIER: Final = """
    SELECT 1 FROM dead_letter WHERE consumer = $1 AND state IN ('parked', 'waiting') AND order_keys && $2 AND seq < $3
     LIMIT 1
"""
# One pass over what is open, however many wait behind one key: the first of each key, and who is the first of all its.
SELECT_FOLLOWER: Final = """
    SELECT dead_letter_id
      FROM (SELECT dead_letter_id, seq, state, seq = min(seq) OVER (PARTITION BY key) AS leads
              FROM dead_letter CROSS JOIN unnest(order_keys) AS key
             WHERE consumer = $1 AND state IN ('parked', 'waiting')) AS place
     WHERE state = 'waiting' GROUP BY dead_letter_id, seq HAVING bool_and(leads) ORDER BY seq LIMIT 1
"""
SELECT_SETTLED_LAST: Final = "SELECT max(updated_at) FROM dead_letter WHERE state IN ('resolved', 'discarded')"
SETTLE: Final = """
    UPDATE dead_letter SET state = $2, kind = $3, reason = $4, rule = $5, order_keys = $6, attempts = attempts + $7,
                           remind_at = $8, updated_at = now()
     WHERE dead_letter_id = $1
"""
CORRECT: Final = "UPDATE dead_letter SET corrected_value = $2, updated_at = now() WHERE dead_letter_id = $1"
MARK_DISCARDED: Final = "UPDATE inbox SET outcome = 'discarded', reason = $3 WHERE consumer = $1 AND event_key = $2"
TAKE_REMINDERS: Final = """
    UPDATE dead_letter SET remind_at = NULL
     WHERE dead_letter_id IN (SELECT dead_letter_id FROM dead_letter
                               WHERE consumer = $1 AND state = 'parked' AND remind_at <= $2 ORDER BY seq LIMIT $3
                                 FOR UPDATE SKIP LOCKED)
    RETURNING *
"""


class LetterGone(Refused):
    """This dead letter is settled already."""


class LetterBehind(Refused):
    """An earlier event of the same subject is still set aside; it must be settled first."""


class CorrectionInvalid(Refused):
    """The corrected data do not fit the schema of the event."""


@dataclass(frozen=True)
class _TakenUp:
    """A letter that was handled again: how it ended, and the transactions whose spans are due once it is committed."""

    delivery: Delivery
    cause: Cause
    ended: Ended
    transactions: Sequence[Transaction]


@dataclass
class LetterDesk(LetterShelf):
    """Retries, corrections and discards of one consumer's dead letters."""

    inbox: Inbox
    runner: BatchRunner
    letters: Letters
    beat: Callable[[], None]

    def __post_init__(self) -> None:
        """Nobody waits yet."""
        self._wake = asyncio.Event()
        self._settled_last: datetime | None = None
        self._followed_at = float("-inf")

    async def retry(self, letter_id: UUID, *, actor: str) -> Ended:
        """Handle a dead letter again; the events behind it follow by themselves."""
        ended = await self._take_up(letter_id, act="retry", actor=actor)
        self._wake.set()
        return ended

    async def discard(self, letter_id: UUID, *, actor: str, reason: str) -> None:
        """Give a delivery up for good: it counts as handled, and nothing waits behind it any longer."""

        async def body(work: WorkingSet, _learnt: Sequence[AggregateKey]) -> None:
            connection = work.connection
            row = await self._open_letter(connection, letter_id)
            await connection.fetch(INSERT_INBOX, self.letters.consumer, [row["event_key"]], [row["record_hash"]])
            await connection.execute(MARK_DISCARDED, self.letters.consumer, row["event_key"], reason)
            await self.letters.lock_keys(connection, row["order_keys"])
            row = await self._open_letter(connection, letter_id, LOCK_LETTER)
            await connection.execute(
                SETTLE, letter_id, "discarded", row["kind"], row["reason"], row["rule"], row["order_keys"], 0, None
            )
            await connection.execute(RELEASE, self.letters.consumer, row["order_keys"])
            await self.note(connection, "discard", actor=actor, letter_id=letter_id, reason=reason)

        await self._run(body, point="discard")
        self._wake.set()

    async def correct(self, letter_id: UUID, value: bytes, *, actor: str, reason: str) -> None:
        """Replace the data with which a letter will be retried; raises CorrectionInvalid if they do not fit."""

        async def body(work: WorkingSet, _learnt: Sequence[AggregateKey]) -> None:
            row = await self._open_letter(work.connection, letter_id, LOCK_LETTER)
            delivery = read(record_of(row), self.inbox, value=value)
            if delivery.malformed is not None:
                raise CorrectionInvalid(delivery.malformed)
            await work.connection.execute(CORRECT, letter_id, value)
            await self.note(work.connection, "correct", actor=actor, letter_id=letter_id, reason=reason)

        await self._run(body, point="correct")

    async def run(self) -> None:
        """Let the events behind a settled letter follow, and remind of letters that stay open, until cancelled."""
        while True:
            self.beat()
            try:
                if await self._may_have_followers():
                    while await self.follow():
                        self.beat()
                    self._followed_at = self.engine.setting.system_clock.monotonic()
                await self.remind()
            except (UnavailableError, *TRANSIENT) as failure:
                log.warning("dead letters interrupted", action="dead_letter", failure=type(failure).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=FOLLOW_PAUSE_SECONDS)

    async def _may_have_followers(self) -> bool:
        """Whether a letter was settled since the last look, here or in another process, or that was long ago."""
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            settled_last = await connection.fetchval(SELECT_SETTLED_LAST)
        woken, is_news = self._wake.is_set(), settled_last != self._settled_last
        self._wake.clear()
        self._settled_last = settled_last
        long_ago = self.engine.setting.system_clock.monotonic() - self._followed_at > FOLLOW_SECONDS_MAX
        if not (woken or is_news or long_ago):
            return False
        self._followed_at = float("-inf")  # until that look came to its end
        return True

    async def follow(self) -> bool:
        """Handle the next waiting event that nothing holds any more; whether there was one."""
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            letter_id = await connection.fetchval(SELECT_FOLLOWER, self.letters.consumer)
        if letter_id is None:
            return False
        try:
            await self._take_up(letter_id, act=None, actor="follower")
        except (LetterGone, LetterBehind):
            return False
        return True

    async def remind(self) -> None:
        """Announce once more the upstream letters that are open after their hour."""
        told: list[Transaction] = []

        async def body(work: WorkingSet, _learnt: Sequence[AggregateKey]) -> None:
            told.clear()
            now = self.engine.office_clock.now()
            for row in await work.connection.fetch(TAKE_REMINDERS, self.letters.consumer, now, REMINDERS_MAX):
                delivery = read(record_of(row), self.inbox)
                cause = self.runner.cause_of(delivery)
                # It belongs to the work that set the letter aside; of this round there is no span.
                trace = TraceContext.parse(row["traceparent"]) or cause.trace
                transaction = self.engine.transaction(work, replace(cause, trace=trace))
                ended = Ended("dead_lettered", row["kind"], row["reason"], row["rule"])
                fact = self.letters.announcement(row["dead_letter_id"], delivery, ended, transaction)
                transaction.announce(fact.model_copy(update={"reminder": True}))
                told.append(transaction)

        await self._run(body, point="remind")
        for transaction in told:
            self.engine.record_created(transaction)

    async def _run(self, body: Body[R], *, point: str) -> R:
        try:
            return await self.engine.run(body, point=point)
        except RACE as failure:
            raise UnavailableError(type(failure).__name__) from failure

    async def _take_up(self, letter_id: UUID, *, act: str | None, actor: str) -> Ended:
        clock = self.engine.setting.system_clock
        start_ns = clock.nanoseconds()

        async def body(work: WorkingSet, _learnt: Sequence[AggregateKey]) -> _TakenUp:
            connection = work.connection
            row = await self._open_letter(connection, letter_id)
            delivery = read(record_of(row), self.inbox, value=row["corrected_value"])
            if not await connection.fetch(
                INSERT_INBOX, self.letters.consumer, [row["event_key"]], [row["record_hash"]]
            ):
                raise LetterGone
            await lock_alone(work, delivery)
            keys = sorted({*row["order_keys"], *delivery.order_keys})
            await self.letters.lock_keys(connection, keys)
            known_value, row = row["corrected_value"], await self._open_letter(connection, letter_id, LOCK_LETTER)
            if row["corrected_value"] != known_value:
                raise LostRaceError("dead_letter")
            if await connection.fetchval(SELECT_EARLIER, self.letters.consumer, keys, row["seq"]):
                raise LetterBehind
            log.info("dead letter taken up", action="retry", letter=str(letter_id))
            cause = self.runner.cause_of(delivery)
            ended, transaction = await self._handle(work, delivery, cause)
            letter = await self._settle(work, row, delivery, ended, cause)
            if act is not None:
                await self.note(connection, act, actor=actor, letter_id=letter_id)
            await self.engine.probes.reach("retry.decided")
            return _TakenUp(delivery, cause, ended, [each for each in (transaction, letter) if each is not None])

        taken = await self._run(body, point="retry")
        self.runner.record_processed(
            taken.delivery, taken.cause, taken.ended, start_ns=start_ns, end_ns=clock.nanoseconds()
        )
        for transaction in taken.transactions:
            self.engine.record_created(transaction)
        return taken.ended

    async def _handle(self, work: WorkingSet, delivery: Delivery, cause: Cause) -> tuple[Ended, Transaction | None]:
        if delivery.malformed is not None:
            return Ended("dead_lettered", "malformed", delivery.malformed), None
        if delivery.reaction is None:
            return Ended("irrelevant", reason="this service no longer handles the type"), None
        return await handle_alone(self.engine, work, delivery, cause)

    async def _settle(
        self, work: WorkingSet, row: Mapping[str, Any], delivery: Delivery, ended: Ended, cause: Cause
    ) -> Transaction | None:
        """Write how it ended: done, or set aside again; a letter that holds nothing any more releases its keys.

        The transaction that tells of it, where it waited and is a letter of its own from now on.
        """
        told: Transaction | None = None
        connection, consumer, letter_id = work.connection, self.letters.consumer, row["dead_letter_id"]
        if ended.outcome == "dead_lettered":
            keys = sorted({*row["order_keys"], *delivery.order_keys}) if holding_keys(delivery, ended) else []
            remind_at = self.letters.remind_at(row["topic"], self.engine.office_clock.now())
            await connection.execute(DELETE_INBOX, consumer, [row["event_key"]])
            await connection.execute(INSERT_HELD, consumer, keys)
            await connection.execute(
                SETTLE, letter_id, "parked", ended.kind, ended.reason, ended.rule, keys, 1, remind_at
            )
            if row["state"] == "waiting":
                told = self.engine.transaction(work, cause)
                told.announce(self.letters.announcement(letter_id, delivery, ended, told))
        else:
            if ended.outcome == "irrelevant":
                await connection.execute(MARK_IRRELEVANT, consumer, [row["event_key"]], [ended.reason])
            await connection.execute(
                SETTLE, letter_id, "resolved", row["kind"], row["reason"], row["rule"], row["order_keys"], 1, None
            )
        await connection.execute(RELEASE, consumer, row["order_keys"])
        return told

    async def _open_letter(
        self, connection: Connection, letter_id: UUID, query: str = SELECT_LETTER
    ) -> Mapping[str, Any]:
        row: Mapping[str, Any] | None = await connection.fetchrow(query, letter_id, self.letters.consumer)
        if row is None or row["state"] not in {"parked", "waiting"}:
            raise LetterGone
        return row
