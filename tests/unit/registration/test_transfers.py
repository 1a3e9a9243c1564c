"""Offered to another office, not found, short of papers: whatever is open, somebody's clock runs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chassis.rules.transitions import StepNotAllowed
from contracts.registration import ClosingReason, OfferOutcome
from services.registration.domain import casework, clocks, meeting
from services.registration.domain.acts import (
    Approval,
    Closing,
    EndOfOffer,
    FilesReceived,
    HandOn,
    OfferTransfer,
    Refusal,
    Submission,
    SubmittedFile,
    Suspicion,
    TraceEntry,
    TraceKind,
)
from services.registration.domain.case import Acting, Registration, Status
from services.registration.domain.decided import Decided
from tests.unit.registration.examples import (
    DUTY_OFFICER,
    HEAD,
    REFERENCE,
    REGISTRAR,
    SECTION_HEAD_ADULT,
    SECTION_HEAD_CHILD,
    a_cancellation,
    a_met_client,
    a_registered_client,
    a_release,
    a_released_client,
    a_submitted_client,
    an_announced_client,
    approve,
    hours_later,
    meet,
    report,
    said,
)

OFFER = OfferTransfer(to_office="BPS-LAHAT", letter_no="W6.PAS-7")
ACCEPTED = HandOn(to_office="BPS-LAHAT", acceptance_no="W6.PAS-12", accepted_on=date(2026, 1, 30))


def offer(case: Registration, *, hour: float = 6, by: Acting = SECTION_HEAD_ADULT) -> Decided:
    """The section head asks Lahat to take the client over."""
    return casework.offer_transfer(case, OFFER, by=by, now=hours_later(hour), reference=REFERENCE)


def due(case: Registration) -> dict[str, datetime]:
    """The clocks that run."""
    return clocks.timers_of(case, REFERENCE)


BEFORE_THE_NUMBER = [
    pytest.param(an_announced_client(), id="announced"),
    pytest.param(a_released_client(), id="released"),
    pytest.param(report(None, a_release(), now=hours_later(50)).case, id="overdue"),
    pytest.param(report(None, a_release(), now=hours_later(80)).case, id="searched for"),
    pytest.param(a_met_client(), id="met"),
    pytest.param(a_submitted_client(), id="submitted"),
]

# --- an offer to another office ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BEFORE_THE_NUMBER)
def test_an_offer_leaves_the_state_and_stops_no_clock(case: Registration) -> None:
    decided = offer(case)

    assert decided.case.status is case.status
    assert due(decided.case) == due(case) | {"transfer-answer": datetime(2026, 2, 4, 9, 30, tzinfo=UTC)}
    assert said(decided) == ["ClientTransferOffered"]


@pytest.mark.parametrize("case", BEFORE_THE_NUMBER)
def test_when_the_other_office_accepts_our_clocks_stop(case: Registration) -> None:
    decided = casework.hand_on(offer(case).case, ACCEPTED, by=HEAD, now=hours_later(9), reference=REFERENCE)

    assert decided.case.status is Status.HANDED_ON
    assert decided.case.offer is None
    assert due(decided.case) == {}


@pytest.mark.parametrize("outcome", OfferOutcome)
@pytest.mark.parametrize("case", BEFORE_THE_NUMBER)
def test_declined_or_taken_back_the_client_is_where_it_was(case: Registration, outcome: OfferOutcome) -> None:
    ended = casework.end_offer(
        offer(case).case, EndOfOffer(outcome=outcome, reason="tidak ada surat"), by=HEAD, now=hours_later(20)
    )

    assert ended.case.status is case.status
    assert due(ended.case) == due(case)
    assert said(ended) == ["TransferOfferEnded"]


def test_the_rungs_ring_and_the_person_is_met_while_the_offer_is_open() -> None:
    offered = offer(a_released_client()).case
    late = clocks.check_first_contact(offered, now=hours_later(48), reference=REFERENCE)

    met = meet(late.case, contact_at=hours_later(50)).case

    assert said(late) == ["FirstContactOverdue", "FirstContactOverdue"]
    assert met.status is Status.PROVISIONALLY_REGISTERED
    assert met.offer is not None
    assert set(due(met)) == {"submission", "transfer-answer"}


def test_an_office_that_does_not_answer_is_told_of_once() -> None:
    offered = offer(a_met_client()).case

    overdue = clocks.miss_answer(offered, due=due(offered)["transfer-answer"])

    assert said(overdue) == ["TransferOfferOverdue"]
    assert "transfer-answer" not in due(overdue.case)
    with pytest.raises(clocks.ClockStopped):
        clocks.miss_answer(overdue.case, due=hours_later(99))


def test_one_office_is_asked_at_a_time_and_the_one_that_accepts_is_the_one_asked() -> None:
    offered = offer(a_met_client()).case

    with pytest.raises(casework.TransferIsOffered):
        offer(offered)
    with pytest.raises(casework.OfferedToAnotherOffice):
        casework.hand_on(
            offered,
            ACCEPTED.model_copy(update={"to_office": "BPS-JAMBI"}),
            by=HEAD,
            now=hours_later(9),
            reference=REFERENCE,
        )


def test_nobody_is_approved_while_offered() -> None:
    with pytest.raises(casework.TransferIsOffered):
        casework.register_on_approval(
            offer(a_submitted_client()).case, Approval(), by=SECTION_HEAD_ADULT, reference=REFERENCE
        )


def test_what_was_not_offered_cannot_be_declined() -> None:
    with pytest.raises(casework.NoOfferIsOpen):
        casework.end_offer(
            a_met_client(),
            EndOfOffer(outcome=OfferOutcome.DECLINED, reason="salah alamat"),
            by=HEAD,
            now=hours_later(9),
        )


def test_a_registered_client_is_not_offered_by_registration() -> None:
    with pytest.raises(StepNotAllowed):
        offer(a_registered_client())


def test_an_offer_is_made_by_the_section_whose_matter_it_is() -> None:
    with pytest.raises(meeting.NotYourSection):
        offer(a_met_client(), by=SECTION_HEAD_CHILD)


@pytest.mark.parametrize("end", ["cancelled", "closed"])
def test_a_case_that_ends_leaves_no_offer_open(end: str) -> None:
    offered = offer(a_released_client()).case
    closing = Closing(reason=ClosingReason.DIED, evidence="DEATH_CERTIFICATE")
    ended = (
        report(offered, a_cancellation(), now=hours_later(9)).case
        if end == "cancelled"
        else casework.close(offered, closing, by=HEAD, now=hours_later(9)).case
    )

    assert ended.offer is None
    assert due(ended) == {}


def test_a_refusal_may_name_an_offer_and_the_clocks_run_on() -> None:
    refusal = Refusal(reason="tinggal di Lahat", offer=OFFER)

    decided = casework.refuse(
        a_submitted_client(), refusal, by=SECTION_HEAD_ADULT, now=hours_later(6), reference=REFERENCE
    )

    assert decided.case.status is Status.PROVISIONALLY_REGISTERED
    assert said(decided) == ["RegistrationRefused", "ClientTransferOffered"]
    assert {"submission", "transfer-answer"} <= set(due(decided.case))


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {"transfer": ACCEPTED, "offer": OFFER},
        {"offer": OFFER, "closure": Closing(reason=ClosingReason.DIED, evidence="DEATH_CERTIFICATE")},
    ],
    ids=["none", "two transfers", "offer and closure"],
)
def test_a_refusal_names_one_way(ways: dict[str, Any]) -> None:
    with pytest.raises(casework.RefusalNamesOneWay):
        casework.refuse(
            a_submitted_client(),
            Refusal(reason="menolak", **ways),
            by=SECTION_HEAD_ADULT,
            now=hours_later(6),
            reference=REFERENCE,
        )


# --- not found --------------------------------------------------------------------------------------------------------


def searched(*kinds: TraceKind) -> Registration:
    """Red, and looked for in these ways."""
    case = report(None, a_release(), now=hours_later(72)).case
    for kind in kinds:
        case = meeting.record_trace(
            case, TraceEntry(kind=kind, at=hours_later(74)), now=hours_later(74), reference=REFERENCE
        ).case
    return case


SUSPICION = Suspicion(reason="rumah kosong, keluarga tidak tahu")


def suspect(case: Registration, *, by: Acting = SECTION_HEAD_ADULT) -> Decided:
    """The section head says that the client has absconded, it seems."""
    return meeting.suspect_absconded(case, SUSPICION, by=by, now=hours_later(80))


def test_after_calls_and_a_visit_somebody_may_be_suspected_and_is_asked_about_every_week() -> None:
    decided = suspect(searched(TraceKind.CALL_CLIENT, TraceKind.HOME_VISIT))

    assert decided.case.status is Status.ABSCONDED_SUSPECTED
    assert said(decided) == ["AbscondingSuspected"]
    case = decided.case
    for week in (1, 2, 3):
        [(kind, instant)] = due(case).items()
        assert (kind, instant) == ("search-review", hours_later(80 + week * 7 * 24))
        again = clocks.review_search(case, due=instant, now=instant, reference=REFERENCE)
        assert said(again) == ["SearchReviewDue"]
        case = again.case


@pytest.mark.parametrize("kinds", [(), (TraceKind.CALL_CLIENT,), (TraceKind.HOME_VISIT,), (TraceKind.OTHER,)])
def test_nobody_is_suspected_who_was_not_looked_for(kinds: tuple[TraceKind, ...]) -> None:
    with pytest.raises(meeting.SearchNotFinished):
        suspect(searched(*kinds))


def test_a_missed_call_is_not_one_that_was_made() -> None:
    missed = clocks.miss_calls(searched(TraceKind.HOME_VISIT), due=hours_later(76)).case

    assert set(due(missed)) == {"search-review"}
    with pytest.raises(meeting.SearchNotFinished):
        suspect(missed)


@pytest.mark.parametrize("by", [DUTY_OFFICER, REGISTRAR, SECTION_HEAD_CHILD])
def test_a_suspicion_is_said_by_the_section_head(by: Acting) -> None:
    with pytest.raises(meeting.NotYourSection):
        suspect(searched(TraceKind.CALL_CLIENT, TraceKind.HOME_VISIT), by=by)


def test_whoever_was_suspected_and_comes_is_met_like_anybody_else() -> None:
    suspected = suspect(searched(TraceKind.CALL_CLIENT, TraceKind.HOME_VISIT)).case

    met = meet(suspected, contact_at=hours_later(300)).case

    assert met.status is Status.PROVISIONALLY_REGISTERED
    assert set(due(met)) == {"submission"}


def test_a_corrected_release_of_a_suspected_person_starts_the_clock_anew() -> None:
    suspected = suspect(searched(TraceKind.CALL_CLIENT, TraceKind.HOME_VISIT)).case

    corrected = report(suspected, a_release(revision=2, released_at=hours_later(79)), now=hours_later(81)).case

    assert corrected.status is Status.RELEASED
    assert due(corrected) == {"first-contact": hours_later(79 + 24)}


# --- papers -----------------------------------------------------------------------------------------------------------


def entered(*files: SubmittedFile) -> Registration:
    """Entered for approval with these papers."""
    act = Submission(files=frozenset(files))
    return casework.submit(a_met_client(), act, by=REGISTRAR, now=hours_later(5), reference=REFERENCE).case


def test_missing_papers_are_chased_again_and_again_and_delay_nothing() -> None:
    case = entered(SubmittedFile.ORDER)
    for _ in range(3):
        instant = due(case)["missing-files"]
        decided = clocks.chase_files(case, due=instant, now=instant, reference=REFERENCE)
        assert said(decided) == ["FilesMissing"]
        assert due(decided.case)["missing-files"] > instant
        case = decided.case

    assert approve(case).case.status is Status.REGISTERED
    assert due(approve(case).case) == {}


def test_after_a_standstill_papers_are_chased_once_and_not_once_for_each_time_that_has_passed() -> None:
    case = entered(SubmittedFile.ORDER)
    instant = due(case)["missing-files"]
    now = instant + timedelta(days=200)

    decided = clocks.chase_files(case, due=instant, now=now, reference=REFERENCE)

    assert said(decided) == ["FilesMissing"]
    assert decided.case.files_chased_at is not None
    assert decided.case.files_chased_at <= now < due(decided.case)["missing-files"]


def test_after_a_standstill_a_search_is_asked_about_once_and_stays_on_its_day_of_the_week() -> None:
    case = suspect(searched(TraceKind.CALL_CLIENT, TraceKind.HOME_VISIT)).case
    instant = due(case)["search-review"]
    now = instant + timedelta(days=30)

    decided = clocks.review_search(case, due=instant, now=now, reference=REFERENCE)

    assert said(decided) == ["SearchReviewDue"]
    assert due(decided.case) == {"search-review": instant + timedelta(days=35)}


def test_papers_that_came_are_not_chased_any_more() -> None:
    case = entered(SubmittedFile.ORDER, SubmittedFile.BASE_DOCUMENT)

    some = casework.receive_files(
        case, FilesReceived(files=frozenset({SubmittedFile.COVER_LETTER})), now=hours_later(9)
    )
    all_ = casework.receive_files(
        some.case, FilesReceived(files=frozenset({SubmittedFile.HANDOVER_RECORD})), now=hours_later(9)
    )

    assert [code for code in some.case.missing if code.startswith("FILE_")] == ["FILE_HANDOVER_RECORD"]
    assert "missing-files" in due(some.case)
    assert due(all_.case) == {}
