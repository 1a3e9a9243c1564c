"""R2: no effect twice, neither of one event nor under one name of the business."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.faults.checker.causes import effects_of_events
from tests.faults.checker.contract import (
    CLOCK_FACTS,
    DEAD_LETTERED,
    REGISTERED,
    RESTARTS,
    SETTLED_NOTICES,
    SUPERVISION_OPENED,
    TRACING_CLOCKS,
    TRACING_OVERDUE,
)
from tests.faults.checker.folder import Run
from tests.faults.checker.history import Entry, Timeline
from tests.faults.checker.verdict import Sight

ONCE_ONLY = SETTLED_NOTICES | {SUPERVISION_OPENED}
"""Facts that are made known once about their subject, whatever happens."""


def look(run: Run, sight: Sight) -> None:
    """Look at every timeline: each must be right by itself, also one that a restore has undone."""
    for service in run.services:
        for timeline in run.timelines[service]:
            _look_at_events(run, timeline, sight)
            _look_at_facts(timeline, sight)
            _look_at_clocks(run, timeline, sight)
            _look_at_keys(timeline, sight)
    if "registration" in run.services:
        _look_at_registers(run, sight)


def _look_at_events(run: Run, timeline: Timeline, sight: Sight) -> None:
    """One event is handled once, and what it caused stands in one transaction."""
    for key, times in timeline.handled.items():
        sight.look()
        if len(times) > 1:
            sight.wrong(
                timeline.service, key, f"handled {len(times)} times: transactions {_xids(t.xid for t in times)}"
            )
    for name, found in effects_of_events(run, timeline).items():
        sight.look()
        if len(found.xids) > len(found.keys):
            sight.wrong(timeline.service, name, f"its effects stand in {len(found.xids)} transactions: {found.words}")


def _xids(xids: Iterable[str]) -> str:
    return ", ".join(sorted(xids))


def _look_at_facts(timeline: Timeline, sight: Sight) -> None:
    """No fact is numbered like another of its subject, and some are made known once."""
    numbers: dict[tuple[str, str], list[str]] = defaultdict(list)
    once: Counter[tuple[str, str]] = Counter()
    for entry in numbered_facts(timeline):
        sight.look()
        event_type, subject = header(entry, "ce_type"), entry.get("key")
        numbers[subject, header(entry, "ce_sequence")].append(event_type)
        if event_type in ONCE_ONLY:
            once["a settled notice" if event_type in SETTLED_NOTICES else event_type, subject] += 1
    for (subject, number), types in numbers.items():
        if len(types) > 1:
            sight.wrong(timeline.service, subject, f"{len(types)} facts have the number {number}: {', '.join(types)}")
    for (what, subject), count in once.items():
        if count > 1:
            sight.wrong(timeline.service, subject, f"made known {count} times: {what}")


def _look_at_clocks(run: Run, timeline: Timeline, sight: Sight) -> None:
    """A clock of a case is told once for each time at which it was due, unless the case began anew in between."""
    rung: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for entry in numbered_facts(timeline):
        event_type, subject = header(entry, "ce_type"), entry.get("key")
        if event_type in RESTARTS:
            rung[subject].clear()
        ringing = clock_of(event_type, run.log.value_of(entry.get("event_id")))
        if not ringing:
            continue
        sight.look()
        if ringing in rung[subject]:
            sight.wrong(timeline.service, subject, f"told twice that a clock ran out: {' '.join(ringing)}")
        rung[subject].add(ringing)


def numbered_facts(timeline: Timeline) -> Iterator[Entry]:
    """The facts of aggregates, in the order in which they were written; neither tombstones nor news of dead letters."""
    for entry in timeline.of("outbox", "INSERT"):
        if not header(entry, "ce_type").endswith(DEAD_LETTERED) and entry.get("payload_sha256") is not None:
            yield entry


def header(entry: Entry, name: str) -> str:
    """A header of an outbox row."""
    return (entry.get("headers") or {}).get(name) or ""


def clock_of(event_type: str, value: Mapping[str, Any]) -> tuple[str, ...]:
    """Which clock of a case ran out, and at which time of its own; nothing if the fact tells of none."""
    if not value:
        return ()
    if event_type == TRACING_OVERDUE:
        return TRACING_CLOCKS[value["step"]], value["due_at"]
    if event_type not in CLOCK_FACTS:
        return ()
    return CLOCK_FACTS[event_type], *((str(value["hours"]),) if "hours" in value else ()), value["due_at"]


BUSINESS_KEYS: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("registration", "registration"): (("release_id",),),
    ("registration", "register_entry"): (("number",), ("unit", "register", "year", "seq")),
    ("supervision", "supervision"): (("client_id",), ("registration_id",)),
    ("supervision", "check_in"): (("client_id", "window_from"),),
    ("notifications", "notification"): (("cause", "recipient", "channel"),),
}
"""What the business counts by: the columns that two rows never share."""


def _look_at_keys(timeline: Timeline, sight: Sight) -> None:
    for (service, table), keys in BUSINESS_KEYS.items():
        if service != timeline.service:
            continue
        for columns in keys:
            counted = Counter(
                tuple(str(entry.get(column)) for column in columns) for entry in timeline.of(table, "INSERT")
            )
            sight.look(len(counted))
            for name, count in counted.items():
                if count > 1:
                    sight.wrong(service, " ".join(name), f"{count} rows of {table} with the same {', '.join(columns)}")


def _look_at_registers(run: Run, sight: Sight) -> None:
    """Numbers of a register follow one another without a gap, one to a person, and are told to one subject."""
    series: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    live: Counter[tuple[str, str]] = Counter()
    for row in run.rows("registration", "register_entry"):
        series[row["unit"], row["register"], row["year"]].append(row["seq"])
        live[row["register"], row["subject"]] += row["state"] == "live"
    counters = {row["counter"]: row["last_seq"] for row in run.rows("registration", "register_counter")}
    for (unit, register, year), numbers in series.items():
        sight.look()
        last = counters.pop(f"{unit}|{register}|{year}", None)
        if sorted(numbers) != list(range(1, len(numbers) + 1)) or last != len(numbers):
            sight.wrong(
                "registration", f"{unit} {register} {year}", f"numbers {sorted(numbers)}, the last given {last}"
            )
    for counter, last in counters.items():
        sight.wrong("registration", counter, f"{last} numbers were given, and none is in the register")
    for (register, subject), count in live.items():
        if count > 1:
            sight.wrong("registration", subject, f"{count} live entries in {register}")
    told = defaultdict(set)
    for number, subject in _numbers_told(run):
        told[number].add(subject)
    for number, subjects in told.items():
        sight.look()
        if len(subjects) > 1:
            sight.wrong("registration", number, f"told of {len(subjects)} clients: {', '.join(sorted(subjects))}")


def _numbers_told(run: Run) -> Iterator[tuple[str, str]]:
    """The numbers of the last timeline as they were made known; what a restore has undone was given again."""
    for entry in run.final("registration").of("outbox", "INSERT"):
        if header(entry, "ce_type") == REGISTERED:
            value = run.log.value_of(entry.get("event_id"))
            if value:
                yield value["register_no"], entry.get("key")
