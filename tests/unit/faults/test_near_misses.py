"""What looks broken and is not is let pass: copies, restores, people who ask twice, answers that never came."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.faults.conftest import Judged
from tests.unit.faults.good import ADDRESSEE, good, killed_at
from tests.unit.faults.story import FRIDAY, SATURDAY, SUNDAY, Row, registration_of
from tests.unit.faults.weekend import HEAD, OFFICER, Weekend, about

Telling = Callable[[Weekend], object]

B = registration_of("B")


def the_weekend(weekend: Weekend) -> None:
    """Letters that were resolved, discarded, refused and held, copies, and a mail marked `maybe_doubled`."""


def never_acknowledged(weekend: Weekend) -> None:
    """One input that the broker kept without telling anybody, and one that it did not."""
    weekend.correct(weekend.report("B", 3))
    weekend.inputs[-1]["acked_at"] = None
    weekend.inputs.append({**weekend.inputs[-1], "n": 99, "partition": None, "offset": None, "id": "B.4"})
    told(weekend)


def told(weekend: Weekend) -> list[Row]:
    """The facts of registration that have not left yet reach everybody; those notices are sent."""
    notices = []
    for record in weekend.relay("registration"):
        if record["topic"] == "registration.clients":
            weekend.keep(record)
            continue
        weekend.skip("supervision", record)
        if record["headers"]["ce_type"].endswith("event-dead-lettered.v1"):
            with weekend.transaction("notifications") as step:
                step.take(record, outcome="irrelevant", reason="a message of our own")
                step.pass_by(record)
            continue
        notice = weekend.learn(record, tells=ADDRESSEE)
        assert notice is not None
        weekend.claim(notice)
        weekend.mail(notice)
        weekend.delivered(notice)
        notices.append(notice)
    weekend.relay("notifications")
    return notices


def sent_again_by_the_relay(weekend: Weekend) -> None:
    """A relay that died before it could forget what it had sent."""
    for record in [record for record in weekend.topics["registration.events"] if record["key"] == B]:
        copy = weekend.again(record)
        weekend.skip("supervision", copy)
        weekend.skip("notifications", copy)


def parked_for_a_while(weekend: Weekend) -> None:
    """An outbox row that the broker would not take at first."""
    with weekend.transaction("registration") as step:
        number = weekend.change(step, "B")
        weekend.line(step, "B", "correct", OFFICER, "person")
        row = step.publish("registration-corrected", B, about("B", revision=3), number)
    for reason in ("UnknownTopicOrPartitionError", None):
        with weekend.transaction("registration") as step:
            step.update("outbox", {"parked_reason": reason}, seq=row["seq"])
    told(weekend)


def read_again_from_the_start(weekend: Weekend) -> None:
    """Somebody set the offsets back, and everything came again."""
    for row in weekend.rows("registration", "consumer_offset"):
        with weekend.transaction("registration") as step:
            step.update("consumer_offset", {"next_offset": 0}, topic=row["topic"])
    weekend.skip("registration", *weekend.topics["lapas.events"])


def asked_twice(weekend: Weekend) -> None:
    """The same request under the same key, one refused, and one that came too late to change anything."""
    first = next(sent for sent in weekend.inputs if sent.get("idempotency_key") == "A.contacts")
    weekend.inputs.append({**first, "n": 90, "repeat_of": first["n"], "replayed": True})
    weekend.ask("B", "approval", HEAD, status=409, answer={"rule": "not-possible"})
    weekend.ask("B", "contacts", OFFICER, answer={"outcome": "irrelevant", "rule": "already-met"})
    weekend.ask("B", "submission", OFFICER, status=None, answer=None, acked_at=None)


def two_operators(weekend: Weekend) -> None:
    """Two people discard the same letter; one of them is told that it is gone."""
    record = weekend.report("K", 1, poison="schema")
    letter = weekend.park(record)
    weekend.act(letter, "discard")
    weekend.inputs[-1] |= {"caller": "OPS-HQ-02", "status": 409}
    weekend.discard(letter, record)
    told(weekend)


def rung_again_after_a_correction(weekend: Weekend) -> None:
    """The prison moved the release and moved it back: the first rung was reached twice."""
    record = weekend.report("B", 3)
    with weekend.transaction("registration") as step:
        weekend.corrected(step, record)
        step.update("timer", {"due_at": SATURDAY}, subject=B, kind="first-contact")
        step.pass_by(record)
    with weekend.transaction("registration") as step:
        step.delete("timer", subject=B, kind="first-contact")
        weekend.rung(step, "B")
        step.insert("timer", {"subject": B, "kind": "first-contact", "due_at": SUNDAY})
    told(weekend)


def known_late(weekend: Weekend) -> None:
    """A release that is reported after its first rung says so itself, and sets the clock to the next."""
    record = weekend.report("K", 1)
    with weekend.transaction("registration") as step:
        weekend.opened(step, record)
        weekend.rung(step, "K")
        step.update("timer", {"due_at": SUNDAY}, subject=registration_of("K"), kind="first-contact")
        step.pass_by(record)
    told(weekend)


def clock_that_nobody_wants(weekend: Weekend) -> None:
    """A clock that rings when the case is over is taken away and says nothing."""
    with weekend.transaction("registration") as step:
        step.insert("timer", {"subject": registration_of("A"), "kind": "submission", "due_at": FRIDAY})
        weekend.line(step, "A", "note", OFFICER, "person")
        weekend.change(step, "A", 0)
    with weekend.transaction("registration") as step:
        step.delete("timer", subject=registration_of("A"), kind="submission")


def clock_passed_over(weekend: Weekend) -> None:
    """A clock that another one of the same round has set anew rings in the next round."""
    with weekend.transaction("registration") as step:
        step.delete("timer", subject=B, kind="first-contact")
        step.insert("timer", {"subject": B, "kind": "first-contact", "due_at": SUNDAY})


def full_term_ends_an_announcement(weekend: Weekend) -> None:
    """A release that closes somebody else's case opens none of its own."""
    value = {"release_id": "K", "released_at": FRIDAY, "release_type": "full_term"}
    record = weekend.report("K", 1, value=value)
    with weekend.transaction("registration") as step:
        key = step.take(record)
        number = weekend.change(step, "B", status="closed")
        weekend.line(step, "B", "close", key)
        step.delete("timer", subject=B, kind="first-contact")
        step.publish("registration-closed", B, about("B"), number, cause=key)
        step.pass_by(record)
    told(weekend)


