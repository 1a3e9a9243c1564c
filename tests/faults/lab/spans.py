"""Spans as lines of a file, written when they end."""

import json
import os
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext


class SpanFile(SpanProcessor):
    """Appends each span to a file by one write: what is written survives the death of its process."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        """Nothing: only spans that are over are of interest."""

    def on_end(self, span: ReadableSpan) -> None:
        """Write it down."""
        os.write(self._file, json.dumps(_said_of(span)).encode() + b"\n")

    def shutdown(self) -> None:
        """Write no more."""
        os.close(self._file)

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Nothing waits."""
        return True


def _said_of(span: ReadableSpan) -> dict[str, Any]:
    return {
        **_ids(span.context),
        "parent_id": _ids(span.parent)["span_id"] if span.parent is not None else None,
        "links": [_ids(link.context) for link in span.links],
        "name": span.name,
        "kind": span.kind.name,
        "service": span.resource.attributes.get("service.name"),
        "instance": span.resource.attributes.get("service.instance.id"),
        "started_at": (span.start_time or 0) / 1e9,
        "ended_at": (span.end_time or 0) / 1e9,
        "attributes": dict(span.attributes or {}),
    }


def _ids(context: SpanContext | None) -> dict[str, str]:
    if context is None:
        return {"trace_id": "", "span_id": ""}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
