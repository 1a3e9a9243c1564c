"""The working set of one database transaction: states read together, changes kept in memory, all written at the end.

Nothing reaches the database before `flush`, so what a refused event changed is undone here, at no cost. Lock order
everywhere: inbox ids, aggregates by table and key, held keys, register counters, timers, outbox.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from chassis.aggregates import Aggregates, Rows, rows_as_json
from chassis.database import Connection
from chassis.failures import KeyLearntError, LostRaceError, WrittenAlreadyError

AggregateKey = tuple[Aggregates[Any, Any], UUID | str]


@dataclass
class _Loaded:
    state: Any
    version: int
    changed: bool = False


class OutboxRow(NamedTuple):
    """A message that leaves once this transaction has committed."""

    event_id: UUID
    topic: str
    key: str
    headers: bytes
    payload: bytes | None


@dataclass
class WorkingSet:
    """States, timers, rows and messages of one transaction."""

    connection: Connection
    may_learn_keys: bool = True
    _states: dict[tuple[str, UUID | str], _Loaded] = field(default_factory=dict)
    _aggregates: dict[str, Aggregates[Any, Any]] = field(default_factory=dict)
    _saved: dict[int, object] = field(default_factory=dict)
    _rows: list[tuple[Rows, dict[str, Any]]] = field(default_factory=list)
    _timers: dict[tuple[str, str], tuple[datetime, dict[str, Any]] | None] = field(default_factory=dict)
    _written_timers: set[tuple[str, str]] = field(default_factory=set)
    _outgoing: list[OutboxRow] = field(default_factory=list)
    _undo: list[Callable[[], object]] = field(default_factory=list)
    _written: int = 0
    published: int = 0

    async def load(self, keys: Iterable[AggregateKey]) -> None:
        """Lock and read the named aggregates, one statement a table; a key without a row is remembered as absent."""
        wanted: dict[str, set[UUID | str]] = {}
        for aggregates, key in keys:
            if (aggregates.name, key) not in self._states:
                self._aggregates[aggregates.name] = aggregates
                wanted.setdefault(aggregates.name, set()).add(key)
        for name in sorted(wanted):
            aggregates = self._aggregates[name]
            for record in await self.connection.fetch(aggregates.select, list(wanted[name])):
                state = aggregates.load(record)
                self._states[name, aggregates.key(state)] = _Loaded(state, record["version"])
            for key in wanted[name]:
                self._states.setdefault((name, key), _Loaded(None, 0))

    async def lock(self, aggregates: Aggregates[Any, Any], key: UUID | str) -> Any:
        """The state as this transaction sees it; a key that was not locked in order stops the attempt."""
        loaded = self._states.get((aggregates.name, key))
        if loaded is None:
            if self.may_learn_keys:
                raise KeyLearntError(aggregates.name, (aggregates, key))
            await self.load([(aggregates, key)])
            loaded = self._states[aggregates.name, key]
        return loaded.state

    async def lock_late(self, aggregates: Aggregates[Any, Any], key: UUID | str) -> Any:
        """Lock an aggregate whose table comes last in the lock order, at the moment it is needed."""
        await self.load([(aggregates, key)])
        return self._states[aggregates.name, key].state

    async def lock_late_in_order(self, aggregates: Aggregates[Any, Any], key: str) -> Any:
        """The same for a table of which one piece of work takes several rows.

        One that sorts before another that is locked already stops the attempt, and the next one begins with it: two
        that took the same two in opposite order would wait for each other.
        """
        held = [str(known) for name, known in self._states if name == aggregates.name]
        if self.may_learn_keys and key not in held and key < max(held, default=""):
            raise KeyLearntError(aggregates.name, (aggregates, key))
        return await self.lock_late(aggregates, key)

    def has_saved(self, state: object) -> bool:
        """Whether that very state was saved here, and so its aggregate is locked."""
        return self._saved.get(id(state)) is state

    def save(self, aggregates: Aggregates[Any, Any], state: object) -> None:
        """Remember the new state of an aggregate that was locked before."""
        key = aggregates.key(state)
        loaded = self._states.get((aggregates.name, key))
        if loaded is None:
            message = f"{aggregates.name} was saved without being locked"
            raise AssertionError(message)
        before = (loaded.state, loaded.changed)

        def undo() -> None:
            loaded.state, loaded.changed = before

        self._undo.append(undo)
        loaded.state, loaded.changed = state, True
        self._saved[id(state)] = state

    def append(self, rows: Rows, row: Mapping[str, Any]) -> None:
        """Remember a row for a table that is only appended to."""
        self._rows.append((rows, dict(row)))
        self._undo.append(self._rows.pop)

    def set_timer(self, subject: str, kind: str, due_at: datetime | None, context: dict[str, Any]) -> None:
        """Remember that a timer is to be set, or with no due time taken away."""
        key = (subject, kind)
        missing = key not in self._timers
        before = self._timers.get(key)

        def undo() -> None:
            if missing:
                del self._timers[key]
            else:
                self._timers[key] = before

        self._undo.append(undo)
        self._timers[key] = None if due_at is None else (due_at, context)

    def has_timer_change(self, subject: str, kind: str) -> bool:
        """Whether that timer was set, moved or taken away in this transaction, be it written already or not."""
        return (subject, kind) in self._timers or (subject, kind) in self._written_timers

    def send(self, row: OutboxRow) -> None:
        """Remember a message for the outbox."""
        self._outgoing.append(row)
        self._undo.append(self._outgoing.pop)

    def mark(self) -> int:
        """Where we stand, to come back to with `undo_to`."""
        return self._written + len(self._undo)

    def undo_to(self, mark: int) -> None:
        """Undo in memory what came after the mark; raise WrittenAlreadyError if some of it was flushed."""
        if mark < self._written:
            raise WrittenAlreadyError
        while self.mark() > mark:
            self._undo.pop()()

    async def flush(self) -> None:
        """Write everything, one statement a table; raise LostRaceError where another writer came first."""
        await self._write_states()
        await self._write_rows()
        await self._write_timers()
        await self._write_outbox()
        self._written += len(self._undo)
        self._undo.clear()

    async def expose(self) -> Connection:
        """The connection with everything written; what is done on it cannot be undone in memory."""
        await self.flush()
        self._written += 1
        return self.connection

    async def _write_states(self) -> None:
        changed: dict[str, list[dict[str, Any]]] = {}
        written = [(name, key, loaded) for (name, key), loaded in self._states.items() if loaded.changed]
        for name, _, loaded in sorted(written, key=lambda each: (each[0], _order(each[1]))):
            loaded.version += 1
            loaded.changed = False
            row = self._aggregates[name].dump(loaded.state)
            row["version"] = loaded.version
            changed.setdefault(name, []).append(row)
        for name, rows in changed.items():
            status = await self.connection.execute(self._aggregates[name].upsert, rows_as_json(rows))
            if int(status.rpartition(" ")[2]) != len(rows):
                raise LostRaceError(name)

    async def _write_rows(self) -> None:
        grouped: dict[str, tuple[Rows, list[dict[str, Any]]]] = {}
        for rows, row in self._rows:
            grouped.setdefault(rows.name, (rows, []))[1].append(row)
        self._rows.clear()
        for rows, values in grouped.values():
            await self.connection.execute(rows.insert, rows_as_json(values))

    async def _write_timers(self) -> None:
        gone = sorted(key for key, setting in self._timers.items() if setting is None)
        kept = sorted((key, setting) for key, setting in self._timers.items() if setting is not None)
        self._written_timers |= self._timers.keys()
        self._timers.clear()
        if gone:
            await self.connection.execute(DELETE_TIMERS, [key[0] for key in gone], [key[1] for key in gone])
        if kept:
            await self.connection.execute(
                UPSERT_TIMERS,
                [key[0] for key, _ in kept],
                [key[1] for key, _ in kept],
                [setting[0] for _, setting in kept],
                [setting[1] for _, setting in kept],
            )

    async def _write_outbox(self) -> None:
        if not self._outgoing:
            return
        rows, self._outgoing = self._outgoing, []
        self.published += len(rows)
        await self.connection.execute(INSERT_OUTBOX, *map(list, zip(*rows, strict=True)))


def _order(key: UUID | str) -> int | str:
    """What keys of one table are sorted by: UUIDs compare in Python, numbers do not."""
    return key.int if isinstance(key, UUID) else key


DELETE_TIMERS: Final = """
    DELETE FROM timer USING unnest($1::text[], $2::text[]) AS gone(subject, kind)
     WHERE timer.subject = gone.subject AND timer.kind = gone.kind
       AND timer.subject = ANY($1)  -- once more: so rows are looked up by key, whatever is known of the table
"""

UPSERT_TIMERS: Final = """
    INSERT INTO timer (subject, kind, due_at, context)
    SELECT subject, kind, due_at, context FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::jsonb[])
                                             AS t(subject, kind, due_at, context)
    ON CONFLICT (subject, kind) DO UPDATE SET due_at = EXCLUDED.due_at, context = EXCLUDED.context
     WHERE timer.due_at IS DISTINCT FROM EXCLUDED.due_at
"""

INSERT_OUTBOX: Final = """
    INSERT INTO outbox (event_id, topic, key, headers, payload)
    SELECT event_id, topic, key, headers, payload
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
           WITH ORDINALITY AS m(event_id, topic, key, headers, payload, place)
     ORDER BY place
"""
