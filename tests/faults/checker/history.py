"""What a database wrote down of its own changes, in the order in which they were made and by the transaction of each.

A restore takes a database back to an earlier copy: the history up to there is shared, and what came after it was lost.
Rows of one aggregate are written under its lock, so their order is that of the journal's numbers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One committed change of one row."""

    n: int
    xid: str
    at: float
    table: str
    op: str
    row: Row
    old: Row

    @classmethod
    def from_json(cls, row: Row) -> "Entry":
        """The entry that a line of a journal tells."""
        return cls(
            n=int(row["n"]),
            xid=str(row["xid"]),
            at=float(row["at"]),
            table=row["tbl"],
            op=row["op"],
            row=row.get("row") or {},
            old=row.get("old") or {},
        )

    @property
    def is_insert(self) -> bool:
        """Whether a row was added."""
        return self.op == "INSERT"

    @property
    def is_delete(self) -> bool:
        """Whether a row was taken away."""
        return self.op == "DELETE"

    def get(self, name: str) -> Any:
        """A column as it is after the change, or as it was where the row was taken away."""
        return (self.old if self.is_delete else self.row).get(name)


@dataclass(frozen=True)
class Handled:
    """A delivery that a transaction brought to its end: a row that stays in the inbox."""

    key: str
    entry: Entry
    outcome: str
    reason: str | None

    @property
    def xid(self) -> str:
        """The transaction that did it."""
        return self.entry.xid


@dataclass(frozen=True)
class Work:
    """What one transaction did."""

    xid: str
    entries: Sequence[Entry]
    tables: Mapping[str, Sequence[Entry]] = field(init=False)

    def __post_init__(self) -> None:
        """Sort it by table."""
        tables = defaultdict(list)
        for entry in self.entries:
            tables[entry.table].append(entry)
        object.__setattr__(self, "tables", dict(tables))

    def of(self, table: str, *ops: str) -> list[Entry]:
        """The changes of one table, of these kinds or of any."""
        return [entry for entry in self.tables.get(table, ()) if not ops or entry.op in ops]

    def has(self, table: str, *ops: str) -> bool:
        """Whether there is any such change."""
        return bool(self.of(table, *ops))

    @property
    def first(self) -> Entry:
        """Its first change."""
        return self.entries[0]

    @property
    def last_n(self) -> int:
        """The number of its last change."""
        return self.entries[-1].n

    @cached_property
    def handled(self) -> dict[str, Handled]:
        """The deliveries that it brought to their end, by event key: what was set aside again is not among them."""
        found: dict[str, Handled] = {}
        for entry in self.tables.get("inbox", ()):
            key = entry.get("event_key")
            if entry.is_insert:
                found[key] = Handled(key, entry, entry.get("outcome"), entry.get("reason"))
            elif entry.is_delete:
                found.pop(key, None)
            elif key in found:
                found[key] = Handled(key, found[key].entry, entry.get("outcome"), entry.get("reason"))
        return found

    @property
    def fires_clocks(self) -> bool:
        """Whether clocks ran out in it: it takes timers away, and neither a message nor a person has caused it."""
        return self.has("timer", "DELETE") and not self.is_told and not self.is_asked

    @property
    def is_told(self) -> bool:
        """Whether a message has caused it, which it handles or sets aside."""
        return self.has("inbox") or self.has("dead_letter")

    @property
    def is_asked(self) -> bool:
        """Whether a person has caused it."""
        acted = any(entry.get("actor_kind") == "person" for entry in self.of("timeline", "INSERT"))
        return acted or self.has("idempotency") or self.has("operator_act")


@dataclass(frozen=True)
class Timeline:
    """The history of one database, from its beginning to its end or to the restore that undid the rest."""

    service: str
    entries: tuple[Entry, ...]
    shared_until: int = 0
    """The number up to which the next timeline tells the same; nothing follows the last one."""

    @classmethod
    def chain(cls, service: str, told: Sequence[Sequence[Entry]]) -> tuple["Timeline", ...]:
        """The timelines of one service, in the order in which they were lived."""
        ordered = [tuple(sorted(entries, key=lambda entry: entry.n)) for entries in told]
        lines = []
        for place, entries in enumerate(ordered):
            later = ordered[place + 1] if place + 1 < len(ordered) else None
            shared = 0 if later is None else _shared(entries, later)
            lines.append(cls(service, entries, shared))
        return tuple(lines)

    @property
    def news(self) -> Iterator[Entry]:
        """What no later timeline tells."""
        return (entry for entry in self.entries if entry.n > self.shared_until)

    def is_news(self, entry: Entry) -> bool:
        """Whether no later timeline tells it."""
        return entry.n > self.shared_until

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """The transactions, in the order of their first change."""
        grouped: dict[str, list[Entry]] = {}
        for entry in self.entries:
            grouped.setdefault(entry.xid, []).append(entry)
        return tuple(Work(xid, entries) for xid, entries in grouped.items())

    @cached_property
    def work(self) -> Mapping[str, Work]:
        """The transactions by their id."""
        return {work.xid: work for work in self.works}

    @property
    def new_works(self) -> Iterator[Work]:
        """The transactions of which no later timeline tells."""
        return (work for work in self.works if self.is_news(work.first))

    @cached_property
    def handled(self) -> Mapping[str, Sequence[Handled]]:
        """By event key, each time that a delivery was brought to its end."""
        found: dict[str, list[Handled]] = {}
        for work in self.works:
            for key, handled in work.handled.items():
                found.setdefault(key, []).append(handled)
        return found

    def of(self, table: str, *ops: str) -> Iterator[Entry]:
        """The changes of one table, of these kinds or of any, in order."""
        return (entry for entry in self.by_table.get(table, ()) if not ops or entry.op in ops)

    @cached_property
    def by_table(self) -> Mapping[str, Sequence[Entry]]:
        """The changes of each table, in order."""
        tables = defaultdict(list)
        for entry in self.entries:
            tables[entry.table].append(entry)
        return dict(tables)


def _shared(before: Iterable[Entry], after: Iterable[Entry]) -> int:
    """The number of the last entry up to which two journals tell the same."""
    number = 0
    for one, other in zip(before, after, strict=False):
        if (one.n, one.xid, one.table, one.op, one.row) != (other.n, other.xid, other.table, other.op, other.row):
            break
        number = one.n
    return number
