"""The spans of this network by name: messages created, sent and processed, timers fired, mail handed over.

Names and attributes follow the messaging conventions of OpenTelemetry. A key or an id that a stranger chose is only
recorded when it is a UUID: anything else could be a name.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from opentelemetry.trace import SpanKind

from chassis.telemetry import OpenSpan, Telemetry, TraceContext, Value

_SYSTEM: Final = "kafka"
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FAILED_OUTCOMES: Final = frozenset({"dead_lettered", "retried"})


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it came from the broker, as far as a trace may know it."""

    topic: str
    partition: int
    offset: int
    key: str | None
    size: int
    event_id: str | None = None
    event_type: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a piece of work ended, and when."""

    start_ns: int
    end_ns: int
    outcome: str
    rule: str | None = None
    error: str | None = None


def record_process(
    telemetry: Telemetry,
    context: TraceContext,
    *,
    parent: TraceContext | None,
    received: Received,
    ended: Ended,
    consumer: str,
) -> None:
    """One delivery: a child of the message's own span and linked to it, for viewers that show only one of both."""
    if not telemetry.wants(context):
        return
    telemetry.emit(
        context,
        f"{received.topic} process",
        kind=SpanKind.CONSUMER,
        parent=parent,
        links=() if parent is None else (parent,),
        start_ns=ended.start_ns,
        end_ns=ended.end_ns,
        error=ended.error or (ended.outcome if ended.outcome in _FAILED_OUTCOMES else None),
        attributes={
            **_messaging(received.topic, "process"),
            "messaging.destination.partition.id": str(received.partition),
            "messaging.kafka.offset": received.offset,
            "messaging.kafka.message.key": only_id(received.key),
            "messaging.message.id": only_id(received.event_id),
            "messaging.message.conversation_id": only_id(received.correlation_id),
            "messaging.message.body.size": received.size,
            "messaging.consumer.group.name": consumer,
            "bapas.event.type": received.event_type,
            "bapas.outcome": ended.outcome,
            "bapas.rule": ended.rule,
        },
    )


def record_create(
    telemetry: Telemetry,
    context: TraceContext,
    *,
    parent: TraceContext | None,
    topic: str,
    key: str,
    event_id: str,
    event_type: str,
    at_ns: int,
) -> None:
    """One message put into the outbox; its context is the one that the message carries."""
    if not telemetry.wants(context):
        return
    telemetry.emit(
        context,
        f"{topic} create",
        kind=SpanKind.PRODUCER,
        parent=parent,
        start_ns=at_ns,
        end_ns=at_ns,
        attributes={
            **_messaging(topic, "create"),
            "messaging.kafka.message.key": only_id(key),
            "messaging.message.id": only_id(event_id),
            "bapas.event.type": event_type,
        },
    )


def record_send(
    telemetry: Telemetry,
    *,
    traceparents: Sequence[str],
    count: int,
    topics: Sequence[str],
    start_ns: int,
    end_ns: int,
) -> None:
    """One batch of the relay, linked to every sampled message in it; a batch without any leaves no span."""
    if not telemetry.exports:
        return
    contexts = [context for text in traceparents if (context := TraceContext.parse(text)) and context.sampled]
    if not contexts:
        return
    names = sorted(set(topics))
    destination = names[0] if len(names) == 1 else None
    context = telemetry.new_context(None)
    telemetry.emit(
        TraceContext(context.trace_id, context.span_id, sampled=True),
        f"{destination or 'outbox'} send",
        kind=SpanKind.CLIENT,
        links=contexts,
        start_ns=start_ns,
        end_ns=end_ns,
        attributes={**_messaging(destination, "send"), "messaging.batch.message_count": count},
    )


def record_timer(
    telemetry: Telemetry,
    context: TraceContext,
    *,
    parent: TraceContext | None,
    kind: str,
    late_seconds: float,
    ended: Ended,
) -> None:
    """One clock that ran out, in the trace of the work that had set it."""
    telemetry.emit(
        context,
        f"timer {kind}",
        kind=SpanKind.INTERNAL,
        parent=parent,
        start_ns=ended.start_ns,
        end_ns=ended.end_ns,
        error=ended.error,
        attributes={
            "bapas.timer.kind": kind,
            "bapas.timer.late_seconds": late_seconds,
            "bapas.outcome": ended.outcome,
            "bapas.rule": ended.rule,
        },
    )


@contextmanager
def sending_mail(
    telemetry: Telemetry, *, parent: TraceContext | None, host: str, port: int, maybe_doubled: bool
) -> Iterator[OpenSpan]:
    """The talk with the mail server about one message; to whom it goes and what it says is nobody's business."""
    attributes: dict[str, Value | None] = {
        "network.protocol.name": "smtp",
        "server.address": host,
        "server.port": port,
        "peer.service": "smtp",
        "bapas.maybe_doubled": maybe_doubled,
    }
    with telemetry.span("smtp send", kind=SpanKind.CLIENT, parent=parent, attributes=attributes) as span:
        yield span


@contextmanager
def handing_over_message(
    telemetry: Telemetry, *, parent: TraceContext | None, host: str, port: int | None, maybe_doubled: bool
) -> Iterator[OpenSpan]:
    """The request to the messaging gateway about one message; to whom it goes and what it says is nobody's business."""
    attributes: dict[str, Value | None] = {
        "http.request.method": "POST",
        "server.address": host,
        "server.port": port,
        "peer.service": "messaging-gateway",
        "bapas.maybe_doubled": maybe_doubled,
    }
    with telemetry.span("gateway send", kind=SpanKind.CLIENT, parent=parent, attributes=attributes) as span:
        yield span


def only_id(value: str | None) -> str | None:
    """The value if it is a UUID."""
    if value is None or _UUID.fullmatch(value):
        return value
    try:
        return str(UUID(value))
    except ValueError:
        return None


def _messaging(topic: str | None, operation: str) -> dict[str, Value | None]:
    return {
        "messaging.system": _SYSTEM,
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
