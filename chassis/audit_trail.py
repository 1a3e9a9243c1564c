"""Around every route: what a caller did, read or was refused is on record before the answer leaves."""

from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import audit
from chassis.database import Pool
from chassis.failures import TRANSIENT
from chassis.metrics import AuditMetrics
from chassis.problems import Problem

log = structlog.get_logger(__name__)

ACQUIRE_TIMEOUT_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS: Final = 2
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Audited:
    """Whose acts and reads are on record, and in which database."""

    service: str
    pool: Pool


class AuditTrail:
    """Enters what no transaction has entered: reads, refusals, failures. A read that cannot be entered is not shown."""

    def __init__(self, app: ASGIApp, *, audited: Audited, metrics: AuditMetrics) -> None:
        """Wrap the routes of a service."""
        self._app = app
        self._audited = audited
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        withheld = closed = False

        async def watch(message: Message) -> None:
            nonlocal withheld, closed
            if message["type"] == "http.response.start" and not closed:
                closed = True
                withheld = not await self._close(place.act, message["status"])
                if withheld:
                    await _unavailable(scope, receive, send)
            if not withheld:
                await send(message)

        with audit.place_for_an_act(self._audited.service) as place:
            try:
                await self._app(scope, receive, watch)
            except Exception:
                if not closed:
                    await self._close(place.act, _SERVER_ERROR)
                raise

    async def _close(self, act: audit.Act | None, status: int) -> bool:
        """Enter what is left to enter; whether the answer may leave."""
        entries = [] if act is None else act.closing(status)
        if not entries:
            return True
        try:
            async with self._audited.pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
                await audit.insert(connection, entries)
        except (*TRANSIENT, asyncpg.PostgresError) as failure:
            self._metrics.lost(len(entries))
            log.error("the audit trail cannot be written", action="audit", failure=type(failure).__name__)  # noqa: TRY400  the trace of a lost connection says nothing
            return all(entry.outcome != "shown" for entry in entries)
        return True


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    answer = Problem(
        503,
        kind="unavailable",
        detail="what is read here must be put on record, and that is not possible now",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    ).response()
    await answer(scope, receive, send)
