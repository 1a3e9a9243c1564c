"""What every request passes through before a route sees it: trace, last resort, and the limit of its body."""

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

import structlog
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.idempotency import BODY_DIGEST
from chassis.problems import Problem
from chassis.spans import only_id
from chassis.telemetry import OpenSpan, TraceContext, use
from chassis.uploads import is_unbuffered

if TYPE_CHECKING:
    from chassis.clock import SystemClock
    from chassis.metrics import HttpMetrics
    from chassis.telemetry import Telemetry

log = structlog.get_logger(__name__)

CORRELATION_HEADER: Final = "X-Correlation-ID"
BODY_BYTES_MAX: Final = 2 * 1024 * 1024
BODY_READ_SECONDS_MAX: Final = 30.0
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED: Final = "unmatched"
PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds by machines: measured, but neither traced nor logged."""

_SERVER_ERROR: Final = 500


class RequestTrace:
    """One span, one measurement, one line for each request; what nobody handled becomes a problem without insides."""

    def __init__(self, app: ASGIApp, *, telemetry: "Telemetry", metrics: "HttpMetrics", clock: "SystemClock") -> None:
        """Wrap everything else."""
        self._app = app
        self._telemetry = telemetry
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in PROBES:
            await self._answer(scope, receive, send, None)
            return
        headers = Headers(scope=scope)
        parent = TraceContext.parse(headers.get("traceparent"))
        correlation = only_id(headers.get(CORRELATION_HEADER)) or str(self._clock.new_id())
        send = _with_header(send, CORRELATION_HEADER, correlation)
        with (
            self._telemetry.span(_method(scope), kind=SpanKind.SERVER, parent=parent) as span,
            use(span.context, correlation=correlation),
        ):
            await self._answer(scope, receive, send, span)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: OpenSpan | None) -> None:
        status = 0
        start = self._clock.monotonic()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            log.exception("request failed", action="request", method=_method(scope), route=_route(scope))
            if span is not None:
                span.fail(error)
            if not status:
                await Problem(500, kind="unexpected", detail="this is our fault; it was recorded").response()(
                    scope, receive, watch
                )
        finally:
            self._record(scope, status or _SERVER_ERROR, self._clock.monotonic() - start, span)

    def _record(self, scope: Scope, status: int, seconds: float, span: OpenSpan | None) -> None:
        method, route = _method(scope), _route(scope)
        self._metrics.answered(method=method, route=route, status=status, seconds=seconds)
        if span is None:
            return
        span.name = f"{method} {route}"
        span.attributes |= {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "url.scheme": scope.get("scheme"),
        }
        if status >= _SERVER_ERROR and span.error is None:
            span.fail(str(status))
        log.info("request", action="request", method=method, route=route, status=status, seconds=round(seconds, 4))


class BodyLimit:
    """Reads a body whole, within a size and a time, and leaves its hash for whoever compares requests."""

    def __init__(self, app: ASGIApp, *, bytes_max: int = BODY_BYTES_MAX) -> None:
        """Wrap the application."""
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request whose body is of a bearable size."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if is_unbuffered(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            _refuse_nul(scope)
            async with asyncio.timeout(BODY_READ_SECONDS_MAX):
                body = await self._read(Headers(scope=scope), receive)
        except TimeoutError:
            await Problem(408, kind="too-slow", detail="the body did not come in time").response()(scope, receive, send)
            return
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        if body is None:
            return
        scope[BODY_DIGEST] = hashlib.sha256(body).digest()
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        """The body, or nothing when the client went away."""
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > self._bytes_max:
            raise self._too_large()
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._bytes_max:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> Problem:
        return Problem(413, kind="too-large", detail=f"a body of at most {self._bytes_max} bytes is accepted")


def _refuse_nul(scope: Scope) -> None:
    """Refuse what no database can look up."""
    if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise Problem(400, kind="bad-request", detail="the address holds a NUL character")


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _with_header(send: Send, name: str, value: str) -> Send:
    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[name] = value
        await send(message)

    return send_with_header


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in METHODS else "OTHER"


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return UNMATCHED if route is None else str(scope["app"].state.templates.get(id(route), UNMATCHED))
