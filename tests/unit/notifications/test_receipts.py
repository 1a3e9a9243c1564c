"""What a carrier's receipt does to a notice: every state and every report."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant
from contracts.notifications import Channel, NotificationDeliveredV2, NotificationFact, NotificationFailedV2
from services.notifications.domain import ledger, receipts
from services.notifications.domain.attempts import Attempt
from services.notifications.domain.ledger import Addressee, Letter, Matter, Notice, State, Urgency
from services.notifications.domain.receipts import AFTER, Report

OFFICE = datetime(2026, 5, 30, 9, 30, tzinfo=UTC)
LATER = OFFICE + timedelta(minutes=5)
LEASE = OFFICE + timedelta(minutes=1)
MATTER = Matter(about=UUID(int=1), occasion="released", urgency=Urgency.URGENT, cause="event-1")
LETTER = Letter(template="released", version=1, subject="Segera: 0412…", body="…")

P, S, A, D, F = State.PENDING, State.SENDING, State.ACCEPTED, State.DELIVERED, State.FAILED
EXPECTED = {
    P: (A, A, D, D, F),
    S: (A, A, D, D, F),
    A: (A, A, D, D, F),
    D: (D, D, D, D, D),
    F: (F, F, D, D, F),
}
"""What becomes of a notice in this state after queued, accepted, delivered, read, failed."""


def a_message(state: State = State.PENDING) -> Notice:
    owed, _ = ledger.owe(Addressee("PO-SKY-01", Channel.GATEWAY), MATTER, LETTER, mail_domain="x.example", now=OFFICE)
    match state:
        case State.PENDING:
            return owed
        case State.SENDING:
            return ledger.claim(owed, lease_until=LEASE)
        case State.HELD:
            until = {"mail_domain": "x.example", "now": OFFICE, "held_until": LATER}
            return ledger.owe(Addressee("PO-SKY-01", Channel.GATEWAY), MATTER, LETTER, **until)[0]  # type: ignore[arg-type]  # said by name
        case State.ACCEPTED:
            return ledger.as_accepted(a_message(State.SENDING), now=OFFICE)
        case State.DELIVERED:
            return ledger.as_delivered(a_message(State.ACCEPTED), now=OFFICE)[0]
        case State.FAILED:
            return ledger.as_failed(a_message(State.ACCEPTED), reason="GATEWAY_EXPIRED", now=OFFICE)[0]


def test_the_table_is_this_one() -> None:
    listed = {
        (state, report): after for state, row in EXPECTED.items() for report, after in zip(Report, row, strict=True)
    }

    assert dict(AFTER) == listed


@pytest.mark.parametrize(("state", "report"), list(product(State, Report)), ids=str)
def test_every_report_in_every_state_does_what_the_table_says_or_nothing(state: State, report: Report) -> None:
    before = a_message(state)
    wanted = AFTER.get((state, report))

    try:
        after, facts = receipts.confirm(before, report, code="EXPIRED", now=LATER)
    except Irrelevant:
        assert wanted in {None, state}
        assert report is not Report.READ or wanted is None
        return

    assert after.state is wanted
    assert [type(fact) for fact in facts] == _facts_of(state, after.state)
    assert (after.lease_until is not None) is (after.state is State.SENDING)
    assert (after.settled_at is not None) is (after.state in {State.DELIVERED, State.FAILED})


def _facts_of(before: State, after: State) -> list[type[NotificationFact]]:
    if before is after or after not in {State.DELIVERED, State.FAILED}:
        return []
    return [NotificationDeliveredV2 if after is State.DELIVERED else NotificationFailedV2]


def test_of_what_is_held_no_report_is_true() -> None:
    for report in Report:
        with pytest.raises(Irrelevant, match="nothing of it has left"):
            receipts.confirm(a_message(State.HELD), report, code="", now=LATER)


def test_a_message_that_was_read_says_when_and_the_first_time_counts() -> None:
    read, facts = receipts.confirm(a_message(State.DELIVERED), Report.READ, code="", now=LATER)

    assert (read.state, read.read_at, facts) == (State.DELIVERED, LATER, [])
    with pytest.raises(Irrelevant):
        receipts.confirm(read, Report.READ, code="", now=LATER + timedelta(hours=1))


@pytest.mark.parametrize(
    ("code", "reason"),
    [("NUMBER_UNKNOWN", "GATEWAY_NUMBER_UNKNOWN"), ("+62 812 no such number", "UNKNOWN"), ("", "GATEWAY_FAILED")],
)
def test_why_a_message_failed_is_a_code_whatever_the_gateway_says(code: str, reason: str) -> None:
    failed, _ = receipts.confirm(a_message(State.ACCEPTED), Report.FAILED, code=code, now=LATER)

    assert failed.reason == reason


def confirmed(notice: Notice, reports: tuple[Report, ...]) -> tuple[Notice, list[NotificationFact]]:
    said: list[NotificationFact] = []
    for report in reports:
        try:
            notice, facts = receipts.confirm(notice, report, code="", now=LATER)
        except Irrelevant:
            continue
        said += facts
    return notice, said


@pytest.mark.parametrize("state", [State.PENDING, State.SENDING, State.ACCEPTED])
def test_in_whatever_order_and_however_often_they_come_the_end_is_the_same(state: State) -> None:
    told = (Report.ACCEPTED, Report.DELIVERED, Report.READ)

    for order in permutations((*told, *told[1:])):
        ended, said = confirmed(a_message(state), order)

        assert (ended.state, ended.read_at) == (State.DELIVERED, LATER)
        assert [type(fact) for fact in said] == [NotificationDeliveredV2]


@given(st.lists(st.sampled_from(Report), max_size=12))
def test_once_delivered_it_stays_so_and_facts_are_numbered_without_gaps(reports: list[Report]) -> None:
    notice, said = confirmed(a_message(State.ACCEPTED), tuple(reports))

    assert len(said) == notice.sequence
    if {Report.DELIVERED, Report.READ} & set(reports):
        assert notice.state is State.DELIVERED


def test_an_answer_that_comes_after_the_receipt_changes_nothing() -> None:
    sent = a_message(State.SENDING)
    delivered, _ = receipts.confirm(sent, Report.DELIVERED, code="", now=LATER)
    answer = Attempt(number=sent.attempts, sent=True, at=OFFICE)

    with pytest.raises(Irrelevant):
        ledger.settle(delivered, answer, now=LATER)


def test_a_message_that_is_handed_over_is_not_yet_delivered() -> None:
    sent = a_message(State.SENDING)

    accepted, facts = ledger.settle(sent, Attempt(number=1, sent=True, at=OFFICE), now=OFFICE)

    assert (accepted.state, accepted.accepted_at, accepted.settled_at, facts) == (State.ACCEPTED, OFFICE, None, [])


def test_a_gateway_recognises_a_message_so_no_second_copy_is_feared() -> None:
    silent = a_message(State.SENDING)

    again = ledger.claim(silent, lease_until=LEASE + timedelta(minutes=1))
    broken, _ = ledger.settle(again, Attempt(number=2, sent=False, reason="TIME-OUT", at=OFFICE), now=OFFICE)

    assert (again.maybe_doubled, broken.maybe_doubled, broken.state) == (False, False, State.PENDING)


@pytest.mark.parametrize(
    ("reason", "wait"),
    [
        ("GATEWAY_503", timedelta(seconds=15)),
        ("GATEWAY_UNREACHABLE", timedelta(seconds=15)),
        ("GATEWAY_429", timedelta(minutes=1)),
        ("GATEWAY_401", timedelta(minutes=5)),
        ("GATEWAY_403", timedelta(minutes=5)),
    ],
)
def test_how_soon_it_is_tried_again_depends_on_the_answer(reason: str, wait: timedelta) -> None:
    sent = a_message(State.SENDING)

    waiting, _ = ledger.settle(sent, Attempt(number=1, sent=False, reason=reason, at=OFFICE), now=OFFICE)

    assert waiting.next_attempt_at == OFFICE + wait


def test_the_same_by_another_channel_is_another_notice_with_the_same_words() -> None:
    failed = replace(a_message(State.FAILED), traceparent="00-1", correlation_id="c")

    mail = ledger.instead(failed, Channel.EMAIL, mail_domain="x.example", now=LATER)
    again = ledger.instead(failed, Channel.EMAIL, mail_domain="x.example", now=LATER + timedelta(hours=1))

    assert mail.notification_id == again.notification_id != failed.notification_id
    assert (mail.instead_of, mail.cause, mail.body) == (failed.notification_id, failed.cause, failed.body)
    assert (mail.state, mail.created_at, mail.attempts, mail.sequence) == (State.PENDING, LATER, 0, 0)
