"""Spans that a service exports by OTLP reach Zipkin in Zipkin's words."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from deploy.local.otlp_relay import Relay
from deploy.local.ports import free_ports


@dataclass
class Zipkin:
    """Stands for the viewer: takes spans at its address, or refuses them."""

    port: int
    status: int = 202
    spans: list[dict[str, Any]] = field(default_factory=list)

    def named(self, name: str) -> dict[str, Any]:
        return next(span for span in self.spans if span["name"] == name)


@pytest.fixture
def zipkin() -> Iterator[Zipkin]:
    [port] = free_ports(1)
    viewer = Zipkin(port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if viewer.status == 202 and self.path == "/api/v2/spans":
                viewer.spans += json.loads(body)
            self.send_response(viewer.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield viewer
        server.shutdown()
        thread.join()


@pytest.fixture
def relay_url(zipkin: Zipkin) -> Iterator[str]:
    [port] = free_ports(1)
    with Relay(port=port, zipkin=f"http://127.0.0.1:{zipkin.port}") as relay:
        thread = threading.Thread(target=relay.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        relay.shutdown()
        thread.join()


def test_spans_arrive_with_kind_other_side_error_event_and_link(zipkin: Zipkin, relay_url: str) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "registration"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{relay_url}/v1/traces")))
    tracer = provider.get_tracer("test")

    with tracer.start_as_current_span("send", kind=SpanKind.PRODUCER, attributes={"messaging.system": "kafka"}) as sent:
        sent_context = sent.get_span_context()
    with tracer.start_as_current_span("process", kind=SpanKind.CONSUMER, links=[Link(sent_context)]) as processed:
        processed.set_attribute("messaging.system", "kafka")
        processed.add_event("retried", {"attempt": 2})
        processed.set_status(Status(StatusCode.ERROR, "no database"))
        with tracer.start_as_current_span("INSERT", kind=SpanKind.CLIENT, attributes={"db.system.name": "postgresql"}):
            pass
    with tracer.start_as_current_span("decide", attributes={"peer.service": "nobody", "late": True, "of": [1, 2]}):
        pass
    provider.shutdown()

    processed_span, insert, decide = zipkin.named("process"), zipkin.named("INSERT"), zipkin.named("decide")
    assert zipkin.named("send")["remoteEndpoint"] == {"serviceName": "kafka"}
    assert processed_span["kind"] == "CONSUMER"
    assert processed_span["tags"]["error"] == "no database"
    assert processed_span["tags"]["link.0"] == (
        f"{trace.format_trace_id(sent_context.trace_id)}/{trace.format_span_id(sent_context.span_id)}"
    )
    assert processed_span["annotations"][0]["value"] == "retried attempt=2"
    assert (insert["traceId"], insert["parentId"]) == (processed_span["traceId"], processed_span["id"])
    assert insert["remoteEndpoint"] == {"serviceName": "postgresql"}
    assert insert["localEndpoint"] == {"serviceName": "registration"}
    assert "remoteEndpoint" not in decide
    assert "kind" not in decide
    assert decide["tags"]["late"] == "true"
    assert decide["tags"]["of"] == "1,2"


def test_an_exporter_is_told_to_try_again_while_zipkin_is_away(zipkin: Zipkin, relay_url: str) -> None:
    zipkin.status = 500

    answer = httpx.post(f"{relay_url}/v1/traces", content=b"")

    assert answer.status_code == 503


def test_what_is_no_trace_is_refused(relay_url: str) -> None:
    garbage = httpx.post(f"{relay_url}/v1/traces", content=b"\xff\xff")
    not_gzip = httpx.post(f"{relay_url}/v1/traces", content=b"x", headers={"Content-Encoding": "gzip"})
    metrics = httpx.post(f"{relay_url}/v1/metrics", content=b"")

    assert (garbage.status_code, not_gzip.status_code, metrics.status_code) == (400, 400, 404)
