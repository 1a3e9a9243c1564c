"""One trace from the trace viewer."""

import asyncio
import time
from typing import Final

import httpx

from deploy.demo.waterfall import Span, spans_of

WAIT_SECONDS: Final = 12.0
POLL_SECONDS: Final = 0.5
SETTLED_POLLS: Final = 3


async def spans(client: httpx.AsyncClient, viewer: str, trace_id: str) -> list[Span]:
    """The spans of a trace, once no more of them come; none if the viewer has none in time."""
    until = time.monotonic() + WAIT_SECONDS
    found: list[Span] = []
    same = 0
    while time.monotonic() < until and same < SETTLED_POLLS:
        answer = await client.get(f"{viewer.removesuffix('/')}/api/v2/trace/{trace_id}")
        seen = spans_of(answer.json()) if answer.status_code == httpx.codes.OK else []
        same = same + 1 if seen and len(seen) == len(found) else 0
        found = seen
        await asyncio.sleep(POLL_SECONDS)
    return found
