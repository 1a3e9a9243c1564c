"""A report walks every desk of the office: over Kafka and HTTP, into a real database."""

from contracts.litmas import LitmasApproved, LitmasDeadlineBreached, LitmasSigned
from contracts.tpp import Decision
from tests.component.house import House
from tests.component.litmas.desks import (
    ASSIGNMENT,
    CASE,
    CHECKED,
    LITMAS,
    REASON,
    REQUEST,
    a_request,
    at_the_desks,
    done,
    hours_later,
)


async def entries(house: House) -> list[tuple[str, str, str]]:
    """The registers: code, number, state."""
    rows = await house.pool.fetch("SELECT register, number, state FROM register_entry ORDER BY register, seq")
    return [tuple(row) for row in rows]


async def test_from_the_prisons_letter_to_the_archive(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.archived()

        assert await desks.status() == "archived"
        view = (await desks.section_head.get(CASE)).json()
        timeline = (await desks.section_head.get(f"{CASE}/timeline?limit=200")).json()["items"]

    assert [line["to_status"] for line in timeline] == [
        "request_received", "disposed", "assigned", "preparing", "in_field", "data_collection", "data_collection",
        "analysis", "drafted", "numbered_checked", "initialed", "in_tpp", "tpp_approved", "signed", "delivered",
        "archived",
    ]  # fmt: skip
    assert await entries(house) == [
        ("LIT-D", "0001/LIT-D/PB/PLG-TJR/V/2026", "live"),
        ("ST-LIT-D", "0001/ST-LIT-D/PLG-TJR/V/2026", "live"),
    ]
    facts = await house.published()
    assert [type(fact).__name__ for fact in facts] == [
        "LitmasReceived", "LitmasDisposed", "AssignmentIssued", "DataCollectionStarted", "DataCollectionCompleted",
        "LitmasDrafted", "LitmasNumbered", "LitmasInitialed", "LitmasSubmittedToBoard", "LitmasApproved",
        "LitmasSigned", "LitmasDelivered", "LitmasArchived",
    ]  # fmt: skip
    [signed] = [fact for fact in facts if isinstance(fact, LitmasSigned)]
    assert signed.report_hash == view["report_hash"]
    assert {topic for topic, _ in await house.topics()} == {"litmas.events"}
    assert {key for _, key in await house.topics()} == {str(LITMAS)}


async def test_nothing_of_the_person_leaves_on_our_topic(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.archived()

    for row in await house.pool.fetch("SELECT key, headers, payload FROM outbox"):
        for word in ("Rahasia", "B.I 41", REQUEST, "Isi "):
            assert word not in f"{row['key']} {row['headers']!r} {row['payload']!r}"


async def test_what_comes_back_keeps_its_number_and_gets_another_revision(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.drafted()
        first = await done(desks.registrar, "number", {"checked": CHECKED})
        await done(desks.section_head, "return", REASON)
        await done(desks.officer, "draft", {"recommendation": "NOT_RECOMMENDED"})
        second = await done(desks.registrar, "number", {"checked": CHECKED})
        await done(desks.section_head, "initials", {})

        assert first["number"] == second["number"]
        assert (await desks.submitted()).revision == 2
        assert len([entry for entry in await entries(house) if entry[0] == "LIT-D"]) == 1


async def test_approved_with_a_revision_needs_no_second_hearing(house: House) -> None:
    async with at_the_desks(house) as desks:
        before = await desks.before_the_team()
        assert await desks.heard(Decision.APPROVE_WITH_REVISION) == "applied"
        assert await desks.status() == "tpp_revision"

        await done(desks.officer, "draft", {"recommendation": "RECOMMENDED_WITH_CONDITIONS"})
        await done(desks.registrar, "number", {"checked": CHECKED})
        await done(desks.section_head, "initials", {})

        assert await desks.status() == "tpp_approved"
        assert (await desks.submitted()).submission == before.submission
        await done(desks.head, "signature", {"revision": 2})


async def test_deferred_is_heard_again_and_rejected_is_written_anew_or_closed(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.before_the_team()
        assert await desks.heard(Decision.DEFER) == "applied"
        await done(desks.section_head, "resubmission", {})
        assert (await desks.submitted()).submission == 2
        assert await desks.heard(Decision.REJECT) == "applied"
        await done(desks.section_head, "rework", {"reason": "tulis ulang analisis"})
        await done(desks.officer, "draft", {"recommendation": "NOT_RECOMMENDED"})
        await done(desks.registrar, "number", {"checked": CHECKED})
        await done(desks.section_head, "initials", {})

        waiting = await desks.submitted()
        assert (waiting.submission, waiting.revision, waiting.refused_before) == (3, 2, True)
        assert await desks.heard(Decision.REJECT) == "applied"
        await done(desks.head, "closure", {"reason": "tidak dapat diperbaiki"})
        assert await desks.status() == "closed_rejected"
        seen = (await desks.prison.get(f"/v1/requests/{REQUEST}")).json()

    assert seen["state"] == "closed_rejected"
    assert "tidak ada litmas" in seen["words"]


async def test_the_head_returns_a_decision_once(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.before_the_team()
        await desks.heard(Decision.APPROVE)
        await done(desks.head, "decision-return", {"reason": "syarat belum jelas"})
        assert (await desks.submitted()).submission == 2
        assert await desks.heard(Decision.APPROVE) == "applied"

        again = await desks.head.post(f"{CASE}/decision-return", json={"reason": "sekali lagi"})

        assert again.status_code == 409
        assert again.json()["rule"] == "returned-once"
        assert await desks.status() == "tpp_approved"
        assert len([fact for fact in await house.published() if isinstance(fact, LitmasApproved)]) == 2


async def test_a_reassignment_has_a_letter_of_its_own_and_expects_who_has_it_now(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.assigned()
        other = ASSIGNMENT | {"officer": "PO-HQ-03", "assistant": None, "reason": "PK sakit"}

        blind = await desks.section_head.post(f"{CASE}/assignment", json=other)
        given = await done(desks.section_head, "assignment", other | {"expected_officer": "PO-TJR-01"})
        old = await desks.officer.post(f"{CASE}/departure", json={"departed_at": hours_later(0).isoformat()})

    assert (blind.status_code, blind.json()["rule"]) == (409, "another-officer-meanwhile")
    assert given["number"] == "0002/ST-LIT-D/PLG-TJR/V/2026"
    assert (old.status_code, old.json()["rule"]) == (409, "another-officers-report")


async def test_a_cancelled_report_leaves_its_number_void(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.before_the_team()
        await done(desks.section_head, "cancellation", {"reason": "DIED"})

        assert await desks.heard(Decision.APPROVE) == "irrelevant"
        assert await desks.status() == "cancelled"

    assert ("LIT-D", "0001/LIT-D/PB/PLG-TJR/V/2026", "void") in await entries(house)
    assert await house.clocks() == {}


async def test_a_head_who_does_not_dispose_is_warned_and_then_told(house: House) -> None:
    await house.hear(a_request())
    assert set(await house.clocks()) == {"desk-warning", "desk-due"}

    await house.step_to(hours_later(24 * 7))

    told = [fact for fact in await house.published() if type(fact).__name__.startswith("LitmasDeadline")]
    assert [type(fact).__name__ for fact in told] == [
        "LitmasDeadlineWarned", "LitmasDeadlineWarned", "LitmasDeadlineBreached",
    ]  # fmt: skip
    breach = told[-1]
    assert isinstance(breach, LitmasDeadlineBreached)
    assert (breach.policy, breach.desk, breach.told) == ("D20", "HEAD", "HEAD")
    # Monday is a holiday: the one working day is Tuesday, and it ends at half past four.
    assert breach.due_at.isoformat() == "2026-06-02T09:30:00+00:00"
    assert await house.clocks() == {}
