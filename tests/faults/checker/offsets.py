"""R6: a stored offset never passes a record that has no outcome yet."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.faults.checker.folder import Run
from tests.faults.checker.history import Entry, Timeline
from tests.faults.checker.records import Place, Record
from tests.faults.checker.verdict import Sight


class _Done(NamedTuple):
    """The first outcome of something: the number of its entry, and its transaction."""

    n: int
    xid: str


class _Outcomes:
    """When each event and each record came to its first outcome in one timeline."""

    def __init__(self, timeline: Timeline, prefix: str) -> None:
        self._events: dict[str, _Done] = {}
        self._places: dict[Place, _Done] = {}
        for key, times in timeline.handled.items():
            self._keep(key, times[0].entry)
        for entry in timeline.of("dead_letter", "INSERT"):
            self._keep(entry.get("event_key"), entry)
            place = (entry.get("topic").removeprefix(prefix), entry.get("partition"), entry.get("record_offset"))
            self._places.setdefault(place, _Done(entry.n, entry.xid))

    def _keep(self, key: str, entry: Entry) -> None:
        done = _Done(entry.n, entry.xid)
        self._events[key] = min(self._events.get(key, done), done)

    def by(self, entry: Entry, record: Record) -> bool:
        """Whether a record had an outcome when an offset was written, or had it in the same transaction."""
        found = (self._events.get(record.event_key or ""), self._places.get(record.place))
        return any(done is not None and (done.n < entry.n or done.xid == entry.xid) for done in found)


def look(run: Run, sight: Sight) -> None:
    """Look at every offset that was ever stored, with the records between it and the one before."""
    for service in run.services:
        for timeline in run.timelines[service]:
            outcomes = _Outcomes(timeline, run.about["prefix"])
            for entry, record in _passed(run, timeline):
                sight.look()
                if record.reading(service) != "foreign" and not outcomes.by(entry, record):
                    evidence = f"offset {entry.get('next_offset')} stored in {entry.xid} passes {record.place}"
                    sight.wrong(service, record.event_key, f"{evidence}: {record.type} of {record.key} has no outcome")


def _passed(run: Run, timeline: Timeline) -> Iterator[tuple[Entry, Record]]:
    """Each stored offset with the records that it passes for the first time."""
    prefix, reached = run.about["prefix"], dict[tuple[str, int], int]()
    for entry in timeline.of("consumer_offset", "INSERT", "UPDATE"):
        partition = (entry.get("topic").removeprefix(prefix), entry.get("partition"))
        start, end = reached.get(partition, 0), entry.get("next_offset")
        if timeline.is_news(entry):
            for record in run.log.by_partition.get(partition, ()):
                if start <= record.offset < end:
                    yield entry, record
        reached[partition] = max(start, end)
