"""Boards, lists and timelines, and who is shown whom."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Any

import pytest

from contracts.lapas import registration_id_of
from contracts.roles import Role
from tests.component.house import FRIDAY, House
from tests.component.registration.people import (
    REGISTRATION,
    RELEASE,
    a_contact,
    a_release,
    an_announcement,
    caller,
    childrens_head,
    hours_later,
    officer,
    prison,
    registrar,
    release_data,
)

CASE = f"/v1/registrations/{REGISTRATION}"


async def test_the_board_shows_who_is_out_and_not_met_the_longest_out_first(house: House) -> None:
    await house.hear(
        a_release(release_id="R-1", name="Budi", released_at=FRIDAY.isoformat()),
        a_release(release_id="R-2", name="Citra", released_at=hours_later(-5).isoformat()),
        a_release(release_id="R-3", name="Dewi"),
        an_announcement(release_id="R-4", name="Eko"),
    )
    house.office.set(hours_later(2))
    async with officer(house) as client:
        await client.post(f"/v1/registrations/{registration_id_of('R-3')}/contacts", json=a_contact())
        answer = await client.get("/v1/registrations/board")

    lines = answer.json()["items"]
    assert [(line["who"], line["hours_out"]) for line in lines] == [("Citra", 7.0), ("Budi", 2.0)]
    assert lines[0]["due"] == {"first-contact": hours_later(19).isoformat().replace("+00:00", "Z")}


async def test_a_case_is_on_the_boards_of_both_units(house: House) -> None:
    await house.hear(a_release(facility="LP-SKY", domicile={"regency": "Prabumulih"}))

    async with officer(house) as client:
        found = {
            unit: len((await client.get("/v1/registrations/board", params={"unit": unit})).json()["items"])
            for unit in ("PLG-SKY", "PLG-PBM", "PLG-HQ")
        }

    assert found == {"PLG-SKY": 1, "PLG-PBM": 1, "PLG-HQ": 0}


async def test_the_board_is_read_page_by_page_without_loss(house: House) -> None:
    await house.hear(*(a_release(release_id=f"R-{number}", name=f"Budi {number}") for number in range(7)))

    seen, cursor = [], None
    async with officer(house) as client:
        while True:
            parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/v1/registrations/board", params=parameters)).json()
            seen += [line["registration_id"] for line in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break

    assert len(seen) == len(set(seen)) == 7


async def test_a_search_finds_by_the_beginning_of_a_name_however_it_is_spelt(house: House) -> None:
    await house.hear(
        a_release(release_id="R-1", name="Rahmat  HIDAYÁT"),
        a_release(release_id="R-2", name="Rahmawati"),
        a_release(release_id="R-3", name="Budi"),
    )

    async with registrar(house) as client:
        answer = await client.get("/v1/registrations", params={"q": "rahmat hidayat"})
        all_rah = await client.get("/v1/registrations", params={"q": "RAH"})

    assert [line["who"] for line in answer.json()["items"]] == ["Rahmat  HIDAYÁT"]
    assert len(all_rah.json()["items"]) == 2


async def test_a_search_narrows_by_state_unit_and_prison(house: House) -> None:
    await house.hear(
        a_release(release_id="R-1"),
        a_release(release_id="R-2", facility="LP-KAG"),
        an_announcement(release_id="R-3", facility="LP-KAG"),
    )

    async with officer(house) as client:

        async def count(**wanted: str) -> int:
            return len((await client.get("/v1/registrations", params=wanted)).json()["items"])

        found = [
            await count(status="released"),
            await count(unit="PLG-KAG"),
            await count(facility="LP-KAG", status="release_announced"),
        ]

    assert found == [2, 2, 1]


async def test_a_child_is_initials_in_lists_and_found_by_name_by_those_who_may_alone(house: House) -> None:
    await house.hear(a_release(name="Dimas Rahasia Putra", category="CHILD"))

    async with officer(house) as po, childrens_head(house) as head:
        listed = await po.get("/v1/registrations")
        searched = await po.get("/v1/registrations", params={"q": "dimas"})
        found = await head.get("/v1/registrations", params={"q": "dimas"})

    assert listed.json()["items"][0]["who"] == "D.R.P."
    assert searched.json()["items"] == []
    assert len(found.json()["items"]) == 1


async def test_a_list_is_read_page_by_page_and_its_cursor_names_nobody(house: House) -> None:
    names = ["Ani", "Dimas Rahasia", "Dimas Rahasia", "Eko", "Zul"]
    await house.hear(*(a_release(release_id=f"R-{i}", name=name, category="CHILD") for i, name in enumerate(names)))

    seen, cursor = [], None
    async with officer(house) as client:
        while True:
            parameters = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/v1/registrations", params=parameters)).json()
            seen += [(line["who"], line["registration_id"]) for line in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            assert b"dimas" not in urlsafe_b64decode(cursor + "==").lower()

    assert [who for who, _ in seen] == ["A.", "D.R.", "D.R.", "E.", "Z."]
    assert len({registration_id for _, registration_id in seen}) == 5


@pytest.mark.parametrize(
    ("subject", "role", "shown"),
    [
        pytest.param("SHC-HQ-01", Role.SECTION_HEAD_CHILD, True, id="the head of the children's section"),
        pytest.param("HEAD-HQ-01", Role.HEAD, True, id="the head of the office"),
        pytest.param("PO-HQ-01", Role.PROBATION_OFFICER, True, id="an officer certified for children"),
        pytest.param("PO-HQ-03", Role.PROBATION_OFFICER, False, id="an officer who is not"),
        pytest.param("REG-HQ-01", Role.REGISTRAR, False, id="a registrar"),
        pytest.param("PO-HQ-01", Role.REGISTRAR, False, id="an officer's name with another role"),
    ],
)
async def test_who_a_child_is_is_shown_to_those_who_may_know_it(
    house: House, subject: str, role: Role, *, shown: bool
) -> None:
    await house.hear(a_release(name="Dimas Rahasia", category="CHILD", nik="1671010101080001"))

    async with caller(house, role, subject=subject) as client:
        answer = await client.get(CASE)

    assert ("Dimas" in answer.text) is shown
    assert "1671010101080001" not in answer.text


async def test_an_adult_is_shown_with_what_the_counter_needs(house: House) -> None:
    await house.hear(a_release(nik="1671010101080001", offence_group="NARKOTIKA"))

    async with registrar(house) as client:
        case = (await client.get(CASE)).json()

    assert case["person"]["name"] == "Budi Rahasia"
    assert case["person"]["nik_ends"] == "0001"
    assert "DECREE_NO" in case["missing"]
    assert "NARKOTIKA" not in json.dumps(case)


PAPER = {"kind": "DECREE", "reference": "s3://sdp-plg/sk-rahasia.pdf", "sha256": "a" * 64, "pages": 3}


@pytest.mark.parametrize("door", ["http", "kafka"])
async def test_the_papers_of_a_release_are_shown_where_they_lie(house: House, door: str) -> None:
    if door == "kafka":
        await house.hear(a_release(attachments=[PAPER]))
    else:
        async with prison(house) as client:
            assert (await client.post("/v1/releases", json=release_data(attachments=[PAPER]))).status_code == 201

    async with registrar(house) as client:
        case = (await client.get(CASE)).json()

    assert case["attachments"] == [PAPER]


async def test_papers_that_were_announced_stay_when_the_release_names_none_and_a_correction_replaces_its_own(
    house: House,
) -> None:
    other = PAPER | {"kind": "HANDOVER_RECORD"}
    seen = []
    async with registrar(house) as client:
        for report in (
            an_announcement(attachments=[PAPER]),
            a_release(),
            a_release(revision=2, attachments=[other]),
            a_release(revision=3, attachments=[other, PAPER]),
        ):
            await house.hear(report)
            seen.append([paper["kind"] for paper in (await client.get(CASE)).json()["attachments"]])

    assert seen == [["DECREE"], ["DECREE"], ["HANDOVER_RECORD"], ["HANDOVER_RECORD", "DECREE"]]


async def test_where_the_papers_of_a_child_lie_is_shown_to_those_who_may_know_it(house: House) -> None:
    await house.hear(a_release(category="CHILD", attachments=[PAPER]))

    async with registrar(house) as counter, childrens_head(house) as head:
        hidden, shown = (await counter.get(CASE)).json(), (await head.get(CASE)).json()

    assert (hidden["attachments"], shown["attachments"]) == ([], [PAPER])


async def test_papers_are_named_on_no_ordinary_topic_and_to_no_prison(house: House) -> None:
    await house.hear(a_release(attachments=[PAPER]))
    await house.hear(a_release(revision=2, attachments=[PAPER, PAPER | {"kind": "PHOTO_SHEET"}]))

    async with prison(house) as client:
        told = (await client.get(f"/v1/releases/{RELEASE}")).text
    sent = await house.pool.fetch("SELECT payload FROM outbox")
    assert b"rahasia.pdf" not in b"".join(row["payload"] for row in sent)
    assert "rahasia.pdf" not in told
    assert "ATTACHMENTS" in [name for fact in await house.published() for name in getattr(fact, "changed", ())]


@pytest.mark.parametrize(
    ("change", "where"),
    [({"sha256": "short"}, "sha256"), ({"pages": 0}, "pages"), ({"kind": "a decree"}, "kind")],
    ids=["no hash", "no page", "no code"],
)
async def test_a_paper_that_nobody_could_recognise_is_told(house: House, change: Any, where: str) -> None:
    async with prison(house) as client:
        answer = await client.post("/v1/releases", json=release_data(attachments=[PAPER | change]))

    assert answer.status_code == 422
    assert where in answer.json()["errors"][0]["where"]


async def test_a_timeline_is_read_in_order_and_page_by_page(house: House) -> None:
    await house.hear(an_announcement(), a_release())
    async with officer(house) as client:
        await client.post(f"{CASE}/contacts", json=a_contact())
        first = (await client.get(f"{CASE}/timeline", params={"limit": 2})).json()
        second = (await client.get(f"{CASE}/timeline", params={"cursor": first["next_cursor"]})).json()

    assert [line["step"] for line in first["items"] + second["items"]] == ["announce", "release", "meet"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("path", ["/v1/registrations/board", "/v1/registrations", CASE, f"{CASE}/timeline"])
async def test_those_outside_the_office_read_nothing(house: House, path: str) -> None:
    await house.hear(a_release())
    outsiders = [
        caller(house, Role.PRISON_OFFICER, unit=None, facility="LP1-PLG"),
        caller(house, Role.OPS),
        caller(house, Role.REGISTRAR, unit="BPS-LAHAT"),
    ]

    answers = [await client.get(path) for client in outsiders]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


async def test_nobody_is_named_outside_the_restricted_topic(house: House) -> None:
    """Marked words are planted in every report; the ordinary topics and the headers of all must not repeat them."""
    marked = {"name": "MARKNAME", "phone": "0899-1234567", "nik": "9999888877776666", "prison_register_no": "MARKREG"}
    await house.hear(an_announcement(release_id="MARKRELEASE", **marked))
    await house.hear(a_release(release_id="MARKRELEASE", decree_no="MARKDECREE", offence_group="MARKOFFENCE", **marked))
    await house.hear(a_release(release_id="MARKRELEASE", revision=2, domicile={"street": "MARKSTREET"}, **marked))
    case = registration_id_of("MARKRELEASE")
    async with officer(house) as po:
        await po.post(f"/v1/registrations/{case}/contacts", json=a_contact(note="MARKNOTE"))
    await house.step_to(FRIDAY + timedelta(days=10))

    rows = await house.pool.fetch("SELECT topic, key, headers, payload FROM outbox")
    for row in rows:
        left = row["key"].encode() + row["headers"]
        left += b"" if row["topic"] == "registration.clients" else row["payload"]
        assert not [word for word in ("MARK", "0899-1234567", "9999888877776666") if word.encode() in left], row[
            "topic"
        ]
    spans = json.dumps(
        [[span.name, dict(span.attributes or {})] for span in house.spans.get_finished_spans()], default=str
    )
    assert "MARK" not in spans
