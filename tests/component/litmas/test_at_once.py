"""Twice, late, at once and out of order: one effect, one winner, and whoever lost is told."""

import asyncio
from typing import Any

import pytest

from contracts.lapas import DecreeIssued, LitmasRequestWithdrawn
from contracts.litmas import OutcomeRecorded
from contracts.tpp import Decision
from tests.component.house import House, record_of
from tests.component.litmas.desks import (
    ASSIGNMENT,
    CASE,
    CHECKED,
    LITMAS,
    REQUEST,
    a_decision,
    a_request,
    at_the_desks,
    done,
    hours_later,
    request_data,
)


async def dump(house: House) -> list[tuple[Any, ...]]:
    """Everything that this service has told and decided so far."""
    rows = await house.pool.fetch("SELECT litmas_id, status, edition, papers::text FROM litmas ORDER BY litmas_id")
    told = await house.pool.fetchval("SELECT count(*) FROM outbox")
    lines = await house.pool.fetchval("SELECT count(*) FROM timeline")
    numbers = await house.pool.fetchval("SELECT count(*) FROM register_entry")
    return [*(tuple(row) for row in rows), (told, lines, numbers)]


COUNTS = {
    "data_session": "SELECT count(*) FROM data_session",
    "assessment": "SELECT count(*) FROM assessment",
    "issued_document": "SELECT count(*) FROM issued_document",
    "register_entry": "SELECT count(*) FROM register_entry",
}


async def count_of(house: House, table: str) -> int:
    """How many rows a table has."""
    return int(await house.pool.fetchval(COUNTS[table]))


async def test_a_request_delivered_twice_opens_one_report(house: House) -> None:
    record = record_of(a_request())

    first = await house.deliver(record)
    second = await house.deliver(record)
    same_in_another_message = await house.hear(a_request())

    assert [each.outcome for each in (*first.ended, *second.ended)] == ["applied", "duplicate"]
    assert same_in_another_message == ["irrelevant"]
    assert len(await house.published()) == 1


async def test_a_request_over_http_and_over_kafka_is_one_report(house: House) -> None:
    async with at_the_desks(house) as desks:
        first = await desks.prison.post("/v1/requests", json=request_data())
        again = await desks.prison.post("/v1/requests", json=request_data())

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["outcome"] == "duplicate"
    assert await house.hear(a_request()) == ["irrelevant"]
    assert first.json()["litmas_id"] == str(LITMAS)


async def test_a_letter_that_the_counter_entered_is_not_opened_again_under_the_prisons_own_id(house: House) -> None:
    body = request_data()
    body.pop("request_id")
    async with at_the_desks(house) as desks:
        entered = await desks.counter.post("/v1/requests", json=body)
        from_the_prison = await desks.prison.post("/v1/requests", json=request_data())

    assert entered.status_code == 201
    assert (from_the_prison.status_code, from_the_prison.json()["rule"]) == (409, "letter-is-here-already")
    assert await house.pool.fetchval("SELECT count(*) FROM litmas") == 1


