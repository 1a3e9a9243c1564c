"""What a prison reads of its own releases, and that it never misses a change."""

import asyncio
import json
from typing import Any

import pytest

from chassis.paging import encode_cursor
from contracts.lapas import registration_id_of
from contracts.roles import Role
from tests.component.house import House
from tests.component.registration.people import (
    REGISTRATION,
    RELEASE,
    a_cancellation,
    a_contact,
    a_release,
    an_announcement,
    caller,
    officer,
    prison,
    release_data,
    section_head,
    submitted,
)

OWN = f"/v1/releases/{RELEASE}"
CHANGES = "/v1/releases/changes"


async def changes(house: House, facility: str = "LP1-PLG", *, limit: int = 50, since: str = "") -> dict[str, Any]:
    """What the prison reads when it asks."""
    async with prison(house, facility) as client:
        answer = await client.get(CHANGES, params={"limit": limit, "since": since})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read_on(house: House, since: str, *, limit: int = 50) -> tuple[list[tuple[str, str]], str]:
    """Everything that changed after a place, page by page, and the place reached."""
    seen: list[tuple[str, str]] = []
    while True:
        page = await changes(house, since=since, limit=limit)
        seen += [(item["release_id"], item["state"]) for item in page["items"]]
        since = page["next_since"]
        if not page["more"]:
            return seen, since


async def test_a_prison_reads_what_became_of_its_release(house: House) -> None:
    await submitted(house, RELEASE, nik="1671010101080001", decree_no="W6.PAS-1")
    async with section_head(house) as head:
        await head.post(f"/v1/registrations/{REGISTRATION}/approval", json={})

    async with prison(house) as client:
        found = (await client.get(OWN)).json()

    assert found["state"] == "registered"
    assert found["words"] == "Klien sudah terdaftar di Bapas."
    assert found["register_no"] == "0001/KLD-PB/PLG-HQ/V/2026"
    assert (found["receiving_unit"], found["registration_id"]) == ("PLG-HQ", str(REGISTRATION))
    assert {"what": "DOMICILE", "words": "alamat domisili"} in found["missing"]
    assert "DECREE_NO" not in [each["what"] for each in found["missing"]]


async def test_a_prison_is_told_of_its_release_and_of_no_person(house: House) -> None:
    """Not even what it said itself comes back: a stolen token is worth no name."""
    await house.hear(a_release(nik="1671010101080001", guarantor={"name": "Siti Rahasia", "phone": "0899-1"}))
    async with officer(house) as client:
        await client.post(f"/v1/registrations/{REGISTRATION}/contacts", json=a_contact(note="ditemui di rumah"))

    async with prison(house) as client:
        found = json.dumps([(await client.get(OWN)).json(), (await client.get(CHANGES)).json()])

    hidden = ("Rahasia", "1671010101080001", "0899", "0812", "BI.1/2025", "PO-HQ", "rumah", "AT_OFFICE")
    assert [word for word in hidden if word in found] == []


@pytest.mark.parametrize(
    ("reports", "state"),
    [
        pytest.param([an_announcement()], "announced", id="announced"),
        pytest.param([a_release()], "released", id="out"),
        pytest.param([an_announcement(), a_cancellation(reason="NEW_CASE")], "cancelled", id="taken back before"),
        pytest.param([a_release(), a_cancellation()], "closed", id="taken back after"),
        pytest.param([a_cancellation()], "cancelled", id="taken back before we heard of it"),
    ],
)
async def test_what_a_prison_said_is_answered_with_what_stands(house: House, reports: Any, state: str) -> None:
    await house.hear(*reports)

    async with prison(house) as client:
        assert (await client.get(OWN)).json()["state"] == state


@pytest.mark.parametrize("release_id", [RELEASE, "BI/12/2026", "nobody's"], ids=["foreign", "foreign, a slash", "none"])
async def test_a_release_of_another_facility_is_answered_like_one_that_does_not_exist(
    house: House, release_id: str
) -> None:
    await house.hear(a_release(), a_release(release_id="BI/12/2026"))

    async with prison(house, "LP-SKY") as other:
        foreign, none = await other.get(f"/v1/releases/{release_id}"), await other.get("/v1/releases/R-0")
        listed = await other.get(CHANGES)

    assert foreign.status_code == 404
    assert foreign.json() | {"trace_id": ""} == none.json() | {"trace_id": ""}
    assert foreign.headers.keys() == none.headers.keys()
    assert listed.json()["items"] == []


async def test_a_prison_officer_reads_too_and_nobody_without_a_facility_does(house: House) -> None:
    await house.hear(a_release())
    callers = [
        caller(house, Role.PRISON_OFFICER, unit=None, facility="LP1-PLG"),
        caller(house, Role.PRISON_SYSTEM, unit=None, facility=None),
        caller(house, Role.REGISTRAR),
        caller(house, Role.HEAD, facility="LP1-PLG"),
        house.client(),
    ]

    answers = [[(await each.get(path)).status_code for path in (OWN, CHANGES)] for each in callers]

    assert answers == [[200, 200], [403, 403], [403, 403], [403, 403], [401, 401]]


async def test_a_release_that_moved_to_another_prison_is_read_there_alone(house: House) -> None:
    await house.hear(a_release())
    _, since = await read_on(house, "")

    await house.hear(a_release(facility="LP-SKY", revision=2))

    assert (await changes(house, since=since))["items"] == []
    assert [each["release_id"] for each in (await changes(house, "LP-SKY"))["items"]] == [RELEASE]


