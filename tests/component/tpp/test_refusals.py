"""What no hearing does: each is refused with its rule, over HTTP, and changes nothing."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.roles import Role
from tests.component.house import FRIDAY, House
from tests.component.tpp.board import (
    APPROVED,
    AUTHOR,
    CHAIR,
    MEMBERS,
    REPORT,
    SECRETARY,
    STARTS_AT,
    Board,
    a_submission,
    refusal,
)

IN_FAVOUR = {"choice": "IN_FAVOUR"}


async def test_a_hearing_without_quorum_does_not_open(house: House, board: Board) -> None:
    await board.scheduled(REPORT)
    house.office.set(STARTS_AT)
    await board.do(SECRETARY, "/roll-call")
    for member in MEMBERS[:3]:
        await board.come(member)

    answer = await board.ask(CHAIR, "/opening")

    assert refusal(answer) == (409, "quorum-missing")
    assert answer.json()["detail"] == "A hearing needs more than two thirds of the members of its team."
    assert answer.headers["content-type"] == "application/problem+json"
    assert ((await board.view())["status"], (await board.view())["quorum"]["is_quorate"]) == ("quorum_check", False)


async def test_a_decision_is_not_read_once_too_many_have_left(house: House, board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on()
    for member in MEMBERS[3:]:
        left = {"left_at": house.office.now().isoformat()}
        await board.do(SECRETARY, f"/presence/{member}/departure", left)
    house.office.set(house.office.now() + timedelta(seconds=1))

    answer = await board.ask(SECRETARY, f"/cases/{REPORT}/decision", {})

    assert refusal(answer) == (409, "quorum-missing")


async def test_an_absent_member_does_not_vote(board: Board) -> None:
    await board.in_session(REPORT, there=(*MEMBERS[:3], AUTHOR))
    await board.moved()

    assert refusal(await board.ask("PO-HQ-03", f"/cases/{REPORT}/votes", IN_FAVOUR)) == (409, "absent-member")


@pytest.mark.parametrize(("minutes", "expected"), [(3, (409, "absent-member")), (2, (200, None))])
async def test_who_joins_by_video_follows_most_of_the_discussion(
    board: Board, house: House, minutes: int, expected: tuple[int, str | None]
) -> None:
    await board.in_session(REPORT, there=(*MEMBERS[:3], AUTHOR))
    begun = house.office.now()
    await board.do(CHAIR, f"/cases/{REPORT}/discussion")
    house.office.set(begun + timedelta(minutes=10))
    await board.come("PO-HQ-03", at=begun + timedelta(minutes=minutes), method="VIDEO")
    await board.do(CHAIR, f"/cases/{REPORT}/motion", {"outcomes": APPROVED})

    assert refusal(await board.ask("PO-HQ-03", f"/cases/{REPORT}/votes", IN_FAVOUR)) == expected


async def test_the_author_does_not_vote(board: Board) -> None:
    await board.in_session(REPORT)
    await board.moved()

    assert refusal(await board.ask(AUTHOR, f"/cases/{REPORT}/votes", IN_FAVOUR)) == (409, "author-stands-apart")


async def test_the_author_does_not_preside_and_somebody_stands_in(board: Board, house: House) -> None:
    await board.drafted()
    await house.hear(a_submission(author=CHAIR))
    await board.do(SECRETARY, "/cases", {"subjects": [str(REPORT)]})
    await board.do(CHAIR, "/schedule")
    house.office.set(STARTS_AT)
    await board.do(SECRETARY, "/roll-call")
    for member in MEMBERS:
        await board.come(member)
    await board.do(CHAIR, "/opening")

    own = await board.ask(CHAIR, f"/cases/{REPORT}/discussion")
    await board.do("HEAD-HQ-01", "/stand-in", {"chair": "PO-HQ-01", "reason": "The chair wrote the report."})
    other = await board.ask("PO-HQ-01", f"/cases/{REPORT}/discussion")

    assert refusal(own) == (409, "author-stands-apart")
    assert other.status_code == 200


async def test_who_has_not_opened_the_dossier_does_not_vote(board: Board) -> None:
    await board.in_session(REPORT, readers=MEMBERS[:3])
    await board.moved()

    assert refusal(await board.ask("PO-HQ-03", f"/cases/{REPORT}/votes", IN_FAVOUR)) == (409, "dossier-not-opened")


async def test_a_consensus_needs_readers(board: Board) -> None:
    await board.in_session(REPORT, readers=MEMBERS[:2])
    await board.do(CHAIR, f"/cases/{REPORT}/discussion")

    answer = await board.ask(SECRETARY, f"/cases/{REPORT}/decision", {"consensus": APPROVED})

    assert refusal(answer) == (409, "dossiers-unread")


async def test_a_declared_interest_takes_the_vote(board: Board) -> None:
    await board.in_session(REPORT)
    await board.do("PO-HQ-02", f"/cases/{REPORT}/conflict", {"reason": "The guarantor is a cousin."})
    await board.moved()

    assert refusal(await board.ask("PO-HQ-02", f"/cases/{REPORT}/votes", IN_FAVOUR)) == (409, "conflict-stands-apart")


async def test_a_member_of_another_team_does_not_vote(board: Board) -> None:
    await board.in_session(REPORT)
    await board.moved()

    assert refusal(await board.ask("PO-HQ-05", f"/cases/{REPORT}/votes", IN_FAVOUR)) == (409, "not-a-member")


async def test_a_hearing_by_a_form_alone_is_refused(board: Board) -> None:
    await board.appoint()
    body = {"panel": "ADULT", "mode": "FORM_ONLY", "starts_at": STARTS_AT.isoformat()}

    answer = await board(SECRETARY).post("/v1/hearings", json=body)

    assert refusal(answer) == (409, "form-only-hearing")


async def test_nobody_is_present_by_a_form(board: Board, house: House) -> None:
    await board.scheduled(REPORT)
    house.office.set(STARTS_AT)
    await board.do(SECRETARY, "/roll-call")

    came = {"member": CHAIR, "method": "FORM", "joined_at": STARTS_AT.isoformat()}

    assert refusal(await board.ask(SECRETARY, "/presence", came)) == (409, "presence-by-form")


@pytest.mark.parametrize(
    ("mode", "method"), [("VIDEO", "ROOM"), ("IN_PERSON", "VIDEO")], ids=["room at a video", "video in the room"]
)
async def test_a_member_is_there_in_the_way_of_the_hearing(board: Board, house: House, mode: str, method: str) -> None:
    await board.scheduled(REPORT, mode=mode)
    house.office.set(STARTS_AT)
    await board.do(SECRETARY, "/roll-call")

    came = {"member": CHAIR, "method": method, "joined_at": STARTS_AT.isoformat()}

    assert refusal(await board.ask(SECRETARY, "/presence", came)) == (409, "other-mode")


async def test_minutes_short_of_signatures_are_not_ratified(board: Board, house: House) -> None:
    digest = await board.minuted(REPORT)
    for member in (*MEMBERS[:3], SECRETARY):
        await board.do(member, "/minutes/signatures", {"minutes_hash": digest})

    missing = await board.ask(CHAIR, "/minutes/ratification")
    early = await board.ask(CHAIR, "/minutes/missing-signatures", {"member": "PO-HQ-03", "reason": "On leave"})
    house.office.set(house.office.now() + timedelta(hours=24))
    for member in MEMBERS[3:]:
        await board.do(CHAIR, "/minutes/missing-signatures", {"member": member, "reason": "On leave"})
    too_few = await board.ask(CHAIR, "/minutes/ratification")
    await board.do("PO-HQ-03", "/minutes/signatures", {"minutes_hash": digest})
    ratified = await board.ask(CHAIR, "/minutes/ratification")

    assert refusal(missing) == refusal(too_few) == (409, "minutes-unsigned")
    assert refusal(early) == (409, "still-time-to-sign")
    assert ratified.json()["status"] == "signed"


async def test_the_signature_of_the_secretary_cannot_be_missing(board: Board, house: House) -> None:
    await board.minuted(REPORT)
    house.office.set(house.office.now() + timedelta(hours=25))

    answer = await board.ask(CHAIR, "/minutes/missing-signatures", {"member": SECRETARY, "reason": "On leave"})

    assert refusal(answer) == (409, "signature-needed")


async def test_the_hand_over_waits_for_the_signatures(board: Board, house: House) -> None:
    await board.minuted(REPORT)

    assert refusal(await board.ask(SECRETARY, "/hand-over")) == (409, "step-not-allowed")
    assert not [fact for fact in await house.published() if fact.type == "tpp.tpp-decided.v1"]


async def test_the_dossiers_lie_open_for_a_day_before(board: Board, house: House) -> None:
    await board.drafted(REPORT)
    house.office.set(STARTS_AT - timedelta(hours=23))

    assert refusal(await board.ask(CHAIR, "/schedule")) == (409, "dossier-too-short")


async def test_a_dossier_is_open_while_the_window_of_the_hearing_is(board: Board, house: House) -> None:
    await board.drafted(REPORT)
    before = await board.ask("PO-HQ-01", f"/cases/{REPORT}/dossier-link")
    await board.do(CHAIR, "/schedule")
    link = await board.do("PO-HQ-01", f"/cases/{REPORT}/dossier-link")
    foreign = await board("PO-HQ-02").post(link["path"])
    house.office.set(FRIDAY + timedelta(minutes=30))
    expired = await board("PO-HQ-01").post(link["path"])
    await board.do(CHAIR, "/adjournment", {"reason": "FORCE_MAJEURE"})
    closed = await board.ask("PO-HQ-01", f"/cases/{REPORT}/dossier-link")

    assert refusal(before) == refusal(closed) == (409, "step-not-allowed")
    assert foreign.status_code == 404
    assert refusal(expired) == (409, "link-expired")
    assert await house.pool.fetchval("SELECT count(*) FROM dossier_receipt") == 0


async def test_an_opinion_is_written_before_the_discussion_and_after_reading(board: Board) -> None:
    await board.in_session(REPORT, readers=MEMBERS[:3])
    opinion = {"text": "The guarantor is trustworthy."}

    unread = await board.ask("PO-HQ-03", f"/cases/{REPORT}/opinions", opinion)
    lodged = await board.ask("PO-HQ-01", f"/cases/{REPORT}/opinions", opinion)
    await board.do(CHAIR, f"/cases/{REPORT}/discussion")
    late = await board.ask("PO-HQ-02", f"/cases/{REPORT}/opinions", opinion)

    assert refusal(unread) == (409, "dossier-not-opened")
    assert lodged.status_code == 200
    assert refusal(late) == (409, "step-not-allowed")


async def test_no_case_is_approved_in_a_block_by_default(board: Board) -> None:
    await board.drafted()
    await board.house.hear(a_submission())

    answer = await board.ask(SECRETARY, "/cases", {"subjects": [str(REPORT)], "part": "CONSENT"})

    assert refusal(answer) == (409, "consent-part-off")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"members": MEMBERS[:4]}, "too-few-members"),
        ({"members": (*MEMBERS, "PO-HQ-05")}, "even-team"),
        ({"chair": "PO-HQ-05"}, "chair-is-no-member"),
        ({"secretary": CHAIR}, "chair-is-secretary"),
        ({"members": (*MEMBERS[:4], "NOBODY")}, "member-unknown"),
        ({"valid_until": "2025-12-31"}, "term-ends-before-it-begins"),
        ({"unit": "NOWHERE"}, "unit-unknown"),
    ],
)
async def test_a_team_is_composed_by_its_rules(board: Board, changes: dict[str, object], rule: str) -> None:
    assert refusal(await board.appoint(**changes)) == (409, rule)


async def test_two_teams_of_a_panel_do_not_sit_at_once(board: Board) -> None:
    await board.appoint()

    assert refusal(await board.appoint(decree_no="SK-18", valid_from="2026-12-31", valid_until="2027-12-31")) == (
        409,
        "terms-overlap",
    )


async def test_another_date_comes_within_three_working_days(board: Board, house: House) -> None:
    await board.scheduled(REPORT)
    house.office.set(STARTS_AT)
    await board.do(CHAIR, "/adjournment", {"reason": "NOBODY_PRESIDES"})

    late = {"starts_at": (STARTS_AT + timedelta(days=6)).isoformat()}

    assert refusal(await board.ask(CHAIR, "/new-date", late)) == (409, "too-late")


async def test_two_secretaries_who_decide_at_once_are_not_both_right(board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on()
    version = (await board.view())["version"]

    answers = await asyncio.gather(
        *(board.ask(SECRETARY, f"/cases/{REPORT}/decision", {}, If_Match=f'"{version}"') for _ in range(2))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert (await board.view())["cases"][0]["state"] == "decided"


async def test_who_decides_without_saying_what_was_read_is_told_that_it_is_done(board: Board) -> None:
    await board.in_session(REPORT)
    await board.voted_on()

    answers = await asyncio.gather(*(board.ask(SECRETARY, f"/cases/{REPORT}/decision", {}) for _ in range(2)))

    assert sorted(refusal(answer) for answer in answers) == [(200, None), (409, "step-not-allowed")]


async def test_members_who_vote_at_the_same_moment_all_count(board: Board) -> None:
    await board.in_session(REPORT)
    await board.moved()

    votes = [board.ask(member, f"/cases/{REPORT}/votes", IN_FAVOUR) for member in MEMBERS[:4]]
    answers = await asyncio.gather(*votes)

    assert [answer.status_code for answer in answers] == [200] * 4
    assert sorted((await board.view())["cases"][0]["voted"]) == sorted(MEMBERS[:4])


async def test_a_vote_that_is_sent_twice_counts_once(board: Board) -> None:
    await board.in_session(REPORT)
    await board.moved()
    key = str(uuid4())

    answers = [await board.ask(CHAIR, f"/cases/{REPORT}/votes", IN_FAVOUR, Idempotency_Key=key) for _ in range(2)]
    anew = await board.ask(CHAIR, f"/cases/{REPORT}/votes", IN_FAVOUR)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert refusal(anew) == (409, "voted-already")
    assert (await board.view())["cases"][0]["voted"] == [CHAIR]


async def test_a_report_that_is_delivered_twice_waits_once(house: House, board: Board) -> None:
    heard = await house.hear(a_submission(), a_submission())

    assert heard == ["applied", "irrelevant"]
    assert len((await board(CHAIR).get("/v1/items")).json()["items"]) == 1


async def test_a_hearing_about_children_does_not_exist_for_others(board: Board, house: House) -> None:
    await board.appoint(panel="CHILD")
    body = {"panel": "CHILD", "mode": "VIDEO", "starts_at": STARTS_AT.isoformat()}
    board.hearing_id = (await board(SECRETARY).post("/v1/hearings", json=body)).json()["hearing_id"]

    async with house.client(Role.REGISTRAR, subject="REG-HQ-02") as registrar:
        hidden = await registrar.get(f"/v1/hearings/{board.hearing_id}")
        listed = await registrar.get("/v1/hearings")
    sitting = await board("PO-HQ-02").get(f"/v1/hearings/{board.hearing_id}")

    assert (hidden.status_code, listed.json()["items"]) == (404, [])
    assert sitting.status_code == 200


async def test_a_probation_officer_who_sits_nowhere_is_forbidden(board: Board, house: House) -> None:
    await board.scheduled(REPORT)

    async with house.client(Role.PROBATION_OFFICER, subject="PO-SKY-01") as stranger:
        answer = await stranger.get(f"/v1/hearings/{board.hearing_id}")

    assert answer.status_code == 403


async def test_a_cursor_or_a_state_that_nobody_gave_is_refused(board: Board) -> None:
    assert (await board(CHAIR).get("/v1/items?cursor=bm9uc2Vuc2U")).status_code == 400
    assert (await board(CHAIR).get("/v1/hearings?status=nowhere")).status_code == 422
