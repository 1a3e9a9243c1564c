"""Traces: the context that travels with every message, and the spans that are exported once their work is committed.

A context is made before the work, so that outbox rows can carry it; the span with that very id is emitted after the
commit, or never. The sampled flag is looked at first: an unsampled trace costs a few bytes and no SDK call.
"""

import itertools
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from chassis.settings import VERSION

if TYPE_CHECKING:
    from chassis.clock import SystemClock
    from chassis.settings import Settings

Value: TypeAlias = str | bool | int | float
Attributes: TypeAlias = Mapping[str, Value | None]

EXPORT_TIMEOUT_SECONDS: Final = 5
EXPORT_DELAY_MILLISECONDS: Final = 1_000
QUEUE_SPANS_MAX: Final = 8_192
BATCH_SPANS_MAX: Final = 512

ALLOWED_ATTRIBUTES: Final = frozenset(
    {
        "messaging.system", "messaging.destination.name", "messaging.destination.partition.id",
        "messaging.operation.name", "messaging.operation.type", "messaging.message.id",
        "messaging.message.conversation_id", "messaging.message.body.size", "messaging.batch.message_count",
        "messaging.consumer.group.name", "messaging.kafka.message.key", "messaging.kafka.offset",
        "messaging.kafka.message.tombstone",
        "http.request.method", "http.route", "http.response.status_code", "url.scheme",
        "server.address", "server.port", "network.protocol.name", "peer.service", "error.type",
        "db.system.name", "db.operation.name",
        "bapas.event.type", "bapas.consumer", "bapas.outcome", "bapas.rule", "bapas.timer.kind",
        "bapas.timer.late_seconds", "bapas.sender", "bapas.maybe_doubled", "bapas.correlation_id", "bapas.role",
    }
)  # fmt: skip
"""What a span may say. Anything else is dropped: a name that slips into an attribute leaves the house."""

_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED: Final = 0x01
_SPAN_BITS: Final = 64
_SPAN_ID_MAX: Final = 2**_SPAN_BITS - 1
_SPAN_STEP: Final = 0x9E3779B97F4A7C15
"""Odd, so that none comes again before all have been; large, so that neighbours do not look alike."""
_SCOPE: Final = InstrumentationScope("chassis", VERSION)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Where in which trace something happens: what W3C calls traceparent.

    Its companion tracestate is not handed on: a stranger may write anything there, and we need nothing of it.
    """

    trace_id: int
    span_id: int
    sampled: bool

    @classmethod
    def parse(cls, traceparent: str | None) -> "TraceContext | None":
        """The context in a header that anybody may have written, or nothing when it is not one."""
        match = _TRACEPARENT.fullmatch(traceparent or "")
        if match is None:
            return None
        trace, span, flags = match.groups()
        trace_id, span_id = int(trace, 16), int(span, 16)
        if not trace_id or not span_id:
            return None
        return cls(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))

    @property
    def traceparent(self) -> str:
        """The header that hands this context on."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{'01' if self.sampled else '00'}"

    @property
    def trace_hex(self) -> str:
        """The trace's id as viewers and logs write it."""
        return f"{self.trace_id:032x}"

    @property
    def span_hex(self) -> str:
        """The span's id as viewers and logs write it."""
        return f"{self.span_id:016x}"

    def span_context(self, *, remote: bool) -> SpanContext:
        """The same context as the SDK knows it."""
        return SpanContext(self.trace_id, self.span_id, remote, TraceFlags(int(self.sampled)))


@dataclass(slots=True)
class OpenSpan:
    """A span whose work is still going on; what becomes known on the way is added to it."""

    context: TraceContext
    name: str
    attributes: dict[str, Value | None] = field(default_factory=dict)
    error: str | None = None

    def fail(self, error: BaseException | str) -> None:
        """Mark the span as failed by the kind of the error; what the error says may name a person."""
        self.error = error if isinstance(error, str) else type(error).__name__


_current: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)
_correlation: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def current() -> TraceContext | None:
    """The context of the work that this task is doing."""
    return _current.get()


def correlation_id() -> str | None:
    """The conversation to which the work of this task belongs."""
    return _correlation.get()


@contextmanager
def use(context: TraceContext, *, correlation: str | None = None) -> Iterator[None]:
    """Let log lines and inner spans belong to this context."""
    token = _current.set(context)
    correlation_token = _correlation.set(correlation) if correlation is not None else None
    try:
        yield
    finally:
        _current.reset(token)
        if correlation_token is not None:
            _correlation.reset(correlation_token)


