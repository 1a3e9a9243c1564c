"""R5: what one sender says of one subject is applied in the order in which it was said; nobody passes a held key."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.faults.checker.causes import named_effects
from tests.faults.checker.contract import OPEN_LETTER
from tests.faults.checker.folder import Run
from tests.faults.checker.history import Entry, Handled, Timeline, Work
from tests.faults.checker.records import Record
from tests.faults.checker.verdict import Sight

APART_SECONDS: Final = 2.0
"""Between partitions there is no order: only a letter that had long been committed must have been seen."""


class _Letters:
    """The dead letters of one timeline, as they lay there at any moment: the order of a row's changes is its own."""

    def __init__(self, timeline: Timeline) -> None:
        self._changes: dict[str, list[Entry]] = defaultdict(list)
        for entry in timeline.of("dead_letter", "INSERT", "UPDATE"):
            self._changes[entry.get("event_key")].append(entry)

    def __contains__(self, key: str) -> bool:
        return key in self._changes

    def lying_before(self, n: int, *, without: str = "") -> Iterator[Entry]:
        """The letters that lay open before a change, as they were; what one transaction does to them left aside."""
        for key in self._changes:
            entry = self._last(key, n, without=without)
            if entry is not None and entry.get("state") in OPEN_LETTER:
                yield entry

    def is_open_after(self, key: str, n: int) -> bool:
        """Whether a letter lies open after a change."""
        entry = self._last(key, n + 1)
        return entry is not None and entry.get("state") in OPEN_LETTER

    def own(self, key: str, n: int) -> Entry | None:
        """The letter that an event itself had become before a change."""
        return self._last(key, n)

    def _last(self, key: str, n: int, *, without: str = "") -> Entry | None:
        found = [entry for entry in self._changes.get(key, ()) if entry.n < n and entry.xid != without]
        return found[-1] if found else None


@dataclass
class _Walk:
    """One timeline, walked through transaction by transaction."""

    run: Run
    timeline: Timeline
    sight: Sight
    last: dict[tuple[str, int, str], tuple[int, str]] = field(default_factory=dict)
    """By partition and subject, the offset that was applied last and its transaction."""

    def __post_init__(self) -> None:
        """Nothing was passed yet."""
        self.letters = _Letters(self.timeline)

    def go(self) -> None:
        for work in self.timeline.works:
            for record, handled in self._handled_of(work):
                if self.timeline.is_news(handled.entry):
                    self.sight.look()
                    self._pass_letters(work, handled, record)
                if handled.key not in self.letters:
                    self._pass_others(work, record, handled)
            self._look_at_effects(work)
            self._look_at_releases(work)

    def _handled_of(self, work: Work) -> list[tuple[Record, Handled]]:
        """What a transaction handled, as it lies on its topics: inbox rows are inserted in the order of their keys."""
        found = []
        for handled in work.handled.values():
            record = self.run.log.first(handled.key, self.run.topics_of(self.timeline.service))
            if record is not None and record.key is not None and handled.outcome != "discarded":
                found.append((record, handled))
        return sorted(found, key=lambda pair: pair[0].place)

    def _pass_others(self, work: Work, record: Record, handled: Handled) -> None:
        """Events that were never set aside are applied in the order of their partition."""
        place = (record.topic, record.partition, record.key or "")
        last, xid = self.last.get(place, (-1, ""))
        if record.offset < last and self.timeline.is_news(handled.entry):
            evidence = f"{record.type} at {record.place} applied in {work.xid}, after offset {last} in {xid}"
            self.sight.wrong(self.timeline.service, record.key, evidence)
        self.last[place] = max((last, xid), (record.offset, work.xid))

    def _pass_letters(self, work: Work, handled: Handled, record: Record) -> None:
        """An event goes by no letter that holds its subject, whether it lay there before or came in the same batch."""
        subject, own = f"subject:{record.key}", self.letters.own(handled.key, handled.entry.n)
        for letter in self.letters.lying_before(handled.entry.n, without=work.xid):
            if letter.get("event_key") == handled.key or subject not in letter.get("order_keys"):
                continue
            if not self.letters.is_open_after(letter.get("event_key"), work.last_n):
                continue
            near = self._is_near(letter, record)
            earlier = record.offset < letter.get("record_offset") if own is None else own.get("seq") < letter.get("seq")
            if (near and not earlier) or (not near and letter.at + APART_SECONDS < handled.entry.at):
                self._say(work, record, letter)
        for letter in work.of("dead_letter", "INSERT"):
            held = own is None and subject in letter.get("order_keys")
            if held and self._is_near(letter, record) and letter.get("record_offset") < record.offset:
                self._say(work, record, letter)

    def _is_near(self, letter: Entry, record: Record) -> bool:
        place = (self.run.about["prefix"] + record.topic, record.partition)
        return place == (letter.get("topic"), letter.get("partition"))

    def _look_at_effects(self, work: Work) -> None:
        """Inside a transaction the rows of a table were written in the order in which the deliveries were handled."""
        if not self.timeline.is_news(work.first):
            return
        applied = {
            name: record
            for record, handled in self._handled_of(work)
            for name in (record.id, record.cause_name)
            if name
        }
        reached: dict[tuple[str, str, int, str], int] = {}
        for name, what in named_effects(work):
            record = applied.get(name)
            if record is None:
                continue
            place = (what.partition(" ")[0], record.topic, record.partition, record.key or "")
            if record.offset < reached.get(place, -1):
                evidence = f"{what} of {record.place} was written in {work.xid} after that of offset {reached[place]}"
                self.sight.wrong(self.timeline.service, record.key, evidence)
            reached[place] = max(reached.get(place, -1), record.offset)

    def _look_at_releases(self, work: Work) -> None:
        """A key is released when nothing is set aside behind it any more."""
        for release in work.of("held_key", "DELETE"):
            if not self.timeline.is_news(release):
                continue
            self.sight.look()
            for letter in self.letters.lying_before(release.n):
                if release.get("key") in letter.get("order_keys"):
                    evidence = f"released in {work.xid} beside the {letter.get('state')} letter of {_offset_of(letter)}"
                    self.sight.wrong(self.timeline.service, release.get("key"), evidence)

    def _say(self, work: Work, record: Record, letter: Entry) -> None:
        evidence = (
            f"{record.type} at {record.place} handled in {work.xid}, past the {letter.get('kind')} letter of "
            f"{_offset_of(letter)} that holds its subject"
        )
        self.sight.wrong(self.timeline.service, record.key, evidence)


def _offset_of(letter: Entry) -> str:
    return f"offset {letter.get('record_offset')}"


def look(run: Run, sight: Sight) -> None:
    """Walk through every timeline."""
    for service in run.services:
        for timeline in run.timelines[service]:
            _Walk(run, timeline, sight).go()
