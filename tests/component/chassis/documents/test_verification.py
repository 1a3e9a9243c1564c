"""Who holds a paper learns whether it is genuine, and nothing that stands in it; who guesses learns nothing at all."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest

from chassis.clock import OfficeClock, SystemClock
from chassis.commands import Commands
from chassis.database import CHASSIS_MIGRATIONS, Pool, migrate, open_pool, read_migrations
from chassis.documents.rendering import Renderer
from chassis.documents.verification import (
    ASKED_MAX,
    DOCUMENT_MIGRATIONS,
    WINDOW_SECONDS,
    Issued,
    address_of,
    issue,
    new_token,
    verification_routes,
)
from chassis.engine import Engine
from chassis.objects import Objects
from chassis.transaction import Actor, Setting, Transaction
from contracts.reference import load_reference
from deploy.local.backing import Backing
from deploy.local.tokens import Issuer
from tests.component.chassis.documents.examples import NUMBER, signed_report
from tests.component.chassis.edges.door import Door, door_of

SIGNED_AT = datetime(2026, 5, 29, 7, 5, tzinfo=UTC)
BASE = "https://bapas-palembang.example"
UNKNOWN = {"genuine": False}


@pytest.fixture(scope="module")
async def pool(backing: Backing) -> AsyncIterator[Pool]:
    dsn = backing.create_database("papers")
    chassis = read_migrations("chassis", CHASSIS_MIGRATIONS)
    await migrate(dsn, [*chassis, *read_migrations("documents", DOCUMENT_MIGRATIONS)])
    pool = await open_pool(dsn, name="papers")
    yield pool
    await pool.close()


@pytest.fixture
def door(issuer: Issuer) -> Door:
    return door_of(issuer)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def asker(door: Door, pool: Pool, hand: Hand) -> AsyncIterator[httpx.AsyncClient]:
    async with door.client(verification_routes(pool, monotonic=hand)) as client:
        yield client


async def issued(pool: Pool, door: Door, folder: Path, *, token: str, subject: int = 1, revision: int = 1) -> str:
    """A report is set, its file kept, and the paper issued; the hash of its file."""
    rendered = await Renderer().render(signed_report(verify_at=address_of(token, base=BASE), revision=revision))
    kept = await Objects.in_folder(folder).put("reports", rendered.pdf)
    paper = Issued(
        token=token, kind="adult-report", number=NUMBER, subject=UUID(int=subject), revision=revision,
        signed_at=SIGNED_AT, file=kept,
    )  # fmt: skip

    async def sign(paper: Issued, tx: Transaction) -> None:
        issue(tx, paper)

    clock = SystemClock()
    engine = Engine(pool, Setting("litmas", "", load_reference(), clock, door.telemetry), OfficeClock(clock))
    await Commands(engine).run(sign, paper, actor=Actor("person", "HEAD-HQ-01", "HEAD"))
    return rendered.sha256


async def test_of_a_genuine_paper_kind_number_day_and_hash_are_told_and_no_more(
    asker: httpx.AsyncClient, pool: Pool, door: Door, tmp_path: Path
) -> None:
    token = new_token()
    sha256 = await issued(pool, door, tmp_path, token=token)

    answer = await asker.get(address_of(token, base="http://test"))

    known = {
        "genuine": True, "kind": "adult-report", "number": NUMBER, "revision": 1, "signed_at": "2026-05-29T07:05:00Z",
        "sha256": sha256,
    }  # fmt: skip
    assert (answer.status_code, answer.json()) == (200, known)


async def test_a_copy_is_compared_by_its_hash(asker: httpx.AsyncClient, pool: Pool, door: Door, tmp_path: Path) -> None:
    token = new_token()
    sha256 = await issued(pool, door, tmp_path, token=token, subject=2)

    same = await asker.post(f"/v1/verify/{token}", json={"sha256": sha256})
    forged = await asker.post(f"/v1/verify/{token}", json={"sha256": "0" * 64})
    unknown = await asker.post(f"/v1/verify/{new_token()}", json={"sha256": sha256})

    assert (same.json()["same_file"], forged.json()["same_file"]) == (True, False)
    assert (unknown.status_code, unknown.json()) == (200, UNKNOWN)


@pytest.mark.parametrize(
    "token",
    [pytest.param(new_token(), id="a token of nothing"), "x", "A" * 26, "a" * 200, "%F0%9F%99%82", "' OR 1=1 --"],
)
async def test_whatever_else_is_asked_has_one_answer(asker: httpx.AsyncClient, token: str) -> None:
    answer = await asker.get(f"/v1/verify/{token}")

    assert (answer.status_code, answer.json()) == (200, UNKNOWN)


async def test_a_token_cannot_be_guessed_from_another() -> None:
    tokens = {new_token() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {26}


async def test_who_asks_too_often_waits_and_others_do_not(door: Door, pool: Pool, hand: Hand) -> None:
    app = door.app(verification_routes(pool, monotonic=hand))

    async def asked_from(host: str) -> int:
        transport = httpx.ASGITransport(app=app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get(f"/v1/verify/{new_token()}")).status_code

    often = [await asked_from("203.0.113.7") for _ in range(ASKED_MAX + 1)]
    other = await asked_from("203.0.113.8")
    hand.seconds += WINDOW_SECONDS + 1
    later = await asked_from("203.0.113.7")

    assert often == [200] * ASKED_MAX + [429]
    assert (other, later) == (200, 200)


async def test_a_paper_is_issued_once_and_stays_as_it_was_issued(pool: Pool, door: Door, tmp_path: Path) -> None:
    token = new_token()
    await issued(pool, door, tmp_path, token=token, subject=3)

    with pytest.raises(Exception, match="UniqueViolation"):
        await issued(pool, door, tmp_path, token=new_token(), subject=3)
    for change in (
        "UPDATE issued_document SET sha256 = $1 WHERE token = $2",
        "DELETE FROM issued_document WHERE $1 <> $2",
    ):
        with pytest.raises(asyncpg.RaiseError):
            await pool.execute(change, "0" * 64, token)
    await issued(pool, door, tmp_path, token=new_token(), subject=3, revision=2)


async def test_a_paper_whose_signature_is_refused_is_no_paper(
    asker: httpx.AsyncClient, pool: Pool, door: Door, tmp_path: Path
) -> None:
    """The file lies there already, but nothing vouches for it."""
    token = new_token()
    await issued(pool, door, tmp_path, token=new_token(), subject=4)
    with pytest.raises(Exception, match="UniqueViolation"):
        await issued(pool, door, tmp_path, token=token, subject=4)

    assert (await asker.get(f"/v1/verify/{token}")).json() == UNKNOWN