async def test_who_walked_in_is_read_by_the_prison_only_once_it_has_reported_them(house: House) -> None:
    """Under the prison's own id, although the case stands under that of the walk-in."""
    papers = {"name": "Budi Rahasia", "facility": "LP1-PLG", "prison_register_no": "BI.1/2025", "decree_no": "W6-1"}
    async with officer(house) as client:
        met = await client.post("/v1/walk-ins", json={"person": papers, "contact": a_contact()})
    assert met.status_code == 201, met.text
    before = await changes(house)

    await house.hear(a_release(release_id="SDP-77", decree_no="W6-1"))

    async with prison(house) as client:
        found = (await client.get("/v1/releases/SDP-77")).json()
    listed = (await changes(house))["items"]
    assert before["items"] == []
    assert (found["release_id"], found["state"], found["registration_id"]) == (
        "SDP-77",
        "met",
        met.json()["registration_id"],
    )
    assert listed == [found]


async def test_each_change_is_read_once_and_nothing_else(house: House) -> None:
    await house.hear(a_release(), a_release(release_id="R-2"))
    first, since = await read_on(house, "")
    again, since = await read_on(house, since)
    async with officer(house) as po:
        await po.post(f"/v1/registrations/{REGISTRATION}/contacts", json=a_contact())
        met, since = await read_on(house, since)
        await po.post(f"/v1/registrations/{REGISTRATION}/biometrics", json={"status": "DEVICE_DOWN"})
        silent, _ = await read_on(house, since)

    assert {release for release, _ in first} == {RELEASE, "R-2"}
    assert (again, met, silent) == ([], [(RELEASE, "met")], [])


async def test_the_changes_are_read_page_by_page(house: House) -> None:
    ids = [f"R-{number}" for number in range(7)]
    await house.hear(*(a_release(release_id=each) for each in ids[:5]))
    await house.hear(*(a_release(release_id=each) for each in ids[5:]))

    seen, _ = await read_on(house, "", limit=2)

    assert sorted(release for release, _ in seen) == ids


async def test_a_change_that_commits_late_is_not_passed_over(house: House) -> None:
    """The one with the lower number commits last; whoever followed the numbers alone would never see it."""
    await house.hear(a_release(release_id="R-late"), a_release(release_id="R-soon"))
    _, since = await read_on(house, "")

    async with house.pool.acquire() as slow:
        late = slow.transaction()
        await late.start()
        await slow.execute("UPDATE registration SET missing = '[]' WHERE release_id = 'R-late'")
        await house.hear(a_release(release_id="R-soon", revision=2, phone="0812-7777-0002", nik="1"))
        during, since = await read_on(house, since)
        await late.commit()
    after, _ = await read_on(house, since)

    assert during == []
    assert [release for release, _ in after] == ["R-late", "R-soon"]


async def test_whatever_the_order_of_commits_a_reader_sees_the_last_state_of_all(house: House) -> None:
    """Writers hold their transactions open for a while beside a reader who follows: at the end nobody is missing."""
    ids = [f"R-{number}" for number in range(8)]
    await house.hear(*(a_release(release_id=each) for each in ids))
    known: dict[str, int] = {}

    async def write(release_id: str, pace: int) -> None:
        for step in range(5):
            async with house.pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_current_xact_id()")
                await asyncio.sleep((pace + step) * 7 % 5 / 200)
                await connection.execute(
                    "UPDATE registration SET missing = missing || to_jsonb('X'::text) WHERE release_id = $1", release_id
                )
                await asyncio.sleep((pace + step) * 3 % 7 / 200)

    async def follow(since: str) -> str:
        page = await changes(house, since=since, limit=3)
        known.update({item["release_id"]: len(item["missing"]) for item in page["items"]})
        return str(page["next_since"])

    writers = [asyncio.create_task(write(each, pace)) for pace, each in enumerate((*ids, *reversed(ids)))]
    since = ""
    while not all(writer.done() for writer in writers):
        since = await follow(since)
    await asyncio.gather(*writers)
    for _ in range(4):
        since = await follow(since)

    rows = await house.pool.fetch("SELECT release_id, jsonb_array_length(missing) AS missing FROM registration")
    assert known == {row["release_id"]: row["missing"] for row in rows}


@pytest.mark.parametrize(
    "since",
    ["nonsense", encode_cursor("x"), encode_cursor("x", -1, REGISTRATION)],
    ids=["no word of ours", "too short", "before the beginning"],
)
async def test_a_place_that_no_answer_has_given_is_told(house: House, since: str) -> None:
    async with prison(house) as client:
        answer = await client.get(CHANGES, params={"since": since})

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (400, "query.since")


async def test_a_place_in_a_database_that_was_restored_since_is_told_and_not_guessed(house: House) -> None:
    """Its numbers are given a second time: whoever went on from there would miss what got them."""
    since = encode_cursor("7000000000000000000.1", 1_000_000, REGISTRATION)

    async with prison(house) as client:
        answer = await client.get(CHANGES, params={"since": since})

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:bapas:problem:other-history")


async def test_a_receipt_leads_to_the_answer(house: House) -> None:
    async with prison(house) as client:
        sent = await client.post("/v1/releases", json=release_data(release_id="BI/7/2026"))
        found = await client.get("/v1/releases/BI/7/2026")

    assert sent.json()["registration_id"] == found.json()["registration_id"]
    assert found.json()["registration_id"] == str(registration_id_of("BI/7/2026"))
