"""A hearing from the queue to the decision that is made known, over HTTP and on a real database."""

import io
from datetime import timedelta
from typing import Any

import pypdf

from contracts.tpp import (
    CaseCarriedOver,
    CaseScheduled,
    HearingAdjourned,
    HearingOpened,
    HearingScheduled,
    MinutesSigned,
    QuorumNotReached,
    RecommendationHandedOver,
    TPPDecided,
)
from tests.component.house import House
from tests.component.tpp.board import (
    APPROVED,
    AUTHOR,
    CHAIR,
    HASH,
    MEMBERS,
    OTHER_HASH,
    REPORT,
    SECRETARY,
    STARTS_AT,
    Board,
    a_cancellation,
    a_submission,
    report,
)


async def decided(house: House) -> list[TPPDecided]:
    """The decisions that wait to leave."""
    return [fact for fact in await house.published() if isinstance(fact, TPPDecided)]


async def item(house: House, subject: Any = REPORT) -> Any:
    """The row of a case."""
    return await house.pool.fetchrow("SELECT * FROM item WHERE subject_id = $1", subject)


async def test_a_case_that_was_really_heard_is_decided_signed_and_made_known(house: House, board: Board) -> None:
    await board.signed(REPORT)
    before = await decided(house)

    await board.do(SECRETARY, "/hand-over")
    await board.do("HEAD-HQ-01", "/receipt")

    [known] = await decided(house)
    assert before == []
    assert (known.subject_id, known.revision, known.report_hash, known.way.value) == (REPORT, 1, HASH, "VOTE")
    assert [each.model_dump(mode="json") for each in known.outcomes] == APPROVED
    assert known.tally is not None
    assert (known.tally.in_favour, known.members, known.present, known.dissents) == (4, 5, 5, 0)
    assert known.minutes_no == "0001/TPP/PLG-HQ/VI/2026"
    assert (await board.view())["status"] == "closed"
    assert [type(fact) for fact in await house.published()] == [
        HearingScheduled, CaseScheduled, HearingOpened, MinutesSigned, RecommendationHandedOver, TPPDecided,
    ]  # fmt: skip
    assert ("tpp.events", str(REPORT)) in await house.topics()


