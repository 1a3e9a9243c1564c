"""What goes wrong around deliveries is seen: mails, what never settles, services that disagree, traces, clocks."""

from collections.abc import Callable

import pytest

from tests.unit.faults.conftest import Judged
from tests.unit.faults.good import good, killed_at
from tests.unit.faults.story import FRIDAY, SATURDAY, SUNDAY, client_of, registration_of
from tests.unit.faults.weekend import Weekend, about

Breaking = Callable[[Weekend], object]

A, B, E = (registration_of(release) for release in "ABE")

# --- R7: mails ------------------------------------------------------------------------------------------------------


def sent_twice_without_a_mark(weekend: Weekend) -> None:
    weekend.mail(weekend.rows("notifications", "notification")[1])


def sent_thrice_for_two_claims(weekend: Weekend) -> None:
    weekend.mail(weekend.rows("notifications", "notification")[0])


def delivered_and_never_sent(weekend: Weekend) -> None:
    del weekend.mails[-1]


def mail_without_a_row(weekend: Weekend) -> None:
    weekend.mail({"message_id": "<somebody@else>"})


def sent_before_it_was_claimed(weekend: Weekend) -> None:
    weekend.mails[-1]["at"] -= 0.03


def given_up_and_sent(weekend: Weekend) -> None:
    weekend.rows("notifications", "notification")[-1]["state"] = "failed"


MAILS: list[tuple[Breaking, str]] = [
    (sent_twice_without_a_mark, "2 mails, and not marked maybe_doubled"),
    (sent_twice_without_a_mark, "mail 2 left after 1 claims"),
    (sent_thrice_for_two_claims, "mail 3 left after 2 claims"),
    (delivered_and_never_sent, "no mail was taken"),
    (mail_without_a_row, "1 mails without a row in the ledger"),
    (sent_before_it_was_claimed, "mail 1 left after 0 claims"),
    (given_up_and_sent, "given up, and the mail was taken"),
]

# --- R8: everything settles -----------------------------------------------------------------------------------------


def never_quiet(weekend: Weekend) -> None:
    weekend.about["quiet_at"] = None


def quiet_too_late(weekend: Weekend) -> None:
    weekend.about["quiet_at"] = weekend.about["healed_at"] + 61


