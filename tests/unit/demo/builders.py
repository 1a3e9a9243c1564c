"""A small weekend whose facts agree: one client registered, one found by nobody, one report sent twice."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from contracts.catalogue import HANDLED, consumed_by
from contracts.lapas import ClientReleased, client_id_of
from contracts.notifications import NotificationDeliveredV2
from contracts.reference import load_reference
from contracts.registration import (
    ClientDetails,
    ClientRegistered,
    FirstContactMade,
    FirstContactOverdue,
    RegistrationOpened,
    TracingStarted,
)
from contracts.supervision import FirstCheckInScheduled, SupervisionOpened
from deploy.demo.doors import Origin, Sent
from deploy.demo.facts import Case, Entry, Facts, Mail, Message, Notice, Store, key_of
from deploy.demo.scenario import Act, Do, End, Outcome, Scenario, load, report_of
from deploy.demo.topics import Record

FRIDAY = "2026-05-29T10:00:00+07:00"
MONDAY = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
ORIGIN = Origin(trace_id="0" * 31 + "1", span_id="0" * 15 + "1", began_ns=0)
NAMESPACE = UUID("8d1d3a0e-0000-5000-8000-000000000001")
COLUMNS = (*load().reports[0].cells, "row", "at", "door", "what", "expect", "case", "note")


def a_report(row: int, case: str, **cells: str) -> dict[str, str]:
    """A line of the first sheet."""
    said = {
        "row": str(row),
        "case": case,
        "at": FRIDAY,
        "door": "kafka",
        "what": "released",
        "expect": "applied",
        "release_id": f"LP1-{case}",
        "revision": "1",
        "facility": "LP1-PLG",
        "name": f"Somebody {case}",
        "released_at": FRIDAY,
    }
    return {**dict.fromkeys(COLUMNS, ""), **said, **cells}


def an_act(case: str, do: Do, **more: Any) -> Act:
    """A line of the second sheet."""
    blank: dict[str, Any] = dict.fromkeys(("method", "identity", "biometrics", "detail", "text"), "")
    at = datetime.fromisoformat("2026-05-29T11:00:00+07:00")
    return Act(**{**blank, "at": at, "officer": "PO-HQ-01", "case": case, "do": do, "when": at, **more})


def a_scenario() -> Scenario:
    """Case 01 is met within the hour and registered; nobody meets case 02; 01 was reported by HTTP once more."""
    rows = (a_report(1, "01"), a_report(2, "02"), a_report(3, "01", door="http", expect="known"))
    return Scenario(
        reports=[report_of(cells) for cells in rows],
        acts=[an_act("01", Do.CONTACT)],
        ends=[
            End(case="01", ends_as="registered", note=""),
            End(case="02", ends_as="tracing", note=""),
        ],
    )


class Topic:
    """Records in the order in which they are put."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._offsets = count()

    def put(self, event: Any, subject: str, sequence: int | None, *, topic: str = "", **data: Any) -> Record:
        """Put an event of a class on its topic."""
        source = "/sdp/lp1" if event.owner == "lapas" else f"/bapas/{event.owner}"
        record = Record(
            topic=topic or event.topic_for(juvenile=False),
            partition=0,
            offset=next(self._offsets),
            key=subject,
            id=str(uuid5(NAMESPACE, f"{event.type}|{subject}|{sequence}|{data}")),
            source=source,
            type=event.type,
            subject=subject,
            sequence=sequence,
            traceparent=None,
            value=json.dumps(data).encode(),
        )
        self.records.append(record)
        return record


def _published(scenario: Scenario, topic: Topic) -> list[Sent]:
    sent = []
    for report in scenario.reports:
        if report.door.value == "http":
            sent.append(Sent(report=report, origin=ORIGIN, answer=Outcome.KNOWN))
        else:
            record = topic.put(ClientReleased, report.release_id, None)
            sent.append(Sent(report=report, origin=ORIGIN, event_id=record.id, source=record.source))
    return sent