async def test_a_command_sent_twice_has_one_effect(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.requested()
        await done(desks.head, "disposition", {})
        key = {"Idempotency-Key": "assign-1"}

        first = await done(desks.section_head, "assignment", ASSIGNMENT, **key)
        second = await desks.section_head.post(f"{CASE}/assignment", json=ASSIGNMENT, headers=key)

    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.json() == first
    assert await house.pool.fetchval("SELECT count(*) FROM register_entry") == 1


async def test_every_act_of_the_whole_way_sent_twice_has_one_effect(house: House) -> None:
    async with at_the_desks(house, twice=True) as desks:
        await desks.archived()

        assert await desks.status() == "archived"
    steps = [row["step"] for row in await house.pool.fetch("SELECT step FROM timeline ORDER BY entry_id")]
    once_each = [step for step in steps if steps.count(step) == 1]
    assert once_each == steps
    assert len(steps) == 16
    assert len(await house.published()) == 13
    for table in ("data_session", "assessment", "issued_document"):
        assert await count_of(house, table) == 1
    assert await count_of(house, "register_entry") == 2


async def test_of_two_who_act_on_what_they_read_one_wins_and_the_other_is_told(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.drafted()
        await done(desks.registrar, "number", {"checked": CHECKED})
        read = (await desks.section_head.get(CASE)).headers["ETag"]

        answers = await asyncio.gather(
            desks.section_head.post(f"{CASE}/initials", json={}, headers={"If-Match": read}),
            desks.section_head.post(
                f"{CASE}/return", json={"code": "SUBSTANCE", "reason": "kurang"}, headers={"If-Match": read}
            ),
        )

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    [lost] = [answer for answer in answers if answer.status_code == 412]
    assert lost.json()["rule"] == "case-changed-meanwhile"
    assert lost.headers["content-type"] == "application/problem+json"


async def test_of_two_who_write_one_section_one_is_told_and_no_text_is_lost(house: House) -> None:
    path = f"{CASE}/sections/FAMILY"
    async with at_the_desks(house) as desks:
        await desks.analysed()
        answers = await asyncio.gather(
            *(
                desks.officer.put(path, json={"text": text}, headers={"If-Match": '"0"'})
                for text in ("Kisah pertama.", "Kisah kedua.")
            )
        )
        stands = (await desks.officer.get(f"{CASE}/sections")).json()["sections"]
        blind = await desks.officer.put(path, json={"text": "Tanpa dibaca."})

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    won = ("Kisah pertama.", "Kisah kedua.")[[answer.status_code for answer in answers].index(200)]
    assert [each["text"] for each in stands if each["section"] == "FAMILY"] == [won]
    assert blind.status_code == 428


@pytest.mark.parametrize(
    ("who", "act", "body", "rule"),
    [
        ("head", "disposition", {}, "step-not-allowed"),
        ("section_head", "assignment", ASSIGNMENT, "step-not-allowed"),
        ("officer", "draft", {"recommendation": "RECOMMENDED"}, "step-not-allowed"),
        ("section_head", "initials", {}, "step-not-allowed"),
        ("registrar", "number", {"checked": []}, "check-incomplete"),
        ("section_head", "return", {"code": "SUBSTANCE", "reason": "bukan meja saya"}, "report-not-here"),
        ("head", "signature", {"revision": 1}, "step-not-allowed"),
        ("stranger", "sessions", None, "another-officers-report"),
    ],
)
async def test_what_is_refused_is_409_with_the_rules_words_and_changes_nothing(
    house: House, who: str, act: str, body: dict[str, Any] | None, rule: str
) -> None:
    session = {
        "method": "INTERVIEW", "informant": "PERSON", "place": "LP-TJR", "outcome": "DONE",
        "held_at": hours_later(0).isoformat(),
    }  # fmt: skip
    async with at_the_desks(house) as desks:
        await desks.drafted()
        before = await dump(house)

        answer = await getattr(desks, who).post(f"{CASE}/{act}", json=session if body is None else body)

        assert (answer.status_code, answer.json()["rule"]) == (409, rule), answer.text
        assert answer.json()["detail"]
        assert await dump(house) == before


async def test_a_decision_twice_or_of_an_older_revision_changes_nothing(house: House) -> None:
    async with at_the_desks(house) as desks:
        waiting = await desks.before_the_team()
        older = a_decision(waiting, revision=2, hearing_id="00000000-0000-0000-0000-00000000000a")
        assert await house.hear(older) == ["irrelevant"]
        assert await desks.heard(Decision.APPROVE) == "applied"
        before = await dump(house)

        assert await desks.heard(Decision.REJECT) == "irrelevant"
        assert await dump(house) == before


async def test_a_withdrawal_that_comes_first_is_remembered(house: House) -> None:
    withdrawn = LitmasRequestWithdrawn.model_validate(
        {"request_id": REQUEST, "facility": "LP-TJR", "reason": "DIED", "withdrawn_at": hours_later(0)}
    )

    assert await house.hear(withdrawn) == ["applied"]
    assert await house.hear(a_request()) == ["applied"]

    assert await house.pool.fetchval("SELECT status FROM litmas") == "cancelled"
    assert await house.clocks() == {}


async def test_a_decree_finds_its_report_by_the_number_too(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.archived()
    decree = {
        "request_id": "DITJEN.2026.77", "facility": "LP-TJR", "outcome": "GRANTED", "decree_no": "PAS-1",
        "litmas_no": "0001/LIT-D/PB/PLG-TJR/V/2026",
    }  # fmt: skip

    assert await house.hear(DecreeIssued.model_validate(decree)) == ["applied"]
    assert await house.hear(DecreeIssued.model_validate(decree | {"litmas_no": None})) == ["irrelevant"]

    assert isinstance((await house.published())[-1], OutcomeRecorded)


async def test_a_childs_request_is_set_aside_for_a_person_and_holds_nobody_up(house: House) -> None:
    child = a_request(request_id="LPKA.1", facility="LPKA-PLG", prison_register_no="A.1", letter_no="7")

    assert await house.hear(child, a_request()) == ["refused", "applied"]
