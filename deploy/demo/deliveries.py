"""The checks on messages: every event once and in order, every inbox complete, every alert and every mail once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from contracts.catalogue import HANDLED, TOPICS, UPSTREAM, consumed_by
from contracts.notifications import NotificationDeliveredV2, NotificationFailedV2
from contracts.registration import ClientDetails, FirstContactOverdue
from contracts.roles import Role
from deploy.demo.facts import Facts, Notice, key_of
from deploy.demo.scenario import Do, Outcome, What
from deploy.demo.topics import Record
from deploy.demo.verdict import Verdict

RUNGS: Final = (24, 48, 72)
EMAIL, IN_APP, GATEWAY = "EMAIL", "IN_APP", "GATEWAY"
OPEN: Final = ("parked", "waiting")
DUTY: Final = frozenset({Role.PROBATION_OFFICER, Role.ASSISTANT_OFFICER})
TOLD: Final[Mapping[int, tuple[frozenset[Role], ...]]] = {
    24: (DUTY,),
    48: (frozenset({Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD}),),
    72: (frozenset({Role.HEAD}), DUTY),
}
"""Who must be among those told of each rung: one of each of these groups."""


def every_event_once_and_in_order(facts: Facts) -> Verdict:
    """Each event on our topics has an id of its own, and those of one matter are numbered 1, 2, 3 ... in order."""
    ours = [record for record in facts.records if TOPICS[record.topic].publisher not in UPSTREAM]
    ids = Counter((record.source, record.id) for record in ours)
    problems = [
        f"{event_id} of {source} is there {count} times" for (source, event_id), count in ids.items() if count > 1
    ]
    matters: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(ours, key=lambda record: record.sequence or 0):
        if not _is_outside_the_count(record):
            matters.setdefault((TOPICS[record.topic].publisher, _matter_of(record)), []).append(record)
    for (publisher, matter), records in matters.items():
        numbers = [record.sequence for record in records]
        if numbers != list(range(1, len(numbers) + 1)):
            problems.append(f"{publisher} numbered {matter}: {numbers}")
    problems += _out_of_order(ours)
    words = f"{len(ours)} events of {len(matters)} matters on {len({record.topic for record in ours})} topics"
    return Verdict.on("every event exists once, numbered without a gap, in order", numbers=words, problems=problems)


def _matter_of(record: Record) -> str:
    """Whose count an event belongs to: of a client's details that of the registration which tells them."""
    if record.type == ClientDetails.type:
        return str(record.data.get("registration_id"))
    return record.subject or ""


def _is_outside_the_count(record: Record) -> bool:
    """A tombstone repeats the number of the event beside it; a reminder of a dead letter repeats the letter's."""
    return record.value is None or record.data.get("reminder") is True


def _out_of_order(records: Sequence[Record]) -> Iterator[str]:
    last: dict[tuple[str, int, str], int] = {}
    for record in sorted(records, key=lambda record: (record.topic, record.partition, record.offset)):
        place = (record.topic, record.partition, record.key or "")
        if (record.sequence or 0) < last.get(place, 0):
            yield f"{record.topic}: number {record.sequence} of {record.key} lies behind a later one"
        last[place] = record.sequence or 0


def every_outbox_is_empty(facts: Facts) -> Verdict:
    """Nothing waits to be sent, nothing is held, no dead letter is open."""
    problems = [
        f"{store.outbox} messages in the outbox of {name}" for name, store in facts.stores.items() if store.outbox
    ]
    problems += [f"{store.held_keys} held keys in {name}" for name, store in facts.stores.items() if store.held_keys]
    problems += [
        f"a dead letter of {name} is {letter.state}"
        for name, store in facts.stores.items()
        for letter in store.letters
        if letter.state in OPEN
    ]
    settled = sum(len(store.letters) for store in facts.stores.values())
    numbers = f"{len(facts.stores)} outboxes, {settled} deliveries that were set aside and settled"
    return Verdict.on("outboxes are empty, nothing is held or set aside", numbers=numbers, problems=problems)