def one_trace_in_a_hundred_lost(weekend: Weekend) -> None:
    """A process that was killed took its last spans along."""
    for release in range(60):
        weekend.open(weekend.report(f"M{release}", 1))
    told(weekend)
    for release in range(60):
        weekend.ring(f"M{release}")
    told(weekend)
    weekend.spans.remove(next(span for span in weekend.spans if span["name"] == "process"))


def one_id_at_two_prisons(weekend: Weekend) -> None:
    """What two prisons call the same are two events, and both are handled."""
    weekend.open(weekend.report("K", 1, id="B.1", source="/lapas/LPP-PLG"))
    weekend.ring("K")
    told(weekend)


def registration_restored(weekend: Weekend) -> None:
    """What was committed after the copy is lost; its messages stay, and what came by Kafka is handled once more."""
    length, tables = weekend.copy("registration")
    record = weekend.report("K", 1)
    weekend.open(record)
    weekend.meet("K")
    weekend.submit("K")
    told(weekend)
    weekend.restore("registration", length, tables)
    weekend.open(record)
    told(weekend)
    weekend.ring("K")
    told(weekend)


def notifications_restored(weekend: Weekend) -> None:
    """A mail that left after the copy leaves again, and the restored ledger cannot know."""
    weekend.correct(weekend.report("B", 3))
    copies: list[tuple[int, dict[str, list[Row]]]] = [weekend.copy("notifications")]
    (first,) = told(weekend)
    record = weekend.topics["registration.events"][-1]
    assert weekend.mails[-1]["message_id"] == first["message_id"]
    for _ in range(2):
        weekend.restore("notifications", *copies[-1])
        copies.append(weekend.copy("notifications"))
        notice: Any = weekend.learn(record, tells=ADDRESSEE)
        weekend.claim(notice)
        weekend.mail(notice)
        weekend.delivered(notice)
        weekend.relay("notifications")


