"""R4: a delivery, everything that it caused and the offset that passes it stand in one transaction."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.checker.causes import CASE_TABLES, facts_of, named_effects, names_of_events
from tests.faults.checker.contract import (
    ANCHORED,
    CASE_FACTS,
    DETAILS,
    FIRST_CHECK_IN,
    REGISTERED,
    SETTLED_NOTICES,
    SUPERVISION_FACTS,
)
from tests.faults.checker.effects import header
from tests.faults.checker.folder import Run
from tests.faults.checker.history import Entry, Handled, Timeline, Work
from tests.faults.checker.records import Record
from tests.faults.checker.verdict import Sight

SETTLING = frozenset({"retry", "discard", "correct"})
"""What an operator does to a dead letter that changes it."""


def look(run: Run, sight: Sight) -> None:
    """Look at every transaction of every timeline."""
    for service in run.services:
        for timeline in run.timelines[service]:
            names = names_of_events(run, timeline)
            for work in timeline.new_works:
                _look_at_handled(run, timeline, work, sight)
                _look_at_letters(run, timeline, work, sight)
                _look_at_effects(timeline, work, names, sight)
                _look_at_states(timeline, work, sight)
                _look_at_numbers(timeline, work, sight)


def _look_at_handled(run: Run, timeline: Timeline, work: Work, sight: Sight) -> None:
    """What was handled has its offset, or its letter, and its effect in the same transaction."""
    for key, handled in work.handled.items():
        sight.look()
        topics = run.topics_of(timeline.service)
        copies = [record for record in run.log.by_event.get(key, ()) if record.topic in topics]
        settled = [entry for entry in work.of("dead_letter", "UPDATE") if entry.get("event_key") == key]
        if not settled and not _is_passed(run, work, copies):
            places = ", ".join(str(record.place) for record in copies)
            sight.wrong(timeline.service, key, f"handled in {work.xid} without the offset that passes it ({places})")
        if handled.outcome == "applied" and copies and not _has_effect(timeline.service, work, handled, copies[0]):
            evidence = f"applied in {work.xid} without an effect there: {copies[0].type} of {copies[0].key}"
            sight.wrong(timeline.service, key, evidence)


def _is_passed(run: Run, work: Work, copies: Sequence[Record]) -> bool:
    stored = _offsets_of(run, work)
    return any(stored.get((record.topic, record.partition), 0) > record.offset for record in copies)


def _offsets_of(run: Run, work: Work) -> Mapping[tuple[str, int], int]:
    prefix = run.about["prefix"]
    return {
        (entry.get("topic").removeprefix(prefix), entry.get("partition")): entry.get("next_offset")
        for entry in work.of("consumer_offset", "INSERT", "UPDATE")
    }


def _look_at_letters(run: Run, timeline: Timeline, work: Work, sight: Sight) -> None:
    """What was set aside has its offset and the keys that it holds; keys are released where a letter is settled."""
    service, prefix = timeline.service, run.about["prefix"]
    held = {entry.get("key") for entry in work.of("held_key", "INSERT", "UPDATE")}
    for letter in work.of("dead_letter", "INSERT"):
        sight.look()
        place = (letter.get("topic").removeprefix(prefix), letter.get("partition"))
        if _offsets_of(run, work).get(place, 0) <= letter.get("record_offset"):
            evidence = f"set aside in {work.xid} without the offset that passes {letter.get('record_offset')}"
            sight.wrong(service, letter.get("event_key"), evidence)
        unheld = set(letter.get("order_keys")) - held
        if unheld:
            sight.wrong(service, letter.get("event_key"), f"set aside in {work.xid} without holding {sorted(unheld)}")
    settled = {entry.get("dead_letter_id") for entry in work.of("dead_letter", "UPDATE")}
    for release in work.of("held_key", "DELETE"):
        sight.look()
        if not settled:
            sight.wrong(service, release.get("key"), f"released in {work.xid}, where no letter was settled")
    for act in work.of("operator_act", "INSERT"):
        sight.look()
        if act.get("act") in SETTLING and act.get("dead_letter_id") not in settled:
            sight.wrong(service, act.get("dead_letter_id"), f"{act.get('act')} in {work.xid}, and its letter stays")


def _has_effect(service: str, work: Work, handled: Handled, record: Record) -> bool:
    """Whether the transaction holds what an applied event of this kind always changes."""
    value: Mapping[str, Any] = record.value if isinstance(record.value, dict) else {}
    if service == "registration":
        names = {name for name, what in named_effects(work) if what.startswith("timeline")}
        return record.cause_name in names
    if record.type == REGISTERED:
        table = "supervision" if service == "supervision" else "case_fact"
        column = "client_id" if service == "supervision" else "registration_id"
        return any(entry.get(column) == value.get(column) for entry in work.of(table))
    if record.type == DETAILS:
        table = "client_contact" if service == "supervision" else "client_reach"
        return any(entry.get("client_id") == record.key for entry in work.of(table))
    if record.type == FIRST_CHECK_IN:
        return any(entry.get("client_id") == record.key for entry in work.of("client_reach"))
    if record.type in CASE_FACTS:
        return any(entry.get("registration_id") == record.key for entry in work.of("case_fact"))
    return any(name == record.id for name, _ in named_effects(work))


def _look_at_effects(timeline: Timeline, work: Work, names: Mapping[str, frozenset[str]], sight: Sight) -> None:
    """What names an event as its cause stands where the event was applied."""
    for name, what in named_effects(work):
        if name not in names:
            continue
        sight.look()
        applied = [work.handled[key] for key in names[name] if key in work.handled]
        if not any(handled.outcome == "applied" for handled in applied):
            sight.wrong(timeline.service, name, f"{what} in {work.xid}, where this event was not applied")
    if not (_laid_down(work) or work.is_told or work.is_asked or work.fires_clocks or _is_a_round_of_post(work)):
        for what in _uncaused(timeline.service, work):
            sight.look()
            sight.wrong(timeline.service, work.xid, f"{what}, and nothing in the transaction that causes it")


def _laid_down(work: Work) -> bool:
    """Whether it is what the tables held before anybody worked: the lab notes that under the number 0."""
    return str(work.xid) == "0"


def _is_a_round_of_post(work: Work) -> bool:
    """Whether notices were claimed, settled or read, which needs no message, person or clock of a case."""
    return work.has("notification", "UPDATE") and not work.has("notification", "INSERT")


def _is_anchored(work: Work, fact: Entry) -> bool:
    """Whether the head of a trail that a fact tells is kept in the same transaction."""
    return any(entry.get("anchor_id") == fact.get("key") for entry in work.of("audit_anchor", "INSERT"))


def _uncaused(service: str, work: Work) -> Iterator[str]:
    for table in sorted(CASE_TABLES.get(service, frozenset()) & work.tables.keys()):
        yield f"{table} changed"
    if work.has("timer", "INSERT", "UPDATE"):
        yield "a clock was set"
    for entry in facts_of(work):
        if header(entry, "ce_type").endswith(ANCHORED) and _is_anchored(work, entry):
            continue
        yield f"fact {header(entry, 'ce_type')} of {entry.get('key')}"


KEPT_WITH: Mapping[str, tuple[str, str]] = {
    "timeline": ("registration", "registration_id"),
    "check_in": ("supervision", "client_id"),
}
"""Tables whose rows tell of a change of a state, the table of that state, and the column of its key."""


def _look_at_states(timeline: Timeline, work: Work, sight: Sight) -> None:
    """Whatever tells of a change stands beside the change; a state goes from one version to the next."""
    for told, (table, column) in KEPT_WITH.items():
        states = {entry.get(column) for entry in work.of(table)}
        for entry in work.of(told, "INSERT"):
            sight.look()
            if entry.get(column) not in states:
                sight.wrong(timeline.service, entry.get(column), f"{told} in {work.xid}, and {table} did not change")
    for table in sorted(CASE_TABLES.get(timeline.service, frozenset())):
        for entry in work.of(table, "UPDATE"):
            before, after = entry.old.get("version"), entry.row.get("version")
            if before is None or after is None:
                continue
            sight.look()
            if after != before + 1:
                sight.wrong(timeline.service, work.xid, f"{table} went from version {before} to {after}")
    _look_at_sequences(timeline, work, sight)


STATE_OF: Mapping[str, tuple[frozenset[str], str, str]] = {
    "registration": (CASE_FACTS, "registration", "registration_id"),
    "supervision": (SUPERVISION_FACTS, "supervision", "client_id"),
    "notifications": (SETTLED_NOTICES, "notification", "notification_id"),
}
"""By service, the facts whose subject is the key of a state, the table of that state, and the column of its key."""


def _look_at_sequences(timeline: Timeline, work: Work, sight: Sight) -> None:
    """Facts bear the numbers by which the state that they tell of was counted up in the same transaction."""
    types, table, column = STATE_OF.get(timeline.service, (frozenset(), "", ""))
    told: dict[str, list[int]] = defaultdict(list)
    for fact in facts_of(work):
        if header(fact, "ce_type") in types:
            told[fact.get("key")].append(int(header(fact, "ce_sequence") or 0))
    states: dict[str, list[Entry]] = defaultdict(list)
    for entry in work.of(table, "INSERT", "UPDATE"):
        states[entry.get(column)].append(entry)
    for subject, numbers in told.items():
        sight.look()
        if subject not in states:
            sight.wrong(timeline.service, subject, f"facts {numbers} in {work.xid}, and {table} did not change")
            continue
        before, after = states[subject][0].old.get("sequence") or 0, states[subject][-1].get("sequence")
        if not all(before < number <= after for number in numbers):
            sight.wrong(timeline.service, subject, f"facts {numbers} in {work.xid}, counted from {before} to {after}")


def _look_at_numbers(timeline: Timeline, work: Work, sight: Sight) -> None:
    """A number is taken from its counter in the transaction that enters it."""
    for entry in work.of("register_entry", "INSERT"):
        sight.look()
        name = f"{entry.get('unit')}|{entry.get('register')}|{entry.get('year')}"
        counted = [row.get("last_seq") for row in work.of("register_counter") if row.get("counter") == name]
        if not any(last >= entry.get("seq") for last in counted):
            sight.wrong(timeline.service, entry.get("number"), f"entered in {work.xid}, where its counter stood still")