async def test_a_consensus_is_a_decision_too(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.do(CHAIR, f"/cases/{REPORT}/discussion")

    await board.do(SECRETARY, f"/cases/{REPORT}/decision", {"consensus": APPROVED})

    [case] = (await board.view())["cases"]
    assert (case["state"], case["decision"]["way"], case["decision"]["tally"]) == ("decided", "CONSENSUS", None)
    assert (await item(house))["state"] == "decided"


async def test_a_dissent_is_kept_and_counted(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on(against=("PO-HQ-03",))

    await board.do(SECRETARY, f"/cases/{REPORT}/decision", {})

    [case] = (await board.view())["cases"]
    opinions = (await board(CHAIR).get(f"/v1/hearings/{board.hearing_id}/cases/{REPORT}/opinions")).json()
    assert case["decision"]["dissents"] == 1
    assert [(each["kind"], each["member"]) for each in opinions] == [("DISSENT", "PO-HQ-03")]


async def test_a_tie_defers_the_case_to_another_hearing(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on(against=("PO-HQ-02", "PO-HQ-03"))

    await board.do(SECRETARY, f"/cases/{REPORT}/decision", {})

    [case] = (await board.view())["cases"]
    assert (case["state"], case["decision"]["outcomes"][0]["decision"]) == ("deferred", "DEFER")
    assert case["decision"]["rehear_by"] == "2026-06-17"


async def test_a_deferred_case_is_heard_again_once_its_deferral_is_handed_over(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.do(CHAIR, f"/cases/{REPORT}/discussion")
    deferral = [{"programme": "CONDITIONAL_RELEASE", "decision": "DEFER"}]
    await board.do(SECRETARY, f"/cases/{REPORT}/decision", {"consensus": deferral})
    await board.do(CHAIR, "/conclusion")
    first, later = board.hearing_id, STARTS_AT + timedelta(days=7)
    body = {"panel": "ADULT", "mode": "IN_PERSON", "starts_at": later.isoformat()}
    second = (await board(SECRETARY).post("/v1/hearings", json=body)).json()["hearing_id"]

    board.hearing_id = second
    too_soon = await board.ask(SECRETARY, "/cases", {"subjects": [str(REPORT)]})
    board.hearing_id = first
    words = {"notes": "It was put off.", "summary": "One case, deferred."}
    digest = (await board.do(SECRETARY, "/minutes", words))["minutes_hash"]
    for member in (*MEMBERS, SECRETARY):
        await board.do(member, "/minutes/signatures", {"minutes_hash": digest})
    await board.do(CHAIR, "/minutes/ratification")
    await board.do(SECRETARY, "/hand-over")
    board.hearing_id = second
    await board.do(SECRETARY, "/cases", {"subjects": [str(REPORT)]})

    assert (too_soon.status_code, too_soon.json()["rule"]) == (409, "deferral-not-told")
    assert [known.outcomes[0].decision.value for known in await decided(house)] == ["DEFER"]
    assert (await item(house))["state"] == "on_agenda"


async def test_what_was_not_heard_is_carried_over(house: House, board: Board) -> None:
    await board.in_session(report(1), report(2))
    await board.voted_on(report(1))
    await board.do(SECRETARY, f"/cases/{report(1)}/decision", {})

    await board.do(CHAIR, "/conclusion")

    assert [case["state"] for case in (await board.view())["cases"]] == ["decided", "carried_over"]
    assert (await item(house, report(2)))["state"] == "carried_over"
    assert [type(fact) for fact in await house.published()].count(CaseCarriedOver) == 1


async def test_a_hearing_without_quorum_is_adjourned_and_takes_place_later(house: House, board: Board) -> None:
    await board.scheduled(REPORT)
    for member in MEMBERS[:4]:
        await board.read(member)
    house.office.set(STARTS_AT)
    await board.do(SECRETARY, "/roll-call")
    for member in MEMBERS[:3]:
        await board.come(member)

    await board.do(SECRETARY, "/adjournment", {"reason": "QUORUM"})
    put_off = await board.view()
    resumed = STARTS_AT + timedelta(days=2)
    await board.do(CHAIR, "/new-date", {"starts_at": resumed.isoformat()})
    house.office.set(resumed)
    await board.do(SECRETARY, "/roll-call")
    for member in MEMBERS:
        await board.come(member, at=resumed)
    opened = await board.do(CHAIR, "/opening")

    missed = [fact for fact in await house.published() if isinstance(fact, QuorumNotReached)]
    assert [(fact.members, fact.present) for fact in missed] == [(5, 3)]
    assert (put_off["status"], put_off["resume_by"]) == ("adjourned", "2026-06-08T09:30:00Z")
    assert opened["status"] == "in_session"
    assert [type(fact) for fact in await house.published()].count(HearingAdjourned) == 1


async def test_a_later_submission_takes_the_place_of_one_that_was_not_heard(house: House, board: Board) -> None:
    await board.scheduled(REPORT)
    await board.read("PO-HQ-01")
    await house.hear(a_submission(submission=2))
    house.office.set(STARTS_AT)
    await board.do(SECRETARY, "/roll-call")
    for member in MEMBERS:
        await board.come(member)
    await board.do(CHAIR, "/opening")
    await board.do(CHAIR, f"/cases/{REPORT}/discussion")
    await board.do(CHAIR, f"/cases/{REPORT}/motion", {"outcomes": APPROVED})

    voted = await board.ask("PO-HQ-01", f"/cases/{REPORT}/votes", {"choice": "IN_FAVOUR"})
    await board.read("PO-HQ-01")
    again = await board.ask("PO-HQ-01", f"/cases/{REPORT}/votes", {"choice": "IN_FAVOUR"})

    [case] = (await board.view())["cases"]
    assert case["revision"] == 2
    assert (voted.status_code, voted.json()["rule"]) == (409, "dossier-not-opened")
    assert again.status_code == 200
    assert (await item(house))["report_hash"] == OTHER_HASH


async def test_an_earlier_submission_that_comes_late_is_irrelevant(house: House, board: Board) -> None:
    heard = await house.hear(a_submission(submission=2), a_submission(submission=1))

    assert heard == ["applied", "irrelevant"]
    assert (await item(house))["submission"] == 2


async def test_a_decision_on_a_case_that_was_withdrawn_is_irrelevant(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on()
    await house.hear(a_cancellation())

    answer = await board.ask(SECRETARY, f"/cases/{REPORT}/decision", {})

    assert (answer.status_code, answer.json()["outcome"]) == (200, "irrelevant")
    assert (await item(house))["state"] == "withdrawn"
    assert (await board.view())["cases"][0]["decision"] is None


async def test_a_decision_on_an_earlier_revision_is_irrelevant(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on()
    await house.hear(a_submission(submission=2))

    answer = await board.ask(SECRETARY, f"/cases/{REPORT}/decision", {})

    assert (answer.status_code, answer.json()["outcome"]) == (200, "irrelevant")
    assert ((await item(house))["state"], (await item(house))["submission"]) == ("queued", 2)


async def test_a_case_withdrawn_after_its_decision_is_not_told_of(house: House, board: Board) -> None:
    await board.signed(report(1), report(2))
    await house.hear(a_cancellation(report(1)))

    await board.do(SECRETARY, "/hand-over")

    assert [known.subject_id for known in await decided(house)] == [report(2)]


async def test_a_withdrawal_after_the_decision_was_made_known_is_irrelevant(house: House, board: Board) -> None:
    await board.signed(REPORT)
    await board.do(SECRETARY, "/hand-over")

    assert await house.hear(a_cancellation()) == ["irrelevant"]


async def test_minutes_number_runs_through_the_year_and_is_kept_by_a_second_draft(house: House, board: Board) -> None:
    digest = await board.minuted(REPORT)
    await board.do("PO-HQ-01", "/minutes/signatures", {"minutes_hash": digest})

    again = await board.do(SECRETARY, "/minutes", {"notes": "The officer presented.", "summary": "Approved."})
    old = await board.ask("PO-HQ-02", "/minutes/signatures", {"minutes_hash": digest})

    minutes = (await board(CHAIR).get(f"/v1/hearings/{board.hearing_id}/minutes")).json()
    assert (again["minutes_no"], again["minutes_hash"] == digest) == ("0001/TPP/PLG-HQ/VI/2026", False)
    assert (old.status_code, old.json()["rule"]) == (409, "other-minutes")
    assert (minutes["number"], minutes["digest"], minutes["signatures"]) == (
        again["minutes_no"],
        again["minutes_hash"],
        [],
    )
    assert await house.pool.fetchval("SELECT count(*) FROM register_entry") == 1


async def test_the_minutes_are_a_document_that_a_reader_opens(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on(against=("PO-HQ-03",))
    await board.do(SECRETARY, f"/cases/{REPORT}/decision", {})
    await board.do(CHAIR, "/conclusion")
    words = {"notes": "The officer presented the case.", "summary": "One case, approved."}
    digest = (await board.do(SECRETARY, "/minutes", words))["minutes_hash"]
    await board.do(CHAIR, "/minutes/signatures", {"minutes_hash": digest})

    file = await board("HEAD-HQ-01").get(f"/v1/hearings/{board.hearing_id}/minutes/document")

    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file.content)).pages]
    text = " ".join(" ".join(pages).split())
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    assert all(page.replace(" ", "").count("RAHASIA") >= 2 for page in pages)
    for wanted in ("0001/TPP/PLG-HQ/VI/2026", "The officer presented the case.", "The guarantor lives too far away."):
        assert wanted in text


async def test_what_happened_stands_in_the_timeline(house: House, board: Board) -> None:
    await board.concluded(REPORT)

    lines = (await board(CHAIR).get(f"/v1/hearings/{board.hearing_id}/timeline")).json()["items"]

    assert [line["step"] for line in lines if line["subject_id"] is None and line["step"] != "hear"][:3] == [
        "draft", "put_on", "schedule",
    ]  # fmt: skip
    assert [line["to_status"] for line in lines if line["step"] == "decision"] == ["decided"]
    assert {line["actor_id"] for line in lines} >= {CHAIR, SECRETARY, "PO-HQ-01"}


async def test_the_author_is_there_and_does_not_decide(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on()

    answer = await board.ask(AUTHOR, f"/cases/{REPORT}/votes", {"choice": "IN_FAVOUR"})

    assert (answer.status_code, answer.json()["rule"]) == (409, "author-stands-apart")
