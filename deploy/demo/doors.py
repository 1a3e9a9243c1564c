"""The three doors, used as a prison uses them: Kafka with foreign libraries, HTTP, and an uploaded spreadsheet."""

import csv
import io
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from cloudevents.core.bindings.kafka import KafkaMessage, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

from contracts.lapas import CHILD_FACILITY_PREFIXES, Category
from deploy.demo.people import People
from deploy.demo.scenario import Door, Outcome, Report, What
from deploy.local.problem import Problem

FLUSH_SECONDS: Final = 15.0
PATHS: Final = {
    What.ANNOUNCED: "/v1/announcements",
    What.RELEASED: "/v1/releases",
    What.CORRECTED: "/v1/releases",
    What.CANCELLED: "/v1/releases/{release_id}/cancellation",
}
WORDS: Final[Mapping[str, Outcome]] = {
    "applied": Outcome.APPLIED,
    "accepted": Outcome.APPLIED,
    "duplicate": Outcome.KNOWN,
    "already_known": Outcome.KNOWN,
    "irrelevant": Outcome.IRRELEVANT,
    "refused": Outcome.REFUSED,
}
"""What the doors of HTTP say; by whichever of them it came, a report that is known already changes nothing."""
UPLOAD: Final = "/v1/releases/upload"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a trace begins: in the prison, when it reports."""

    trace_id: str
    span_id: str
    began_ns: int

    @classmethod
    def new(cls) -> "Origin":
        """A new trace that begins now."""
        return cls(trace_id=secrets.token_hex(16), span_id=secrets.token_hex(8), began_ns=time.time_ns())

    @property
    def traceparent(self) -> str:
        """The header that hands the trace on (W3C trace context)."""
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A report that went through its door, and what the door said at once; Kafka says nothing."""

    report: Report
    origin: Origin
    ended_ns: int = 0
    event_id: str | None = None
    source: str | None = None
    answer: Outcome | None = None


@dataclass
class Doors:
    """The ways into the office."""

    people: People
    producer: Producer
    topic_prefix: str = ""
    _failures: list[Any] = field(default_factory=list)

    async def send(self, reports: Sequence[Report]) -> list[Sent]:
        """Send these reports, each through its door; the rows of one prison's sheet go up together."""
        sent = [self._publish(report) for report in reports if report.door is Door.KAFKA]
        self._flush()
        sent += [await self._post(report) for report in reports if report.door is Door.HTTP]
        sheets = [report for report in reports if report.door is Door.CSV]
        for facility, rows in groupby(sheets, key=lambda report: report.facility):
            sent += await self._upload(facility, list(rows))
        return sent

    def _publish(self, report: Report) -> Sent:
        """Publish as a system that knows nothing of this house but the catalogue."""
        origin = Origin.new()
        message, event_id, source = record_of(report, traceparent=origin.traceparent)
        topic = "lapas.juvenile.events" if is_of_a_child(report) else "lapas.events"
        self.producer.produce(
            self.topic_prefix + topic,
            key=message.key,
            value=message.value,
            headers=list(message.headers.items()),
            on_delivery=self._delivered,
        )
        return Sent(report=report, origin=origin, ended_ns=time.time_ns(), event_id=event_id, source=source)

    def _delivered(self, failure: Any, _message: Any) -> None:
        if failure is not None:
            self._failures.append(failure)

    def _flush(self) -> None:
        if self.producer.flush(FLUSH_SECONDS) or self._failures:
            raise Problem(f"Kafka did not take the reports of the prisons: {self._failures or 'no answer'}")

    async def _post(self, report: Report) -> Sent:
        origin = Origin.new()
        prison = self.people.prison_system(report.facility)
        path = PATHS[report.what].format(release_id=report.release_id)
        answer = await prison.post("registration", path, report.data, traceparent=origin.traceparent)
        return Sent(report=report, origin=origin, ended_ns=time.time_ns(), answer=outcome_of(answer))

    async def _upload(self, facility: str, reports: Sequence[Report]) -> list[Sent]:
        origin = Origin.new()
        answer = await self.people.prison_officer(facility).call(
            "POST",
            "registration",
            UPLOAD,
            files={"file": (f"{facility}.csv", sheet_of(reports), "text/csv")},
            headers={"traceparent": origin.traceparent},
        )
        outcomes, ended_ns = [outcome_of(row) for row in answer["rows"]], time.time_ns()
        return [
            Sent(report=report, origin=origin, ended_ns=ended_ns, answer=outcome)
            for report, outcome in zip(reports, outcomes, strict=True)
        ]


def record_of(report: Report, *, traceparent: str) -> tuple[KafkaMessage, str, str]:
    """The record that the CloudEvents SDK makes of a report, with its id and its source.

    A prison that sends the same report again sends the same id: it follows from what the report says.
    """
    data, source = report.data, f"/sdp/{report.facility.lower()}"
    event_id = str(uuid5(NAMESPACE_URL, f"{source}|{report.at.isoformat()}|{report.event.type}|{sorted(data.items())}"))
    attributes = {
        "id": event_id,
        "source": source,
        "type": report.event.type,
        "subject": report.release_id,
        "time": report.at,
        "datacontenttype": "application/json",
        "traceparent": traceparent,
    }
    message = to_binary(CloudEvent(attributes, data), JSONFormat(), key_mapper=lambda event: event.get_subject())
    return message, event_id, source


def is_of_a_child(report: Report) -> bool:
    """Whether the report belongs on the topic for children."""
    return report.facility.startswith(CHILD_FACILITY_PREFIXES) or report.cells["category"] == Category.CHILD


def sheet_of(reports: Sequence[Report]) -> bytes:
    """The reports as a prison's spreadsheet."""
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, fieldnames=list(_columns(reports)), extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows([report.cells for report in reports])
    return sheet.getvalue().encode()


def _columns(reports: Sequence[Report]) -> Iterator[str]:
    """The columns in which some row says something."""
    return (name for name in reports[0].cells if any(report.cells[name] for report in reports))


def outcome_of(answer: Mapping[str, Any]) -> Outcome:
    """What a door says, in the words of the first sheet."""
    return WORDS.get(str(answer.get("outcome")), Outcome.LOST)
