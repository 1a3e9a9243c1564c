"""Who sees what: each desk its own inbox, a prison its own requests, and the text those who work on it."""

import pytest

from tests.component.house import House
from tests.component.litmas.desks import CASE, CHECKED, LITMAS, REQUEST, a_request, at_the_desks, done, hours_later


async def test_each_desk_sees_what_waits_there_the_longest_first_and_nobodys_name(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.requested()
        house.office.set(hours_later(1))
        await desks.requested(request_id="LP-TJR.LIT.2026.0119", letter_no="119")
        waiting = (await desks.head.get("/v1/inbox")).json()["items"]
        await done(desks.head, "disposition", {})

        assert [line["litmas_id"] == str(LITMAS) for line in waiting] == [True, False]
        assert waiting[0]["due_at"] == "2026-06-02T09:30:00Z"
        assert "Rahasia" not in str(waiting)
        assert len((await desks.head.get("/v1/inbox")).json()["items"]) == 1
        assert [row["status"] for row in (await desks.section_head.get("/v1/inbox")).json()["items"]] == ["disposed"]
        assert (await desks.officer.get("/v1/inbox")).json()["items"] == []


async def test_an_officers_inbox_is_the_officers_own_and_a_page_follows_the_other(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.assigned()
        mine = (await desks.officer.get("/v1/inbox")).json()["items"]
        theirs = (await desks.stranger.get("/v1/inbox")).json()["items"]
        for number in range(3):
            await house.hear(a_request(request_id=f"R-{number}", letter_no=f"{number}"))
        first = (await desks.head.get("/v1/inbox?limit=2")).json()
        second = (await desks.head.get(f"/v1/inbox?limit=2&cursor={first['next_cursor']}")).json()
        not_mine = await desks.officer.get("/v1/inbox?desk=HEAD")

    assert [line["litmas_id"] for line in mine] == [str(LITMAS)]
    assert theirs == []
    assert len({line["litmas_id"] for line in (*first["items"], *second["items"])}) == 3
    assert second["next_cursor"] is None
    assert not_mine.status_code == 403


async def test_the_person_is_shown_to_those_who_work_on_the_report(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.analysed()
        shown = {
            name: (await getattr(desks, name).get(CASE)).json()["person"] is not None
            for name in ("head", "section_head", "registrar", "officer", "assistant", "stranger", "counter")
        }
        words = (await desks.stranger.get(f"{CASE}/timeline")).json()["items"]

    assert shown == {
        "head": True, "section_head": True, "registrar": True, "officer": True, "assistant": True, "stranger": False,
        "counter": False,
    }  # fmt: skip
    assert {line["reason"] for line in words} == {None}


async def test_the_laws_conditions_are_shown_with_their_source_to_those_who_work_on_it(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.requested(two_thirds_on="2026-05-30", register_f=False)
        shown = (await desks.section_head.get(CASE)).json()["advice"]
        hidden = (await desks.stranger.get(CASE)).json()["advice"]

    verdicts = {each["rule"]: each["verdict"] for each in shown}
    assert (verdicts["TWO_THIRDS_SERVED"], verdicts["GOOD_CONDUCT"]) == ("NOT_MET", "MET")
    assert "Permenkumham" in shown[0]["source"] + shown[1]["source"]
    assert hidden == []


@pytest.mark.parametrize(("at", "registrar"), [("analysed", 403), ("drafted", 200), ("before_the_team", 403)])
async def test_a_registrar_reads_the_text_while_it_lies_there(house: House, at: str, registrar: int) -> None:
    async with at_the_desks(house) as desks:
        await getattr(desks, at)()

        assert (await desks.registrar.get(f"{CASE}/sections")).status_code == registrar
        assert (await desks.officer.get(f"{CASE}/sections")).status_code == 200
        assert (await desks.stranger.get(f"{CASE}/sections")).status_code == 403
        assert (await desks.counter.get(f"{CASE}/sections")).status_code == 403


async def test_a_prison_follows_its_own_requests_and_no_others(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.requested(attachments=[])
        seen = (await desks.prison.get("/v1/requests/changes")).json()
        await desks.requested(revision=2)
        await done(desks.head, "disposition", {})
        later = (await desks.prison.get(f"/v1/requests/changes?since={seen['next_since']}")).json()
        others = (await desks.other_prison.get("/v1/requests/changes")).json()
        not_theirs = await desks.other_prison.get(f"/v1/requests/{REQUEST}")
        taken_back = await desks.other_prison.post(
            f"/v1/requests/{REQUEST}/withdrawal",
            json={"facility": "LP1-PLG", "reason": "MOVED", "withdrawn_at": hours_later(0).isoformat(), "revision": 3},
        )

    [item] = seen["items"]
    assert (item["state"], item["words"]) == ("returned_incomplete", "Permintaan dikembalikan: berkas belum lengkap.")
    assert {"what": "REGISTER_F", "words": "salinan register F"} in item["missing"]
    assert [(each["state"], each["revision"]) for each in later["items"]] == [("disposed", 2)]
    assert others["items"] == []
    assert not_theirs.status_code == 404
    assert taken_back.status_code == 403


async def test_every_state_has_an_answer_for_the_prison_up_to_delivery(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.archived()
        seen = (await desks.prison.get(f"/v1/requests/{REQUEST}")).json()

    assert seen["state"] == "archived"
    assert seen["register_no"] == "0001/LIT-D/PB/PLG-TJR/V/2026"
    assert "Rahasia" not in str(seen)


async def test_officers_are_proposed_by_their_open_reports(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.assigned()
        await house.hear(a_request(request_id="R-2", letter_no="2"))
        ranked = (await desks.section_head.get(f"{CASE}/candidates")).json()

    assert (ranked[0]["officer"], ranked[0]["open_reports"]) == ("PO-TJR-01", 1)


async def test_a_report_that_is_out_takes_addenda_and_stays_as_it_was_signed(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.archived()
        signed = (await desks.head.get(CASE)).json()["report_hash"]
        added = await done(desks.head, "addenda", {"text": "Penjamin pindah.", "reason": "alamat berubah"})
        after = (await desks.head.get(CASE)).json()
        again = await desks.registrar.post(f"{CASE}/number", json={"checked": CHECKED})

    assert added["status"] == "archived"
    assert (after["addenda"], after["report_hash"]) == (1, signed)
    assert again.status_code == 409
