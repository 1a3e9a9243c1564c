"""Two registrations that may be of one human being: found behind the reports, judged by a person, never merged."""

import asyncio
import json
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.chores import ChoreLoop
from contracts.lapas import ClientReleased, client_id_of, registration_id_of
from contracts.registration import ClientsLinked, ClientsUnlinked
from contracts.roles import Role
from services.registration import duplicate_store
from services.registration.domain.duplicates import pair_id_of
from tests.component.house import House, record_of
from tests.component.registration.people import (
    a_cancellation,
    a_release,
    an_announcement,
    caller,
    childrens_head,
    officer,
    registrar,
    section_head,
)

NIK = "1671061205900003"
BORN = "1990-05-12"
BECAUSE = {"reason": "The same papers and the same face."}
ONE, OTHER = registration_id_of("R-1"), registration_id_of("R-2")
PAIR = pair_id_of(ONE, OTHER)


async def compare(house: House) -> int:
    """Let the chore do rounds until nothing is left; how many changes it compared."""
    (chore,) = house.service.chores(house.context)
    loop = ChoreLoop(chore, house.commands, house.system_clock, lambda: None)
    compared = 0
    while done := await loop.round():
        compared += done
    return compared


def released(number: int, **said: Any) -> ClientReleased:
    """A release of somebody of this name, with papers of its own."""
    papers = {"release_id": f"R-{number}", "prison_register_no": f"BI.{number}/2025", "phone": None}
    return a_release(**papers | {"name": "Budi Santoso"} | said)


async def suspect_both(house: House, **said: Any) -> None:
    """Two releases of one name and birth date are known and compared."""
    await house.hear(released(1, birth_on=BORN, **said), released(2, birth_on=BORN, **said))
    await compare(house)


async def pairs(house: House) -> list[tuple[UUID, str, str]]:
    """All pairs with state and level."""
    rows = await house.pool.fetch("SELECT duplicate_id, state, level FROM suspected_duplicate ORDER BY duplicate_id")
    return [tuple(row) for row in rows]


