"""Our messages and those of the CloudEvents SDK are the same messages."""

from datetime import UTC, datetime

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from contracts.envelope import Envelope, Received, decode, encode
from contracts.lapas import ClientReleased
from contracts.registration import FirstContactOverdue

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_release_made_with_the_sdk_is_read_here() -> None:
    foreign = CloudEvent(
        {
            "id": "lp1/2026/417",
            "source": "/sdp/lp1-plg",
            "type": "lapas.client-released.v1",
            "subject": "LP1-PLG.2026.0417",
            "time": datetime(2026, 5, 29, 9, 31, 2, tzinfo=UTC),
            "datacontenttype": "application/json",
            "traceparent": TRACE,
        },
        {
            "release_id": "LP1-PLG.2026.0417",
            "facility": "LP1-PLG",
            "name": "Budi Santoso",
            "released_at": "2026-05-29T16:30:00+07:00",
        },
    )
    message = to_binary(foreign, JSONFormat(), key_mapper=lambda event: event.get_subject())
    key = message.key.encode() if isinstance(message.key, str) else message.key

    received = decode(key, list(message.headers.items()), message.value, known={ClientReleased.type: ClientReleased})

    assert isinstance(received, Received)
    assert received.event == ClientReleased(
        release_id="LP1-PLG.2026.0417",
        facility="LP1-PLG",
        name="Budi Santoso",
        released_at=datetime(2026, 5, 29, 9, 30, tzinfo=UTC),
    )
    assert received.envelope == Envelope(
        id="lp1/2026/417",
        source="/sdp/lp1-plg",
        type="lapas.client-released.v1",
        subject="LP1-PLG.2026.0417",
        time=datetime(2026, 5, 29, 9, 31, 2, tzinfo=UTC),
        traceparent=TRACE,
    )


def test_an_event_of_ours_is_read_by_the_sdk() -> None:
    overdue = FirstContactOverdue.model_validate(
        {
            "registration_id": "0f0d8c63-7a86-5d7c-9c39-6e6f4b8ad6f1",
            "client_id": "6a1d5f4e-4b7e-5b52-8f0c-7d1c7b2f9a10",
            "receiving_unit": "PLG-HQ",
            "hours": 48,
            "due_at": "2026-05-31T09:30:00Z",
        }
    )
    envelope = Envelope(
        id="0197192e-5a40-7c3e-8f6a-0d3c5b1e0001",
        source="/bapas/registration",
        type=overdue.type,
        subject=overdue.subject,
        time=datetime(2026, 5, 31, 9, 30, 0, 250_000, tzinfo=UTC),
        correlation_id="0197192d-11b0-7a57-9c1e-2f6f0c9d0001",
        causation_id="0197192d-11b0-7a57-9c1e-2f6f0c9d0001",
        sequence=4,
        traceparent=TRACE,
    )
    key, headers, value = encode(overdue, envelope)

    read = from_binary(KafkaMessage(headers=dict(headers), key=key, value=value), JSONFormat())

    assert read.get_id() == envelope.id
    assert read.get_source() == "/bapas/registration"
    assert read.get_type() == "registration.first-contact-overdue.v1"
    assert read.get_subject() == "0f0d8c63-7a86-5d7c-9c39-6e6f4b8ad6f1"
    assert read.get_time() == envelope.time
    assert read.get_specversion() == "1.0"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("correlationid") == envelope.correlation_id
    assert read.get_extension("causationid") == envelope.causation_id
    assert read.get_extension("sequence") == "4"
    data = read.get_data()
    assert isinstance(data, dict)
    assert data["hours"] == 48
    assert FirstContactOverdue.model_validate(data) == overdue
