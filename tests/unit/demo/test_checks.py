"""Each check of the demonstration holds when all went well, and fails when the fact that it is for is broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

import pytest

from contracts.notifications import NotificationFailedV2
from deploy.demo import accounts, deliveries
from deploy.demo.checks import CHECKS, judged
from deploy.demo.facts import Facts, Letter, Notice
from deploy.demo.scenario import Outcome
from deploy.demo.topics import Record
from deploy.demo.verdict import Verdict
from tests.unit.demo import nights
from tests.unit.demo.builders import Topic, the_facts

Check: TypeAlias = Callable[[Facts], Verdict]
Break: TypeAlias = Callable[[Facts], Facts]
STRANGER = UUID("8d1d3a0e-0000-5000-8000-000000000002")


def without_record(event_type: str, nth: int = 0) -> Break:
    """A record of a type is not on its topic."""

    def broken(facts: Facts) -> Facts:
        gone = [record for record in facts.records if record.type == event_type][nth]
        return replace(facts, records=[record for record in facts.records if record is not gone])

    return broken


def twice(event_type: str, **changes: object) -> Break:
    """A record of a type is there once more, later on its topic."""

    def broken(facts: Facts) -> Facts:
        found = next(record for record in facts.records if record.type == event_type)
        again = replace(found, offset=1000, **changes)  # type: ignore[arg-type]  # whatever the test changes
        return replace(facts, records=[*facts.records, again])

    return broken


def changed_record(event_type: str, **changes: object) -> Break:
    """A record of a type says something else."""

    def broken(facts: Facts) -> Facts:
        found = next(record for record in facts.records if record.type == event_type)
        other = replace(found, **changes)  # type: ignore[arg-type]  # whatever the test changes
        return replace(facts, records=[other if record is found else record for record in facts.records])

    return broken


def with_case(case: str, status: str) -> Break:
    """A case stands otherwise."""

    def broken(facts: Facts) -> Facts:
        one = facts.scenario.registrations[case]
        return replace(facts, cases=[replace(c, status=status) if c.registration_id == one else c for c in facts.cases])

    return broken


def with_notices(change: Callable[[Sequence[Notice]], Sequence[Notice]]) -> Break:
    """The ledger is another one."""
    return lambda facts: replace(facts, notices=list(change(facts.notices)))


def with_store(service: str, **changes: object) -> Break:
    """A service's database holds something else."""

    def broken(facts: Facts) -> Facts:
        store = replace(facts.stores[service], **changes)  # type: ignore[arg-type]  # whatever the test changes
        return replace(facts, stores={**facts.stores, service: store})

    return broken


def without_inbox_row(service: str) -> Break:
    """A service has handled one event less."""

    def broken(facts: Facts) -> Facts:
        first, *_ = inbox = facts.stores[service].inbox
        return with_store(service, inbox={key: inbox[key] for key in inbox if key != first})(facts)

    return broken


def with_inbox_row(service: str, key: UUID) -> Break:
    """A service has handled one event more."""
    return lambda facts: with_store(service, inbox={**facts.stores[service].inbox, key: "applied"})(facts)


def with_open_letter_of_handled(facts: Facts) -> Facts:
    """An event was handled and lies in the dead letters as well."""
    first, *_ = facts.stores["registration"].inbox
    letter = Letter(event_key=first, kind="bug", state="parked")
    return with_store("registration", letters=[letter])(facts)


def answered(outcome: Outcome) -> Break:
    """The door of HTTP said something else."""
    return lambda facts: replace(
        facts, sent=[replace(sent, answer=outcome) if sent.answer is not None else sent for sent in facts.sent]
    )


def numbered(seq: int) -> Break:
    """A register number is another one."""
    return lambda facts: replace(facts, entries=[replace(entry, seq=seq) for entry in facts.entries])


def failed_notice(facts: Facts) -> Facts:
    """A notice was published as failed."""
    topic = Topic()
    topic.put(NotificationFailedV2, str(STRANGER), 1)
    return replace(facts, records=[*facts.records, *topic.records])


def naming(record: Record) -> bytes:
    """A record that repeats a name."""
    return (record.value or b"") + b' {"who": "Somebody 01"}'