def left_in_the_outbox(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.publish("registration-corrected", B, about("B", revision=3), 5)


def left_parked_in_the_outbox(weekend: Weekend) -> None:
    left_in_the_outbox(weekend)
    weekend.rows("registration", "outbox")[0]["parked_reason"] = "UnknownTopic"


def clock_overdue(weekend: Weekend) -> None:
    weekend.about["office"] = "2026-05-31T09:31:00+00:00"


def key_held_by_nobody(weekend: Weekend) -> None:
    weekend.databases["registration"].tables["held_key"].append({"consumer": "registration", "key": "subject:Z"})


def letter_that_holds_nothing(weekend: Weekend) -> None:
    weekend.drop("registration", "held_key", key="subject:G")


def waits_behind_nothing(weekend: Weekend) -> None:
    weekend.rows("registration", "dead_letter", subject="G")[0]["state"] = "waiting"


def mail_still_pending(weekend: Weekend) -> None:
    weekend.rows("notifications", "notification")[-1]["state"] = "pending"


def request_never_answered(weekend: Weekend) -> None:
    weekend.rows("registration", "idempotency")[-1]["status"] = None


def consumer_stopped(weekend: Weekend) -> None:
    row = {"consumer": "registration", "reason": "20 of the last 100 deliveries met a bug"}
    weekend.databases["registration"].tables["consumer_stop"] = [row]


def not_read_to_the_end(weekend: Weekend) -> None:
    weekend.rows("supervision", "consumer_offset")[0]["next_offset"] -= 1


UNSETTLED: list[tuple[Breaking, str]] = [
    (never_quiet, "it never became quiet"),
    (quiet_too_late, "quiet 61.0 s after the last fault"),
    (left_in_the_outbox, "still in the outbox, never sent"),
    (left_parked_in_the_outbox, "still in the outbox, parked: UnknownTopic"),
    (clock_overdue, "its clock first-contact was due 60 s ago"),
    (key_held_by_nobody, "held, and no letter lies open behind it"),
    (letter_that_holds_nothing, "does not hold subject:G"),
    (waits_behind_nothing, "waits behind nothing"),
    (mail_still_pending, "still pending"),
    (request_never_answered, "a request that was begun and never answered"),
    (consumer_stopped, "stopped: 20 of the last 100"),
    (not_read_to_the_end, "and the last record is"),
]

# --- R9: the services reconcile -------------------------------------------------------------------------------------


def release_lost(weekend: Weekend) -> None:
    weekend.report("K", 1)


def applied_and_no_registration(weekend: Weekend) -> None:
    weekend.drop("registration", "registration", release_id="B")


def nobody_waits(weekend: Weekend) -> None:
    weekend.drop("registration", "timer", subject=B)


def clock_after_the_end(weekend: Weekend) -> None:
    weekend.databases["registration"].tables["timer"].append({"subject": A, "kind": "submission", "due_at": SUNDAY})


def search_without_a_clock(weekend: Weekend) -> None:
    tracing = {"called_at": FRIDAY, "calls_missed": False, "visited_at": None, "visit_missed": False}
    weekend.rows("registration", "registration", release_id="B")[0] |= {"status": "tracing", "tracing": tracing}


def met_without_a_clock(weekend: Weekend) -> None:
    changes = {"status": "provisionally_registered", "submission_from": SATURDAY}
    weekend.rows("registration", "registration", release_id="B")[0] |= changes


def silence_without_a_clock(weekend: Weekend) -> None:
    changes = {"status": "release_announced", "announcement": {"revision": 1}, "released_at": None}
    weekend.rows("registration", "registration", release_id="B")[0] |= changes


def old_revision_kept(weekend: Weekend) -> None:
    weekend.rows("registration", "registration", release_id="B")[0]["release"] = {"revision": 1}


def registered_and_not_guided(weekend: Weekend) -> None:
    weekend.drop("supervision", "supervision", client_id=client_of("A"))


def guided_and_not_registered(weekend: Weekend) -> None:
    row = {"client_id": client_of("B"), "registration_id": B}
    weekend.databases["supervision"].tables["supervision"].append(row)


def number_that_nobody_was_told(weekend: Weekend) -> None:
    weekend.rows("registration", "registration", release_id="B")[0]["registered"] = {"register_no": "KLD/2"}


def case_not_known(weekend: Weekend) -> None:
    weekend.drop("notifications", "case_fact", registration_id=E)


def case_never_told_of(weekend: Weekend) -> None:
    weekend.databases["notifications"].tables["case_fact"].append({"registration_id": "x", "standing": "open"})


def case_stands_elsewhere(weekend: Weekend) -> None:
    weekend.rows("notifications", "case_fact", registration_id=B)[0]["standing"] = "ended"


def door_says_otherwise(weekend: Weekend) -> None:
    weekend.answers[0]["body"]["status"] = "released"


def door_knows_nobody(weekend: Weekend) -> None:
    weekend.answers[0]["status"] = 404


def door_knows_too_much(weekend: Weekend) -> None:
    weekend.answers[1] |= {"status": 200, "body": {"status": "released"}}


DISAGREEING: list[tuple[Breaking, str]] = [
    (release_lost, "a release was reported and came to nothing"),
    (applied_and_no_registration, "and there is no registration"),
    (nobody_waits, "released, and nobody waits for the first contact"),
    (clock_after_the_end, "registered, and it is over"),
    (search_without_a_clock, "tracing-visit is neither done nor missed"),
    (met_without_a_clock, "nobody waits for the submission"),
    (silence_without_a_clock, "nobody asks the prison"),
    (old_revision_kept, "release 2 was applied, and 1 is kept"),
    (registered_and_not_guided, "registered, and nobody guides"),
    (guided_and_not_registered, "guided, and was never registered"),
    (number_that_nobody_was_told, "has a register number of which nobody was told"),
    (case_not_known, "and the case is not known"),
    (case_never_told_of, "known, and never told of"),
    (case_stands_elsewhere, "stands as ended, last told open"),
    (door_says_otherwise, "the door says released, the database registered"),
    (door_knows_nobody, "the door answers 404, the database has a row"),
    (door_knows_too_much, "the door answers 200, the database has no row"),
]

# --- R10: traces ----------------------------------------------------------------------------------------------------


def handling_not_traced(weekend: Weekend) -> None:
    weekend.spans = [span for span in weekend.spans if span["name"] != "process"]


def publishing_not_traced(weekend: Weekend) -> None:
    weekend.spans = [span for span in weekend.spans if span["name"] != "create"]


def trace_begun_anew(weekend: Weekend) -> None:
    for span in weekend.spans:
        span["trace_id"] = f"{int(span['trace_id'], 16) ^ 1:032x}" if span["name"] == "process" else span["trace_id"]


def another_publisher(weekend: Weekend) -> None:
    for span in weekend.spans:
        if span["name"] == "process":
            span |= {"links": [], "parent_id": "0" * 16}


def lost_long_before_a_kill(weekend: Weekend) -> None:
    handling_not_traced(weekend)
    killed_at(weekend, weekend.now + 100)


def nothing_above_the_publishing(weekend: Weekend) -> None:
    for span in weekend.spans:
        span["parent_id"] = "0" * 16 if span["name"] == "create" else span["parent_id"]


def made_by_another_service(weekend: Weekend) -> None:
    for span in weekend.spans:
        span["service"] = "supervision" if span["name"] == "create" else span["service"]


TRACES: list[tuple[Breaking, str]] = [
    (handling_not_traced, "no span of its handling"),
    (publishing_not_traced, "no span of its publishing"),
    (trace_begun_anew, "handled in another trace"),
    (another_publisher, "its handling names another publisher"),
    (made_by_another_service, "published by a span of supervision"),
    (publishing_not_traced, "applied events do not lead to their publisher"),
    (lost_long_before_a_kill, "no span of its handling"),
    (nothing_above_the_publishing, "the trace breaks off above create of registration"),
]

# --- R11: clocks ----------------------------------------------------------------------------------------------------


def clock_not_taken(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        weekend.rung(step, "B")
    weekend.relay("registration")


def another_clock_taken(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.delete("timer", subject=B, kind="first-contact")
        weekend.rung(step, "B")
    weekend.relay("registration")


def clock_taken_in_silence(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.delete("timer", subject=B, kind="first-contact")


def clock_rung_early(weekend: Weekend) -> None:
    for line in weekend.lines("registration", "outbox", "INSERT"):
        if "first-contact-overdue" in line["row"]["headers"]["ce_type"]:
            line["row"]["headers"]["ce_time"] = FRIDAY


def clock_set_again(weekend: Weekend) -> None:
    for line in weekend.lines("registration", "timer", "INSERT", subject=B, due_at=SUNDAY):
        line["row"]["due_at"] = SATURDAY


def clock_set_again_later(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.delete("timer", subject=B, kind="first-contact")
        step.insert("timer", {"subject": B, "kind": "first-contact", "due_at": SATURDAY})


def reminded_without_its_clock(weekend: Weekend) -> None:
    with weekend.transaction("notifications") as step:
        weekend.owe(step, f"gate-same-day|{B}|{SATURDAY}", "PO-HQ-02")


CLOCKS: list[tuple[Breaking, str]] = [
    (clock_not_taken, "and first-contact was not taken away there"),
    (another_clock_taken, "the clock first-contact was set to"),
    (clock_taken_in_silence, "was taken away in"),
    (clock_rung_early, "and was due"),
    (clock_set_again, "and was set again to"),
    (clock_set_again_later, "and was set again in"),
    (reminded_without_its_clock, "and gate-same-day was not taken away there"),
]

BROKEN = [
    *(("R7", *row) for row in MAILS),
    *(("R8", *row) for row in UNSETTLED),
    *(("R9", *row) for row in DISAGREEING),
    *(("R10", *row) for row in TRACES),
    *(("R11", *row) for row in CLOCKS),
]


@pytest.mark.parametrize(
    ("rule", "breaking", "words"), BROKEN, ids=[f"{r}-{b.__name__}-{w[:12]}" for r, b, w in BROKEN]
)
def test_broken_surroundings_are_seen(rule: str, breaking: Breaking, words: str, judged: Judged) -> None:
    weekend = good()
    breaking(weekend)

    found = [violation for violation in judged(weekend).violations if violation.rule == rule]

    assert any(words in violation.evidence for violation in found), found
