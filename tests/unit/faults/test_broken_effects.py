"""What goes wrong with an effect is seen: twice, not told, told wrongly, or torn from what caused it."""

from collections.abc import Callable

import pytest

from tests.unit.faults.conftest import Judged
from tests.unit.faults.good import good
from tests.unit.faults.story import FRIDAY, client_of, event_key_of, registration_of
from tests.unit.faults.weekend import Weekend, about

Breaking = Callable[[Weekend], object]

A, B = registration_of("A"), registration_of("B")

# --- R0: the record is whole ----------------------------------------------------------------------------------------


def row_that_no_journal_tells_of(weekend: Weekend) -> None:
    weekend.databases["registration"].tables["timeline"].append({"entry_id": "x"})


def row_that_is_gone(weekend: Weekend) -> None:
    weekend.drop("supervision", "check_in", client_id=client_of("A"))


def row_that_is_another(weekend: Weekend) -> None:
    weekend.rows("notifications", "notification")[0]["recipient"] = "SOMEBODY-ELSE"


def table_without_a_journal(weekend: Weekend) -> None:
    weekend.databases["supervision"].tables["consumer_stop"] = [{"consumer": "supervision", "reason": "bugs"}]


RECORD: list[tuple[Breaking, str]] = [
    (row_that_no_journal_tells_of, "1 rows more in the table"),
    (row_that_is_gone, "1 rows more in the journal"),
    (row_that_is_another, "1 rows more in the journal"),
    (table_without_a_journal, "1 rows more in the table"),
]

# --- R2: no effect twice --------------------------------------------------------------------------------------------


def handled_twice(weekend: Weekend) -> None:
    weekend.drop("registration", "inbox", event_key=event_key_of("B.2"))
    weekend.correct(weekend.again(weekend.topics["lapas.events"][3]))


