"""What goes wrong with a delivery is seen: its outcome, its request, its order, its offset."""

from collections.abc import Callable

import pytest

from tests.unit.faults.conftest import Judged
from tests.unit.faults.good import good
from tests.unit.faults.story import event_key_of
from tests.unit.faults.weekend import OFFICER, OPERATOR, Weekend

Breaking = Callable[[Weekend], object]

B2 = event_key_of("B.2")
C1, D1, G1 = (event_key_of(name) for name in ("C.1", "D.1", "G.1"))


# --- R1: one outcome for each delivery ------------------------------------------------------------------------------


def nothing_came_of_it(weekend: Weekend) -> None:
    weekend.drop("registration", "inbox", event_key=B2)


def handled_and_set_aside(weekend: Weekend) -> None:
    row = {"consumer": "registration", "event_key": event_key_of("H.9"), "outcome": "applied", "reason": None}
    record = weekend.report("H", 9)
    weekend.park(record)
    weekend.databases["registration"].tables["inbox"].append(row)


def settled_without_being_handled(weekend: Weekend) -> None:
    weekend.drop("registration", "inbox", event_key=C1)


def discarded_and_called_applied(weekend: Weekend) -> None:
    weekend.rows("registration", "inbox", event_key=D1)[0]["outcome"] = "applied"


def acknowledged_and_not_there(weekend: Weekend) -> None:
    weekend.topics["lapas.events"][2]["value_sha256"] = "0" * 64


def unreadable_and_gone(weekend: Weekend) -> None:
    weekend.drop("registration", "dead_letter", event_key=G1)


def set_aside_though_not_for_us(weekend: Weekend) -> None:
    record = weekend.found("lapas.events", "cell-painted")
    with weekend.transaction("registration") as step:
        step.set_aside(record, "bug")