def killed_before_it_could_tell(weekend: Weekend) -> None:
    """A process that is killed has committed what no span of it tells of."""
    began = weekend.now
    weekend.correct(weekend.report("B", 3))
    (notice,) = told(weekend)
    weekend.spans = [span for span in weekend.spans if span["at"] < began]
    killed_at(weekend, weekend.now)
    assert notice["state"] == "delivered"


def cut_off_from_its_database(weekend: Weekend) -> None:
    """A service that was not told whether it had committed does it again in vain, and tells of that alone."""
    began = weekend.now
    weekend.correct(weekend.report("B", 3))
    told(weekend)
    weekend.spans = [span for span in weekend.spans if span["at"] < began]
    fault = {"kind": "hole", "at": began, "until": weekend.now, "detail": {}}
    weekend.about["faults"] = [{**fault, "target": f"{service} database"} for service in weekend.about["services"]]


def reused_id_retried(weekend: Weekend) -> None:
    """An operator lets a second record under a used id be applied: two events with one name."""
    record = weekend.report("K", 1, id="B.1", poison="id-reused")
    key = "0d000000-0000-5000-8000-00000000000e"
    letter = weekend.park(record, key=key)
    weekend.act(letter, "retry")
    with weekend.transaction("registration") as step:
        weekend.opened(step, record, under=key)
        step.settle(letter, "resolved")
        weekend.noted(step, letter, "retry")
    weekend.ring("K")
    told(weekend)


def posted_late(weekend: Weekend) -> None:
    """A release that somebody enters after its first rung says so itself."""
    sent = weekend.ask("B", "releases", OFFICER)
    with weekend.transaction("registration") as step:
        weekend.remember(step, sent)
        weekend.line(step, "B", "correct", OFFICER, "person")
        number = weekend.change(step, "B", 2)
        step.publish("registration-corrected", B, about("B", revision=3), number - 1)
        overdue = about("B", hours=48, due_at="2026-05-31T09:30:00Z")
        step.publish("first-contact-overdue", B, overdue, number)
    told(weekend)


def act_of_which_nobody_heard(weekend: Weekend) -> None:
    """An operator's act is done, and the answer says that nobody knows."""
    record = weekend.report("K", 1, poison="schema")
    weekend.discard(weekend.park(record), record)
    weekend.inputs[-1] |= {"status": 503}
    told(weekend)


def used_id_that_came_alone(weekend: Weekend) -> None:
    """The record whose id was used again never arrived, so the second one is the first."""
    weekend.open(weekend.report("K", 1, poison="id-reused"))
    weekend.ring("K")
    told(weekend)


NEAR_MISSES: list[Telling] = [
    the_weekend,
    never_acknowledged,
    sent_again_by_the_relay,
    parked_for_a_while,
    read_again_from_the_start,
    asked_twice,
    two_operators,
    rung_again_after_a_correction,
    known_late,
    clock_that_nobody_wants,
    clock_passed_over,
    full_term_ends_an_announcement,
    one_trace_in_a_hundred_lost,
    one_id_at_two_prisons,
    registration_restored,
    notifications_restored,
    killed_before_it_could_tell,
    cut_off_from_its_database,
    reused_id_retried,
    posted_late,
    act_of_which_nobody_heard,
    used_id_that_came_alone,
]


@pytest.mark.parametrize("telling", NEAR_MISSES, ids=[telling.__name__ for telling in NEAR_MISSES])
def test_what_only_looks_broken_is_let_pass(telling: Telling, judged: Judged) -> None:
    weekend = good()
    telling(weekend)

    assert judged(weekend).violations == []


def test_a_run_that_never_stood_still_is_judged_by_what_was_over(judged: Judged) -> None:
    """What is on its way is no loss, and what left after the journals were written down was committed by somebody."""
    weekend = good()
    weekend.correct(weekend.report("B", 3))
    weekend.report("B", 4, poison="schema")
    with weekend.transaction("registration") as step:
        number = weekend.change(step, "B")
        weekend.line(step, "B", "correct", OFFICER, "person")
        step.publish("registration-corrected", B, about("B", revision=4), number)
    headers = {**weekend.topics["registration.events"][-1]["headers"], "ce_id": weekend.new_id()}
    weekend.now += 1
    weekend.append("registration.events", B, headers, about("B"))
    weekend.mail({"message_id": "<left@later>"})
    weekend.about["quiet_at"] = None

    assert judged(weekend).broken == ["R8"]
