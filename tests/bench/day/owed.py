"""What the day owes after the boards: everybody told, and nothing lost or doubled in any database, topic or mailbox."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.catalogue import TOPICS, UPSTREAM, consumed_by
from contracts.registration import RegistrationOpened
from deploy.demo.topics import Topics
from tests.bench.day.clock import Day
from tests.bench.day.mails import Letterbox
from tests.bench.day.officers import BOARD, Officers
from tests.bench.day.plan import Freed
from tests.bench.house import House
from tests.bench.stage import Stalled

STALL_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 1.0
SERVICES: Final = ("registration", "supervision", "notifications")

COUNT_ON_ITS_WAY: Final = """
    SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM timer WHERE due_at <= $1)
"""
COUNT_READ: Final = "SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_offset"
COUNT_UNSENT: Final = "SELECT count(*) FROM notification WHERE state IN ('pending', 'sending', 'accepted')"
SELECT_CASES: Final = "SELECT registration_id, status FROM registration WHERE registration_id = ANY ($1)"
COUNT_CASES: Final = "SELECT count(*) FROM registration"
COUNT_LETTERS: Final = "SELECT count(*) FROM dead_letter WHERE state IN ('parked', 'waiting')"
COUNT_INBOX: Final = "SELECT count(*) FROM inbox"
SELECT_TOLD: Final = """
    SELECT about, channel, state, settled_at FROM notification
     WHERE occasion = 'released' AND about = ANY ($1)
"""
SELECT_MAILS: Final = """
    SELECT DISTINCT trim(both '<>' from message_id) AS message_id FROM notification
     WHERE channel = 'EMAIL' AND state = 'delivered' AND NOT maybe_doubled
"""


@dataclass(frozen=True)
class Told:
    """How long it took from a release's message until somebody was told of it, in milliseconds, by channel."""

    waited_ms: Mapping[str, Sequence[float]]
    mails: int
    untold: int


async def until_rest(house: House, letterbox: Letterbox, office_now: Callable[[], datetime]) -> float:
    """Wait until nothing is on its way any more; the real moment of that. Raises Stalled when nothing moves."""
    before, since = "", time.monotonic()
    topics = topics_of(house)
    while True:
        left = await _on_its_way(house, topics, office_now())
        now = time.time()
        if not any(left.values()) and not any((await _on_its_way(house, topics, office_now())).values()):
            await letterbox.empty()
            return now
        if (state := f"{left} {letterbox.came.total()}") != before:
            before, since = state, time.monotonic()
        if time.monotonic() - since > STALL_SECONDS:
            raise Stalled(f"nothing moves: {left}")
        await letterbox.empty()
        await asyncio.sleep(LOOK_SECONDS)


async def _on_its_way(house: House, topics: Topics, now: datetime) -> dict[str, int]:
    found = {}
    ends = await asyncio.to_thread(topics.ends)
    for service in SERVICES:
        async with house.session(service) as connection:
            found[f"{service} to do"] = await connection.fetchval(COUNT_ON_ITS_WAY, now)
            read = await connection.fetchval(COUNT_READ)
            found[f"{service} to read"] = _read_by(service, ends) - read
    async with house.session("notifications") as connection:
        found["unsent"] = await connection.fetchval(COUNT_UNSENT)
    return found


def _read_by(service: str, ends: Mapping[tuple[str, int], int]) -> int:
    names = {topic.name for topic in consumed_by(service)}
    return sum(end for (topic, _), end in ends.items() if topic in names)


async def told(house: House, all_freed: Sequence[Freed], day: Day) -> Told:
    """Who was told of the releases, how much later."""
    due = {one.registration_id: day.due(one.released.due) for one in all_freed}
    waited: dict[str, list[float]] = {}
    delivered: set[UUID] = set()
    async with house.session("notifications") as connection:
        for row in await connection.fetch(SELECT_TOLD, list(due)):
            if row["state"] == "delivered":
                delivered.add(row["about"])
                late = day.real_of(row["settled_at"]) - due[row["about"]]
                waited.setdefault(row["channel"], []).append(late * 1000)
        mails = len(await connection.fetch(SELECT_MAILS))
    return Told(waited, mails, len(due.keys() - delivered))


