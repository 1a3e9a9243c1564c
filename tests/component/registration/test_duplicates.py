"""Two registrations that may be of one human being are found behind the reports, in whatever order these come."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.registration import duplicate_store
from services.registration.domain.duplicates import pair_id_of
from tests.component.house import House, record_of
from tests.component.registration.pairs import (
    BECAUSE,
    BORN,
    NIK,
    ONE,
    OTHER,
    PAIR,
    compare,
    pairs,
    queue,
    released,
    suspect_both,
)
from tests.component.registration.people import a_cancellation, a_release, an_announcement, officer


async def test_two_releases_of_one_person_wait_for_somebody_to_look(house: House) -> None:
    await suspect_both(house)

    (line,) = await queue(house)
    assert (line["duplicate_id"], line["state"], line["level"]) == (str(PAIR), "open", "suspected")
    assert (line["score"], line["name"], line["birth"], line["same_nik"]) == (93, 100, 100, False)
    assert {each["registration_id"] for each in line["registrations"]} == {str(ONE), str(OTHER)}
    assert [each["who"] for each in line["registrations"]] == ["Budi Santoso", "Budi Santoso"]
    assert line["policy_version"] == house.reference.version


async def test_neither_is_refused_and_no_clock_stops(house: House) -> None:
    assert await house.hear(released(1, nik=NIK), released(2, nik=NIK)) == ["applied", "applied"]
    before = await house.pool.fetch("SELECT * FROM timer ORDER BY subject, kind")
    cases = await house.pool.fetch("SELECT * FROM registration ORDER BY registration_id")
    told = await house.published()

    await compare(house)

    assert [level for _, _, level in await pairs(house)] == ["suspected"]
    assert await house.pool.fetch("SELECT * FROM timer ORDER BY subject, kind") == before
    assert await house.pool.fetch("SELECT * FROM registration ORDER BY registration_id") == cases
    assert await house.published() == told


async def test_the_same_nik_is_certain_whatever_the_name(house: House) -> None:
    await house.hear(released(1, nik=NIK), released(2, name="Quite Another", nik="16.71.06.120590.0003"))
    await compare(house)

    (line,) = await queue(house)
    assert (line["same_nik"], line["score"], line["level"]) == (True, 100, "suspected")


async def test_strangers_are_no_pair(house: House) -> None:
    await house.hear(released(1, birth_on=BORN), released(2, name="Agus Wijaya", birth_on="1971-02-03"))

    assert await compare(house) == 2
    assert await pairs(house) == []


async def test_what_is_delivered_twice_is_compared_once(house: House) -> None:
    record = record_of(released(1, birth_on=BORN))
    await house.deliver(record)
    await house.deliver(record)
    await house.hear(released(1, birth_on=BORN, revision=2, phone="0812"))

    assert await house.pool.fetchval("SELECT count(*) FROM identity_change") == 1


async def test_a_correction_of_who_somebody_is_compares_again(house: House) -> None:
    await house.hear(released(1, birth_on=BORN), released(2, name="Agus Wijaya", birth_on=BORN))
    await compare(house)
    assert await pairs(house) == []

    await house.hear(released(2, birth_on=BORN, revision=2))
    await compare(house)
    assert await pairs(house) == [(PAIR, "open", "suspected")]

    await house.hear(released(2, name="Agus Wijaya", birth_on=BORN, revision=3))
    await compare(house)
    assert await pairs(house) == [(PAIR, "lapsed", "suspected")]


async def test_a_walk_in_is_compared_and_its_own_release_is_no_duplicate(house: House) -> None:
    person = {"facility": "LP1-PLG", "name": "Budi Santoso", "prison_register_no": "BI.9/2025", "decree_no": "PAS-9"}
    contact = {"contact_at": "2026-05-29T09:30:00Z", "method": "AT_OUTPOST", "identity_level": "L2"}
    async with officer(house) as po:
        walk_in = await po.post("/v1/walk-ins", json={"person": person | {"birth_on": BORN}, "contact": contact})
    met = UUID(walk_in.json()["registration_id"])
    await house.hear(released(1, birth_on=BORN))
    await compare(house)
    assert [pair for pair, _, _ in await pairs(house)] == [pair_id_of(met, ONE)]

    await house.hear(released(2, prison_register_no="BI.9/2025", decree_no="PAS-9", birth_on=BORN))
    await compare(house)

    assert await house.pool.fetchval("SELECT bound_to FROM registration WHERE registration_id = $1", OTHER) == met
    assert [pair for pair, _, _ in await pairs(house)] == [pair_id_of(met, ONE)]


async def test_a_release_that_is_bound_by_a_person_is_no_duplicate_any_more(house: House) -> None:
    person = {"facility": "LP1-PLG", "name": "Budi Santoso", "birth_on": BORN}
    contact = {"contact_at": "2026-05-29T09:30:00Z", "method": "AT_OUTPOST", "identity_level": "L2"}
    async with officer(house) as po:
        walk_in = await po.post("/v1/walk-ins", json={"person": person, "contact": contact})
        met = UUID(walk_in.json()["registration_id"])
        await house.hear(released(1, birth_on=BORN))
        await compare(house)
        assert await pairs(house) == [(pair_id_of(met, ONE), "open", "suspected")]
        bound = await po.post(f"/v1/registrations/{met}/binding", json={"release": str(ONE), **BECAUSE})
    assert bound.status_code == 200, bound.text

    await compare(house)
    assert await pairs(house) == [(pair_id_of(met, ONE), "lapsed", "suspected")]


async def test_two_reports_at_the_same_moment_are_a_pair_whoever_compares(house: House) -> None:
    """Each transaction is blind for the other; both are compared after they have committed, by one at a time."""
    await asyncio.gather(house.hear(released(1, birth_on=BORN)), house.hear(released(2, birth_on=BORN)))
    await asyncio.gather(compare(house), compare(house), compare(house))
    await compare(house)

    assert await pairs(house) == [(PAIR, "open", "suspected")]
    assert await house.pool.fetchval("SELECT count(*) FROM duplicate_entry") == 1


async def test_what_commits_while_another_is_compared_is_found_later(house: House, dsn: str) -> None:
    await house.hear(released(1, birth_on=BORN))
    other = await asyncpg.connect(dsn)
    try:
        async with other.transaction():
            assert await duplicate_store.begin_to_compare(other)
            assert await compare(house) == 0  # another process compares: nothing is taken away
            await house.hear(released(2, birth_on=BORN))
    finally:
        await other.close()

    assert await compare(house) == 2
    assert await pairs(house) == [(PAIR, "open", "suspected")]


async def test_a_round_that_is_cut_off_leaves_everything_to_the_next(house: House) -> None:
    await house.hear(released(1, birth_on=BORN), released(2, birth_on=BORN))
    await house.pool.execute("ALTER TABLE duplicate_entry ADD CONSTRAINT cut CHECK (score < 0) NOT VALID")
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await compare(house)
    finally:
        await house.pool.execute("ALTER TABLE duplicate_entry DROP CONSTRAINT cut")

    assert await pairs(house) == []
    assert await compare(house) == 2
    assert await pairs(house) == [(PAIR, "open", "suspected")]


async def test_what_too_many_share_is_nothing_to_look_by(house: House) -> None:
    most = house.reference.likeness.shared_by_max
    crowd = [released(number) for number in range(3, most + 10)]
    for start in range(0, len(crowd), 50):
        await house.hear(*crowd[start : start + 50])
    await compare(house)
    before = len(await pairs(house))

    await house.hear(released(1, birth_on=BORN), released(2, birth_on=BORN))
    await compare(house)

    assert [pair for pair, _, _ in await pairs(house) if pair == PAIR] == [PAIR]
    assert len(await pairs(house)) == before + 1


NAMES = st.sampled_from(["Budi Santoso", "Boedi Santosa", "Ahmad Fauzi bin Karto"])
BIRTHS = st.sampled_from([None, BORN, "1990-12-05"])


@st.composite
def reports(draw: st.DrawFn) -> list[Any]:
    """What a prison says of three releases, each in its own revisions; some are taken back."""
    said: list[Any] = []
    for number in range(1, 4):
        for revision in range(1, draw(st.integers(1, 2)) + 1):
            kind = draw(st.sampled_from([a_release, an_announcement]))
            papers = {"release_id": f"R-{number}", "prison_register_no": f"BI.{number}", "revision": revision}
            said.append(kind(**papers, name=draw(NAMES), birth_on=draw(BIRTHS), nik=draw(st.sampled_from([None, NIK]))))
        if draw(st.booleans()):
            said.append(a_cancellation(release_id=f"R-{number}", revision=3))
    return said


@given(history=reports(), data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_reports_in_any_order_leave_the_same_queue(history: list[Any], data: st.DataObject, house: House) -> None:
    shuffled = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history), max_size=3))))
    rounds = data.draw(st.lists(st.booleans(), min_size=len(shuffled), max_size=len(shuffled)))

    assert await _queue_after(house, shuffled, rounds) == await _queue_after(house, history, [True] * len(history))


async def _queue_after(house: House, history: list[Any], rounds: list[bool]) -> list[tuple[Any, ...]]:
    await house.pool.execute(
        "TRUNCATE registration, timeline, trace_entry, register_entry, person_refusal, identity_change, known_person,"
        " person_key, suspected_duplicate, duplicate_entry, inbox, outbox, timer, held_key, dead_letter CASCADE"
    )
    for event, compares in zip(history, rounds, strict=True):
        await house.hear(event)
        if compares:
            await compare(house)
    await compare(house)
    rows = await house.pool.fetch(
        "SELECT duplicate_id, level, score, same_nik, name, birth, facility, fingerprint FROM suspected_duplicate"
        " WHERE state = 'open' ORDER BY duplicate_id"
    )
    return [tuple(row) for row in rows]
