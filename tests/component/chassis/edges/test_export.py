"""Spans on their way out: over OTLP to a real listener, and to one that is not there."""

import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanKind

from chassis.clock import SystemClock
from chassis.settings import Settings
from chassis.telemetry import Telemetry, TraceContext
from deploy.local.ports import free_ports

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SHUTDOWN_SECONDS_MAX = 15


def settings(endpoint: str | None) -> Settings:
    """The settings of a service that exports to this endpoint."""
    env = {
        "DATABASE_URL": "postgresql://x", "KAFKA_BOOTSTRAP_SERVERS": "x", "AUTH_ISSUER": "x", "AUTH_JWKS": "https://x",
        "INSTANCE": "registration-1", "GIT_SHA": "abc123",
    } | ({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if endpoint else {})  # fmt: skip
    return Settings.from_env(env, service="registration")


@pytest.fixture
def received() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A listener, and what it was sent by path."""
    sent: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()
    server.server_close()
    thread.join()


def test_spans_reach_a_collector_with_the_name_of_the_service(
    received: tuple[str, list[tuple[str, bytes]]],
) -> None:
    endpoint, sent = received
    house = Telemetry.from_settings(settings(f"{endpoint}/"), SystemClock())
    context = house.new_context(TRACEPARENT)

    house.emit(
        context,
        "lapas.events process",
        kind=SpanKind.CONSUMER,
        start_ns=1,
        end_ns=2,
        parent=TraceContext.parse(TRACEPARENT),
        attributes={"messaging.system": "kafka"},
    )
    house.shutdown()

    [(path, body)] = sent
    [resource_spans] = ExportTraceServiceRequest.FromString(body).resource_spans
    resource = {pair.key: pair.value.string_value for pair in resource_spans.resource.attributes}
    [span] = resource_spans.scope_spans[0].spans
    assert path == "/v1/traces"
    assert resource["service.name"] == "registration"
    assert resource["service.instance.id"] == "registration-1"
    assert resource["service.version"] == "abc123"
    assert span.span_id.hex() == context.span_hex
    assert span.parent_span_id.hex() == "b7ad6b7169203331"


def test_a_collector_that_is_away_neither_fails_nor_holds_anybody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="opentelemetry")
    [port] = free_ports(1)
    house = Telemetry.from_settings(settings(f"http://127.0.0.1:{port}"), SystemClock())
    began = time.monotonic()

    for _ in range(1_000):
        house.emit(house.new_context(), "work", kind=SpanKind.INTERNAL, start_ns=1, end_ns=2)
    emitted = time.monotonic()
    house.shutdown()

    assert emitted - began < 1
    assert time.monotonic() - emitted < SHUTDOWN_SECONDS_MAX


def test_without_an_endpoint_nothing_is_exported() -> None:
    house = Telemetry.from_settings(settings(None), SystemClock())

    house.emit(house.new_context(), "work", kind=SpanKind.INTERNAL, start_ns=1, end_ns=2)
    house.shutdown()

    assert not house.exports
