"""R1: whatever was acknowledged ends in exactly one outcome for each consumer, and each request in one effect."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.checker.contract import OPEN_LETTER
from tests.faults.checker.folder import Row, Run
from tests.faults.checker.records import Place, Record
from tests.faults.checker.verdict import Sight

OK_FIRST, OK_LAST = 200, 299
REFUSED_FIRST, REFUSED_LAST = 400, 499
CORRECTING = frozenset({"PUT", "PATCH"})
NOT_FOR_US = "not_for_us"


def look_at_deliveries(run: Run, sight: Sight) -> None:
    """Every record on a topic has one outcome for each consumer of the topic, and every acknowledged input is there."""
    for place, sent in _acknowledged(run):
        sight.look()
        record = run.log.by_place.get(place)
        if record is None or record.value_sha256 != sent["value_sha256"]:
            sight.wrong("-", f"input {sent['n']}", f"acknowledged, and not what lies at {place}")
    for consumer in run.services:
        _Deliveries(run, consumer, sight).judge()
    _look_at_fates(run, sight)


def _acknowledged(run: Run) -> Iterator[tuple[Place, Row]]:
    for sent in run.inputs:
        if sent["door"] == "kafka" and sent.get("acked_at") is not None:
            yield (sent["topic"].removeprefix(run.about["prefix"]), sent["partition"], sent["offset"]), sent


class _Deliveries:
    """How the deliveries of one consumer ended."""

    def __init__(self, run: Run, consumer: str, sight: Sight) -> None:
        self._run, self._consumer, self._sight = run, consumer, sight
        letters = [row for row in run.rows(consumer, "dead_letter") if row["consumer"] == consumer]
        inbox = [row for row in run.rows(consumer, "inbox") if row["consumer"] == consumer]
        self._inbox = {row["event_key"]: row for row in inbox}
        self._letters = {row["event_key"]: row for row in letters}
        self._by_place: dict[Place, list[Row]] = defaultdict(list)
        for row in letters:
            self._by_place[place_of(row, run.about["prefix"])].append(row)
        self._topics = run.topics_of(consumer)
        self._read = {
            (row["topic"].removeprefix(run.about["prefix"]), row["partition"]): row["next_offset"]
            for row in run.rows(consumer, "consumer_offset")
        }

    def judge(self) -> None:
        events: dict[str, list[Record]] = defaultdict(list)
        for record in self._run.records:
            if record.topic not in self._topics or self._is_still_to_be_read(record):
                continue
            reading = record.reading(self._consumer)
            if reading == "event":
                events[record.event_key or ""].append(record)
            elif reading == "broken":
                self._judge_broken(record)
            else:
                self._judge_foreign(record)
        for key, records in events.items():
            self._judge_event(key, records)
        self._judge_the_unknown(events)

    def _is_still_to_be_read(self, record: Record) -> bool:
        """Whether a run that never became quiet ended before the consumer came to a record."""
        return not self._run.is_quiet and self._read.get((record.topic, record.partition), 0) <= record.offset

    def _judge_broken(self, record: Record) -> None:
        """Nobody can read it: it must lie there as a letter, at its place or under its key."""
        self._sight.look()
        key = record.event_key
        letters = [*self._by_place[record.place], *([self._letters[key]] if key in self._letters else [])]
        if not letters:
            self._sight.wrong(self._consumer, record.place, "cannot be read, and lies in no dead letter")

    def _judge_foreign(self, record: Record) -> None:
        self._sight.look()
        if self._by_place[record.place] or (record.event_key in self._inbox and record.type):
            self._sight.wrong(self._consumer, record.place, f"{record.type} is not for this consumer, and was taken")

    def _judge_event(self, key: str, records: Sequence[Record]) -> None:
        """Of the bodies that came under one key one is the event; each other one lies in a letter of its own."""
        self._sight.look()
        bodies: dict[tuple[object, ...], list[Record]] = defaultdict(list)
        for record in records:
            bodies[record.body].append(record)
        true_ones = [copies for copies in bodies.values() if not self._all_set_aside(key, copies)]
        if len(true_ones) > 1:
            places = ", ".join(str(copies[0].place) for copies in true_ones)
            self._sight.wrong(self._consumer, key, f"one id for different records, none of them set aside: {places}")
        where = f"{records[0].type} of {records[0].key} at {records[0].place}"
        self._judge_ending(key, where)

    def _all_set_aside(self, key: str, copies: Sequence[Record]) -> bool:
        return all(
            any(letter["event_key"] != key for letter in self._by_place.get(record.place, ())) for record in copies
        )

    def _judge_ending(self, key: str, where: str) -> None:
        row, letter = self._inbox.get(key), self._letters.get(key)
        problem = None
        if row is None and letter is None:
            problem = "no outcome"
        elif row is not None and letter is not None and letter["state"] in OPEN_LETTER:
            problem = f"both handled ({row['outcome']}) and set aside ({letter['state']})"
        elif row is None and letter is not None and letter["state"] not in OPEN_LETTER:
            problem = f"its letter is {letter['state']}, and it was not handled"
        elif row is not None and (row["outcome"] == "discarded") != (letter is not None and _is_discarded(letter)):
            problem = f"its inbox row says {row['outcome']}, its letter {letter and letter['state']}"
        if problem is not None:
            self._sight.wrong(self._consumer, key, f"{problem}: {where}")

    def _judge_the_unknown(self, events: Mapping[str, Any]) -> None:
        """What was handled must have come from a topic."""
        placed = {letter["event_key"] for letters in self._by_place.values() for letter in letters}
        for key in self._inbox.keys() - events.keys() - placed:
            self._sight.look()
            self._sight.wrong(self._consumer, key, "handled, and on no topic of this consumer")


def _is_discarded(letter: Row) -> bool:
    return bool(letter["state"] == "discarded")


def place_of(letter: Row, prefix: str) -> Place:
    """Where the record of a letter lies."""
    return letter["topic"].removeprefix(prefix), letter["partition"], letter["record_offset"]


def _look_at_fates(run: Run, sight: Sight) -> None:
    """What the lab knew beforehand of an input: broken ones are set aside, whole ones are not."""
    if not run.is_quiet:
        return
    for place, sent in _acknowledged(run):
        record = run.log.by_place.get(place)
        if record is None or sent.get("repeat_of") is not None or _is_alone(run, sent, record):
            continue
        for consumer in run.services:
            fate = _fate_of(sent, consumer)
            if fate is None or record.topic not in run.topics_of(consumer):
                continue
            sight.look()
            ended = _ended(run, consumer, record)
            if ended != fate:
                sight.wrong(consumer, f"input {sent['n']}", f"{sent['what']} must end as {fate}, and ended as {ended}")


def _is_alone(run: Run, sent: Row, record: Record) -> bool:
    """Whether an id that was to be a used one is the first of its name, because the other record never arrived."""
    bodies = {other.body for other in run.log.by_event.get(record.event_key or "", ())}
    return sent.get("poison") == "id-reused" and len(bodies) == 1


def _fate_of(sent: Row, consumer: str) -> str | None:
    fate = sent.get("fate")
    return fate.get(consumer) if isinstance(fate, dict) else fate


def _ended(run: Run, consumer: str, record: Record) -> str:
    """How a delivery ended as the lab counts it: a letter, whatever became of it, is one."""
    for letter in run.rows(consumer, "dead_letter"):
        if place_of(letter, run.about["prefix"]) == record.place or letter["event_key"] == record.event_key:
            return "dead_lettered"
    for row in run.rows(consumer, "inbox"):
        if row["event_key"] == record.event_key:
            return str(row["outcome"])
    return NOT_FOR_US


def look_at_requests(run: Run, sight: Sight) -> None:
    """Every request that was answered with success is done once, and kept; others at most once."""
    asked: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for sent in run.inputs:
        if sent["door"] == "http" and sent.get("idempotency_key"):
            asked[sent["service"], sent["idempotency_key"]].append(sent)
    lost = sum(_look_at_request(run, *name, requests, sight) for name, requests in asked.items())
    _look_at_acts(run, sight)
    if lost:
        sight.note("requests lost by a restore", lost)


def _look_at_request(run: Run, service: str, key: str, requests: Sequence[Row], sight: Sight) -> bool:
    """Look at all that was asked under one key; True where a restore has undone it."""
    sight.look()
    final = run.final(service)
    done = [entry for entry in final.of("idempotency", "INSERT") if entry.get("key") == key]
    undone = [entry for entry in run.undone[service] if entry.table == "idempotency" and entry.get("key") == key]
    what = f"{requests[0]['what']} for {requests[0]['person']}"
    problem = None
    if not done:
        if undone:
            return True
        if any(map(_promises_an_effect, requests)):
            problem = "answered with success, and not done"
    elif len(done) > 1:
        problem = f"done {len(done)} times"
    elif all(map(_is_refused, requests)):
        problem = f"answered with {requests[0]['status']}, and done"
    elif set(final.work[done[0].xid].tables) == {"idempotency"}:
        problem = "kept without an effect"
    if problem is not None:
        sight.wrong(service, key, f"{problem}: {what}")
    return False


def _promises_an_effect(sent: Row) -> bool:
    """Whether an answer says that something was changed; what was known already, or comes too late, changes nothing."""
    answer = sent.get("answer")
    return _is_taken(sent) and isinstance(answer, dict) and answer.get("outcome") == "applied"


def _is_taken(sent: Row) -> bool:
    status = sent.get("status")
    return sent.get("acked_at") is not None and status is not None and OK_FIRST <= status <= OK_LAST


def _is_refused(sent: Row) -> bool:
    status = sent.get("status")
    return sent.get("acked_at") is not None and status is not None and REFUSED_FIRST <= status <= REFUSED_LAST


def _look_at_acts(run: Run, sight: Sight) -> None:
    """What operators did to dead letters is on record as often as they were told so, and no oftener than they asked."""
    asked: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for sent in run.inputs:
        if sent["door"] == "http" and sent.get("letter") and not run.was_restored(sent["service"]):
            method, _, path = sent["what"].partition(" ")
            act = "correct" if method in CORRECTING else path.rpartition("/")[2]
            asked[sent["service"], sent["letter"], act, sent["caller"]].append(sent)
    for (service, letter, act, caller), requests in asked.items():
        sight.look()
        noted = sum(
            row["dead_letter_id"] == letter and row["act"] == act and row["actor"] == caller
            for row in run.rows(service, "operator_act")
        )
        taken = sum(map(_is_taken, requests))
        most = sum(not _is_refused(sent) for sent in requests)
        if not taken <= noted <= most:
            evidence = f"{act} by {caller}: {taken} times answered with success, {noted} times on record"
            sight.wrong(service, letter, evidence)
