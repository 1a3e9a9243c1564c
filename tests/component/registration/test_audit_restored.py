"""After a restore from a backup somebody answers for it on the command line, and the verifier knows by whom."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from chassis import audit
from chassis.audit_chain import Sealer
from chassis.database import Pool, open_pool
from chassis.process import EXIT_BROKEN
from chassis.settings import Settings
from deploy.audit_verify import sources
from deploy.audit_verify.__main__ import verified
from deploy.audit_verify.chain import Anchor, Verdict
from deploy.local.backing import Backing
from deploy.local.tokens import AUDIENCE, ISSUER, Issuer
from services.registration.app import SERVICE
from tests.component.house import House, database_of

REPOSITORY = Path(__file__).parents[3]
SECONDS_MAX = 60.0
NAMED = re.compile(r"--accept ([0-9a-f-]{36})")


@pytest.fixture
def lost(backing: Backing) -> Iterator[str]:
    """The database whose disk will break."""
    with database_of(backing, SERVICE) as address:
        yield address


def environment(dsn: str, issuer: Issuer) -> dict[str, str]:
    """What a process of the service, or its command line, is told."""
    return {
        "DATABASE_URL": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "AUTH_ISSUER": ISSUER,
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_JWKS": str(issuer.jwks_file),
    }


async def entered(pool: Pool, dsn: str, issuer: Issuer, *names: str) -> list[Anchor]:
    """Reads by these people are entered, sealed and anchored; all anchors that have left, or wait to leave."""
    house = House(SERVICE, pool, Settings.from_env(environment(dsn, issuer), service=SERVICE.name), issuer)
    actor = {"facility": None, "kind": "person", "roles": ["REGISTRAR"], "unit": "PLG-HQ"}
    entries = [
        audit.Entry(
            service=SERVICE.name, actor=actor | {"id": name}, action="read_registration", outcome="shown",
            subject=audit.Subject("registration", str(uuid4())),
        )
        for name in names
    ]  # fmt: skip
    sealer = Sealer(dsn, house.engine.setting, house.metrics.audit, lambda: None, anchor_seconds=0.0)
    async with pool.acquire() as connection:
        await audit.insert(connection, entries)
        await sealer.seal(connection)
    return await told(pool)


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Pool]:
    """Connections to a database, closed afterwards: of one that is in use no copy can be made."""
    pool = await open_pool(dsn, name="test")
    try:
        yield pool
    finally:
        await pool.close()


async def told(pool: Pool) -> list[Anchor]:
    """The anchors that left, or wait to leave."""
    rows = await pool.fetch("SELECT payload FROM outbox WHERE topic = 'registration.operations' ORDER BY seq")
    return list(sources.anchors_of([json.loads(row["payload"]) for row in rows]))


async def verdict(dsn: str, anchors: list[Anchor], *accepted: UUID) -> Verdict:
    """What the verifier says of a trail."""
    async with sources.opened(dsn) as trail:
        return await verified(trail, SERVICE.name, anchors, accepted=frozenset(accepted))


async def reanchor(dsn: str, issuer: Issuer, *, continues_from: int, gives_up_until: int) -> tuple[int, str, str]:
    """The command as an operator types it: its exit code, what it says, and what it complains of."""
    command = [sys.executable, "-m", "services.registration", "reanchor", "--by", "ops-1", "--reason", "the disk broke"]
    command += ["--continues-from", str(continues_from), "--gives-up-until", str(gives_up_until)]
    env, pipe = {**os.environ, **environment(dsn, issuer)}, asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, env=env, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(SECONDS_MAX):
        said, complained = await process.communicate()
    return process.returncode or 0, said.decode(), complained.decode()


async def test_whoever_restored_a_backup_says_so_and_the_verifier_asks_for_it(
    backing: Backing, lost: str, issuer: Issuer
) -> None:
    """The copy was taken at three entries; two more were anchored before the disk broke."""
    name = f"restored_{uuid4().hex[:8]}"
    async with opened(lost) as pool:
        kept = await entered(pool, lost, issuer, "a", "b", "c")
    dsn = backing.create_database(name, template=lost.rsplit("/", 1)[1])
    async with opened(lost) as pool:
        outside = await entered(pool, lost, issuer, "d", "e")
    async with opened(dsn) as pool:
        unexplained = await verdict(dsn, [*outside, *(await entered(pool, dsn, issuer, "f"))[len(kept) :]])
        refused = await reanchor(dsn, issuer, continues_from=99, gives_up_until=99)
        code, said, _ = await reanchor(dsn, issuer, continues_from=3, gives_up_until=5)
        everything = [*outside, *(await entered(pool, dsn, issuer, "g"))[len(kept) :]]
        [accepted] = NAMED.findall(said)
        unanswered = await verdict(dsn, everything)
        answered = await verdict(dsn, everything, UUID(accepted))
        acts = await pool.fetch("SELECT body FROM audit_entry WHERE action = 'reanchor_audit_trail'")
    backing.drop_database(name)

    assert {finding.kind for finding in unexplained.findings} == {"cut"}
    assert refused[0] == EXIT_BROKEN
    assert "cannot go on from 99" in refused[2]
    assert code == 0
    assert [finding.kind for finding in unanswered.findings] == ["restored"]
    assert answered.findings == []
    assert [(json.loads(act["body"])["actor"]["id"], json.loads(act["body"])["reason"]) for act in acts] == [
        ("ops-1", "the disk broke")
    ]