def every_inbox_is_complete(facts: Facts) -> Verdict:
    """Each service has one inbox row for each event that it should have handled, and no other."""
    problems: list[str] = []
    counted = []
    for service, store in facts.stores.items():
        topics = {topic.name for topic in consumed_by(service)}
        types = {event.type for event in HANDLED[service]}
        expected = {key_of(record) for record in facts.records if record.topic in topics and record.type in types}
        present = set(store.inbox) | {letter.event_key for letter in store.letters if letter.state in OPEN}
        counted.append(f"{service} {len(store.inbox)} of {len(expected)}")
        problems += [f"{service} has not handled {one}" for one in expected - present]
        problems += [f"{service} has handled {one}, which is on no topic" for one in present - expected]
    return Verdict.on("inbox rows are exactly the events consumed", numbers=", ".join(counted), problems=problems)


@dataclass(frozen=True)
class Overdue:
    """The rungs that a case must have passed, by the sheets alone."""

    rungs: tuple[int, ...]
    escalated: tuple[int, ...]
    """Of rungs that were noticed together only the highest is told."""


def overdue_of(facts: Facts) -> dict[UUID, Overdue]:
    """Which rungs each case passed: released, and neither met nor taken back for so many hours."""
    found = {}
    for case, registration in facts.scenario.registrations.items():
        span = _waited(facts, case)
        if span is None:
            continue
        released_at, known_at, until = span
        due = {hours: released_at + timedelta(hours=hours) for hours in RUNGS}
        passed = tuple(hours for hours in RUNGS if due[hours] <= until)
        late = tuple(hours for hours in passed if due[hours] <= known_at)
        escalated = (*late[-1:], *(hours for hours in passed if hours not in late))
        if passed:
            found[registration] = Overdue(passed, escalated)
    return found


def _waited(facts: Facts, case: str) -> tuple[datetime, datetime, datetime] | None:
    """From when somebody was out, since when the office knew, and until when nobody had met them."""
    reports = [r for r in facts.scenario.reports if r.case == case and r.expect in _BELIEVED]
    releases = [r for r in reports if r.what in {What.RELEASED, What.CORRECTED}]
    if not releases:
        return None
    acts = [act for act in facts.scenario.acts if act.case == case]
    mended = [act for act in acts if act.do is Do.MEND]
    stops = [act.at for act in acts if act.do in {Do.CONTACT, Do.WALK_IN}]
    stops += [r.at for r in reports if r.what is What.CANCELLED]
    # The last revision counts from the moment of release that it gives.
    newest = max(releases, key=lambda report: int(report.cells["revision"]))
    known_at = mended[0].at if mended else releases[0].at
    return datetime.fromisoformat(newest.cells["released_at"]), known_at, min([*stops, facts.ended_at])


_BELIEVED: Final = (Outcome.APPLIED, Outcome.CORRECTED, Outcome.FOLLOWED)


def every_rung_once(facts: Facts) -> Verdict:
    """Each of 24, 48, 72 hours was noticed once per overdue case, and told to whoever must act, by both ways."""
    expected = overdue_of(facts)
    records = facts.records_of(FirstContactOverdue.type)
    found = Counter((UUID(record.subject or ""), int(record.data["hours"])) for record in records)
    wanted = {(one, hours) for one, overdue in expected.items() for hours in overdue.rungs}
    problems = [
        f"{facts.case_name(one)}: {hours} hours were noticed {found[one, hours]} times"
        for one, hours in wanted | found.keys()
        if found[one, hours] != int((one, hours) in wanted)
    ]
    told = 0
    for one, overdue in expected.items():
        for hours in RUNGS:
            notices = [n for n in facts.notices if n.about == one and n.occasion == f"unseen-{hours}"]
            told += len(notices)
            if hours in overdue.escalated:
                problems += _untold(f"{facts.case_name(one)}: {hours} hours", notices, TOLD[hours], facts)
            elif notices:
                problems.append(f"{facts.case_name(one)}: {hours} hours were told and should not have been")
    numbers = f"{len(expected)} cases, {found.total()} rungs, {told} notices"
    problems += _doubled(facts.notices)
    return Verdict.on("24, 48 and 72 hours were noticed and told once each", numbers=numbers, problems=problems)


