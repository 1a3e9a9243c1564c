"""The same request twice is answered twice and done once: the answer is kept in the transaction that did it."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from pydantic_core import to_jsonable_python

from chassis.problems import BadRequest, Problem

if TYPE_CHECKING:
    from chassis.database import Connection

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEPT_FOR: Final = timedelta(hours=48)
PRUNE_ROWS_MAX: Final = 1_000
BODY_DIGEST: Final = "bapas.body_sha256"
"""Where the body limit leaves the hash of the body in the ASGI scope."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")

RESERVE: Final = """
    INSERT INTO idempotency (principal, key, fingerprint, created_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (principal, key) DO NOTHING
    RETURNING true
"""
READ: Final = "SELECT fingerprint, status, body FROM idempotency WHERE principal = $1 AND key = $2"
STORE: Final = "UPDATE idempotency SET status = $3, body = $4 WHERE principal = $1 AND key = $2"
PRUNE: Final = """
    DELETE FROM idempotency
     WHERE (principal, key) IN (SELECT principal, key FROM idempotency
                                 WHERE created_at < $1 ORDER BY created_at LIMIT $2)
"""


class KeyReused(Problem):
    """The key stands for another request."""

    def __init__(self) -> None:
        """Say it in words that the caller understands."""
        super().__init__(
            422, kind="idempotency-key-reused", detail=f"this {HEADER} was used for another request; choose a new one"
        )


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered the first time."""

    status: int
    body: Any

    def response(self) -> JSONResponse:
        """The same answer once more."""
        return JSONResponse(self.body, status_code=self.status, headers={REPLAYED_HEADER: "true"})


class Replayed(Exception):
    """This request was done before; its answer is at hand and nothing is done again."""

    def __init__(self, answer: StoredAnswer) -> None:
        """Carry the answer to the door."""
        super().__init__("replayed")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request that its caller may repeat: who, under which key, asking for what."""

    principal: str
    key: str
    fingerprint: bytes
    status: int
    received_at: datetime

    async def reserve(self, connection: "Connection") -> StoredAnswer | None:
        """Take the key for this transaction, or give back what was answered before.

        Waits for a transaction that has the same key in hand. Raises KeyReused for another request under the key.
        """
        if await connection.fetchval(RESERVE, self.principal, self.key, self.fingerprint, self.received_at):
            return None
        row = await connection.fetchrow(READ, self.principal, self.key)
        if row is None or row["status"] is None:
            raise Problem(
                503, kind="busy", detail="the same request is being pruned; send it again", headers={"Retry-After": "1"}
            )
        if not hmac.compare_digest(row["fingerprint"], self.fingerprint):
            raise KeyReused
        return StoredAnswer(status=row["status"], body=row["body"])

    async def store(self, connection: "Connection", result: Any, *, status: int | None = None) -> None:
        """Keep what is answered, in the transaction that does it; `result` is what the route returns."""
        await connection.execute(STORE, self.principal, self.key, status or self.status, to_jsonable_python(result))


async def idempotent(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias=HEADER,
            description="Chosen by the caller, the same for each repetition of one request",
            json_schema_extra={"pattern": "^[!-~]{1,128}$"},
        ),
    ] = None,
) -> IdempotentRequest | None:
    """Read the key of a request that may be repeated; must stand after the route's rule of access."""
    if key is None:
        return None
    key = key[1:-1] if len(key) > 2 and key[0] == key[-1] == '"' else key  # noqa: PLR2004 - quotes, as the draft RFC writes it
    if _KEY.fullmatch(key) is None:
        raise BadRequest(where=f"header.{HEADER}", what="it must be 1 to 128 visible ASCII characters")
    principal = getattr(request.state, "principal", None)
    route = request.scope["route"]
    return IdempotentRequest(
        principal=principal.subject if principal is not None else "",
        key=key,
        fingerprint=fingerprint_of(request),
        status=route.status_code or 200,
        received_at=request.app.state.clock.now(),
    )


def fingerprint_of(request: Request) -> bytes:
    """What makes a request the same: method, path, query and body."""
    digest = hashlib.sha256()
    body: bytes = request.scope.get(BODY_DIGEST, b"")
    for part in (request.method.encode(), request.url.path.encode(), request.url.query.encode(), body):
        digest.update(b"%d:%b" % (len(part), part))
    return digest.digest()


async def prune(connection: "Connection", *, now: datetime) -> int:
    """Forget the oldest answers past their time; says how many."""
    status: str = await connection.execute(PRUNE, now - KEPT_FOR, PRUNE_ROWS_MAX)
    return int(status.rpartition(" ")[2])
