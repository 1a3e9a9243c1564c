"""Offers to other offices, people not found, papers and fingerprints missing, around a real database."""

from typing import Any

import pytest

from contracts.registration import SearchReviewDue, TransferOfferOverdue
from contracts.roles import Role
from tests.component.house import FRIDAY, House
from tests.component.registration.people import (
    REGISTRATION,
    RELEASE,
    a_contact,
    a_release,
    caller,
    childrens_head,
    hours_later,
    officer,
    registrar,
    section_head,
    status_of,
    submitted,
)

CASE = f"/v1/registrations/{REGISTRATION}"
OFFER = {"to_office": "BPS-LAHAT", "letter_no": "W6.PAS-7"}
ACCEPTED = {"to_office": "BPS-LAHAT", "acceptance_no": "W6.PAS-12", "accepted_on": "2026-05-29"}
SUSPICION = {"reason": "rumah kosong, keluarga tidak tahu"}


async def test_a_client_who_is_offered_stays_on_the_board_with_all_clocks_until_the_other_office_accepts(
    house: House,
) -> None:
    await house.hear(a_release())
    async with section_head(house) as head:
        offered = await head.post(f"{CASE}/transfer-offer", json=OFFER)
        clocks = set(await house.clocks())
        board = (await head.get("/v1/registrations/board")).json()["items"]
        [line] = (await head.get("/v1/transfer-offers")).json()["items"]
        view = (await head.get(CASE)).json()
        handed_on = await head.post(f"{CASE}/hand-on", json=ACCEPTED)
        left = (await head.get("/v1/transfer-offers")).json()["items"]

    assert (offered.status_code, offered.json()["status"]) == (200, "released")
    assert clocks == {"first-contact", "transfer-answer"}
    assert [each["registration_id"] for each in board] == [line["registration_id"]] == [str(REGISTRATION)]
    assert line["offer"]["to_office"] == view["offer"]["to_office"] == "BPS-LAHAT"
    assert handed_on.json()["status"] == "handed_on"
    assert left == []
    assert await house.clocks() == {}


async def test_an_offer_that_is_declined_leaves_the_client_here(house: House) -> None:
    await house.hear(a_release())
    async with section_head(house) as head:
        await head.post(f"{CASE}/transfer-offer", json=OFFER)
        twice = await head.post(f"{CASE}/transfer-offer", json=OFFER)
        ended = await head.post(f"{CASE}/transfer-offer/end", json={"outcome": "DECLINED", "reason": "di luar wilayah"})
        again = await head.post(f"{CASE}/transfer-offer/end", json={"outcome": "DECLINED", "reason": "di luar wilayah"})

    assert (twice.status_code, twice.json()["rule"]) == (409, "transfer-is-offered")
    assert ended.json()["status"] == "released"
    assert (again.status_code, again.json()["rule"]) == (409, "no-offer-is-open")
    assert set(await house.clocks()) == {"first-contact"}


async def test_an_office_that_does_not_answer_is_told_of_when_its_time_is_over(house: House) -> None:
    await house.hear(a_release())
    async with section_head(house) as head, officer(house) as po:
        await head.post(f"{CASE}/transfer-offer", json=OFFER)
        await po.post(f"{CASE}/contacts", json=a_contact())

    await house.step_to((await house.clocks())["transfer-answer"])

    assert any(isinstance(fact, TransferOfferOverdue) for fact in await house.published())
    assert "transfer-answer" not in await house.clocks()


async def test_somebody_not_found_stays_on_the_board_and_is_asked_about_every_week(house: House) -> None:
    await house.hear(a_release())
    for hour in (24, 48, 72):
        await house.step_to(hours_later(hour))
    async with section_head(house) as head, officer(house) as po:
        early = await head.post(f"{CASE}/absconding", json=SUSPICION)
        for kind in ("CALL_CLIENT", "HOME_VISIT"):
            await po.post(f"{CASE}/trace-entries", json={"kind": kind, "at": hours_later(72).isoformat()})
        suspected = await head.post(f"{CASE}/absconding", json=SUSPICION)
        board = (await head.get("/v1/registrations/board")).json()["items"]

    assert (early.status_code, early.json()["rule"]) == (409, "search-not-finished")
    assert suspected.json()["status"] == "absconded_suspected"
    assert [line["status"] for line in board] == ["absconded_suspected"]
    for week in (1, 2):
        await house.step_to((await house.clocks())["search-review"])
        reviews = [fact for fact in await house.published() if isinstance(fact, SearchReviewDue)]
        assert len(reviews) == week

    async with officer(house) as po:
        met = await po.post(f"{CASE}/contacts", json=a_contact(contact_at=hours_later(200).isoformat()))
    assert met.json()["status"] == "provisionally_registered"
    assert set(await house.clocks()) == {"submission"}