def _untold(what: str, notices: Sequence[Notice], groups: Sequence[frozenset[Role]], facts: Facts) -> Iterator[str]:
    ways: dict[str, set[str]] = {}
    for notice in notices:
        ways.setdefault(notice.recipient, set()).add(notice.channel)
    roles = {facts.reference.officers[code].role for code in ways if code in facts.reference.officers}
    for group in groups:
        if not roles & group:
            yield f"{what}: nobody of {', '.join(sorted(group))} was told"
    for code, channels in ways.items():
        if channels not in ({EMAIL, IN_APP}, {GATEWAY, IN_APP}):
            yield f"{what}: {code} was told by {', '.join(sorted(channels))} only"


def _doubled(notices: Sequence[Notice]) -> Iterator[str]:
    alerts = Counter((n.about, n.occasion, n.recipient, n.channel) for n in notices if n.occasion.startswith("unseen-"))
    yield from (f"{who} was told of {what} {count} times" for (_, what, who, _), count in alerts.items() if count > 1)


def _astray(what: str, owed: AbstractSet[str], arrived: Counter[str]) -> Iterator[str]:
    yield from (f"{what} {one} arrived {count} times" for one, count in arrived.items() if count > 1)
    yield from (f"{what} {one} is not in the ledger" for one in arrived.keys() - owed)
    yield from (f"{what} {one} of the ledger did not arrive" for one in owed - arrived.keys())


def every_mail_once(facts: Facts) -> Verdict:
    """Each mail and message of the ledger arrived once, none that is not in it, and each notice was published once."""
    mails = {(n.message_id or "").strip("<>") for n in facts.notices if n.channel == EMAIL}
    parcels = {str(notice.parcel) for notice in facts.notices if notice.channel == GATEWAY}
    arrived = Counter(mail.message_id for mail in facts.mails)
    problems = [*_astray("mail", mails, arrived)]
    problems += _astray("message", parcels, Counter(message.key for message in facts.messages))
    problems += [
        f"notice {notice.notification_id} is {notice.state}{' and maybe doubled' if notice.maybe_doubled else ''}"
        for notice in facts.notices
        if notice.state != "delivered" or notice.maybe_doubled
    ]
    delivered = Counter(UUID(record.subject or "") for record in facts.records_of(NotificationDeliveredV2.type))
    problems += [
        f"notice {one} was published as delivered {delivered[one]} times"
        for one in {notice.notification_id for notice in facts.notices} | delivered.keys()
        if delivered[one] != 1
    ]
    problems += [f"notice {record.subject} failed" for record in facts.records_of(NotificationFailedV2.type)]
    in_app = sum(notice.channel == IN_APP for notice in facts.notices)
    numbers = (
        f"{len(mails)} mails in the ledger, {arrived.total()} in the mailbox, {len(facts.messages)} messages, "
        f"{in_app} notices in the application"
    )
    return Verdict.on("every mail arrived exactly once, as in the ledger", numbers=numbers, problems=problems)


def nobody_is_named(facts: Facts) -> Verdict:
    """No name and no telephone number is on an ordinary topic of ours or in a mail."""
    words = _personal_words(facts)
    ordinary = [
        record
        for record in facts.records
        if TOPICS[record.topic].carrier == "events" and TOPICS[record.topic].publisher not in UPSTREAM
    ]
    problems = [
        f"a record of {record.topic} names somebody"
        for record in ordinary
        if any(word in (record.value or b"") or word in (record.key or "").encode() for word in words)
    ]
    problems += ["a mail names somebody" for mail in facts.mails if any(word in mail.text.encode() for word in words)]
    problems += [
        "a message names somebody" for one in facts.messages if any(word in one.text.encode() for word in words)
    ]
    numbers = f"{len(words)} names and numbers sought in {len(ordinary)} events and {len(facts.mails)} mails"
    return Verdict.on("no person is named outside the restricted topics", numbers=numbers, problems=problems)


def _personal_words(facts: Facts) -> frozenset[bytes]:
    columns = ("name", "phone", "guarantor_name", "guarantor_phone", "prison_register_no", "decree_no")
    return frozenset(
        report.cells[column].encode() for report in facts.scenario.reports for column in columns if report.cells[column]
    )
