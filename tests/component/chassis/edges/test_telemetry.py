"""Contexts that travel, spans that come after the commit, and nothing personal in either."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from chassis import spans, telemetry
from chassis.clock import SystemClock
from chassis.telemetry import Telemetry, TraceContext

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
A_UUID = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """What was exported."""
    exporter = InMemorySpanExporter()
    yield exporter
    exporter.shutdown()


def exporting(exporter: InMemorySpanExporter, ratio: float = 1.0) -> Telemetry:
    """Telemetry that exports into memory."""
    return Telemetry(
        clock=SystemClock(), resource=Resource({}), processor=SimpleSpanProcessor(exporter), sample_ratio=ratio
    )


def silent(ratio: float = 1.0) -> Telemetry:
    """Telemetry of a process without an endpoint."""
    return Telemetry(clock=SystemClock(), resource=Resource({}), processor=None, sample_ratio=ratio)


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    """The one span that was exported."""
    [span] = exporter.get_finished_spans()
    return span


def test_a_context_survives_the_header() -> None:
    context = TraceContext.parse(SAMPLED)

    assert context is not None
    assert context.traceparent == SAMPLED


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("Budi Santoso", id="a name"),
        pytest.param(SAMPLED.upper(), id="upper case is not allowed"),
        pytest.param("00-" + "0" * 32 + "-b7ad6b7169203331-01", id="trace of zeros"),
        pytest.param("00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01", id="span of zeros"),
        pytest.param(SAMPLED + "-x", id="too long"),
    ],
)
def test_a_header_that_is_no_context_starts_a_new_trace(header: str | None) -> None:
    made = silent().new_context(header)

    assert TraceContext.parse(header) is None
    assert made.trace_hex != "0af7651916cd43dd8448eb211c80319c"


def test_without_an_endpoint_contexts_are_made_and_carried_all_the_same() -> None:
    house = silent()

    root = house.new_context()
    child = house.new_context(root.traceparent)

    assert not house.exports
    assert child.trace_id == root.trace_id
    assert child.span_id != root.span_id
    assert child.sampled


@pytest.mark.parametrize(("header", "sampled"), [(SAMPLED, True), (UNSAMPLED, False)])
def test_the_senders_decision_to_sample_is_kept(header: str, sampled: bool) -> None:  # noqa: FBT001
    assert silent(ratio=0.0 if sampled else 1.0).new_context(header).sampled is sampled


def test_new_traces_are_sampled_by_the_ratio() -> None:
    half = silent(ratio=0.5)

    sampled = sum(half.new_context().sampled for _ in range(2_000))

    assert 800 < sampled < 1_200
    assert not any(silent(ratio=0.0).new_context().sampled for _ in range(100))


def test_a_span_emitted_afterwards_has_the_id_that_was_handed_out_before(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)
    parent = TraceContext.parse(SAMPLED)
    context = house.new_context(parent)

    house.emit(context, "work", kind=SpanKind.INTERNAL, start_ns=10, end_ns=25, parent=parent)

    span = only(exported)
    assert span.context is not None
    assert span.parent is not None
    assert (span.context.trace_id, span.context.span_id) == (context.trace_id, context.span_id)
    assert span.parent.span_id == 0xB7AD6B7169203331
    assert (span.start_time, span.end_time) == (10, 25)


def test_an_unsampled_trace_is_not_exported(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)

    house.emit(house.new_context(UNSAMPLED), "work", kind=SpanKind.INTERNAL, start_ns=1, end_ns=2)

    assert exported.get_finished_spans() == ()


def test_an_attribute_that_is_not_on_the_list_does_not_leave(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)

    house.emit(
        house.new_context(),
        "work",
        kind=SpanKind.INTERNAL,
        start_ns=1,
        end_ns=2,
        attributes={"client.name": "Budi Santoso", "bapas.outcome": "applied", "bapas.rule": None},
    )

    assert dict(only(exported).attributes or {}) == {"bapas.outcome": "applied"}


def test_what_an_exception_says_stays_here(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)

    with pytest.raises(ValueError, match="Budi"), house.span("work", kind=SpanKind.INTERNAL):
        raise ValueError("Budi Santoso is not a number")

    span = only(exported)
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert "Budi" not in span.to_json()


def test_inner_spans_are_children_of_the_outer_one(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)

    with house.span("outer", kind=SpanKind.SERVER) as outer:
        during = telemetry.current()
        with house.span("inner", kind=SpanKind.CLIENT):
            pass

    inner = exported.get_finished_spans()[0]
    assert during == outer.context
    assert telemetry.current() is None
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id


def test_a_delivery_is_a_child_of_the_message_and_linked_to_it(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)
    parent = TraceContext.parse(SAMPLED)

    spans.record_process(
        house,
        house.new_context(parent),
        parent=parent,
        received=spans.Received(
            topic="lapas.events", partition=3, offset=42, key=A_UUID, size=512, event_id=A_UUID,
            event_type="lapas.client-released.v1",
        ),
        ended=spans.Ended(1, 2, "applied"),
        consumer="registration",
    )  # fmt: skip

    span = only(exported)
    assert span.name == "lapas.events process"
    assert span.kind is SpanKind.CONSUMER
    assert span.parent is not None
    assert [link.context.span_id for link in span.links] == [span.parent.span_id]
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.destination.name": "lapas.events",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 42,
        "messaging.kafka.message.key": A_UUID,
        "messaging.message.id": A_UUID,
        "messaging.message.body.size": 512,
        "messaging.consumer.group.name": "registration",
        "bapas.event.type": "lapas.client-released.v1",
        "bapas.outcome": "applied",
    }


def test_a_key_that_a_stranger_chose_is_not_recorded_unless_it_is_an_id(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)

    spans.record_process(
        house,
        house.new_context(SAMPLED),
        parent=None,
        received=spans.Received("lapas.events", 0, 0, key="Budi S", size=1, event_id="Budi", correlation_id="Siti"),
        ended=spans.Ended(1, 2, "dead_lettered", error="malformed"),
        consumer="registration",
    )

    span = only(exported)
    assert span.status.status_code is StatusCode.ERROR
    assert "Budi" not in span.to_json()
    assert "Siti" not in span.to_json()


def test_a_message_carries_the_span_that_created_it(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)
    handling = house.new_context(SAMPLED)
    message = house.new_context(handling)

    spans.record_create(
        house, message, parent=handling, topic="registration.events", key=A_UUID, event_id=A_UUID,
        event_type="registration.registration-opened.v1", at_ns=5,
    )  # fmt: skip

    span = only(exported)
    assert span.name == "registration.events create"
    assert span.kind is SpanKind.PRODUCER
    assert span.context is not None
    assert span.context.span_id == message.span_id


def test_a_batch_of_the_relay_is_linked_to_the_sampled_messages_in_it(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)

    spans.record_send(
        house, traceparents=[SAMPLED, UNSAMPLED], count=3, topics=["registration.events"] * 3, start_ns=1, end_ns=2
    )
    spans.record_send(house, traceparents=[], count=1, topics=["registration.events"], start_ns=1, end_ns=2)

    span = only(exported)
    assert span.name == "registration.events send"
    assert len(span.links) == 1
    assert dict(span.attributes or {})["messaging.batch.message_count"] == 3


def test_mail_is_a_client_span_without_an_address(exported: InMemorySpanExporter) -> None:
    house = exporting(exported)

    with spans.sending_mail(
        house, parent=TraceContext.parse(SAMPLED), host="mail.example", port=25, maybe_doubled=False
    ):
        pass

    span = only(exported)
    assert span.name == "smtp send"
    assert span.kind is SpanKind.CLIENT
    assert dict(span.attributes or {}) == {
        "network.protocol.name": "smtp",
        "server.address": "mail.example",
        "server.port": 25,
        "peer.service": "smtp",
        "bapas.maybe_doubled": False,
    }
