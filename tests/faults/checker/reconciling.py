"""R9: the services agree, and everybody who was released is registered, awaited with a clock, or a named exception."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from tests.faults.checker.contract import (
    ANNOUNCEMENTS,
    CANCELLATIONS,
    CASE_FACTS,
    ENDED,
    NOT_RELEASED,
    OPEN_LETTER,
    REGISTERED,
    RELEASES,
    WAITS_TO_SUBMIT,
)
from tests.faults.checker.folder import Row, Run
from tests.faults.checker.outcomes import place_of
from tests.faults.checker.records import Record
from tests.faults.checker.verdict import Sight

REGISTRATION, SUPERVISION, NOTIFICATIONS = "registration", "supervision", "notifications"
OK, NOT_FOUND = 200, 404
FULL_TERM: Final = "full_term"
DENIALS: Final = frozenset({"NOT_RELEASED", "WRONG_PERSON"})
STANDING_AFTER: Final = {
    "registration.registration-announced.v1": {"announced"},
    "registration.release-unconfirmed.v1": {"unconfirmed", "announced"},
    "registration.registration-opened.v1": {"open"},
    "registration.registration-cancelled.v1": {"ended"},
    "registration.registration-closed.v1": {"ended"},
    "registration.client-handed-on.v1": {"ended"},
}
"""How far a case has come for notifications, by the last of these facts; another announced day undoes a silence."""


class _Persons:
    """Everybody whom a prison has released, with what became of their reports and of their case."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.cases = {row["release_id"]: row for row in run.rows(REGISTRATION, "registration")}
        self._inbox = {row["event_key"]: row for row in run.rows(REGISTRATION, "inbox")}
        letters = run.rows(REGISTRATION, "dead_letter")
        self._letters = {row["event_key"]: row for row in letters}
        self._placed = {place_of(row, run.about["prefix"]): row for row in letters}
        self.timers: dict[str, set[str]] = defaultdict(set)
        for row in run.rows(REGISTRATION, "timer"):
            self.timers[row["subject"]].add(row["kind"])

    def reports(self) -> Iterator[tuple[str, list[Record]]]:
        """The readable reports on the topics of the prisons, by release; each event once."""
        found: dict[str, dict[str, Record]] = defaultdict(dict)
        for record in self._run.records:
            if record.topic in self._run.topics_of(REGISTRATION) and record.reading(REGISTRATION) == "event":
                found[record.key or ""].setdefault(record.event_key or "", record)
        for release, events in found.items():
            yield release, list(events.values())

    def outcome(self, record: Record) -> str:
        """How a report ended."""
        key = record.event_key or ""
        # Of two records under one id the second has a letter of its own, which only its place tells.
        letter = self._placed.get(record.place, self._letters.get(key))
        if letter is not None and letter["state"] in OPEN_LETTER:
            return f"set aside ({letter['kind']})"
        row = self._inbox.get(key if letter is None else letter["event_key"])
        return "lost" if row is None else str(row["outcome"])


def look(run: Run, sight: Sight) -> None:
    """Reconcile registration with what the prisons said, and the other two with registration, once all is quiet."""
    if REGISTRATION not in run.services or not run.is_quiet:
        return
    persons = _Persons(run)
    counted: Counter[str] = Counter()
    for release, reports in persons.reports():
        outcomes = {record: persons.outcome(record) for record in reports}
        case = persons.cases.get(release)
        if any(record.type == RELEASES for record in reports):
            sight.look()
            counted[_standing(case, outcomes, sight, release)] += 1
        if case is not None:
            _look_at_kept(case, outcomes, sight)
    for case in persons.cases.values():
        sight.look()
        clocks = persons.timers[case["registration_id"]]
        problem = _missing_clock(case, clocks)
        if problem is not None:
            evidence = f"{case['status']}, and {problem}: clocks {sorted(clocks)}"
            sight.wrong(REGISTRATION, case["release_id"], evidence)
    sight.note("released", ", ".join(f"{count} {name}" for name, count in sorted(counted.items())))
    if SUPERVISION in run.services:
        _look_at_supervision(run, sight)
    if NOTIFICATIONS in run.services:
        _look_at_notifications(run, sight)
    _look_at_answers(run, sight)


def _standing(case: Row | None, outcomes: Mapping[Record, str], sight: Sight, release: str) -> str:
    """Under which name a released person is accounted for; nobody may be left over."""
    released = {record: outcome for record, outcome in outcomes.items() if record.type == RELEASES}
    if "lost" in released.values():
        sight.wrong(REGISTRATION, release, "a release was reported and came to nothing")
        return "lost"
    taken = [record for record, outcome in released.items() if outcome == "applied"]
    if case is not None:
        return str(case["status"])
    if any((record.value or {}).get("release_type") != FULL_TERM for record in taken):
        sight.wrong(REGISTRATION, release, "a release was applied, and there is no registration")
        return "lost"
    # A full term that ends another announcement opens no case of its own.
    return "nobody to guide" if taken else min(released.values())


