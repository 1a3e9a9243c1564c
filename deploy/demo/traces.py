"""One trace from the trace viewer."""

import asyncio
import time
from typing import Final

import httpx

from deploy.demo.doors import Sent
from deploy.demo.scenario import Door
from deploy.demo.waterfall import Span, spans_of

WAIT_SECONDS: Final = 12.0
POLL_SECONDS: Final = 0.5
SETTLED_POLLS: Final = 3


async def add_origin(client: httpx.AsyncClient, viewer: str, sent: Sent) -> None:
    """Tell the viewer what the prison did itself, as a prison's own telemetry would."""
    report, origin = sent.report, sent.origin
    span = {
        "traceId": origin.trace_id,
        "id": origin.span_id,
        "name": f"report {report.what} by {report.door}",
        "kind": "PRODUCER" if report.door is Door.KAFKA else "CLIENT",
        "timestamp": origin.began_ns // 1000,
        "duration": max(1, (sent.ended_ns - origin.began_ns) // 1000),
        "localEndpoint": {"serviceName": report.facility.lower()},
    }
    await client.post(_api(viewer, "spans"), json=[span])


async def spans(client: httpx.AsyncClient, viewer: str, trace_id: str) -> list[Span]:
    """The spans of a trace, once no more of them come; none if the viewer has none in time."""
    until = time.monotonic() + WAIT_SECONDS
    found: list[Span] = []
    same = 0
    while time.monotonic() < until and same < SETTLED_POLLS:
        answer = await client.get(_api(viewer, f"trace/{trace_id}"))
        seen = spans_of(answer.json()) if answer.status_code == httpx.codes.OK else []
        same = same + 1 if seen and len(seen) == len(found) else 0
        found = seen
        await asyncio.sleep(POLL_SECONDS)
    return found


def _api(viewer: str, path: str) -> str:
    """The viewer's API lies at the root of its address, its page below it."""
    return str(httpx.URL(viewer).join(f"/api/v2/{path}"))
