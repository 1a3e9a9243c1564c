"""A person says whether two registrations are of one human being: with a reason, on record, and nothing is merged."""

import json

import asyncpg
import pytest

from contracts.lapas import client_id_of, registration_id_of
from contracts.registration import ClientsLinked, ClientsUnlinked
from contracts.roles import Role
from services.registration.domain.duplicates import pair_id_of
from tests.component.house import House
from tests.component.registration.pairs import (
    BECAUSE,
    BORN,
    NIK,
    ONE,
    OTHER,
    PAIR,
    compare,
    judge,
    queue,
    released,
    suspect_both,
)
from tests.component.registration.people import caller, childrens_head, officer, registrar, section_head


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