def came_from_nowhere(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        record = {**weekend.topics["lapas.events"][0]}
        record["headers"] = {**record["headers"], "ce_id": "never sent"}
        step.take(record)


def one_id_for_two(weekend: Weekend) -> None:
    weekend.drop("registration", "dead_letter", event_key="0d000000-0000-5000-8000-00000000000d")


def two_prisons_taken_for_one(weekend: Weekend) -> None:
    weekend.skip("registration", weekend.report("K", 1, id="A.1", source="/lapas/LPP-PLG"))


def broken_and_applied(weekend: Weekend) -> None:
    weekend.drop("registration", "dead_letter", event_key=C1)


OUTCOMES: list[tuple[Breaking, str]] = [
    (nothing_came_of_it, "no outcome"),
    (handled_and_set_aside, "both handled (applied) and set aside (parked)"),
    (settled_without_being_handled, "its letter is resolved, and it was not handled"),
    (discarded_and_called_applied, "its inbox row says applied, its letter discarded"),
    (acknowledged_and_not_there, "acknowledged, and not what lies at"),
    (unreadable_and_gone, "cannot be read, and lies in no dead letter"),
    (set_aside_though_not_for_us, "is not for this consumer, and was taken"),
    (came_from_nowhere, "handled, and on no topic of this consumer"),
    (one_id_for_two, "one id for different records"),
    (two_prisons_taken_for_one, "no outcome"),
    (broken_and_applied, "must end as dead_lettered, and ended as applied"),
]

# --- R1h: one effect for each request -------------------------------------------------------------------------------


def answered_and_not_done(weekend: Weekend) -> None:
    weekend.strike("registration", weekend.lines("registration", "idempotency", "INSERT", key="A.contacts"))


def refused_and_done(weekend: Weekend) -> None:
    sent = next(sent for sent in weekend.inputs if sent.get("idempotency_key") == "A.submission")
    sent |= {"status": 409, "answer": {"rule": "not-yet-released"}}


def kept_without_an_effect(weekend: Weekend) -> None:
    sent = weekend.ask("B", "biometrics", OFFICER)
    with weekend.transaction("registration") as step:
        weekend.remember(step, sent)


def done_twice(weekend: Weekend) -> None:
    sent = next(sent for sent in weekend.inputs if sent.get("idempotency_key") == "A.contacts")
    weekend.drop("registration", "idempotency", key="A.contacts")
    with weekend.transaction("registration") as step:
        weekend.remember(step, sent)
        weekend.line(step, "A", "meet", OFFICER, "person")


def act_not_on_record(weekend: Weekend) -> None:
    weekend.drop("registration", "operator_act", act="retry")


def act_on_record_that_nobody_did(weekend: Weekend) -> None:
    acts = weekend.databases["registration"].tables["operator_act"]
    acts.append({**acts[0], "act_id": weekend.new_id(), "actor": OPERATOR})


REQUESTS: list[tuple[Breaking, str]] = [
    (answered_and_not_done, "answered with success, and not done"),
    (refused_and_done, "answered with 409, and done"),
    (kept_without_an_effect, "kept without an effect"),
    (done_twice, "done 2 times"),
    (act_not_on_record, "1 times answered with success, 0 times on record"),
    (act_on_record_that_nobody_did, "1 times answered with success, 2 times on record"),
]

# --- R5: the order of a subject -------------------------------------------------------------------------------------


def letter_overtaken(weekend: Weekend) -> None:
    weekend.park(weekend.report("K", 1), "bug")
    weekend.open(weekend.report("K", 2))


def letter_overtaken_in_its_batch(weekend: Weekend) -> None:
    first, second = weekend.report("K", 1), weekend.report("K", 2)
    with weekend.transaction("registration") as step:
        weekend.opened(step, second)
        step.set_aside(first, "malformed")
        step.pass_by(second)


def follower_before_its_letter(weekend: Weekend) -> None:
    first, second = weekend.report("K", 1), weekend.report("K", 2)
    weekend.park(first)
    waiting = weekend.wait(second)
    with weekend.transaction("registration") as step:
        weekend.opened(step, second)
        step.settle(waiting, "resolved")


def letter_overtaken_on_another_partition(weekend: Weekend) -> None:
    weekend.park(weekend.report("K", 1), "bug")
    weekend.now += 10
    later = weekend.report("K", 2)
    later["partition"], later["offset"] = 1, 0
    weekend.open(later)


def later_one_first(weekend: Weekend) -> None:
    first, second = weekend.report("K", 1), weekend.report("K", 2)
    weekend.open(second)
    weekend.correct(first)


def later_one_first_in_its_batch(weekend: Weekend) -> None:
    first, second = weekend.report("K", 1), weekend.report("K", 2)
    with weekend.transaction("registration") as step:
        weekend.opened(step, second)
        weekend.corrected(step, first)
        step.pass_by(second)


def released_beside_a_waiting_one(weekend: Weekend) -> None:
    first, second = weekend.report("K", 1), weekend.report("K", 2)
    letter = weekend.park(first)
    with weekend.transaction("registration") as step:
        step.take(first, outcome="discarded")
        step.settle(letter, "discarded")
    weekend.wait(second)
    deleted = weekend.lines("registration", "held_key", "DELETE", key="subject:K")
    journal = weekend.databases["registration"].journal
    deleted[0]["n"] = journal[-1]["n"] + 1


ORDERS: list[tuple[Breaking, str]] = [
    (letter_overtaken, "past the bug letter of offset"),
    (letter_overtaken_in_its_batch, "past the malformed letter of offset"),
    (follower_before_its_letter, "past the malformed letter of offset"),
    (letter_overtaken_on_another_partition, "past the bug letter of offset"),
    (released_beside_a_waiting_one, "beside the waiting letter of offset"),
    (later_one_first, "after offset"),
    (later_one_first_in_its_batch, "after that of offset"),
]

# --- R6: offsets pass nothing undone --------------------------------------------------------------------------------


def offset_before_the_batch(weekend: Weekend) -> None:
    record = weekend.report("K", 1)
    weekend.skip("registration", record)
    with weekend.transaction("registration") as step:
        weekend.opened(step, record)


def batch_passed_over(weekend: Weekend) -> None:
    weekend.skip("registration", weekend.report("K", 1))


def restored_and_not_read_again(weekend: Weekend) -> None:
    length, tables = weekend.copy("registration")
    record = weekend.report("K", 1)
    weekend.open(record)
    weekend.restore("registration", length, tables)
    weekend.skip("registration", record)


OFFSETS: list[tuple[Breaking, str]] = [
    (offset_before_the_batch, "has no outcome"),
    (batch_passed_over, "has no outcome"),
    (restored_and_not_read_again, "has no outcome"),
]

BROKEN = [
    *(("R1", *row) for row in OUTCOMES),
    *(("R1h", *row) for row in REQUESTS),
    *(("R5", *row) for row in ORDERS),
    *(("R6", *row) for row in OFFSETS),
]


@pytest.mark.parametrize(("rule", "breaking", "words"), BROKEN, ids=[f"{r}-{b.__name__}" for r, b, _ in BROKEN])
def test_a_broken_delivery_is_seen(rule: str, breaking: Breaking, words: str, judged: Judged) -> None:
    weekend = good()
    breaking(weekend)

    found = [violation for violation in judged(weekend).violations if violation.rule == rule]

    assert any(words in violation.evidence for violation in found), found
