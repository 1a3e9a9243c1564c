"""The life of a notice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant
from contracts.notifications import Channel, NotificationDeliveredV2, NotificationFailedV2
from services.notifications.domain import ledger
from services.notifications.domain.attempts import Attempt, RetryPolicy
from services.notifications.domain.ledger import (
    NO_CHANNEL,
    NO_RECIPIENT,
    NOBODY,
    STATES,
    Addressee,
    Letter,
    Matter,
    Notice,
    NoticeUnknown,
    State,
    Step,
    Urgency,
)

OFFICE = datetime(2026, 5, 30, 9, 30, tzinfo=UTC)
SYSTEM = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
MATTER = Matter(about=UUID(int=1), occasion="released", urgency=Urgency.URGENT, cause="event-1")
LETTER = Letter(template="released", version=1, subject="Segera: 0412…", body="…")
TWO_TRIES = RetryPolicy(attempts_max=2)


def owe(channel: Channel | None, *, recipient: str = "PO-SKY-01", matter: Matter = MATTER) -> ledger.Settled:
    return ledger.owe(Addressee(recipient, channel), matter, LETTER, mail_domain="bapas.example", now=OFFICE)


def a_mail(**changes: Any) -> Notice:
    return replace(owe(Channel.EMAIL)[0], **changes)


def a_claimed_mail(*, at: datetime = SYSTEM) -> Notice:
    return ledger.claim(a_mail(), lease_until=at + LEASE)


def an_attempt(notice: Notice, **changes: Any) -> Attempt:
    return replace(Attempt(number=notice.attempts, sent=False, retryable=True, reason="SMTP_421", at=SYSTEM), **changes)


def test_what_is_read_in_the_application_is_delivered_by_being_written() -> None:
    notice, facts = owe(Channel.IN_APP)

    assert (notice.state, notice.settled_at, notice.sequence) == (State.DELIVERED, OFFICE, 1)
    assert [type(fact) for fact in facts] == [NotificationDeliveredV2]


def test_a_mail_waits_and_nothing_is_said_yet() -> None:
    notice, facts = owe(Channel.EMAIL)

    assert (notice.state, notice.sequence, facts) == (State.PENDING, 0, [])
    assert notice.message_id == f"<{notice.notification_id}@bapas.example>"


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        pytest.param("PO-SKY-01", NO_CHANNEL, id="somebody who cannot be reached"),
        pytest.param(NOBODY, NO_RECIPIENT, id="nobody"),
    ],
)
def test_who_cannot_be_told_is_written_down_as_failed(recipient: str, reason: str) -> None:
    notice, facts = owe(None, recipient=recipient)

    assert (notice.state, notice.reason) == (State.FAILED, reason)
    assert [fact.reason for fact in facts if isinstance(fact, NotificationFailedV2)] == [reason]


def test_the_same_event_makes_the_same_notice_and_another_one_another() -> None:
    again = owe(Channel.EMAIL)[0].notification_id
    other = owe(Channel.EMAIL, matter=replace(MATTER, cause="event-2"))[0].notification_id

    assert a_mail().notification_id == again
    assert len({again, other, owe(Channel.IN_APP)[0].notification_id}) == 3


def test_a_facts_recipient_and_template_are_codes() -> None:
    fact = owe(Channel.IN_APP, matter=replace(MATTER, juvenile=True))[1][0]

    assert (fact.recipient, fact.template, fact.is_juvenile) == ("PO-SKY-01", "RELEASED", True)


def test_a_sent_mail_is_delivered() -> None:
    sent = a_claimed_mail()

    notice, facts = ledger.settle(sent, an_attempt(sent, sent=True), now=OFFICE)

    assert (notice.state, notice.attempts, notice.maybe_doubled, notice.reason) == (State.DELIVERED, 1, False, None)
    assert [(fact.attempts, fact.maybe_doubled) for fact in facts if isinstance(fact, NotificationDeliveredV2)] == [
        (1, False)
    ]


def test_a_mail_that_the_server_will_never_take_has_failed_at_once() -> None:
    sent = a_claimed_mail()

    notice, facts = ledger.settle(sent, an_attempt(sent, retryable=False, reason="SMTP_550"), now=OFFICE)

    assert (notice.state, notice.reason) == (State.FAILED, "SMTP_550")
    assert [fact.reason for fact in facts if isinstance(fact, NotificationFailedV2)] == ["SMTP_550"]


def test_a_mail_that_could_not_be_sent_is_tried_again_later() -> None:
    sent = a_claimed_mail()

    notice, facts = ledger.settle(sent, an_attempt(sent), now=OFFICE)

    assert (notice.state, notice.reason, facts) == (State.PENDING, "SMTP_421", [])
    assert notice.next_attempt_at == SYSTEM + timedelta(seconds=15)
    assert not ledger.is_due(notice, at=SYSTEM + timedelta(seconds=14))
    assert ledger.is_due(notice, at=SYSTEM + timedelta(seconds=15))


def test_after_the_last_try_a_mail_has_failed() -> None:
    first = a_claimed_mail()
    waiting, _ = ledger.settle(first, an_attempt(first), now=OFFICE, retries=TWO_TRIES)
    second = ledger.claim(waiting, lease_until=SYSTEM + LEASE)

    notice, facts = ledger.settle(second, an_attempt(second), now=OFFICE, retries=TWO_TRIES)

    assert (notice.state, notice.attempts) == (State.FAILED, 2)
    assert [fact.attempts for fact in facts if isinstance(fact, NotificationFailedV2)] == [2]


def test_a_mail_whose_sender_fell_silent_is_sent_again_and_says_that_it_may_come_twice() -> None:
    silent = a_claimed_mail()
    assert not ledger.is_due(silent, at=SYSTEM + LEASE - timedelta(seconds=1))
    assert ledger.is_due(silent, at=SYSTEM + LEASE)

    again = ledger.claim(silent, lease_until=SYSTEM + 2 * LEASE)
    notice, facts = ledger.settle(again, an_attempt(again, sent=True), now=OFFICE)

    assert (again.maybe_doubled, again.attempts, notice.maybe_doubled) == (True, 2, True)
    assert [fact.maybe_doubled for fact in facts if isinstance(fact, NotificationDeliveredV2)] == [True]


def test_a_sender_that_was_thought_dead_and_had_succeeded_is_believed() -> None:
    again = ledger.claim(a_claimed_mail(), lease_until=SYSTEM + 2 * LEASE)

    notice, _ = ledger.settle(again, an_attempt(again, number=1, sent=True), now=OFFICE)

    assert (notice.state, notice.maybe_doubled) == (State.DELIVERED, True)


def test_a_sender_that_was_thought_dead_and_had_failed_changes_nothing() -> None:
    again = ledger.claim(a_claimed_mail(), lease_until=SYSTEM + 2 * LEASE)

    with pytest.raises(Irrelevant, match="attempt 1 was overtaken"):
        ledger.settle(again, an_attempt(again, number=1), now=OFFICE)


def test_what_is_delivered_stays_delivered() -> None:
    sent = a_claimed_mail()
    delivered, _ = ledger.settle(sent, an_attempt(sent, sent=True), now=OFFICE)

    with pytest.raises(Irrelevant):
        ledger.settle(delivered, an_attempt(sent, sent=True), now=OFFICE)
    assert not ledger.is_due(delivered, at=SYSTEM + timedelta(days=9))


@pytest.mark.parametrize(
    ("notice", "reader"),
    [
        pytest.param(None, "PO-SKY-01", id="none at all"),
        pytest.param(owe(Channel.IN_APP)[0], "PO-HQ-01", id="somebody else's"),
        pytest.param(owe(Channel.EMAIL)[0], "PO-SKY-01", id="a mail is read elsewhere"),
    ],
)
def test_only_what_lies_in_ones_own_inbox_is_there(notice: Notice | None, reader: str) -> None:
    with pytest.raises(NoticeUnknown):
        ledger.own(notice, by=[reader])


def test_acknowledging_is_reading_and_the_first_time_counts() -> None:
    mine = ledger.own(owe(Channel.IN_APP)[0], by=["PO-SKY-01", "OPS"])

    first = ledger.acknowledge(mine, now=OFFICE)
    again = ledger.acknowledge(ledger.read(first, now=OFFICE), now=OFFICE + timedelta(hours=1))

    assert (again.read_at, again.acknowledged_at) == (OFFICE, OFFICE)


@pytest.mark.parametrize("reason", ["SMTP_INTERRUPTED", "time-out"])
def test_a_talk_that_broke_off_may_have_been_heard(reason: str) -> None:
    sent = a_claimed_mail()

    notice, _ = ledger.settle(sent, an_attempt(sent, reason=reason), now=OFFICE)

    assert (notice.state, notice.maybe_doubled) == (State.PENDING, True)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("SMTP_550", "SMTP_550"),
        ("time-out", "TIME-OUT"),
        ("ValueError", "VALUEERROR"),
        ("", "UNKNOWN"),
        ("budi@contoh.example", "UNKNOWN"),
        ("x" * 90, "UNKNOWN"),
    ],
)
def test_why_a_mail_failed_is_always_a_code(reason: str, code: str) -> None:
    assert an_attempt(a_claimed_mail(), reason=reason).code == code


def test_every_state_of_a_notice_can_be_reached_and_no_end_is_left() -> None:
    assert not STATES.unreachable()
    assert all(after is None for state, _, after in STATES.product() if state in {State.DELIVERED, State.FAILED})


ALLOWED = {
    (None, Step.PUT_UP): State.DELIVERED,
    (None, Step.QUEUE): State.PENDING,
    (None, Step.HOLD): State.HELD,
    (None, Step.GIVE_UP): State.FAILED,
    (State.HELD, Step.CLAIM): State.SENDING,
    (State.HELD, Step.GIVE_UP): State.FAILED,
    (State.PENDING, Step.CLAIM): State.SENDING,
    (State.SENDING, Step.CLAIM): State.SENDING,
    (State.SENDING, Step.DELIVER): State.DELIVERED,
    (State.PENDING, Step.DELIVER): State.DELIVERED,
    (State.SENDING, Step.ACCEPT): State.ACCEPTED,
    (State.PENDING, Step.ACCEPT): State.ACCEPTED,
    (State.SENDING, Step.POSTPONE): State.PENDING,
    (State.SENDING, Step.GIVE_UP): State.FAILED,
    (State.PENDING, Step.GIVE_UP): State.FAILED,
}


def test_the_moves_of_a_notice_are_these_and_no_others() -> None:
    assert {(state, step): after for state, step, after in STATES.product() if after is not None} == ALLOWED


@given(st.integers(min_value=1, max_value=500))
def test_the_waits_grow_and_never_pass_their_bound(attempts: int) -> None:
    policy = RetryPolicy()
    waits = [policy.wait_after(number) for number in range(1, attempts + 2)]

    assert all(earlier <= later <= policy.wait_max for earlier, later in pairwise(waits))
    assert waits[0] == policy.first_wait


def test_a_mail_server_may_be_away_for_three_hours_before_a_mail_is_given_up() -> None:
    policy = RetryPolicy()

    assert sum((policy.wait_after(n) for n in range(1, policy.attempts_max)), timedelta()) > timedelta(hours=3)


ENDINGS = st.sampled_from(["sent", "retry", "never", "silence"])


@given(st.lists(ENDINGS, max_size=20))
def test_whatever_the_mail_server_does_a_mail_ends_once_and_is_numbered_without_gaps(endings: list[str]) -> None:
    notice, said, at = a_mail(), [], SYSTEM
    for ending in endings:
        at += timedelta(hours=2)
        if not ledger.is_due(notice, at=at):
            break
        notice = ledger.claim(notice, lease_until=at + LEASE)
        if ending != "silence":
            attempt = an_attempt(notice, sent=ending == "sent", retryable=ending == "retry", at=at)
            notice, facts = ledger.settle(notice, attempt, now=OFFICE)
            said += facts

    ended = notice.state in {State.DELIVERED, State.FAILED}
    assert len(said) == notice.sequence == int(ended)
    assert notice.attempts <= len(endings)
