"""R10: whoever looks at the handling of an event finds the span of its publisher, in the same trace."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from tests.faults.checker.contract import OUR_SOURCES, span_of
from tests.faults.checker.folder import Run
from tests.faults.checker.records import Place, Record
from tests.faults.checker.verdict import Sight

SHARE_MIN: Final = 0.99
SHOWN_MAX: Final = 5

Span = Mapping[str, Any]


class _Spans:
    """The spans of a run, to be asked."""

    def __init__(self, run: Run) -> None:
        self.by_id = {(span["trace_id"], span["span_id"]): span for span in run.spans}
        self.of_place: dict[tuple[str, Place], list[Span]] = defaultdict(list)
        self.of_message: dict[tuple[str, str], list[Span]] = defaultdict(list)
        prefix = run.about["prefix"]
        for span in run.spans:
            said = span["attributes"]
            if said.get("messaging.operation.type") != "process":
                continue
            topic = str(said.get("messaging.destination.name", "")).removeprefix(prefix)
            place = (topic, int(said["messaging.destination.partition.id"]), int(said["messaging.kafka.offset"]))
            self.of_place[span["service"], place].append(span)

    def reached(self, consumer: str, record: Record) -> str | None:
        """Why the publisher of a record cannot be found from its handling; None if it can."""
        wanted = span_of(record.traceparent)
        spans = self.of_place.get((consumer, record.place), [])
        if not spans:
            return "no span of its handling"
        if not any(span["trace_id"] == wanted[0] for span in spans if wanted):
            return "handled in another trace"
        if not any(self._names(span, wanted) for span in spans if wanted):
            return "its handling names another publisher"
        source = record.source or ""
        if source.startswith(OUR_SOURCES) and wanted is not None:
            published = self.by_id.get(wanted)
            if published is None:
                return "no span of its publishing"
            if published["service"] != source.removeprefix(OUR_SOURCES):
                return f"published by a span of {published['service']}"
        return None

    @staticmethod
    def _names(span: Span, wanted: tuple[str, str] | None) -> bool:
        linked = {(link["trace_id"], link["span_id"]) for link in span.get("links") or ()}
        return wanted in linked or wanted == (span["trace_id"], span["parent_id"])


def look(run: Run, sight: Sight) -> None:
    """Count how many of the applied events lead to their publisher; all but one in a hundred must."""
    if not run.about.get("sampled"):
        return
    spans, missed = _Spans(run), list[tuple[str, str, str]]()
    for consumer in run.services:
        topics = run.topics_of(consumer)
        for key, times in run.final(consumer).handled.items():
            copies = [record for record in run.log.by_event.get(key, ()) if record.topic in topics]
            if times[-1].outcome != "applied" or not any(span_of(record.traceparent) for record in copies):
                continue
            sight.look()
            reasons = {spans.reached(consumer, record) for record in copies}
            if None not in reasons:
                missed.append((consumer, key, f"{min(map(str, reasons))}: {copies[0].type} at {copies[0].place}"))
    sight.note("reached", f"{sight.seen - len(missed)} of {sight.seen}")
    if len(missed) > sight.seen * (1 - SHARE_MIN):
        for consumer, key, why in missed[:SHOWN_MAX]:
            sight.wrong(consumer, key, why)
        sight.wrong("-", "traces", f"{len(missed)} of {sight.seen} applied events do not lead to their publisher")