def _registered(registration: UUID, topic: Topic) -> None:
    client, one = str(client_id_of(registration)), str(registration)
    topic.put(RegistrationOpened, one, 1)
    topic.put(ClientDetails, client, 2, registration_id=one, client_id=client)
    topic.put(FirstContactMade, one, 3)
    topic.put(ClientRegistered, one, 4, client_id=client)
    topic.put(SupervisionOpened, client, 1)
    topic.put(FirstCheckInScheduled, client, 2)


def _searched(registration: UUID, topic: Topic) -> None:
    topic.put(RegistrationOpened, str(registration), 1)
    for sequence, hours in enumerate((24, 48, 72), start=2):
        topic.put(FirstContactOverdue, str(registration), sequence, hours=hours)
    topic.put(TracingStarted, str(registration), 5)


TOLD: Mapping[str, tuple[str, ...]] = {
    "released": ("PO-HQ-01",),
    "unseen-24": ("PO-HQ-02",),
    "unseen-48": ("SHA-HQ-01",),
    "unseen-72": ("HEAD-HQ-01", "PO-HQ-04"),
}


WITH_TELEPHONE = frozenset({"PO-HQ-02"})


def _told(about: UUID, topic: Topic) -> list[Notice]:
    found = []
    for occasion, recipients in TOLD.items():
        for recipient in recipients:
            for channel in ("IN_APP", "GATEWAY" if recipient in WITH_TELEPHONE else "EMAIL"):
                identity = uuid5(NAMESPACE, f"{occasion}|{recipient}|{channel}")
                topic.put(NotificationDeliveredV2, str(identity), 1)
                found.append(
                    Notice(
                        notification_id=identity,
                        about=about,
                        occasion=occasion,
                        recipient=recipient,
                        channel=channel,
                        state="delivered",
                        maybe_doubled=False,
                        message_id=f"<{identity}@bapas.example>" if channel != "IN_APP" else None,
                        parcel=identity if channel != "IN_APP" else None,
                    )
                )
    return found


def _inboxes(records: list[Record]) -> dict[str, Store]:
    stores = {}
    for service, events in HANDLED.items():
        topics, types = {topic.name for topic in consumed_by(service)}, {event.type for event in events}
        handled = [record for record in records if record.topic in topics and record.type in types]
        stores[service] = Store(inbox={key_of(record): "applied" for record in handled})
    return stores


def the_facts() -> Facts:
    """What there is to see after the small weekend when all went well."""
    scenario, topic = a_scenario(), Topic()
    sent = _published(scenario, topic)
    met, missing = scenario.registrations["01"], scenario.registrations["02"]
    _registered(met, topic)
    _searched(missing, topic)
    notices = _told(missing, topic)
    client = client_id_of(met)
    return Facts(
        scenario=scenario,
        reference=load_reference(),
        ended_at=MONDAY,
        sent=sent,
        records=topic.records,
        cases=[
            Case(registration_id=met, release_id="LP1-01", client_id=client, status="registered"),
            Case(registration_id=missing, release_id="LP1-02", client_id=client_id_of(missing), status="tracing"),
        ],
        entries=[
            Entry(unit="PLG-HQ", register="KLD-PB", year=2026, seq=1, number="1/KLD-PB", registration_id=met),
        ],
        counters={"PLG-HQ|KLD-PB|2026": 1},
        stores=_inboxes(topic.records),
        supervisions=[client],
        check_ins=[client],
        notices=notices,
        mails=[
            Mail(message_id=notice.message_id.strip("<>"), recipients=(notice.recipient,), text="Seorang klien")
            for notice in notices
            if notice.message_id and notice.channel == "EMAIL"
        ],
        messages=[
            Message(key=str(notice.parcel), text="Seorang klien") for notice in notices if notice.channel == "GATEWAY"
        ],
    )
