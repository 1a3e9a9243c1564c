"""Takes traces as OTLP over HTTP and hands them to Zipkin: python -m deploy.local.otlp_relay --port P --zipkin URL.

Zipkin does not speak OTLP, and OpenTelemetry's exporters for Zipkin are being withdrawn; so the services keep the
standard OTEL_EXPORTER_OTLP_ENDPOINT, and this process stands between.
"""

import argparse
import gzip
import json
import sys
import urllib.request
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.error import URLError

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from deploy.local.ports import HOST
from deploy.local.zipkin_spans import to_zipkin

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
ZIPKIN_SECONDS: Final = 10
PROTOBUF: Final = "application/x-protobuf"


class Relay(ThreadingHTTPServer):
    """Listens for OTLP; knows where Zipkin is."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, port: int, zipkin: str) -> None:
        self.spans_url = f"{zipkin.rstrip('/')}/api/v2/spans"
        super().__init__((HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Relay

    def do_GET(self) -> None:
        """Say that the process lives."""
        found = self.path == "/health"
        self._answer(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, b"ok" if found else b"", "text/plain")

    def do_POST(self) -> None:
        """Hand on one request's spans; what Zipkin cannot take now the exporter sends again."""
        body = self._body()
        if body is None:
            return
        if self.path != "/v1/traces":
            self._answer(HTTPStatus.NOT_FOUND, b"only /v1/traces is relayed", "text/plain")
            return
        try:
            request = ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            self._answer(HTTPStatus.BAD_REQUEST, b"not an OTLP request in protobuf", "text/plain")
            return
        try:
            hand_on(request, spans_url=self.server.spans_url)
        except (URLError, OSError) as problem:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, str(problem).encode(), "text/plain")
            return
        self._answer(HTTPStatus.OK, ExportTraceServiceResponse().SerializeToString(), PROTOBUF)

    def _body(self) -> bytes | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"", "text/plain")
            return None
        body = self.rfile.read(length)
        if self.headers.get("Content-Encoding") != "gzip":
            return body
        try:
            return gzip.decompress(body)
        except (OSError, EOFError):
            self._answer(HTTPStatus.BAD_REQUEST, b"not gzip", "text/plain")
            return None

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing about ordinary requests."""

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say what went wrong."""
        print(format % args, file=sys.stderr, flush=True)


def hand_on(request: ExportTraceServiceRequest, *, spans_url: str) -> None:
    """Send the spans to Zipkin."""
    spans = json.dumps(list(to_zipkin(request))).encode()
    message = urllib.request.Request(spans_url, data=spans, headers={"Content-Type": "application/json"})  # noqa: S310 - from our command line
    with urllib.request.urlopen(message, timeout=ZIPKIN_SECONDS):  # noqa: S310 - the same
        return


def main() -> None:
    """Relay until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.otlp_relay", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to listen for OTLP over HTTP")
    parser.add_argument("--zipkin", required=True, help="Zipkin's address, such as http://127.0.0.1:9411")
    arguments = parser.parse_args()
    with Relay(port=arguments.port, zipkin=arguments.zipkin) as relay:
        relay.serve_forever()


if __name__ == "__main__":
    main()