BROKEN: dict[str, tuple[Check, Break, str]] = {
    "a report that is not in the inbox": (
        accounts.every_report_has_one_outcome, without_inbox_row("registration"), "was lost"),
    "a report that is handled and set aside": (
        accounts.every_report_has_one_outcome, with_open_letter_of_handled, "was doubled"),
    "a report that was applied although it was known": (
        accounts.every_report_has_one_outcome, answered(Outcome.APPLIED), "was applied, not known"),
    "a report that did not reach its topic": (
        accounts.every_report_has_one_outcome, without_record("lapas.client-released.v1"), "lie on the topics"),
    "a report that was never sent": (
        accounts.every_report_has_one_outcome, lambda facts: replace(facts, sent=facts.sent[1:]), "never sent"),
    "a report that went through a door twice": (
        accounts.every_report_has_one_outcome,
        lambda facts: replace(facts, sent=[*facts.sent, facts.sent[2]]), "through a door 2 times"),
    "a registration that is missing": (
        accounts.every_registration_once, lambda facts: replace(facts, cases=facts.cases[1:]), "is missing"),
    "a registration too many": (
        accounts.every_registration_once,
        lambda facts: replace(facts, cases=[*facts.cases, replace(facts.cases[0], registration_id=STRANGER)]),
        "should not be there"),
    "a registration that was opened twice": (
        accounts.every_registration_once, twice("registration.registration-opened.v1"), "opened 2 times"),
    "a client for whom no clock runs": (
        accounts.every_client_is_accounted_for, with_case("02", "released"), "no clock runs"),
    "a client who stands otherwise than expected": (
        accounts.every_client_is_accounted_for, with_case("02", "closed"), "is closed, not tracing"),
    "a register with a gap": (accounts.every_number_once, numbered(2), "[2], and the counter says 1"),
    "a counter that ran ahead": (
        accounts.every_number_once,
        lambda facts: replace(facts, counters={"PLG-HQ|KLD-PB|2026": 2}), "the counter says 2"),
    "a number that was given twice": (
        accounts.every_number_once,
        lambda facts: replace(facts, entries=[*facts.entries, *facts.entries]), "given 2 times"),
    "a registered client without a number": (
        accounts.every_number_once, lambda facts: replace(facts, entries=[], counters={}), "has 0 numbers"),
    "a registered client without supervision": (
        accounts.every_client_is_guided_once, lambda facts: replace(facts, supervisions=[]), "has 0"),
    "a supervision that was opened twice": (
        accounts.every_client_is_guided_once, twice("supervision.supervision-opened.v1"), "has 2"),
    "a supervision of nobody": (
        accounts.every_client_is_guided_once,
        lambda facts: replace(facts, supervisions=[*facts.supervisions, STRANGER]), "never registered"),
    "a client without a first report": (
        accounts.every_client_is_guided_once, lambda facts: replace(facts, check_ins=[]), "first reports: client"),
    "an event that is missing": (
        deliveries.every_event_once_and_in_order, without_record("registration.first-contact-made.v1"), "[1, 2, 4]"),
    "an event that is there twice": (
        deliveries.every_event_once_and_in_order, twice("registration.first-contact-made.v1"), "is there 2 times"),
    "two events with one number": (
        deliveries.every_event_once_and_in_order,
        changed_record("registration.first-contact-made.v1", sequence=2), "[1, 2, 2, 4]"),
    "an event that lies behind a later one": (
        deliveries.every_event_once_and_in_order,
        changed_record("registration.registration-opened.v1", offset=1000), "lies behind a later one"),
    "an outbox that is not empty": (
        deliveries.every_outbox_is_empty, with_store("supervision", outbox=1), "1 messages in the outbox"),
    "a key that is held": (deliveries.every_outbox_is_empty, with_store("registration", held_keys=1), "1 held keys"),
    "a dead letter that is open": (
        deliveries.every_outbox_is_empty, with_open_letter_of_handled, "a dead letter of registration is parked"),
    "an event that was not handled": (
        deliveries.every_inbox_is_complete, without_inbox_row("notifications"), "notifications has not handled"),
    "an event that was never published": (
        deliveries.every_inbox_is_complete, with_inbox_row("supervision", STRANGER), "which is on no topic"),
    "a rung that nobody noticed": (
        deliveries.every_rung_once,
        without_record("registration.first-contact-overdue.v1", 1), "48 hours were noticed 0 times"),
    "a rung that was noticed twice": (
        deliveries.every_rung_once, twice("registration.first-contact-overdue.v1"), "24 hours were noticed 2 times"),
    "a rung of somebody who was met": (
        deliveries.every_rung_once,
        lambda facts: twice(
            "registration.first-contact-overdue.v1", subject=str(facts.scenario.registrations["01"])
        )(facts), "case 01: 24 hours were noticed 1 times"),
    "a rung of which the Kabapas was not told": (
        deliveries.every_rung_once,
        with_notices(lambda notices: [n for n in notices if n.recipient != "HEAD-HQ-01"]), "nobody of HEAD was told"),
    "a rung that was told by one way only": (
        deliveries.every_rung_once,
        with_notices(lambda notices: [n for n in notices if (n.recipient, n.channel) != ("SHA-HQ-01", "EMAIL")]),
        "SHA-HQ-01 was told by IN_APP only"),
    "an alert that was told twice": (
        deliveries.every_rung_once,
        with_notices(lambda notices: [*notices, *(n for n in notices if n.recipient == "HEAD-HQ-01")]),
        "HEAD-HQ-01 was told of unseen-72 2 times"),
    "a mail that did not arrive": (
        deliveries.every_mail_once, lambda facts: replace(facts, mails=facts.mails[1:]), "did not arrive"),
    "a mail that arrived twice": (
        deliveries.every_mail_once, lambda facts: replace(facts, mails=[*facts.mails, facts.mails[0]]),
        "arrived 2 times"),
    "a mail of which the ledger knows nothing": (
        deliveries.every_mail_once,
        lambda facts: replace(facts, mails=[*facts.mails, replace(facts.mails[0], message_id="stray")]),
        "mail stray is not in the ledger"),
    "a message that did not arrive": (
        deliveries.every_mail_once, lambda facts: replace(facts, messages=[]), "did not arrive"),
    "a message that arrived twice": (
        deliveries.every_mail_once, lambda facts: replace(facts, messages=[*facts.messages, facts.messages[0]]),
        "arrived 2 times"),
    "a message of which the ledger knows nothing": (
        deliveries.every_mail_once,
        lambda facts: replace(facts, messages=[*facts.messages, replace(facts.messages[0], key="stray")]),
        "message stray is not in the ledger"),
    "a notice that still waits": (
        deliveries.every_mail_once,
        with_notices(lambda notices: [replace(notices[0], state="pending"), *notices[1:]]), "is pending"),
    "a mail that was perhaps sent twice": (
        deliveries.every_mail_once,
        with_notices(lambda notices: [replace(notices[0], maybe_doubled=True), *notices[1:]]), "maybe doubled"),
    "a notice that was not published": (
        deliveries.every_mail_once, without_record("notifications.notification-delivered.v2"), "delivered 0 times"),
    "a notice that failed": (deliveries.every_mail_once, failed_notice, "failed"),
    "a name on an ordinary topic": (
        deliveries.nobody_is_named,
        lambda facts: changed_record(
            "registration.registration-opened.v1", value=naming(facts.records[0])
        )(facts), "registration.events names somebody"),
    "a name in a mail": (
        deliveries.nobody_is_named,
        lambda facts: replace(facts, mails=[replace(facts.mails[0], text="Tentang Somebody 02")]), "a mail names"),
    "a name in a message": (
        deliveries.nobody_is_named,
        lambda facts: replace(facts, messages=[replace(facts.messages[0], text="Somebody 02")]), "a message names"),
}  # fmt: skip


def test_every_check_holds_when_all_went_well() -> None:
    verdicts = judged(the_facts())

    assert [(verdict.name, verdict.problems) for verdict in verdicts if not verdict.holds] == []
    assert all(verdict.numbers for verdict in verdicts)


@pytest.mark.parametrize("what", BROKEN)
def test_a_check_fails_when_its_fact_is_broken(what: str) -> None:
    check, break_it, words = BROKEN[what]

    verdict = check(break_it(the_facts()))

    assert not verdict.holds
    assert any(words in problem for problem in verdict.problems), verdict.problems


def test_each_check_is_broken_by_some_example() -> None:
    assert {check for check, _, _ in (*BROKEN.values(), *nights.BROKEN.values())} == set(CHECKS)


def test_only_the_first_problems_are_shown() -> None:
    verdict = Verdict.on("many", numbers="", problems=[f"problem {number}" for number in range(8)])

    assert len(verdict.shown_problems) == 6
    assert verdict.shown_problems[-1] == "and 3 more"