async def broken(
    house: House, all_freed: Sequence[Freed], *, messages: int, behind: AbstractSet[UUID], letterbox: Letterbox
) -> list[str]:
    """What is lost or doubled, in words; nothing where the counts of all parts agree."""
    return [
        words
        async for words in _broken(house, all_freed, messages=messages, behind=behind, letterbox=letterbox)
        if words
    ]


async def _broken(
    house: House, all_freed: Sequence[Freed], *, messages: int, behind: AbstractSet[UUID], letterbox: Letterbox
) -> AsyncIterator[str]:
    async with house.session("registration") as connection:
        rows = await connection.fetch(SELECT_CASES, [one.registration_id for one in all_freed])
        cases = await connection.fetchval(COUNT_CASES)
        inbox = await connection.fetchval(COUNT_INBOX)
    for words in _wrong_states(all_freed, {row["registration_id"]: row["status"] for row in rows}):
        yield words
    expected = len(all_freed) + len(behind)
    yield f"{cases} registrations instead of {expected}" if cases != expected else ""
    yield f"{inbox} messages handled instead of {messages}" if inbox != messages else ""
    for service in SERVICES:
        async with house.session(service) as connection:
            letters = await connection.fetchval(COUNT_LETTERS)
        yield f"{letters} dead letters of {service}" if letters else ""
    yield await _wrong_board(house, all_freed, behind)
    for words in await asyncio.to_thread(_wrong_facts, house, all_freed):
        yield words
    async with house.session("notifications") as connection:
        kept = {row["message_id"] for row in await connection.fetch(SELECT_MAILS)}
    lost, doubled = kept - letterbox.came.keys(), [each for each, times in letterbox.came.items() if times > 1]
    yield f"{len(lost)} mails are delivered in the ledger and never arrived" if lost else ""
    yield f"{len(doubled)} mails arrived more than once" if doubled else ""
    strange = letterbox.came.keys() - kept
    yield f"{len(strange)} mails arrived that the ledger does not have" if strange else ""


def _wrong_states(all_freed: Sequence[Freed], status_of: Mapping[UUID, str]) -> Iterator[str]:
    found: Counter[str] = Counter()
    for one in all_freed:
        status = status_of.get(one.registration_id, "lost")
        wanted = "closed" if one.is_taken_back else "provisionally_registered" if one.met_at is not None else "released"
        if status != wanted:
            found[f"{status} instead of {wanted}"] += 1
    for words, count in found.items():
        yield f"{count} releases are {words}"


async def _wrong_board(house: House, all_freed: Sequence[Freed], behind: AbstractSet[UUID]) -> str:
    officer = Officers(house.people, house.reference).of("PLG-HQ")
    lines = await officer.pages("registration", BOARD)
    shown = Counter(UUID(line["registration_id"]) for line in lines if UUID(line["registration_id"]) not in behind)
    wanted = Counter(one.registration_id for one in all_freed if one.is_awaited)
    if shown == wanted:
        return ""
    return f"the board shows {(shown - wanted).total()} too many and lacks {(wanted - shown).total()}"


def _wrong_facts(house: House, all_freed: Sequence[Freed]) -> list[str]:
    """Each release is opened once on our topics, and no event of ours has another one's id."""
    ours = [record for record in topics_of(house).everything() if TOPICS[record.topic].publisher not in UPSTREAM]
    opened = Counter(record.subject or "" for record in ours if record.type == RegistrationOpened.type)
    wanted = Counter(str(one.registration_id) for one in all_freed)
    ids = Counter((record.source, record.id) for record in ours)
    doubled = sum(count - 1 for count in ids.values())
    return [
        f"{(wanted - opened).total()} releases were never told as opened" if wanted - opened else "",
        f"{(opened - wanted).total()} were told as opened too often" if opened - wanted else "",
        f"{doubled} events lie on our topics more than once" if doubled else "",
    ]


def topics_of(house: House) -> Topics:
    """The topics of the stack, read from outside."""
    places = house.stack.endpoints
    kafka = places["kafka"]
    return Topics(kafka["bootstrap_servers"], prefix=kafka["topic_prefix"], names=places["topics"])
