"""The chain of the audit trail: nobody waits for it, nothing is left out of it, and no tampering goes unseen."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chassis import audit
from chassis.audit_chain import Head, Sealer, count_unsealed, linked
from chassis.audit_restore import NotContinuable, Restore, reanchor
from chassis.database import Pool, open_pool
from chassis.metrics import Metrics
from chassis.probes import NO_PROBES, Probes
from deploy.audit_verify import sources
from deploy.audit_verify.__main__ import main, verified
from deploy.audit_verify.chain import SEALED_WITHIN, Anchor, Verdict, Verification
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import House, until
from tests.component.chassis.delivery.tally import SERVICE
from tests.component.chassis.delivery.tampering import HASH_IT_ANEW, OPEN_THE_TABLES, REWRITE_A_BODY, TAMPERING
from tests.component.chassis.delivery.wire import relay_of, running, wire_to


@dataclass
class Chain:
    """A trail, the sealer in the test's hand, and what it tells outside."""

    pool: Pool
    dsn: str
    setting: Any
    anchor_seconds: float = 0.0
    probes: Probes = NO_PROBES
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def sealer(self) -> Sealer:
        """A sealer that begins."""
        return Sealer(self.dsn, self.setting, self.metrics.audit, lambda: None, self.probes, self.anchor_seconds)

    async def enter(self, *names: str, connection: Any = None) -> None:
        """Enter reads by these callers."""
        entries = [entry_by(name) for name in names]
        if connection is not None:
            await audit.insert(connection, entries)
            return
        async with self.pool.acquire() as own:
            await audit.insert(own, entries)

    async def seal(self) -> int:
        """Seal what waits."""
        async with self.pool.acquire() as connection:
            return await self.sealer.seal(connection)

    async def told(self) -> list[Anchor]:
        """The anchors that were told outside, as they leave."""
        rows = await self.pool.fetch("SELECT payload FROM outbox WHERE topic LIKE '%.operations' ORDER BY seq")
        return [anchor_of(json.loads(row["payload"])) for row in rows]

    async def verdict(self, anchors: Sequence[Anchor] | None = None, *, accepted: Sequence[UUID] = ()) -> Verdict:
        """What the verifier says of it."""
        told = await self.told() if anchors is None else anchors
        async with sources.opened(self.dsn) as trail:
            return await verified(trail, SERVICE, told, accepted=frozenset(accepted))

    async def who(self) -> list[str]:
        """The callers in the order of the chain."""
        rows = await self.pool.fetch("SELECT actor FROM audit_link JOIN audit_entry USING (entry_id) ORDER BY position")
        return [row["actor"] for row in rows]


def entry_by(name: str) -> audit.Entry:
    """A read by somebody."""
    actor = {"facility": None, "id": name, "kind": "person", "roles": ["REGISTRAR"], "unit": "PLG-HQ"}
    subject = audit.Subject("registration", str(uuid4()))
    return audit.Entry(service=SERVICE, actor=actor, action="read_registration", outcome="shown", subject=subject)


def anchor_of(said: dict[str, Any]) -> Anchor:
    """An anchor as it lies on the topic."""
    [anchor] = sources.anchors_of([said])
    return anchor


def kinds(verdict: Verdict) -> set[str]:
    """The kinds of what was found."""
    return {finding.kind for finding in verdict.findings}


@pytest.fixture
async def chain(dsn: str) -> AsyncIterator[Chain]:
    """A trail of its own."""
    pool = await open_pool(dsn, name="test")
    yield Chain(pool, dsn, House(pool).setting)
    await pool.close()


@pytest.fixture
async def seven(chain: Chain) -> Chain:
    """A chain of seven entries that was anchored at the third and at the last."""
    await chain.enter("a", "b", "c")
    await chain.seal()
    await chain.enter("d", "e", "f", "g")
    await chain.seal()
    return chain


async def test_a_chain_that_nobody_touched_is_sound(seven: Chain) -> None:
    verdict = await seven.verdict()

    assert verdict.findings == []
    assert (verdict.entries, verdict.anchors, verdict.agrees_until, verdict.unanchored) == (7, 2, 7, 0)
    assert await seven.who() == list("abcdefg")


@pytest.mark.parametrize("how", TAMPERING)
async def test_whatever_is_done_to_the_rows_is_found(seven: Chain, how: str) -> None:
    told = await seven.told()
    statements, expected = TAMPERING[how]

    async with seven.pool.acquire() as connection:
        await connection.execute(OPEN_THE_TABLES)
        for statement in statements:
            await connection.execute(statement)

    assert kinds(await seven.verdict(told)) == expected


