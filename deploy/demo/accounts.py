"""The checks on people: every report has one outcome, every client is somewhere, every number is given once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from contracts.catalogue import topics_of
from contracts.envelope import event_key
from contracts.lapas import client_id_of
from contracts.registration import ClientRegistered, RegistrationOpened
from contracts.supervision import FirstCheckInScheduled, SupervisionOpened
from deploy.demo.doors import Sent
from deploy.demo.facts import Case, Entry, Facts
from deploy.demo.scenario import NOT_REGISTERED, Door, Outcome, What
from deploy.demo.verdict import Verdict

REGISTERED: Final = "registered"
EXCEPTIONS: Final = ("tracing", "conflict", "cancelled", "closed", "handed_on")
"""States in which a client is neither registered nor waited for by a clock, each with a name and somebody who knows."""


def every_report_has_one_outcome(facts: Facts) -> Verdict:
    """Each row of the sheet was applied, or known, or refused ...: one of these, and the one that was expected."""
    outcomes = outcomes_of(facts)
    on_topics = sum(record.topic in {topic.name for topic in topics_of("lapas")} for record in facts.records)
    published = sum(sent.report.door is Door.KAFKA for sent in facts.sent)
    problems = [
        f"row {sent.report.row} ({sent.report.door}) was {outcome}, not {sent.report.expect}"
        for sent, outcome in zip(facts.sent, outcomes, strict=True)
        if outcome is not sent.report.expect
    ]
    rows = Counter(sent.report.row for sent in facts.sent)
    problems += [f"row {row} went through a door {count} times" for row, count in rows.items() if count > 1]
    problems += [f"row {report.row} was never sent" for report in facts.scenario.reports if report.row not in rows]
    if on_topics != published:
        problems.append(f"{published} reports were published and {on_topics} lie on the topics")
    counted = Counter(outcome.value for outcome in outcomes)
    numbers = f"{len(outcomes)} reports: " + ", ".join(f"{count} {word}" for word, count in counted.most_common())
    return Verdict.on("every report has exactly one outcome", numbers=numbers, problems=problems)


def outcomes_of(facts: Facts) -> list[Outcome]:
    """What became of each report: as the door said, or for Kafka as the database of registration shows."""
    seen: Counter[UUID] = Counter()
    return [sent.answer or _outcome_in_database(sent, facts, seen) for sent in facts.sent]


def _outcome_in_database(sent: Sent, facts: Facts, seen: Counter[UUID]) -> Outcome:
    key = event_key(sent.source or "", sent.event_id or "")
    seen[key] += 1
    store = facts.stores["registration"]
    handled = store.inbox.get(key)
    letters = [letter for letter in store.letters if letter.event_key == key]
    if len(letters) > 1 or any((letter.state in {"parked", "waiting"}) == (handled is not None) for letter in letters):
        return Outcome.DOUBLED
    if handled is None:
        return Outcome.LOST
    if seen[key] > 1:
        return Outcome.DUPLICATE
    if letters:
        return Outcome.FOLLOWED if letters[0].kind == "held" else Outcome.CORRECTED
    return Outcome.APPLIED if handled == "applied" else Outcome.IRRELEVANT


def every_registration_once(facts: Facts) -> Verdict:
    """Each case that should become a registration became one, and was opened once."""
    expected = {facts.scenario.registrations[end.case] for end in facts.scenario.ends if end.ends_as != NOT_REGISTERED}
    found = Counter(case.registration_id for case in facts.cases if case.bound_to is None)
    opened = Counter(UUID(record.subject or "") for record in facts.records_of(RegistrationOpened.type))
    released = {
        facts.scenario.registrations[report.case] for report in facts.scenario.reports if _releases(report.what)
    }
    problems = [f"{facts.case_name(one)} is missing" for one in expected - found.keys()]
    problems += [f"{facts.case_name(one)} should not be there" for one in found.keys() - expected]
    problems += [f"{facts.case_name(one)} is there {count} times" for one, count in found.items() if count > 1]
    problems += [
        f"{facts.case_name(one)} was opened {opened[one]} times"
        for one in expected | opened.keys()
        if opened[one] != int(one in released and one in expected)
    ]
    numbers = f"{len(expected)} expected, {len(found)} found, {opened.total()} opened by a release"
    return Verdict.on("every expected registration exists exactly once", numbers=numbers, problems=problems)


def _releases(what: What) -> bool:
    return what in {What.RELEASED, What.CORRECTED}


def every_client_is_accounted_for(facts: Facts) -> Verdict:
    """Each client is registered, or waited for with a running clock, or a named exception, as was expected."""
    standing = {case: _standing(case) for case in facts.cases if case.bound_to is None}
    ends = {facts.scenario.registrations[end.case]: end.ends_as for end in facts.scenario.ends}
    problems = [
        f"{facts.case_name(case.registration_id)} is {case.status} and no clock runs"
        for case, word in standing.items()
        if word is None
    ]
    problems += [
        f"{facts.case_name(case.registration_id)} is {case.status}, not {ends.get(case.registration_id)}"
        for case in standing
        if case.status != ends.get(case.registration_id)
    ]
    counted = Counter(word for word in standing.values() if word is not None)
    numbers = ", ".join(f"{count} {word}" for word, count in counted.most_common())
    return Verdict.on("every client is registered, waited for or a named exception", numbers=numbers, problems=problems)


def _standing(case: Case) -> str | None:
    if case.status == REGISTERED:
        return REGISTERED
    if case.status in EXCEPTIONS:
        return case.status.replace("_", " ")
    return "waited for with a running clock" if case.clocks else None


def every_number_once(facts: Facts) -> Verdict:
    """The numbers of each register are 1, 2, 3 ... without a gap, and each registered client has exactly one."""
    registers: dict[str, list[Entry]] = {}
    for entry in facts.entries:
        registers.setdefault(f"{entry.unit}|{entry.register}|{entry.year}", []).append(entry)
    problems = [
        f"{register}: {given}, and the counter says {facts.counters.get(register, 0)}"
        for register, entries in _by_register(registers, facts.counters).items()
        if (given := sorted(entry.seq for entry in entries)) != list(range(1, facts.counters.get(register, 0) + 1))
    ]
    numbers = Counter(entry.number for entry in facts.entries)
    problems += [f"{number} was given {count} times" for number, count in numbers.items() if count > 1]
    owners = Counter(entry.registration_id for entry in facts.entries if not entry.void)
    registered = {case.registration_id for case in facts.cases if case.status == REGISTERED}
    problems += [f"{facts.case_name(one)} has {owners[one]} numbers" for one in registered if owners[one] != 1]
    problems += [
        f"{facts.case_name(one)} has a number and is not registered"
        for one in owners
        if one is not None and one not in registered
    ]
    words = f"{len(facts.entries)} numbers in {len(registers)} registers"
    return Verdict.on("register numbers have no gap and no double", numbers=words, problems=problems)


def _by_register(registers: Mapping[str, list[Entry]], counters: Mapping[str, int]) -> dict[str, list[Entry]]:
    return {register: registers.get(register, []) for register in {*registers, *counters}}


def every_client_is_guided_once(facts: Facts) -> Verdict:
    """Each ClientRegistered led to one supervision that knows when the client reports first."""
    registered = [_uuid(record.data.get("client_id")) for record in facts.records_of(ClientRegistered.type)]
    problems = list(_not_once("registered", registered, facts))
    for word, clients in (
        ("supervisions", facts.supervisions),
        ("first reports", facts.check_ins),
        ("SupervisionOpened", _clients(facts, SupervisionOpened.type)),
        ("FirstCheckInScheduled", _clients(facts, FirstCheckInScheduled.type)),
    ):
        counted, wanted = Counter(clients), set(registered)
        problems += [f"{word}: client {one} has {counted[one]}" for one in wanted if counted[one] != 1]
        problems += [f"{word}: client {one} was never registered" for one in counted.keys() - wanted]
    numbers = (
        f"{len(registered)} registered, {len(facts.supervisions)} supervisions, {len(facts.check_ins)} first reports"
    )
    return Verdict.on("every registered client is guided exactly once", numbers=numbers, problems=problems)


def _not_once(word: str, clients: Sequence[UUID], facts: Facts) -> Iterator[str]:
    counted = Counter(clients)
    wanted = {client_id_of(case.registration_id) for case in facts.cases if case.status == REGISTERED}
    yield from (f"client {one} was {word} {counted[one]} times" for one in wanted if counted[one] != 1)
    yield from (f"client {one} was {word} and the case is not" for one in counted.keys() - wanted)


def _clients(facts: Facts, event_type: str) -> list[UUID]:
    return [_uuid(record.subject) for record in facts.records_of(event_type)]


def _uuid(text: object) -> UUID:
    return UUID(str(text))