async def test_a_refusal_may_offer_the_client_and_the_person_who_refuses_is_in_the_register(house: House) -> None:
    await submitted(house, RELEASE)
    refusal = {
        "reason": "tinggal di Lahat",
        "offer": OFFER,
        "person_refuses": {"letter_no": "B-79", "letter_on": "2026-05-30", "kind": "WRITTEN"},
    }

    async with section_head(house) as head:
        answer = await head.post(f"{CASE}/refusal", json=refusal)
        both = await head.post(f"{CASE}/refusal", json=refusal | {"transfer": ACCEPTED})

    assert answer.json()["status"] == "provisionally_registered"
    assert both.status_code == 409
    assert await house.pool.fetchval("SELECT register FROM register_entry") == "PENOLAKAN"
    assert {"submission", "transfer-answer"} <= set(await house.clocks())


async def test_papers_are_chased_until_they_come(house: House) -> None:
    await submitted(house, RELEASE)
    assert set(await house.clocks()) == {"missing-files"}
    await house.step_to((await house.clocks())["missing-files"])
    assert set(await house.clocks()) == {"missing-files"}

    every = ["BASE_DOCUMENT", "COVER_LETTER", "HANDOVER_RECORD", "ORDER"]
    async with registrar(house) as reg:
        answer = await reg.post(f"{CASE}/files", json={"files": every, "document_ids": ["D-1"]})
        view = (await reg.get(CASE)).json()

    assert answer.status_code == 200, answer.text
    assert not [code for code in view["missing"] if code.startswith("FILE_")]
    assert await house.clocks() == {}


async def test_the_rate_of_contacts_without_a_fingerprint_is_read_by_unit_and_reason(house: House) -> None:
    statuses = ["CAPTURED", "NOT_AVAILABLE", "NOT_AVAILABLE", "DEVICE_DOWN", None]
    async with officer(house) as po:
        for number, status in enumerate(statuses):
            walk_in = {
                "person": {"facility": "LP1-PLG", "name": f"Orang {number}"},
                "contact": a_contact(biometric_status=status, method="AT_OFFICE"),
            }
            assert (await po.post("/v1/walk-ins", json=walk_in)).status_code == 201
        rates = await po.get("/v1/fingerprint-rates", params={"from": "2026-05-01", "until": "2026-05-31"})
        before = await po.get("/v1/fingerprint-rates", params={"from": "2026-04-01", "until": "2026-04-30"})
        backwards = await po.get("/v1/fingerprint-rates", params={"from": "2026-05-31", "until": "2026-05-01"})
        timeless = [
            await po.get("/v1/fingerprint-rates", params={"from": day, "until": day})
            for day in ("0001-01-01", "9999-12-31")
        ]

    [line] = rates.json()["items"]
    assert (line["contacts"], line["with_fingerprint"], line["to_follow_up"]) == (5, 1, 4)
    assert (line["not_available"], line["device_down"], line["rate_without"]) == (2, 1, 0.8)
    assert before.json()["items"] == []
    assert backwards.status_code == 400
    assert [answer.status_code for answer in timeless] == [422, 422]


DECISIONS: dict[str, dict[str, Any]] = {
    "transfer-offer": OFFER,
    "transfer-offer/end": {"outcome": "WITHDRAWN", "reason": "salah alamat"},
    "absconding": SUSPICION,
}


@pytest.mark.parametrize("door", DECISIONS)
async def test_what_a_section_head_decides_nobody_else_does(house: House, door: str) -> None:
    await house.hear(a_release())
    allowed = {Role.SECTION_HEAD_ADULT, Role.HEAD}

    for role in Role:
        async with caller(house, role, facility="LP1-PLG") as somebody:
            status = (await somebody.post(f"{CASE}/{door}", json=DECISIONS[door])).status_code
        assert (status == 403) is (role not in allowed), role
    async with childrens_head(house) as children:
        assert (await children.post(f"{CASE}/{door}", json=DECISIONS[door])).status_code == 403


async def test_both_units_see_a_client_on_their_board(house: House) -> None:
    await house.hear(a_release(facility="LP-KAG", released_at=FRIDAY.isoformat(), domicile={"regency": "Prabumulih"}))
    assert await status_of(house) == "released"

    async with officer(house) as po:
        view = (await po.get(CASE)).json()
        boards = {
            unit: len((await po.get("/v1/registrations/board", params={"unit": unit})).json()["items"])
            for unit in (view["receiving_unit"], view["guidance_unit"], "PLG-SKY")
        }

    assert view["receiving_unit"] != view["guidance_unit"]
    assert boards == {view["receiving_unit"]: 1, view["guidance_unit"]: 1, "PLG-SKY": 0}