def effect_in_two_transactions(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        weekend.line(step, "B", "correct", event_key_of("B.2"))


def number_twice(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.publish("registration-corrected", B, about("B", revision=3), 3)


def clock_told_twice(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.delete("timer", subject=B, kind="first-contact")
        weekend.rung(step, "B")
    weekend.relay("registration")


def supervision_opened_twice(weekend: Weekend) -> None:
    with weekend.transaction("supervision") as step:
        step.publish("supervision-opened", client_of("A"), about("A"), 3)


def notice_settled_twice(weekend: Weekend) -> None:
    notice = weekend.rows("notifications", "notification")[0]
    with weekend.transaction("notifications") as step:
        value = {"notification_id": notice["notification_id"]}
        step.publish("notification-failed", notice["notification_id"], value, 2, version=2)


def two_registrations_of_one_release(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.insert(
            "registration", {**weekend.rows("registration", "registration")[0], "registration_id": client_of("A")}
        )


def a_number_is_missing(weekend: Weekend) -> None:
    weekend.rows("registration", "register_entry")[0]["seq"] = 2


def a_number_is_given_and_entered_nowhere(weekend: Weekend) -> None:
    weekend.drop("registration", "register_entry", seq=1)


def two_live_entries(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        weekend.numbered(step, "A")


def one_number_for_two(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.publish("client-registered", B, about("B", register_no="KLD/1"), weekend.change(step, "B"))
    weekend.relay("registration")


DOUBLED: list[tuple[Breaking, str]] = [
    (handled_twice, "handled 2 times"),
    (effect_in_two_transactions, "its effects stand in 2 transactions"),
    (number_twice, "2 facts have the number 3"),
    (clock_told_twice, "told twice that a clock ran out: first-contact 24"),
    (supervision_opened_twice, "made known 2 times: supervision.supervision-opened.v1"),
    (notice_settled_twice, "made known 2 times: a settled notice"),
    (two_registrations_of_one_release, "2 rows of registration with the same release_id"),
    (a_number_is_missing, "numbers [2], the last given 1"),
    (a_number_is_given_and_entered_nowhere, "1 numbers were given, and none is in the register"),
    (two_live_entries, "2 live entries in KLD-PB"),
    (one_number_for_two, "told of 2 clients"),
]

# --- R3: the outbox and the topics agree ----------------------------------------------------------------------------


def never_sent(weekend: Weekend) -> None:
    record = weekend.found("registration.events", "registration-corrected")
    weekend.topics["registration.events"].remove(record)


def sent_with_other_bytes(weekend: Weekend) -> None:
    record = weekend.again(weekend.found("registration.events", "registration-corrected"))
    record["value_sha256"] = "0" * 64


def sent_with_another_number(weekend: Weekend) -> None:
    record = weekend.again(weekend.found("registration.events", "registration-corrected"))
    record["headers"]["ce_sequence"] = "9"


def sent_under_another_id(weekend: Weekend) -> None:
    record = weekend.again(weekend.found("registration.events", "registration-corrected"))
    record["headers"]["ce_id"] = weekend.new_id()


def sent_and_never_committed(weekend: Weekend) -> None:
    headers = {**weekend.found("registration.events", "opened")["headers"], "ce_id": weekend.new_id()}
    weekend.append("registration.events", registration_of("K"), headers, about("K"))


def sent_before_it_was_written(weekend: Weekend) -> None:
    weekend.found("registration.events", "registration-corrected")["timestamp"] -= 100


def later_one_sent_first(weekend: Weekend) -> None:
    records = weekend.topics["registration.events"]
    early, late = [record for record in records if record["key"] == B][:2]
    early["offset"], late["offset"] = late["offset"], early["offset"]


def one_key_on_two_partitions(weekend: Weekend) -> None:
    record = [record for record in weekend.topics["registration.events"] if record["key"] == B][-1]
    record["partition"], record["offset"] = 1, 0


def a_fact_was_never_written(weekend: Weekend) -> None:
    (line,) = [
        line
        for line in weekend.lines("registration", "outbox", "INSERT", key=B)
        if "corrected" in line["row"]["headers"]["ce_type"]
    ]
    weekend.strike("registration", [line])
    weekend.topics["registration.events"].remove(weekend.found("registration.events", "registration-corrected"))


OUTBOX: list[tuple[Breaking, str]] = [
    (never_sent, "committed, and on no topic"),
    (sent_with_other_bytes, "not as it was committed"),
    (sent_with_another_number, "ce_sequence is another"),
    (sent_under_another_id, "and committed by nobody"),
    (sent_and_never_committed, "and committed by nobody"),
    (sent_before_it_was_written, "before it was written"),
    (later_one_sent_first, "before row"),
    (one_key_on_two_partitions, "on two partitions"),
    (a_fact_was_never_written, "facts [3] of 4 were never written"),
]

# --- R4: one transaction for a delivery and its effects -------------------------------------------------------------


def _torn(weekend: Weekend, service: str, table: str, op: str, **where: object) -> None:
    """Put a change into a transaction of its own."""
    line = weekend.lines(service, table, op, **where)[-1]
    line["xid"] += 100_000


def inbox_by_itself(weekend: Weekend) -> None:
    _torn(weekend, "registration", "inbox", "INSERT", event_key=event_key_of("B.2"))


def offset_by_itself(weekend: Weekend) -> None:
    key = event_key_of("B.2")
    xid = weekend.lines("registration", "inbox", "INSERT", event_key=key)[0]["xid"]
    for line in weekend.lines("registration", "consumer_offset", "UPDATE"):
        line["xid"] += 100_000 if line["xid"] == xid else 0


def outbox_by_itself(weekend: Weekend) -> None:
    (line,) = [
        line
        for line in weekend.lines("registration", "outbox", "INSERT", key=B)
        if "corrected" in line["row"]["headers"]["ce_type"]
    ]
    line["xid"] += 100_000


def applied_without_a_case(weekend: Weekend) -> None:
    key = weekend.found("registration.events", "client-registered")["headers"]["ce_id"]
    xid = weekend.lines("notifications", "inbox", "INSERT", event_key=key)[0]["xid"]
    lines = weekend.lines("notifications", "case_fact", "UPDATE")
    weekend.strike("notifications", [line for line in lines if line["xid"] == xid])


def nobody_guided(weekend: Weekend) -> None:
    weekend.strike("supervision", weekend.lines("supervision", "supervision", "INSERT"))


def contact_not_kept(weekend: Weekend) -> None:
    weekend.strike("supervision", weekend.lines("supervision", "client_contact", "INSERT", client_id=client_of("B")))


def told_of_what_is_irrelevant(weekend: Weekend) -> None:
    record = weekend.report("B", 3)
    with weekend.transaction("registration") as step:
        key = step.take(record, outcome="irrelevant", reason="known already")
        step.publish("registration-corrected", B, about("B", revision=3), weekend.change(step, "B"), cause=key)
        step.pass_by(record)


def written_by_nobody(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        weekend.change(step, "B", 0)


def lost_race_ignored(weekend: Weekend) -> None:
    lines = weekend.lines("registration", "registration", "UPDATE", release_id="B")
    weekend.strike("registration", lines[:1])


def version_skipped(weekend: Weekend) -> None:
    weekend.lines("registration", "registration", "UPDATE", release_id="B")[-1]["row"]["version"] += 1


def number_by_itself(weekend: Weekend) -> None:
    _torn(weekend, "registration", "register_counter", "INSERT")


def facts_without_their_numbers(weekend: Weekend) -> None:
    weekend.lines("registration", "registration", "UPDATE", release_id="B")[-1]["row"]["sequence"] = 3


def settled_and_not_written(weekend: Weekend) -> None:
    weekend.strike("notifications", weekend.lines("notifications", "notification", "UPDATE", state="delivered")[:1])


def rung_and_not_written(weekend: Weekend) -> None:
    weekend.strike("registration", weekend.lines("registration", "registration", "UPDATE", release_id="E"))


def letter_without_its_offset(weekend: Weekend) -> None:
    record = weekend.report("K", 1)
    with weekend.transaction("registration") as step:
        step.set_aside(record, "bug")
    weekend.skip("registration", record)


def letter_that_holds_nothing(weekend: Weekend) -> None:
    weekend.strike("registration", weekend.lines("registration", "held_key", "INSERT", key="subject:G"))


def key_released_by_nobody(weekend: Weekend) -> None:
    _torn(weekend, "registration", "held_key", "DELETE", key="subject:C")


def act_by_itself(weekend: Weekend) -> None:
    _torn(weekend, "registration", "operator_act", "INSERT", act="retry")


def clock_set_by_nobody(weekend: Weekend) -> None:
    with weekend.transaction("registration") as step:
        step.update("timer", {"due_at": FRIDAY}, subject=B, kind="first-contact")


TORN: list[tuple[Breaking, str]] = [
    (inbox_by_itself, "without the offset that passes it"),
    (inbox_by_itself, "where this event was not applied"),
    (offset_by_itself, "without the offset that passes it"),
    (outbox_by_itself, "and nothing in the transaction that causes it"),
    (applied_without_a_case, "without an effect there"),
    (nobody_guided, "without an effect there"),
    (nobody_guided, "and supervision did not change"),
    (contact_not_kept, "without an effect there"),
    (told_of_what_is_irrelevant, "where this event was not applied"),
    (written_by_nobody, "registration changed, and nothing in the transaction that causes it"),
    (lost_race_ignored, "and registration did not change"),
    (version_skipped, "registration went from version"),
    (number_by_itself, "where its counter stood still"),
    (facts_without_their_numbers, "facts [4] in"),
    (letter_without_its_offset, "without the offset that passes"),
    (letter_that_holds_nothing, "without holding ['subject:G']"),
    (key_released_by_nobody, "where no letter was settled"),
    (act_by_itself, "and its letter stays"),
    (clock_set_by_nobody, "a clock was set, and nothing in the transaction that causes it"),
    (settled_and_not_written, "and notification did not change"),
    (rung_and_not_written, "and registration did not change"),
]

BROKEN = [
    *(("R0", *row) for row in RECORD),
    *(("R2", *row) for row in DOUBLED),
    *(("R3", *row) for row in OUTBOX),
    *(("R4", *row) for row in TORN),
]


@pytest.mark.parametrize(
    ("rule", "breaking", "words"), BROKEN, ids=[f"{r}-{b.__name__}-{w[:12]}" for r, b, w in BROKEN]
)
def test_a_broken_effect_is_seen(rule: str, breaking: Breaking, words: str, judged: Judged) -> None:
    weekend = good()
    breaking(weekend)

    found = [violation for violation in judged(weekend).violations if violation.rule == rule]

    assert any(words in violation.evidence for violation in found), found