class Telemetry:
    """Makes contexts and exports spans; without a processor it still makes contexts, so that logs can be joined."""

    def __init__(
        self, *, clock: "SystemClock", resource: Resource, processor: SpanProcessor | None, sample_ratio: float = 1.0
    ) -> None:
        """Take the processor that exports, and the share of new traces to sample."""
        self._clock = clock
        self._resource = resource
        self._processor = processor
        self._bound = TraceIdRatioBased(sample_ratio).bound
        # From a start of its own: two per event are made, and to ask the machine for each would be dear.
        self._span_ids = itertools.count(secrets.randbits(_SPAN_BITS), _SPAN_STEP)

    @classmethod
    def from_settings(cls, settings: "Settings", clock: "SystemClock") -> "Telemetry":
        """Export over OTLP/HTTP if an endpoint is set."""
        processor: SpanProcessor | None = None
        if settings.otel_exporter_otlp_endpoint is not None:
            endpoint = f"{settings.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces"
            processor = BatchSpanProcessor(
                OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_SECONDS),
                max_queue_size=QUEUE_SPANS_MAX,
                schedule_delay_millis=EXPORT_DELAY_MILLISECONDS,
                max_export_batch_size=BATCH_SPANS_MAX,
            )
        return cls(
            clock=clock,
            resource=resource_of(settings),
            processor=processor,
            sample_ratio=settings.otel_traces_sampler_arg,
        )

    @property
    def exports(self) -> bool:
        """Whether spans go anywhere."""
        return self._processor is not None

    def wants(self, context: TraceContext) -> bool:
        """Whether a span with this context would be exported; look before gathering what it says."""
        return self._processor is not None and context.sampled

    def new_context(self, parent: "TraceContext | str | None" = None) -> TraceContext:
        """A context for work that is about to start: inside the parent's trace, or at the root of a new one."""
        if isinstance(parent, str):
            parent = TraceContext.parse(parent)
        span_id = next(self._span_ids) & _SPAN_ID_MAX or 1
        if parent is not None:
            return TraceContext(parent.trace_id, span_id, parent.sampled)
        trace_id = secrets.randbits(128) or 1
        sampled = trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound
        return TraceContext(trace_id, span_id, sampled)

    def emit(  # noqa: PLR0913 - a keyword for each part of a span
        self,
        context: TraceContext,
        name: str,
        *,
        kind: SpanKind,
        start_ns: int,
        end_ns: int,
        parent: TraceContext | None = None,
        attributes: Attributes | None = None,
        links: Sequence[TraceContext] = (),
        error: str | None = None,
    ) -> None:
        """Export a span that is over, under the id that was given to it before."""
        if self._processor is None or not self.wants(context):
            return
        said = {key: value for key, value in (attributes or {}).items() if key in ALLOWED_ATTRIBUTES}
        if error is not None:
            said["error.type"] = error
        self._processor.on_end(
            ReadableSpan(
                name=name,
                context=context.span_context(remote=False),
                parent=parent.span_context(remote=True) if parent is not None else None,
                resource=self._resource,
                attributes={key: value for key, value in said.items() if value is not None},
                links=[Link(link.span_context(remote=True)) for link in links],
                kind=kind,
                status=Status(StatusCode.UNSET if error is None else StatusCode.ERROR),
                start_time=start_ns,
                end_time=max(start_ns, end_ns),
                instrumentation_scope=_SCOPE,
            )
        )

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: SpanKind,
        parent: TraceContext | None = None,
        attributes: Attributes | None = None,
        links: Sequence[TraceContext] = (),
    ) -> Iterator[OpenSpan]:
        """Do the work of the block inside a span; it is exported when the block ends, however it ends."""
        parent = parent if parent is not None else current()
        opened = OpenSpan(context=self.new_context(parent), name=name, attributes=dict(attributes or {}))
        start_ns = self._clock.nanoseconds()
        try:
            with use(opened.context):
                yield opened
        except BaseException as error:
            opened.fail(error)
            raise
        finally:
            self.emit(
                opened.context,
                opened.name,
                kind=kind,
                start_ns=start_ns,
                end_ns=self._clock.nanoseconds(),
                parent=parent,
                attributes=opened.attributes,
                links=links,
                error=opened.error,
            )

    def shutdown(self) -> None:
        """Export what waits, and stop."""
        if self._processor is not None:
            self._processor.shutdown()


def resource_of(settings: "Settings") -> Resource:
    """Who the spans come from."""
    return Resource.create(
        {
            "service.name": settings.service,
            "service.namespace": "bapas",
            "service.instance.id": settings.instance,
            "service.version": settings.git_sha or VERSION,
        }
    )
