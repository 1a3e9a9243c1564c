"""R10: whoever looks at the handling of an event finds its publisher, and above that whoever began it all."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.faults.checker.contract import OUR_SOURCES, span_of
from tests.faults.checker.folder import Run
from tests.faults.checker.history import Handled
from tests.faults.checker.records import Place, Record
from tests.faults.checker.verdict import Sight

SHARE_MIN: Final = 0.99
SHOWN_MAX: Final = 5
DYING_SECONDS: Final = 1.0
"""What a process did so shortly before it was killed may be committed and never told."""
CUTTING: Final = frozenset({"database", "restore", "cut-sessions", "no-connections"})
"""Faults after which a service may not know whether it has committed: it tells nothing, and does it again in vain."""
A_DATABASE: Final = " database"
EVERYBODY: Final = "postgres"

Span = Mapping[str, Any]


class _Darkness:
    """When a service could commit something and not live, or not know enough, to tell of it."""

    def __init__(self, run: Run) -> None:
        self._times: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for process in run.about.get("processes", ()):
            if process["ended_at"] is not None and not process["how"].startswith("stopped"):
                self._times[process["service"]].append((process["ended_at"] - DYING_SECONDS, process["ended_at"]))
        for fault in run.about.get("faults", ()):
            if fault["kind"] in CUTTING or fault["target"].endswith(A_DATABASE):
                until = run.about["healed_at"] if fault["until"] is None else fault["until"] + DYING_SECONDS
                for service in run.services:
                    if fault["target"].startswith((service, EVERYBODY)):
                        self._times[service].append((fault["at"] - DYING_SECONDS, until))

    def covers(self, service: str, at: float) -> bool:
        """Whether what a service committed then may have been told by nobody."""
        return any(start <= at <= end for start, end in self._times[service])

    def has_come(self, service: str, at: float) -> bool:
        """Whether there was such a time before this moment."""
        return any(start <= at for start, _ in self._times[service])


class _Spans:
    """The spans of a run, to be asked."""

    def __init__(self, run: Run) -> None:
        self.by_id = {(span["trace_id"], span["span_id"]): span for span in run.spans}
        self.begun = {span_of(sent.get("traceparent")) for sent in run.inputs}
        """The spans of those outside, who begin every trace and tell us nothing of it."""
        self.of_place: dict[tuple[str, Place], list[Span]] = defaultdict(list)
        prefix = run.about["prefix"]
        for span in run.spans:
            said = span["attributes"]
            if said.get("messaging.operation.type") != "process":
                continue
            topic = str(said.get("messaging.destination.name", "")).removeprefix(prefix)
            place = (topic, int(said["messaging.destination.partition.id"]), int(said["messaging.kafka.offset"]))
            self.of_place[span["service"], place].append(span)

    def missing(self, consumer: str, record: Record) -> tuple[str, str] | None:
        """Why the publisher of a record is not found from its handling, and whose span is missing; None if it is."""
        wanted = span_of(record.traceparent)
        spans = self.of_place.get((consumer, record.place), [])
        if not spans or wanted is None:
            return "no span of its handling", consumer
        if not any(span["trace_id"] == wanted[0] for span in spans):
            return "handled in another trace", ""
        if not any(self._names(span, wanted) for span in spans):
            return "its handling names another publisher", ""
        source = record.source or ""
        if source.startswith(OUR_SOURCES):
            publisher, published = source.removeprefix(OUR_SOURCES), self.by_id.get(wanted)
            if published is None:
                return "no span of its publishing", publisher
            if published["service"] != publisher:
                return f"published by a span of {published['service']}", ""
        return None

    def breaks_off(self, consumer: str, record: Record) -> Span | None:
        """The last span on the way up from a handling, where the one above it is neither here nor outside."""
        wanted = span_of(record.traceparent)
        for handling in self.of_place.get((consumer, record.place), []):
            span = handling
            if wanted is None or span["trace_id"] != wanted[0]:
                continue
            while span["parent_id"] is not None:
                above = (span["trace_id"], span["parent_id"])
                if above not in self.by_id:
                    return None if above in self.begun else span
                span = self.by_id[above]
            return None
        return None

    @staticmethod
    def _names(span: Span, wanted: tuple[str, str]) -> bool:
        linked = {(link["trace_id"], link["span_id"]) for link in span.get("links") or ()}
        return wanted in linked or wanted == (span["trace_id"], span["parent_id"])


def look(run: Run, sight: Sight) -> None:
    """Count how many of the applied events lead to their publisher; all but one in a hundred must.

    Spans are told after the commit, so what was committed in the dark may be told by nobody; these are counted apart.
    """
    if not run.about.get("sampled"):
        return
    spans, darkness, missed, dark = _Spans(run), _Darkness(run), list[tuple[str, str, str]](), 0
    for consumer, handled, copies in _applied(run):
        reasons = [spans.missing(consumer, record) for record in copies]
        if None in reasons:
            record = copies[reasons.index(None)]
            last = spans.breaks_off(consumer, record)
            if last is None:
                sight.look()
                continue
            why = f"the trace breaks off above {last['name']} of {last['service']}"
            is_dark = darkness.has_come(last["service"], handled.entry.at)
        else:
            why, whose = next(reason for reason in reasons if reason is not None)
            at = handled.entry.at if whose == consumer else _written_at(run, whose, handled.key)
            is_dark = at is not None and darkness.covers(whose, at)
        if is_dark:
            dark += 1
            continue
        sight.look()
        missed.append((consumer, handled.key, f"{why}: {copies[0].type} at {copies[0].place}"))
    sight.note("reached", f"{sight.seen - len(missed)} of {sight.seen}, and {dark} in the dark")
    if len(missed) > sight.seen * (1 - SHARE_MIN):
        for consumer, key, why in missed[:SHOWN_MAX]:
            sight.wrong(consumer, key, why)
        sight.wrong("-", "traces", f"{len(missed)} of {sight.seen} applied events do not lead to their publisher")


def _applied(run: Run) -> Iterator[tuple[str, Handled, list[Record]]]:
    """The events that were applied and sent in a trace, with all their copies."""
    for consumer in run.services:
        topics = run.topics_of(consumer)
        for key, times in run.final(consumer).handled.items():
            copies = [record for record in run.log.by_event.get(key, ()) if record.topic in topics]
            if times[-1].outcome == "applied" and any(span_of(record.traceparent) for record in copies):
                yield consumer, times[-1], copies


def _written_at(run: Run, service: str, event_id: str) -> float | None:
    """When a service wrote a message into its outbox."""
    for timeline in run.timelines.get(service, ()):
        for entry in timeline.of("outbox", "INSERT"):
            if entry.get("event_id") == event_id:
                return entry.at
    return None
