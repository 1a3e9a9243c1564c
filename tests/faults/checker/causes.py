"""Which rows of a transaction were caused by which event, as the rows themselves say."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.faults.checker.contract import DEAD_LETTERED, name_of_cause
from tests.faults.checker.folder import Run
from tests.faults.checker.history import Entry, Timeline, Work
from tests.faults.checker.records import Place

CASE_TABLES: Mapping[str, frozenset[str]] = {
    "registration": frozenset({"registration", "timeline", "trace_entry", "register_entry", "person_refusal"}),
    "supervision": frozenset({"supervision", "check_in", "client_contact"}),
    "notifications": frozenset({"case_fact", "notification", "client_reach"}),
}
"""The tables in which a service keeps what its business is about."""


@dataclass
class Caused:
    """What one name of a cause has caused: two senders may call different events the same."""

    keys: frozenset[str]
    by_xid: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def xids(self) -> set[str]:
        """The transactions in which it was done."""
        return set(self.by_xid)

    @property
    def words(self) -> str:
        """What was done where."""
        return "; ".join(f"{xid}: {', '.join(what[:4])}" for xid, what in sorted(self.by_xid.items()))


def names_of_events(run: Run, timeline: Timeline) -> Mapping[str, frozenset[str]]:
    """The events on the topics of a consumer, by the name under which what follows from them names them."""
    names: dict[str, set[str]] = defaultdict(set)
    topics, prefix = run.topics_of(timeline.service), run.about["prefix"]
    letters: dict[Place, set[str]] = defaultdict(set)
    for letter in timeline.of("dead_letter", "INSERT"):
        place = (letter.get("topic").removeprefix(prefix), letter.get("partition"), letter.get("record_offset"))
        letters[place].add(letter.get("event_key"))
    for record in run.records:
        if record.topic in topics and record.event_key is not None and record.id is not None:
            # An id that was used before makes another event of the letter that it ended as, under the same name.
            keys = {record.event_key, *letters.get(record.place, ())}
            names[name_of_cause(record.id, record.event_key)] |= keys
            # A service that is told by an event writes down the id as it came.
            names[record.id] |= keys
    return {name: frozenset(keys) for name, keys in names.items()}


def effects_of_events(run: Run, timeline: Timeline) -> Mapping[str, Caused]:
    """What each event has caused in a service, by the name of the event."""
    names = names_of_events(run, timeline)
    found: dict[str, Caused] = {}
    for work in timeline.works:
        for name, what in named_effects(work):
            if name in names:
                found.setdefault(name, Caused(names[name])).by_xid[work.xid].append(what)
    return found


def named_effects(work: Work) -> Iterator[tuple[str, str]]:
    """The effects of a transaction that name an event as their cause; what a clock did names what had set it."""
    for entry in work.of("timeline", "INSERT"):
        if entry.get("actor_kind") == "event":
            yield entry.get("actor_id"), f"timeline {entry.get('step')}"
    for entry in work.of("notification", "INSERT"):
        yield entry.get("cause").removesuffix("|missed"), f"notice to {entry.get('recipient')}"
    if not work.fires_clocks:
        for entry in facts_of(work):
            name = entry.get("headers").get("ce_causationid")
            if name:
                yield name, f"fact {entry.get('headers').get('ce_type')}"


def facts_of(work: Work) -> Iterator[Entry]:
    """The messages of a transaction, without those that only say that something was set aside."""
    for entry in work.of("outbox", "INSERT"):
        if not ((entry.get("headers") or {}).get("ce_type") or "").endswith(DEAD_LETTERED):
            yield entry