def _missing_clock(case: Row, clocks: set[str]) -> str | None:
    """Which clock should run in this state and does not."""
    status = case["status"]
    if status in {"released", "contact_overdue"} and "first-contact" not in clocks:
        return "nobody waits for the first contact"
    silent = status in NOT_RELEASED and case["released_at"] is None and case["announcement"] is not None
    if silent and case["unconfirmed_on"] is None and "release-unconfirmed" not in clocks:
        return "nobody asks the prison"
    tracing = case.get("tracing") or {}
    if status == "tracing":
        for kind, done, missed in (
            ("tracing-calls", "called_at", "calls_missed"),
            ("tracing-visit", "visited_at", "visit_missed"),
        ):
            if not tracing.get(done) and not tracing.get(missed) and kind not in clocks:
                return f"{kind} is neither done nor missed"
    waits = status in WAITS_TO_SUBMIT and case["submission_from"] is not None and not case["submission_overdue"]
    if waits and "submission" not in clocks:
        return "nobody waits for the submission"
    if (status in ENDED or status == "registered") and clocks:
        return "it is over"
    return None


def _look_at_kept(case: Row, outcomes: Mapping[Record, str], sight: Sight) -> None:
    """The latest revision of each kind of report that was applied stands in the case, or a later one does."""
    latest: dict[str, int] = {}
    for record, outcome in outcomes.items():
        if outcome == "applied" and isinstance(record.value, dict):
            kind = _kept_as(record)
            latest[kind] = max(latest.get(kind, 0), int(record.value.get("revision", 1)))
    for kind, revision in latest.items():
        sight.look()
        kept = (case.get(kind) or {}).get("revision", 1 if case.get(kind) else 0)
        if kept < revision:
            sight.wrong(REGISTRATION, case["release_id"], f"{kind} {revision} was applied, and {kept} is kept")


def _kept_as(record: Record) -> str:
    if record.type == CANCELLATIONS:
        return "cancellation" if record.value["reason"] in DENIALS else "revocation"
    return "announcement" if record.type == ANNOUNCEMENTS else "release"


def _facts(run: Run) -> Mapping[str, list[Record]]:
    """What registration made known of each case, each fact once, as far as its database still says so."""
    found: dict[str, list[Record]] = defaultdict(list)
    for entry in run.final(REGISTRATION).of("outbox", "INSERT"):
        for record in run.log.by_event.get(entry.get("event_id"), ())[:1]:
            if record.type in CASE_FACTS:
                found[record.key or ""].append(record)
    return found


def _unsure(run: Run, service: str) -> set[str]:
    """Cases of which a lost timeline said something else, or of which a letter of a service lies open."""
    subjects = {
        str(entry.get("key")) for entry in run.undone[REGISTRATION] if entry.table == "outbox" and entry.is_insert
    }
    for letter in run.rows(service, "dead_letter"):
        if letter["state"] in OPEN_LETTER and letter["subject"]:
            subjects.add(letter["subject"])
    discarded = {row["event_key"] for row in run.rows(service, "inbox") if row["outcome"] == "discarded"}
    subjects |= {record.key or "" for key in discarded for record in run.log.by_event.get(key, ())}
    return subjects


def _look_at_supervision(run: Run, sight: Sight) -> None:
    """Who has a number is guided, and nobody else."""
    guided = {row["registration_id"]: row for row in run.rows(SUPERVISION, "supervision")}
    unsure = _unsure(run, SUPERVISION)
    registered = {case for case, facts in _facts(run).items() if any(fact.type == REGISTERED for fact in facts)}
    for case in registered - unsure:
        sight.look()
        if case not in guided:
            sight.wrong(SUPERVISION, case, "registered, and nobody guides")
    for case in guided.keys() - registered - unsure:
        sight.look()
        sight.wrong(SUPERVISION, case, "guided, and was never registered")
    numbered = {
        row["registration_id"] for row in run.rows(REGISTRATION, "registration") if row["registered"] is not None
    }
    for case in numbered - registered:
        sight.wrong(REGISTRATION, case, "has a register number of which nobody was told")


def _look_at_notifications(run: Run, sight: Sight) -> None:
    """What notifications know of a case is what registration last said."""
    known = {row["registration_id"]: row for row in run.rows(NOTIFICATIONS, "case_fact")}
    unsure = _unsure(run, NOTIFICATIONS)
    told = _facts(run)
    for case, facts in told.items():
        if case in unsure:
            continue
        sight.look()
        row = known.get(case)
        if row is None:
            sight.wrong(NOTIFICATIONS, case, f"{len(facts)} facts were published, and the case is not known")
            continue
        standing = [STANDING_AFTER[fact.type or ""] for fact in facts if fact.type in STANDING_AFTER]
        if standing and row["standing"] not in standing[-1]:
            sight.wrong(NOTIFICATIONS, case, f"stands as {row['standing']}, last told {' or '.join(standing[-1])}")
    for case in known.keys() - told.keys() - unsure:
        sight.look()
        sight.wrong(NOTIFICATIONS, case, "known, and never told of")


def _look_at_answers(run: Run, sight: Sight) -> None:
    """What the public doors say of somebody is what the databases say."""
    rows = {
        (service, row["registration_id"]): row
        for service in (REGISTRATION, SUPERVISION)
        for row in run.rows(service, service)
    }
    for answer in run.answers:
        case, service, code = answer.get("registration_id"), answer.get("service", ""), answer.get("status")
        if code not in {OK, NOT_FOUND}:
            continue
        sight.look()
        row = rows.get((service, case))
        if (row is None) != (code == NOT_FOUND):
            sight.wrong(service, case, f"the door answers {code}, the database has {'no' if row is None else 'a'} row")
        elif row is not None and "status" in row and row["status"] != answer["body"]["status"]:
            evidence = f"the door says {answer['body']['status']}, the database {row['status']}"
            sight.wrong(service, case, evidence)
