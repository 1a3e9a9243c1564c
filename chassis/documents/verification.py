"""Whether a paper is genuine: anybody who holds it can ask, and is told nothing that stands in it.

A paper bears a QR code with an address that ends in a token: 128 random bits that stand for this paper and for nothing
else. What is told is its kind, its number, when it was signed, and the hash of its file; for every other token there is
one answer. A service with `documents=True` has the table.
"""

import base64
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Path, Request
from pydantic import BaseModel, Field

from chassis.access import Rule
from chassis.aggregates import Rows, columns_of
from chassis.database import CHASSIS_MIGRATIONS, Pool
from chassis.objects import StoredObject
from chassis.problems import Problem
from chassis.transaction import Transaction

DOCUMENT_MIGRATIONS: Final = CHASSIS_MIGRATIONS / "documents"
TOKEN_BYTES: Final = 16
ASKED_MAX: Final = 30
ASKED_BY_ALL_MAX: Final = 6_000
WINDOW_SECONDS: Final = 60.0
ASKERS_MAX: Final = 10_000
ACQUIRE_TIMEOUT_SECONDS: Final = 5.0

_TOKEN: Final = re.compile(r"[A-Z2-7]{26}")

SELECT_DOCUMENT: Final = """
    SELECT kind, number, revision, signed_at, sha256 FROM issued_document WHERE token = $1
"""
ISSUED: Final = Rows(
    name="issued_document",
    insert="""
        INSERT INTO issued_document (token, kind, number, subject, revision, signed_at, reference, sha256, bytes,
                                     issued_at)
        SELECT token, kind, number, subject, revision, signed_at, reference, sha256, bytes, issued_at
          FROM json_to_recordset($1::json)
               AS d(token text, kind text, number text, subject uuid, revision int, signed_at timestamptz,
                    reference text, sha256 text, bytes int, issued_at timestamptz)
    """,
)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A paper that left the office's hands: what can be asked about, and where its file lies."""

    token: str
    kind: str
    number: str
    subject: UUID
    revision: int
    signed_at: datetime
    file: StoredObject


class Verified(BaseModel):
    """What anybody may know of a paper."""

    genuine: bool
    kind: str | None = Field(default=None, description="What kind of paper, as in adult-report")
    number: str | None = Field(default=None, description="Its number in the register")
    revision: int | None = None
    signed_at: datetime | None = None
    sha256: str | None = Field(default=None, description="SHA-256 of the file, to compare with that of your copy")
    same_file: bool | None = Field(default=None, description="Whether the hash that you sent is that of the file")


class Copy(BaseModel):
    """The hash of a copy that somebody holds."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


UNKNOWN: Final = Verified(genuine=False)
Token = Annotated[str, Path(min_length=1, max_length=200, description="The end of the address in the QR code")]


def new_token() -> str:
    """The token of a paper that is about to be set: it stands in its QR code, so it comes before the file."""
    return base64.b32encode(secrets.token_bytes(TOKEN_BYTES)).decode().rstrip("=")


def address_of(token: str, *, base: str) -> str:
    """What the QR code says; `base` is how the service is reached from outside."""
    return f"{base.rstrip('/')}/v1/verify/{token}"


def issue(tx: Transaction, issued: Issued) -> None:
    """Make a paper verifiable from when this commits."""
    file = {"reference": issued.file.reference, "sha256": issued.file.sha256, "bytes": issued.file.bytes}
    tx.append(ISSUED, {**columns_of(issued), **file, "issued_at": tx.now})


class HeldInHand(Rule):
    """Whoever holds the paper may ask, so everybody may: as often as a person does, not as a machine can."""

    problems: ClassVar[frozenset[int]] = frozenset({429})

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Count by this clock; each process counts for itself."""
        self._monotonic = monotonic
        self._asked: OrderedDict[str, list[float]] = OrderedDict()
        self._all: list[float] = []

    async def __call__(self, request: Request) -> None:
        """Let a question in; raises Problem 429 for one too many."""
        now = self._monotonic()
        asker = request.client.host if request.client is not None else ""
        mine = self._asked.pop(asker, [])
        mine[:] = [at for at in mine if at > now - WINDOW_SECONDS]
        self._all = [at for at in self._all if at > now - WINDOW_SECONDS]
        self._asked[asker] = mine
        while len(self._asked) > ASKERS_MAX:
            self._asked.popitem(last=False)
        if len(mine) >= ASKED_MAX or len(self._all) >= ASKED_BY_ALL_MAX:
            wait = {"Retry-After": str(int(WINDOW_SECONDS))}
            raise Problem(429, kind="too-often", detail="ask again in a minute", headers=wait)
        mine.append(now)
        self._all.append(now)
        self.refuse_unknown_parameters(request)


def verification_routes(pool: Pool, *, monotonic: Callable[[], float]) -> APIRouter:
    """The door at which anybody asks about a paper."""
    router = APIRouter(tags=["verification"], dependencies=[Depends(HeldInHand(monotonic))])
    look = _look_up(pool)

    @router.get("/v1/verify/{token}", response_model_exclude_none=True)
    async def verify_document(token: Token) -> Verified:
        """Say whether this office issued a paper, and of one that it did: kind, number, day of signature, hash."""
        return await look(token)

    @router.post("/v1/verify/{token}", response_model_exclude_none=True)
    async def compare_document(token: Token, copy: Annotated[Copy, Body()]) -> Verified:
        """The same, and whether a copy with this hash is the file that was signed."""
        found = await look(token)
        if not found.genuine:
            return UNKNOWN
        return found.model_copy(update={"same_file": secrets.compare_digest(found.sha256 or "", copy.sha256)})

    return router


def _look_up(pool: Pool) -> Callable[[str], Awaitable[Verified]]:
    async def look(token: str) -> Verified:
        if _TOKEN.fullmatch(token) is None:
            return UNKNOWN
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
            row = await connection.fetchrow(SELECT_DOCUMENT, token)
        return UNKNOWN if row is None else Verified(genuine=True, **row)

    return look
