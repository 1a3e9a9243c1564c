"""R11: a clock rings once: it is taken away in the transaction of what it causes, and not before its time."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from tests.faults.checker.causes import facts_of
from tests.faults.checker.contract import (
    AWAITED,
    CLOCK_FACTS,
    NOT_RELEASED,
    TRACING_CLOCKS,
    TRACING_OVERDUE,
    WAITS_TO_SUBMIT,
    instant,
)
from tests.faults.checker.effects import header
from tests.faults.checker.folder import Run
from tests.faults.checker.history import Entry, Timeline, Work
from tests.faults.checker.verdict import Sight

Clock = tuple[str, str]
"""Subject and kind."""
Setting = tuple[str, str, str]
"""Subject, kind and the time at which it was due."""

RINGS_FOR: Final[Mapping[str, frozenset[str]]] = {
    "first-contact": AWAITED,
    "tracing-calls": frozenset({"tracing"}),
    "tracing-visit": frozenset({"tracing"}),
    "submission": WAITS_TO_SUBMIT,
    "release-unconfirmed": NOT_RELEASED | {"provisionally_registered"},
}
"""By clock of registration, the states in which it has something to say when it rings."""


def look(run: Run, sight: Sight) -> None:
    """Look at every transaction in which clocks rang, or in which something says that one did."""
    for service in run.services:
        for timeline in run.timelines[service]:
            fired: dict[Setting, str] = {}
            states: dict[str, str] = {}
            for work in timeline.works:
                for entry in work.of("registration", "INSERT", "UPDATE"):
                    states[entry.get("registration_id")] = entry.get("status")
                if timeline.is_news(work.first):
                    _look_at_work(run, timeline, work, states, sight)
                _look_at_returns(timeline, work, fired, sight)


def _look_at_work(run: Run, timeline: Timeline, work: Work, states: Mapping[str, str], sight: Sight) -> None:
    taken = {_clock(entry): entry for entry in work.of("timer", "DELETE")}
    said = list(_said(run, timeline.service, work))
    for clock, due, what in said:
        if timeline.service == "registration" and (work.is_told or work.is_asked):
            continue  # a report that came late, by whichever door, says itself what had run out meanwhile
        sight.look()
        entry = taken.get(clock)
        if entry is None:
            sight.wrong(timeline.service, clock[0], f"{what} in {work.xid}, and {clock[1]} was not taken away there")
        elif due is not None and instant(entry.old.get("due_at")) != due:
            evidence = f"{what} in {work.xid} is of {due}, the clock {clock[1]} was set to {entry.old.get('due_at')}"
            sight.wrong(timeline.service, clock[0], evidence)
    if work.fires_clocks and run.is_quiet:
        _look_at_taken(timeline, work, taken, {clock for clock, _, _ in said}, states, sight)


def _clock(entry: Entry) -> Clock:
    return entry.get("subject"), entry.get("kind")


def _setting(entry: Entry) -> Setting:
    return entry.get("subject"), entry.get("kind"), entry.get("due_at")


def _said(run: Run, service: str, work: Work) -> Iterator[tuple[Clock, datetime | None, str]]:
    """What a transaction says of clocks that ran out: which, due when, in which words."""
    if service == "registration":
        first: set[Clock] = set()
        for entry in facts_of(work):
            value = run.log.value_of(entry.get("event_id"))
            kind = _kind_of(header(entry, "ce_type"), value)
            if kind is not None:
                clock = (entry.get("key"), kind)
                # Of several rungs at once the clock stood on the first.
                due = None if clock in first else instant(value.get("due_at"))
                first.add(clock)
                yield clock, due, header(entry, "ce_type")
    for entry in work.of("notification", "INSERT"):
        kind, _, rest = entry.get("cause").removesuffix("|missed").partition("|")
        subject, _, due_at = rest.partition("|")
        if due_at:
            yield (subject, kind), instant(due_at), f"notice to {entry.get('recipient')}"


def _kind_of(event_type: str, value: Mapping[str, Any]) -> str | None:
    if event_type == TRACING_OVERDUE and value:
        return TRACING_CLOCKS[value["step"]]
    return CLOCK_FACTS.get(event_type)


def _look_at_taken(
    timeline: Timeline,
    work: Work,
    taken: Mapping[Clock, Entry],
    said: set[Clock],
    states: Mapping[str, str],
    sight: Sight,
) -> None:
    """What rang has said so, unless it was set anew at once or nobody waits for it any longer; none rang too early."""
    now = max((moment for moment in map(_office_time, facts_of(work)) if moment is not None), default=None)
    kept = {_clock(entry): entry.get("due_at") for entry in work.of("timer", "INSERT", "UPDATE")}
    for clock, entry in taken.items():
        sight.look()
        due = instant(entry.old.get("due_at"))
        if now is not None and due is not None and due > now and clock in said:
            sight.wrong(timeline.service, clock[0], f"{clock[1]} rang in {work.xid} at {now}, and was due {due}")
        if clock in said and kept.get(clock) == entry.old.get("due_at"):
            sight.wrong(
                timeline.service, clock[0], f"{clock[1]} rang in {work.xid}, and was set again to {kept[clock]}"
            )
        waited_for = states.get(clock[0]) in RINGS_FOR.get(clock[1], frozenset())
        if waited_for and clock not in said and clock not in kept:
            sight.wrong(timeline.service, clock[0], f"{clock[1]} was taken away in {work.xid} and said nothing")


def _office_time(entry: Entry) -> datetime | None:
    return instant(header(entry, "ce_time"))


def _look_at_returns(timeline: Timeline, work: Work, fired: dict[Setting, str], sight: Sight) -> None:
    """A clock that rang is not there again: only a message or a person may set it to the same time once more."""
    if not work.fires_clocks:
        return
    taken = {_setting(entry) for entry in work.of("timer", "DELETE")}
    kept = {_setting(entry) for entry in work.of("timer", "INSERT", "UPDATE")}
    for setting in kept:
        if setting in fired and timeline.is_news(work.first):
            evidence = f"{setting[1]} of {setting[2]} rang in {fired[setting]}, and was set again in {work.xid}"
            sight.wrong(timeline.service, setting[0], evidence)
    # Taken and set again at once is one that was passed over, because another clock of the round had moved it.
    fired |= dict.fromkeys(taken - kept, work.xid)
