"""Where dead letters are looked up: pages, one of them, and the keys that are held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from chassis import audit
from chassis.database import Connection
from chassis.dead_letters import unpack_record_headers
from chassis.engine import Engine
from chassis.letters_view import DeadLetter, HeldKey

SELECT_PAGE: Final = """
    SELECT * FROM dead_letter
     WHERE ($1::text IS NULL OR consumer = $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR kind = $3)
       AND ($4::bigint IS NULL OR seq > $4)
     ORDER BY seq LIMIT $5
"""
SELECT_ONE: Final = "SELECT * FROM dead_letter WHERE dead_letter_id = $1"
SELECT_HELD: Final = """
    SELECT consumer, key, held_since,
           (SELECT count(*) FROM dead_letter AS letter WHERE letter.consumer = held_key.consumer
               AND letter.state = 'waiting' AND letter.order_keys @> ARRAY[held_key.key]) AS waiting
      FROM held_key
     WHERE ($1::text IS NULL OR consumer = $1) AND ($2::text IS NULL OR (consumer, key) > ($2, $3))
     ORDER BY consumer, key LIMIT $4
"""
INSERT_ACT: Final = """
    INSERT INTO operator_act (act_id, actor, act, dead_letter_id, consumer, reason, acted_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
DELETE_STOP: Final = "DELETE FROM consumer_stop WHERE consumer = $1 RETURNING true"


def letter_of(row: Mapping[str, Any]) -> DeadLetter:
    """A dead letter as its row keeps it."""
    return DeadLetter(
        id=row["dead_letter_id"],
        seq=row["seq"],
        consumer=row["consumer"],
        kind=row["kind"],
        state=row["state"],
        reason=row["reason"],
        rule=row["rule"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        key=row["record_key"],
        headers=unpack_record_headers(row["record_headers"]),
        value=row["record_value"],
        corrected_value=row["corrected_value"],
        event_key=row["event_key"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        source=row["event_source"],
        attempts=row["attempts"],
        received_at=row["received_at"],
        updated_at=row["updated_at"],
    )


@dataclass
class LetterShelf:
    """The dead letters of a service's database."""

    engine: Engine

    async def list_page(
        self, *, consumer: str | None, state: str | None, kind: str | None, after: int | None, limit: int
    ) -> Sequence[DeadLetter]:
        """Dead letters in the order in which they came, those after `after`."""
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            rows = await connection.fetch(SELECT_PAGE, consumer, state, kind, after, limit)
        return [letter_of(row) for row in rows]

    async def read(self, letter_id: UUID) -> DeadLetter | None:
        """One dead letter."""
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            row = await connection.fetchrow(SELECT_ONE, letter_id)
        return None if row is None else letter_of(row)

    async def reveal(self, letter_id: UUID, *, actor: str, reason: str) -> DeadLetter | None:
        """One dead letter, once it is on record who wanted to see it and why."""
        letter = await self.read(letter_id)
        if letter is not None:
            async with self.engine.pool.acquire(timeout=5.0) as connection:
                await self.note(connection, "reveal", actor=actor, letter_id=letter_id, reason=reason)
        return letter

    async def held_keys(self, *, consumer: str | None, after: tuple[str, str] | None, limit: int) -> Sequence[HeldKey]:
        """Held keys by consumer and key, those after `after`."""
        after_consumer, after_key = after or (None, None)
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            rows = await connection.fetch(SELECT_HELD, consumer, after_consumer, after_key, limit)
        return [HeldKey(row["consumer"], row["key"], row["held_since"], row["waiting"]) for row in rows]

    async def resume(self, consumer: str, *, actor: str) -> bool:
        """Let a consumer go on that the ceiling of bugs has stopped; whether it was stopped."""
        async with self.engine.pool.acquire(timeout=5.0) as connection, connection.transaction():
            stopped = await connection.fetchval(DELETE_STOP, consumer)
            await self.note(connection, "resume", actor=actor, consumer=consumer)
        return stopped is not None

    async def note(
        self,
        connection: Connection,
        act: str,
        *,
        actor: str,
        letter_id: UUID | None = None,
        consumer: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Record what an operator does."""
        clock = self.engine.setting.system_clock
        named = ("dead-letter", letter_id) if letter_id is not None else ("consumer", consumer)
        subject = audit.Subject(named[0], audit.plain(named[1]))
        await audit.enter(connection, "shown" if act == "reveal" else "done", subject=subject, reason=reason)
        await connection.execute(INSERT_ACT, clock.new_id(), actor, act, letter_id, consumer, reason, clock.now())
