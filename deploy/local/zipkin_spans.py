"""OpenTelemetry spans as Zipkin version 2 understands them. Pure."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

KINDS: Final = {
    Span.SPAN_KIND_SERVER: "SERVER",
    Span.SPAN_KIND_CLIENT: "CLIENT",
    Span.SPAN_KIND_PRODUCER: "PRODUCER",
    Span.SPAN_KIND_CONSUMER: "CONSUMER",
}
# The other side of a span, by the first of these attributes. A server's clients are known from their own spans.
OTHER_SIDE: Final = {
    Span.SPAN_KIND_CLIENT: ("peer.service", "db.system.name", "db.system", "network.protocol.name", "server.address"),
    Span.SPAN_KIND_PRODUCER: ("messaging.system",),
    Span.SPAN_KIND_CONSUMER: ("messaging.system",),
}


def to_zipkin(request: ExportTraceServiceRequest) -> Iterator[dict[str, Any]]:
    """Every span of an OTLP request in Zipkin's JSON."""
    for resource_spans in request.resource_spans:
        service = _tags(resource_spans.resource.attributes).get("service.name", "unknown")
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, service=service, scope=scope_spans.scope.name)


def _span(span: Span, *, service: str, scope: str) -> dict[str, Any]:
    attributes = _tags(span.attributes)
    start = span.start_time_unix_nano // 1000
    found: dict[str, Any] = {
        "traceId": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "name": span.name,
        "timestamp": start,
        "duration": max(1, span.end_time_unix_nano // 1000 - start),
        "localEndpoint": {"serviceName": service},
        "tags": {**attributes, **_links(span), **_outcome(span), **({"otel.scope.name": scope} if scope else {})},
        "annotations": [{"timestamp": event.time_unix_nano // 1000, "value": _words(event)} for event in span.events],
    }
    if span.parent_span_id:
        found["parentId"] = span.parent_span_id.hex()
    if span.kind in KINDS:
        found["kind"] = KINDS[span.kind]
    if other := _other_side(span.kind, attributes):
        found["remoteEndpoint"] = {"serviceName": other}
    return found


def _other_side(kind: int, attributes: Mapping[str, str]) -> str | None:
    names = next((names for known, names in OTHER_SIDE.items() if known == kind), ())
    return next((attributes[name] for name in names if attributes.get(name)), None)


def _outcome(span: Span) -> dict[str, str]:
    # Zipkin paints a span red that has this tag.
    return {"error": span.status.message or "error"} if span.status.code == Status.STATUS_CODE_ERROR else {}


def _links(span: Span) -> dict[str, str]:
    return {f"link.{n}": f"{link.trace_id.hex()}/{link.span_id.hex()}" for n, link in enumerate(span.links)}


def _words(event: Span.Event) -> str:
    details = " ".join(f"{name}={value}" for name, value in _tags(event.attributes).items())
    return f"{event.name} {details}".strip()


def _tags(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {attribute.key: _text(attribute.value) for attribute in attributes}


def _text(value: AnyValue) -> str:
    match value.WhichOneof("value"):
        case None:
            return ""
        case "array_value":
            return ",".join(_text(item) for item in value.array_value.values)
        case "kvlist_value":
            return ",".join(f"{key}={text}" for key, text in _tags(value.kvlist_value.values).items())
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "bool_value":
            return str(value.bool_value).lower()
        case name:
            return str(getattr(value, name))
