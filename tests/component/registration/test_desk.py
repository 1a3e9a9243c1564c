"""What officers do at the desk, and the registers that must have no gap."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.lapas import registration_id_of
from contracts.reference import load_reference
from contracts.reference.loader import BUILT_IN
from contracts.registration import BiometricWaived, ClientRegistered, RegistrationConflict
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
    childrens_head,
    hours_later,
    officer,
    registrar,
    section_head,
    status_of,
    submitted,
)

CASE = f"/v1/registrations/{REGISTRATION}"
TRANSFER = {"to_office": "BPS-LAHAT", "acceptance_no": "W6.PAS-12", "accepted_on": "2026-05-29"}
DUPLICATE = {"reason": "DUPLICATE", "evidence": "OTHER_REGISTRATION"}


async def entries(house: House) -> list[tuple[str, int, str]]:
    """The register: code, sequence, state."""
    rows = await house.pool.fetch("SELECT register, seq, state FROM register_entry ORDER BY register, seq")
    return [tuple(row) for row in rows]


async def test_from_the_gate_to_a_number(house: House) -> None:
    await house.hear(a_release())

    async with officer(house) as po, registrar(house) as reg, section_head(house) as head:
        met = await po.post(f"{CASE}/contacts", json=a_contact(biometric_status="DEVICE_DOWN"))
        entered = await reg.post(f"{CASE}/submission", json={"files": ["BASE_DOCUMENT"], "document_ids": ["D-1"]})
        approved = await head.post(f"{CASE}/approval", json={"officer": "PO-HQ-01"})

    assert met.json()["slip_code"]
    assert entered.json()["status"] == "submitted"
    assert approved.json()["register_no"] == "0001/KLD-PB/PLG-HQ/V/2026"
    facts = await house.published()
    assert any(isinstance(fact, BiometricWaived) for fact in facts)
    registered = facts[-1]
    assert isinstance(registered, ClientRegistered)
    assert registered.officer == "PO-HQ-01"
    assert await house.clocks() == {}


async def test_the_slip_bears_a_code_a_telephone_number_and_when_and_where_to_come(
    house: House, tmp_path: Path
) -> None:
    units = (BUILT_IN / "units.toml").read_text()
    (tmp_path / "units.toml").write_text(units.replace('code = "PLG-PBM"', 'code = "PLG-PBM"\nphone = "0713-555-0100"'))
    own = House(house.service, house.pool, house.settings, house.issuer, load_reference(tmp_path))
    await own.hear(a_release(domicile={"regency": "Prabumulih"}))

    async with officer(own) as po:
        slip = (await po.post(f"{CASE}/contacts", json=a_contact())).json()

    assert len(slip["slip_code"]) == 8
    assert (slip["phone"], slip["visit_unit"]) == ("0713-555-0100", "PLG-PBM")
    # Friday at closing time, and Monday is a holiday.
    assert slip["visit_at"] == "2026-06-02T01:00:00Z"


async def test_the_timeline_says_who_did_what_in_which_role(house: House) -> None:
    await submitted(house, RELEASE)
    async with section_head(house) as head:
        await head.post(f"{CASE}/return", json={"reason": "nama tidak sesuai"})

    rows = await house.pool.fetch("SELECT * FROM timeline ORDER BY entry_id")
    told = [(row["step"], row["from_status"], row["to_status"], row["actor_role"], row["actor_id"]) for row in rows]
    assert told[1:] == [
        ("meet", "released", "provisionally_registered", "PROBATION_OFFICER", "PO-HQ-03"),
        ("submit", "provisionally_registered", "submitted", "REGISTRAR", "REG-HQ-01"),
        ("return", "submitted", "provisionally_registered", "SECTION_HEAD_ADULT", "SHA-HQ-01"),
    ]
    assert rows[-1]["reason"] == "nama tidak sesuai"
    assert {row["policy_version"] for row in rows} == {house.reference.version}


@pytest.mark.parametrize("change", ["UPDATE timeline SET reason = 'x'", "DELETE FROM timeline"])
async def test_the_timeline_is_only_ever_appended_to(house: House, change: str) -> None:
    await house.hear(a_release())

    with pytest.raises(Exception, match="only ever appended"):
        await house.pool.execute(change)


async def test_fifty_approvals_at_once_leave_no_gap(house: House) -> None:
    cases = [await submitted(house, f"R-{number}") for number in range(50)]

    async with section_head(house) as head:
        answers = await asyncio.gather(*(head.post(f"/v1/registrations/{case}/approval", json={}) for case in cases))

    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers][:3]
    assert await entries(house) == [("KLD-PB", seq, "live") for seq in range(1, 51)]
    assert len({answer.json()["register_no"] for answer in answers}) == 50


async def test_one_case_approved_at_the_same_moment_by_two_has_one_number(house: House) -> None:
    case = await submitted(house, RELEASE)

    async with section_head(house) as head:
        answers = await asyncio.gather(*(head.post(f"/v1/registrations/{case}/approval", json={}) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert await entries(house) == [("KLD-PB", 1, "live")]


async def test_no_number_is_burnt_by_what_is_refused_or_returned(house: House) -> None:
    first, second = await submitted(house, "R-1"), await submitted(house, "R-2")
    async with section_head(house) as head, caller(house, Role.SECTION_HEAD_ADULT, subject="REG-HQ-01") as same:
        returned = await head.post(f"/v1/registrations/{first}/return", json={"reason": "belum lengkap"})
        own = await same.post(f"/v1/registrations/{second}/approval", json={})
        unknown = await head.post(f"/v1/registrations/{second}/approval", json={"officer": "PO-NOBODY"})
        refused = await head.post(
            f"/v1/registrations/{second}/refusal", json={"reason": "bukan wilayah kami", "transfer": TRANSFER}
        )
        third = await submitted(house, "R-3")
        approved = await head.post(f"/v1/registrations/{third}/approval", json={})

    assert returned.status_code == refused.status_code == 200
    assert (own.status_code, own.json()["rule"]) == (409, "submitter-may-not-approve")
    assert (unknown.status_code, unknown.json()["rule"]) == (409, "officer-not-available")
    assert approved.json()["register_no"].startswith("0001/")
    assert await entries(house) == [("KLD-PB", 1, "live")]


async def test_on_the_first_of_january_at_six_in_the_morning_a_new_series_begins(house: House) -> None:
    house.office.set(datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
    old, new = [await submitted(house, f"R-{number}") for number in (1, 2)]

    async with section_head(house) as head:
        before = await head.post(f"/v1/registrations/{old}/approval", json={})
        house.office.set(datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
        after = await head.post(f"/v1/registrations/{new}/approval", json={})

    assert before.json()["register_no"] == "0001/KLD-PB/PLG-HQ/XII/2026"
    assert after.json()["register_no"] == "0001/KLD-PB/PLG-HQ/I/2027"


async def test_a_number_that_was_given_to_a_duplicate_stays_and_is_void(house: House) -> None:
    case = await submitted(house, RELEASE)
    async with section_head(house) as head:
        await head.post(f"/v1/registrations/{case}/approval", json={})
        closed = await head.post(f"/v1/registrations/{case}/closure", json=DUPLICATE)
        other = await submitted(house, "R-2")
        approved = await head.post(f"/v1/registrations/{other}/approval", json={})

    assert closed.json()["status"] == "closed"
    assert approved.json()["register_no"].startswith("0002/")
    assert await entries(house) == [("KLD-PB", 1, "void"), ("KLD-PB", 2, "live")]


async def test_whose_number_became_void_can_be_registered_under_another(house: House) -> None:
    case = await submitted(house, RELEASE)
    async with section_head(house) as head, officer(house) as po, registrar(house) as reg:
        await head.post(f"{CASE}/approval", json={})
        closed = {"reason": "RELEASED_IN_ERROR", "evidence": "PRISON_LETTER"}
        await head.post(f"{CASE}/closure", json=closed)
        house.office.set(hours_later(5))
        assert await house.hear(a_release(revision=2, released_at=hours_later(4).isoformat())) == ["applied"]
        view = (await head.get(CASE)).json()
        await po.post(f"{CASE}/contacts", json=a_contact(contact_at=hours_later(5).isoformat()))
        await reg.post(f"{CASE}/submission", json={})
        approved = await head.post(f"{CASE}/approval", json={})

    assert view["register_no"] is None
    assert approved.status_code == 200, approved.text
    assert await entries(house) == [("KLD-PB", 1, "void"), ("KLD-PB", 2, "live")]
    assert await status_of(house, case) == "registered"


async def test_a_child_who_refuses_stands_in_a_register_for_children(house: House) -> None:
    await submitted(house, RELEASE, category="CHILD")
    refusal = {
        "reason": "menolak dibimbing",
        "closure": {"reason": "REARRESTED", "evidence": "POLICE_LETTER"},
        "person_refuses": {"letter_no": "B-78", "letter_on": "2026-05-30", "kind": "WRITTEN"},
    }

    async with childrens_head(house) as head:
        await head.post(f"{CASE}/refusal", json=refusal)

    assert await entries(house) == [("PENOLAKAN-A", 1, "live")]


async def test_who_refuses_guidance_stands_in_the_register_for_it(house: House) -> None:
    case = await submitted(house, RELEASE)
    refusal = {
        "reason": "menolak dibimbing",
        "closure": {"reason": "REARRESTED", "evidence": "POLICE_LETTER"},
        "person_refuses": {"letter_no": "B-77", "letter_on": "2026-05-30", "kind": "WRITTEN"},
    }

    async with section_head(house) as head:
        answer = await head.post(f"/v1/registrations/{case}/refusal", json=refusal)

    assert answer.json()["status"] == "closed"
    assert await entries(house) == [("PENOLAKAN", 1, "live")]
    assert await house.pool.fetchval("SELECT letter_no FROM person_refusal") == "B-77"


async def test_a_childs_case_is_decided_by_the_childrens_section_alone(house: House) -> None:
    case = await submitted(house, RELEASE, category="CHILD")

    async with section_head(house) as adults, childrens_head(house) as children:
        forbidden = await adults.post(f"/v1/registrations/{case}/approval", json={})
        approved = await children.post(f"/v1/registrations/{case}/approval", json={})

    assert forbidden.status_code == 403
    assert approved.json()["register_no"] == "0001/KLA-PB/PLG-HQ/V/2026"
    assert {topic for topic, _ in await house.topics()} == {
        "registration.juvenile.events",
        "registration.juvenile.clients",
    }


async def test_a_guarantor_alone_is_noted_and_the_clock_runs_on(house: House) -> None:
    await house.hear(a_release())

    async with officer(house) as client:
        answer = await client.post(f"{CASE}/contacts", json=a_contact(whom="GUARANTOR_ALONE", note="ibunya menelepon"))

    assert answer.json()["status"] == "released"
    assert answer.json()["slip_code"] is None
    assert await house.pool.fetchval("SELECT kind FROM trace_entry") == "GUARANTOR_MET"
    assert set(await house.clocks()) == {"first-contact"}


async def test_somebody_met_inside_before_the_gate_is_met(house: House) -> None:
    await house.hear(an_announcement(releases_on="2026-05-30"))
    async with caller(house, Role.ASSISTANT_OFFICER, subject="AO-SKY-01", unit="PLG-SKY") as outpost:
        met = await outpost.post(f"{CASE}/contacts", json=a_contact(method="AT_OUTPOST"))
    assert set(await house.clocks()) == {"release-unconfirmed"}

    house.office.set(hours_later(20))
    await house.hear(a_release(released_at=hours_later(19.5).isoformat()))

    assert met.status_code == 200
    assert await status_of(house) == "provisionally_registered"
    assert set(await house.clocks()) == {"submission"}


async def test_a_prison_officer_meets_at_the_own_gate_by_code_only(house: House) -> None:
    await house.hear(a_release())

    def gate(facility: str) -> Any:
        return caller(house, Role.PRISON_OFFICER, subject="gate", unit=None, facility=facility)

    async with gate("LP-SKY") as other, gate("LP1-PLG") as own:
        foreign = await other.post(f"{CASE}/contacts", json=a_contact(identity_level="L1", method="AT_GATE"))
        too_sure = await own.post(f"{CASE}/contacts", json=a_contact(identity_level="L2", method="AT_GATE"))
        met = await own.post(f"{CASE}/contacts", json=a_contact(identity_level="L1", method="AT_GATE"))

    assert (foreign.status_code, too_sure.status_code, met.status_code) == (403, 409, 200)
    assert too_sure.json()["rule"] == "prison-officer-identifies-by-code-only"


async def test_a_second_officer_is_told_that_the_person_was_met(house: House) -> None:
    await house.hear(a_release())

    async with officer(house) as first, registrar(house) as second:
        answers = await asyncio.gather(*(each.post(f"{CASE}/contacts", json=a_contact()) for each in (first, second)))

    assert sorted(answer.json()["outcome"] for answer in answers) == ["applied", "irrelevant"]
    assert {answer.status_code for answer in answers} == {200}


async def test_a_cancellation_against_an_officers_word_is_decided_by_the_section_head(house: House) -> None:
    await house.hear(a_release())
    async with officer(house) as po, section_head(house) as head:
        await po.post(f"{CASE}/contacts", json=a_contact())
        await house.hear(a_cancellation())
        assert await status_of(house) == "conflict"
        assert isinstance((await house.published())[-1], RegistrationConflict)
        assert set(await house.clocks()) == {"submission"}

        resolved = await head.post(f"{CASE}/return", json={"reason": "petugas kami melihatnya"})

    assert resolved.json()["status"] == "provisionally_registered"


async def test_handing_on_ends_our_part(house: House) -> None:
    await house.hear(a_release())

    async with section_head(house) as head:
        answer = await head.post(f"{CASE}/hand-on", json=TRANSFER)

    assert answer.json()["status"] == "handed_on"
    assert await house.clocks() == {}
    assert await house.hear(a_release(revision=2)) == ["irrelevant"]


async def test_a_step_that_is_not_possible_is_refused_in_words(house: House) -> None:
    await house.hear(a_release())

    async with registrar(house) as client:
        answer = await client.post(f"{CASE}/submission", json={})

    assert answer.status_code == 409
    assert answer.json()["detail"] == "submission is not possible while the registration is released"


async def test_nobody_acts_on_a_registration_that_does_not_exist(house: House) -> None:
    nobody = registration_id_of("nobody")

    async with officer(house) as client:
        answer = await client.post(f"/v1/registrations/{nobody}/contacts", json=a_contact())

    assert answer.status_code == 404


async def test_an_announced_release_is_confirmed_by_the_registrar(house: House) -> None:
    await house.hear(an_announcement())

    async with registrar(house) as client:
        answer = await client.post(f"{CASE}/pre-registration")

    assert answer.json()["status"] == "pre_registered"
    await house.hear(a_release())
    assert await status_of(house) == "released"
