"""What breaks the rules of a run is found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.bench.invariants import FollowUp, Traces, Verdict, judge
from tests.bench.load import Message, messages, sent_once

SENT = {UUID(message.event_id): message for message in sent_once(messages(20, name="a")).values()}
STRANGER = UUID(int=1)


def follow_up(number: int, message: Message) -> FollowUp:
    """What a good pipeline sends after an event."""
    key = str(message.registration_id)
    return FollowUp(f"id-{number}", message.event_id, key, message.sequence, message.follow_up, 0)


def good() -> Traces:
    """What a good pipeline leaves behind."""
    seen = Counter(message.registration_id for message in SENT.values())
    follow_ups = [follow_up(number, message) for number, message in enumerate(SENT.values())]
    return Traces(Counter(SENT.keys()), seen, follow_ups)


def without(traces: Sequence[FollowUp], place: int) -> list[FollowUp]:
    """All but one."""
    return [*traces[:place], *traces[place + 1 :]]


def test_a_good_run_holds() -> None:
    assert judge(SENT, good()) == Verdict()


def test_an_event_without_an_inbox_row_is_lost() -> None:
    left = good()
    del left.inbox[next(iter(SENT))]

    assert judge(SENT, left) == Verdict(lost=1)


def test_an_event_that_was_not_counted_is_lost() -> None:
    left = good()
    key = next(iter(left.seen))

    assert judge(SENT, replace(left, seen={**left.seen, key: left.seen[key] - 1})) == Verdict(lost=1)


def test_an_event_without_a_follow_up_is_lost() -> None:
    left = good()

    assert judge(SENT, replace(left, follow_ups=without(left.follow_ups, 19))) == Verdict(lost=1)


def test_an_event_counted_twice_is_doubled() -> None:
    left = good()
    key = next(iter(left.seen))

    assert judge(SENT, replace(left, seen={**left.seen, key: left.seen[key] + 1})) == Verdict(doubled=1)


def test_a_second_follow_up_under_another_id_is_doubled() -> None:
    left = good()
    again = replace(left.follow_ups[-1], event_id="another")

    verdict = judge(SENT, replace(left, follow_ups=[*left.follow_ups, again]))

    assert (verdict.doubled, verdict.lost) == (1, 0)


def test_the_same_message_twice_is_only_repeated() -> None:
    left = good()

    verdict = judge(SENT, replace(left, follow_ups=[*left.follow_ups, left.follow_ups[-1]]))

    assert verdict.holds
    assert verdict.repeated == 1


def test_what_nobody_sent_is_doubled() -> None:
    left = good()
    stranger = replace(left.follow_ups[0], event_id="x", causation_id="nobody", key="nobody")

    assert judge(SENT, replace(left, follow_ups=[*left.follow_ups, stranger])) == Verdict(doubled=1)
    assert judge(SENT, replace(left, inbox=left.inbox + Counter([STRANGER]))) == Verdict(doubled=1)


def test_a_correction_before_what_it_corrects_is_out_of_order() -> None:
    left = good()
    backwards = list(reversed(left.follow_ups))

    assert judge(SENT, replace(left, follow_ups=backwards)) == Verdict(disordered=10)


@pytest.mark.parametrize("change", [{"value": b"{}"}, {"key": "another"}], ids=["value", "key"])
def test_a_follow_up_that_says_something_else_is_altered(change: dict[str, Any]) -> None:
    left = good()
    altered = replace(left.follow_ups[0], **change)

    assert judge(SENT, replace(left, follow_ups=[altered, *left.follow_ups[1:]])).altered == 1


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict(), "ok"),
        (Verdict(repeated=4), "ok"),
        (Verdict(lost=2, disordered=1), "2 lost, 1 out of order"),
        (Verdict(doubled=3, altered=1), "3 doubled, 1 altered"),
    ],
)
def test_a_verdict_says_what_broke(verdict: Verdict, words: str) -> None:
    assert str(verdict) == words