async def queue(house: House, **asked: str) -> list[dict[str, Any]]:
    """The queue as a registrar reads it."""
    async with registrar(house) as reg:
        answer = await reg.get("/v1/suspected-duplicates", params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def judge(house: House, act: str, *, pair: UUID = PAIR) -> int:
    """A registrar says something of the two; the status of the answer."""
    async with registrar(house) as reg:
        return (await reg.post(f"/v1/suspected-duplicates/{pair}/{act}", json=BECAUSE)).status_code


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


async def test_a_link_is_said_by_a_person_with_the_reason_and_both_stay_as_they_are(house: House) -> None:
    await suspect_both(house)
    cases = await house.pool.fetch("SELECT * FROM registration ORDER BY registration_id")

    assert await judge(house, "link") == 200

    assert await house.pool.fetch("SELECT * FROM registration ORDER BY registration_id") == cases
    first, second = sorted((ONE, OTHER))
    fact = (await house.published())[-1]
    assert isinstance(fact, ClientsLinked)
    assert (fact.link_id, fact.registration_id, fact.other_registration_id) == (PAIR, first, second)
    assert (fact.client_id, fact.other_client_id) == (client_id_of(first), client_id_of(second))
    assert "Budi" not in fact.model_dump_json()
    assert (await house.topics())[-1] == ("registration.events", str(PAIR))
    assert await queue(house) == []
    assert [line["duplicate_id"] for line in await queue(house, state="linked")] == [str(PAIR)]
    async with officer(house) as po:
        seen = [(await po.get(f"/v1/registrations/{each}")).json()["also_known_as"] for each in (ONE, OTHER)]
    assert seen == [[str(OTHER)], [str(ONE)]]


async def test_a_link_is_taken_back_and_the_history_tells_all(house: House) -> None:
    await suspect_both(house)

    assert await judge(house, "link") == 200
    assert await judge(house, "unlink") == 200

    assert isinstance((await house.published())[-1], ClientsUnlinked)
    async with officer(house) as po:
        assert (await po.get(f"/v1/registrations/{ONE}")).json()["also_known_as"] == []
        lines = (await po.get(f"/v1/suspected-duplicates/{PAIR}/history")).json()["items"]
    assert [(line["step"], line["from_state"], line["to_state"]) for line in lines] == [
        ("suspect", None, "open"),
        ("link", "open", "linked"),
        ("unlink", "linked", "dismissed"),
    ]
    assert [line["reason"] for line in lines] == [None, BECAUSE["reason"], BECAUSE["reason"]]
    assert [(line["actor_kind"], line["actor_role"]) for line in lines[1:]] == [("person", "REGISTRAR")] * 2
    assert {line["policy_version"] for line in lines} == {house.reference.version}


async def test_the_history_is_only_ever_appended_to(house: House) -> None:
    await suspect_both(house)

    for statement in ("UPDATE duplicate_entry SET reason = 'x'", "DELETE FROM duplicate_entry"):
        with pytest.raises(asyncpg.RaiseError):
            await house.pool.execute(statement)


async def test_who_was_told_apart_comes_again_only_when_what_is_known_changes(house: House) -> None:
    await suspect_both(house)
    assert await judge(house, "dismissal") == 200
    assert await queue(house) == []

    await house.hear(released(1, birth_on=BORN, revision=2, phone="0812 1"))
    await house.pool.execute("INSERT INTO identity_change (registration_id) VALUES ($1)", ONE)
    assert await compare(house) == 1
    assert await queue(house) == []

    await house.hear(released(1, birth_on=BORN, nik=NIK, revision=3))
    await compare(house)
    assert [line["duplicate_id"] for line in await queue(house)] == [str(PAIR)]


@pytest.mark.parametrize("act", ["link", "dismissal"])
async def test_what_was_said_cannot_be_said_twice(house: House, act: str) -> None:
    await suspect_both(house)

    assert [await judge(house, act), await judge(house, act)] == [200, 409]
    assert await judge(house, "unlink") == (200 if act == "link" else 409)


async def test_a_request_that_is_sent_again_is_answered_as_before(house: House) -> None:
    await suspect_both(house)

    async with registrar(house) as reg:
        sent = [
            await reg.post(
                f"/v1/suspected-duplicates/{PAIR}/link", json=BECAUSE, headers={"Idempotency-Key": "link-once-0001"}
            )
            for _ in range(2)
        ]

    assert [answer.status_code for answer in sent] == [200, 200]
    assert sent[0].json() == sent[1].json()
    assert await house.pool.fetchval("SELECT count(*) FROM duplicate_entry WHERE step = 'link'") == 1


async def test_who_is_not_there_is_not_found_and_a_reason_is_needed(house: House) -> None:
    await suspect_both(house)

    assert await judge(house, "link", pair=ONE) == 404
    async with registrar(house) as reg:
        assert (await reg.get(f"/v1/suspected-duplicates/{ONE}")).status_code == 404
        assert (await reg.get(f"/v1/suspected-duplicates/{ONE}/history")).status_code == 404
        assert (await reg.post(f"/v1/suspected-duplicates/{PAIR}/link", json={"reason": " "})).status_code == 422


async def test_the_queue_is_paged_oldest_first_and_parted_by_unit_and_level(house: House) -> None:
    await suspect_both(house)
    await house.step_to(house.office.now().replace(hour=12))
    await house.hear(released(3, name="Siti Aminah", birth_year=1988, facility="LP-SKY"))
    await house.hear(released(4, name="St. Aminah", birth_year=1988, facility="LP-SKY"))
    await compare(house)

    async with registrar(house) as reg:
        first = (await reg.get("/v1/suspected-duplicates", params={"limit": 1})).json()
        rest = await reg.get("/v1/suspected-duplicates", params={"limit": 1, "cursor": first["next_cursor"]})
    later = pair_id_of(registration_id_of("R-3"), registration_id_of("R-4"))
    assert [line["duplicate_id"] for line in first["items"]] == [str(PAIR)]
    assert [line["duplicate_id"] for line in rest.json()["items"]] == [str(later)]
    assert rest.json().get("next_cursor") is None
    assert [line["duplicate_id"] for line in await queue(house, unit="PLG-SKY")] == [str(later)]
    assert [line["duplicate_id"] for line in await queue(house, level="suspected")] == [str(PAIR)]


@pytest.mark.parametrize("other", ["CHILD", "ADULT"])
async def test_a_pair_with_a_child_is_initials_and_the_childrens_sections(house: House, other: str) -> None:
    await house.hear(
        released(1, category="CHILD", birth_on="2010-05-12"), released(2, category=other, birth_on="2010-05-12")
    )
    await compare(house)

    (line,) = await queue(house)
    assert line["juvenile"] is True
    assert [each["who"] for each in line["registrations"]] == ["B.S.", "B.S."]
    assert await judge(house, "link") == 403
    async with section_head(house) as adults, childrens_head(house) as children:
        assert (await adults.post(f"/v1/suspected-duplicates/{PAIR}/link", json=BECAUSE)).status_code == 403
        assert (await children.post(f"/v1/suspected-duplicates/{PAIR}/link", json=BECAUSE)).status_code == 200
        words = [
            [item["reason"] for item in (await who.get(f"/v1/suspected-duplicates/{PAIR}/history")).json()["items"]]
            for who in (adults, children)
        ]
        known = [(await who.get(f"/v1/registrations/{OTHER}")).json()["also_known_as"] for who in (adults, children)]
    assert words == [[None, None], [None, BECAUSE["reason"]]]
    assert known == [[], [str(ONE)]]
    assert (await house.topics())[-1] == ("registration.juvenile.events", str(PAIR))


async def test_a_pair_of_adults_is_not_the_childrens_sections(house: House) -> None:
    await suspect_both(house)

    async with childrens_head(house) as children:
        assert (await children.post(f"/v1/suspected-duplicates/{PAIR}/link", json=BECAUSE)).status_code == 403


@pytest.mark.parametrize("role", [Role.PROBATION_OFFICER, Role.PRISON_OFFICER, Role.OPS, Role.TPP_CHAIR])
async def test_who_does_not_register_says_nothing_of_it(house: House, role: Role) -> None:
    await suspect_both(house)

    async with caller(house, role, facility="LP1-PLG") as somebody:
        assert (await somebody.post(f"/v1/suspected-duplicates/{PAIR}/link", json=BECAUSE)).status_code == 403


async def test_reading_and_linking_are_on_record(house: House) -> None:
    await suspect_both(house)
    await queue(house)
    assert await judge(house, "link") == 200

    rows = await house.pool.fetch("SELECT body FROM audit_entry ORDER BY seq DESC LIMIT 2")
    linking, reading = (json.loads(row["body"]) for row in rows)
    assert (linking["action"], linking["outcome"]) == ("link_clients", "done")
    assert {"kind": "suspected_duplicate", "id": str(PAIR)} in linking["subjects"]
    assert (reading["action"], reading["fields"]) == ("read_suspected_duplicates", ["who"])
    assert {subject["id"] for subject in reading["subjects"]} == {str(ONE), str(OTHER)}
    assert "Budi" not in json.dumps([linking, reading])


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