async def test_a_suffix_that_was_hashed_anew_is_found_by_its_anchors_alone(seven: Chain) -> None:
    """Whoever owns the database can make a sound chain of other entries; what was told outside is not theirs."""
    told = await seven.told()

    async with seven.pool.acquire() as connection:
        await connection.execute(OPEN_THE_TABLES)
        await connection.execute(REWRITE_A_BODY)
        await connection.execute("UPDATE audit_entry SET outcome = 'taken' WHERE seq = 3")
        await connection.execute(HASH_IT_ANEW)
        [kept] = await connection.fetch("SELECT position, hash FROM audit_link WHERE position = 2")
        rows = await connection.fetch("SELECT entry_id, digest FROM audit_entry WHERE seq >= 3 ORDER BY seq")
        now = await connection.fetchval("SELECT now()")
        links = linked(
            SERVICE, Head(kept["position"], kept["hash"]), [(row["entry_id"], row["digest"]) for row in rows], at=now
        )
        await connection.execute("DELETE FROM audit_link WHERE position > 2")
        await connection.executemany(
            """
            INSERT INTO audit_link (position, entry_id, digest, previous, hash, sealed_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [tuple(link) for link in links],
        )

    assert kinds(await seven.verdict([])) == set()
    assert kinds(await seven.verdict(told)) == {"rewritten"}


async def test_entries_of_transactions_that_commit_late_are_not_skipped(chain: Chain) -> None:
    async with chain.pool.acquire() as connection:
        async with connection.transaction():
            await chain.enter("early, but late", connection=connection)
            await chain.enter("quick")
            await chain.seal()
        await chain.seal()

    assert await chain.who() == ["quick", "early, but late"]
    assert (await chain.verdict()).findings == []


async def test_many_who_write_at_once_are_all_in_the_chain_once(chain: Chain) -> None:
    async def write(number: int) -> None:
        for place in range(25):
            async with chain.pool.acquire() as connection, connection.transaction():
                await chain.enter(f"{number}-{place}", connection=connection)
                await asyncio.sleep(0.001 * (number % 3))

    sealing = asyncio.create_task(chain.sealer.run())
    try:
        await asyncio.gather(*map(write, range(8)))
        await until(lambda: nothing_waits(chain))
    finally:
        sealing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sealing

    assert sorted(await chain.who()) == sorted(f"{number}-{place}" for number in range(8) for place in range(25))
    assert (await chain.verdict()).findings == []


async def nothing_waits(chain: Chain) -> bool:
    """Whether everything is sealed."""
    async with chain.pool.acquire() as connection:
        return (await count_unsealed(connection))[0] == 0


async def test_a_sealer_that_is_killed_in_its_transaction_leaves_nothing_half_done(chain: Chain) -> None:
    await chain.enter("a", "b")
    chain.probes = Killed()

    with pytest.raises(ConnectionError):
        await chain.seal()
    assert await chain.who() == []

    chain.probes = NO_PROBES
    assert await chain.seal() == 2
    assert await chain.seal() == 0
    assert await chain.who() == ["a", "b"]
    assert [anchor.position for anchor in await chain.told()] == [2]


class Killed:
    """Ends whoever comes to a point."""

    async def reach(self, point: str) -> None:
        """The connection is gone."""
        raise ConnectionError(point)


async def test_a_sealer_whose_session_is_ended_leads_again(chain: Chain) -> None:
    sealing = asyncio.create_task(chain.sealer.run())
    try:
        await chain.enter("a")
        await until(lambda: nothing_waits(chain))
        await chain.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%sealer'"
        )
        await chain.enter("b")
        await until(lambda: nothing_waits(chain))
    finally:
        sealing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sealing

    assert await chain.who() == ["a", "b"]
    assert (await chain.verdict()).findings == []


async def test_two_who_seal_at_once_make_one_chain(chain: Chain) -> None:
    """A lock that was lost unseen: the second takes the same position and fails."""
    await chain.enter(*"abcdefgh")

    results = await asyncio.gather(*(chain.seal() for _ in range(4)), return_exceptions=True)

    assert {type(result) for result in results} <= {int, asyncpg.UniqueViolationError}
    assert await chain.who() == list("abcdefgh")
    assert (await chain.verdict()).findings == []


async def test_an_entry_that_stays_out_of_the_chain_is_counted_and_found(chain: Chain) -> None:
    await chain.enter("a", "b")

    async with chain.pool.acquire() as connection:
        count, seconds = await count_unsealed(connection)
    verification = Verification(SERVICE, [])
    async with sources.opened(chain.dsn) as trail:
        for entry in await trail.loose():
            verification.loose(entry, now=await trail.now() + SEALED_WITHIN + timedelta(seconds=1))

    assert count == 2
    assert seconds >= 0.0
    assert [finding.kind for finding in verification.verdict.findings] == ["outside", "outside"]


async def test_a_head_is_told_outside_at_intervals_and_not_for_every_entry(chain: Chain) -> None:
    chain.anchor_seconds = 3600.0

    for name in "abc":
        await chain.enter(name)
        await chain.seal()

    assert [anchor.position for anchor in await chain.told()] == [1]
    assert (await chain.verdict()).unanchored == 2


async def test_a_restored_backup_is_told_from_an_attack_by_who_answers_for_it(backing: Backing, seven: Chain) -> None:
    """The copy was taken at seven entries; two more were anchored before the disk broke."""
    name = f"restored_{uuid4().hex[:8]}"
    await seven.pool.close()
    dsn = backing.create_database(name, template=seven.dsn.rsplit("/", 1)[1])
    seven.pool = await open_pool(seven.dsn, name="test")
    await seven.enter("h", "i")
    await seven.seal()
    told = await seven.told()
    pool = await open_pool(dsn, name="test")
    try:
        restored = Chain(pool, dsn, seven.setting)
        await restored.enter("j", "k", "l")
        await restored.seal()
        unexplained = await restored.verdict([*told, *(await restored.told())[2:]])

        async with pool.acquire() as connection:
            restore = Restore(by="ops-1", reason="the disk broke", continues_from=7, gives_up_until=9)
            with pytest.raises(NotContinuable):
                await reanchor(
                    connection, restored.setting, Restore(by="x", reason="y", continues_from=99, gives_up_until=99)
                )
            fact = await reanchor(connection, restored.setting, restore)
        await restored.seal()
        everything = [*told, *(await restored.told())[2:]]
        unaccepted = await restored.verdict(everything)
        accepted = await restored.verdict(everything, accepted=[fact.anchor_id])
    finally:
        await pool.close()
        backing.drop_database(name)

    assert kinds(unexplained) == {"rewritten"}
    assert kinds(unaccepted) == {"restored"}
    assert accepted.findings == []
    assert [finding.kind for finding in accepted.restored] == ["restored"]
    assert accepted.entries == 11


async def test_the_head_reaches_its_topic_and_the_command_compares_it(
    backing: Backing, chain: Chain, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    """From the outbox through the relay to Kafka, and from there to the verifier's exit code."""
    async with wire_to(backing) as wire:
        wire.make("registration.operations", partitions=1)
        house = House(chain.pool, prefix=wire.prefix)
        chain.setting = house.setting
        await chain.enter("a", "b", "c")
        await chain.seal()
        async with running(relay_of(house, wire.settings(chain.dsn))):
            await until(lambda: has_left(chain))
        arguments = ["--service", SERVICE, "--database", chain.dsn, "--bootstrap", backing.bootstrap_servers]
        arguments += ["--prefix", wire.prefix, "--export", str(tmp_path / "anchors.jsonl")]
        sound = await asyncio.to_thread(main, arguments)
        await chain.pool.execute(OPEN_THE_TABLES)
        await chain.pool.execute("DELETE FROM audit_link WHERE position = 3")
        await chain.pool.execute("DELETE FROM audit_entry WHERE seq = 3")
        cut = await asyncio.to_thread(main, arguments)

    assert (sound, cut) == (0, 1)
    assert "cut       3 entries were anchored" in capsys.readouterr().out
    assert [anchor.position for anchor in sources.in_file(tmp_path / "anchors.jsonl", SERVICE)] == [3]


async def has_left(chain: Chain) -> bool:
    """Whether the outbox is empty."""
    return not await chain.pool.fetchval("SELECT count(*) FROM outbox")


async def test_an_entry_is_hashed_as_it_is_documented(chain: Chain) -> None:
    """By hand, from the words of the decision record."""
    await chain.enter('Ç\u2028"')

    [row] = await chain.pool.fetch("SELECT entry_id, at, body, digest FROM audit_entry")
    at = row["at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    said = f"bapas.audit.entry.v1\n{row['entry_id']}\n{at}\n{row['body']}"
    assert row["digest"] == sha256(said.encode()).digest()
    assert row["body"] == json.dumps(json.loads(row["body"]), sort_keys=True, separators=(",", ":"))
