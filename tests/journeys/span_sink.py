"""Takes the spans that services export over OTLP: keeps every byte, and the spans by trace."""

import gzip
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from deploy.local.ports import HOST


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span as it was exported."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: Sequence[tuple[str, str]]
    attributes: dict[str, str]


class SpanSink:
    """Listens for OTLP over HTTP while the `with` block lasts."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT has to say."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def spans(self, trace_id: str | None = None) -> list[Span]:
        """The spans that came so far, of one trace or of all."""
        with self._lock:
            bodies = list(self.bodies)
        found = [span for body in bodies for span in _spans(ExportTraceServiceRequest.FromString(body))]
        return [span for span in found if trace_id in {None, span.trace_id}]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                with sink._lock:
                    sink.bodies.append(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Say nothing."""

        return Handler


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        Span(
            service=_text(resource.resource.attributes).get("service.name", ""),
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
            attributes=_text(span.attributes),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _text(attributes: Sequence[object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for attribute in attributes:
        value = attribute.value  # type: ignore[attr-defined]  # protobuf's container has no element type at run time
        found[attribute.key] = str(getattr(value, value.WhichOneof("value") or "string_value"))  # type: ignore[attr-defined]
    return found
