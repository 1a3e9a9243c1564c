"""R3: what was committed is on its topic under its own name, what was not is nowhere, and the order of a key stays."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from tests.faults.checker.effects import header, numbered_facts
from tests.faults.checker.folder import Run
from tests.faults.checker.history import Entry, Timeline
from tests.faults.checker.records import Record
from tests.faults.checker.verdict import Sight

SENT_AS: Final = ("ce_id", "ce_source", "ce_type", "ce_subject", "ce_sequence", "ce_correlationid", "ce_causationid")
CLOCK_GRAIN_SECONDS: Final = 0.001
"""Kafka writes times in whole milliseconds, rounded down."""


def look(run: Run, sight: Sight) -> None:
    """Compare what the databases committed with what lies on the topics, both ways."""
    committed: dict[str, Entry] = {}
    for service in run.services:
        for timeline in run.timelines[service]:
            for entry in timeline.of("outbox", "INSERT"):
                committed.setdefault(entry.get("event_id"), entry)
    for service in run.services:
        final = run.final(service)
        for entry in final.of("outbox", "INSERT"):
            _look_at_row(run, service, entry, sight)
        _look_at_order(run, final, sight)
        _look_at_numbers(run, final, sight)
    _look_at_topics(run, committed, sight)


def _look_at_row(run: Run, service: str, entry: Entry, sight: Sight) -> None:
    """A committed row is on its topic; all copies are the same to the last byte."""
    sight.look()
    event_id, prefix = entry.get("event_id"), run.about["prefix"]
    copies = run.log.by_event.get(event_id, ())
    what = f"{header(entry, 'ce_type')} of {entry.get('key')} (seq {entry.get('seq')})"
    waits = any(row["event_id"] == event_id for row in run.rows(service, "outbox"))
    if not copies and (run.is_quiet or not waits):
        sight.wrong(service, event_id, f"committed, and on no topic: {what}")
    for record in copies:
        wanted = (entry.get("topic").removeprefix(prefix), entry.get("key"), entry.get("payload_sha256"))
        if (record.topic, record.key, record.value_sha256) != wanted:
            sight.wrong(service, event_id, f"not as it was committed at {record.place}: {what}")
        for name in SENT_AS:
            if (record.headers.get(name) or "") != header(entry, name):
                sight.wrong(service, event_id, f"{name} is another at {record.place}: {what}")


def _look_at_topics(run: Run, committed: Mapping[str, Entry], sight: Sight) -> None:
    """Nothing is on our topics that no database has committed, nor before it had."""
    for record in run.records:
        if record.topic in run.upstream:
            continue
        sight.look()
        entry = committed.get(record.id or "")
        if entry is None:
            sight.wrong(record.source or "-", record.id, f"{record.type} at {record.place}, and committed by nobody")
        elif record.timestamp is not None and record.timestamp + CLOCK_GRAIN_SECONDS < entry.at:
            early = entry.at - record.timestamp
            sight.wrong(record.source or "-", record.id, f"at {record.place} {early:.3f} s before it was written")


def _look_at_order(run: Run, timeline: Timeline, sight: Sight) -> None:
    """Where facts of one key appear first on their topic, they stand in the order in which they were written."""
    written: dict[tuple[str, str], list[tuple[int, Record]]] = defaultdict(list)
    for entry in timeline.of("outbox", "INSERT"):
        topic = entry.get("topic").removeprefix(run.about["prefix"])
        first = run.log.first(entry.get("event_id"), {topic})
        if first is not None:
            written[topic, entry.get("key")].append((entry.get("seq"), first))
    for (topic, key), facts in written.items():
        sight.look()
        ordered = sorted(facts, key=lambda fact: fact[0])
        for (seq, before), (later_seq, after) in pairwise(ordered):
            if before.partition != after.partition:
                sight.wrong(timeline.service, key, f"on two partitions of {topic}: {before.place} and {after.place}")
            elif after.offset <= before.offset:
                evidence = f"row {later_seq} at {after.place} before row {seq} at {before.place}"
                sight.wrong(timeline.service, key, evidence)


def _look_at_numbers(run: Run, timeline: Timeline, sight: Sight) -> None:
    """The facts of a matter are numbered from one on without a gap: a missing one was decided and never written."""
    numbers: dict[str, set[int]] = defaultdict(set)
    if not run.is_quiet:
        return  # whose matter a fact is stands in what it says, and some have not been sent yet
    for entry in numbered_facts(timeline):
        value = run.log.value_of(entry.get("event_id"))
        matter = value.get("registration_id") if timeline.service == "registration" else entry.get("key")
        if matter is not None:
            numbers[matter].add(int(header(entry, "ce_sequence") or 0))
    for matter, found in numbers.items():
        sight.look()
        missing = sorted(set(range(1, max(found) + 1)) - found)
        if missing:
            sight.wrong(timeline.service, matter, f"facts {missing} of {max(found)} were never written")
