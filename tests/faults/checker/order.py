"""R5: what one sender says of one subject is applied in the order in which it was said; nobody passes a held key."""

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


@dataclass(frozen=True)
class _Letter:
    """A letter as it lay there at some moment."""

    key: str
    entry: Entry

    @property
    def holds(self) -> set[str]:
        return set(self.entry.get("order_keys") or ())

    @property
    def place(self) -> tuple[str, int]:
        return self.entry.get("topic"), self.entry.get("partition")

    @property
    def offset(self) -> int:
        return int(self.entry.get("record_offset"))


@dataclass
class _Walk:
    """One timeline, walked through transaction by transaction."""

    run: Run
    timeline: Timeline
    sight: Sight
    open: dict[str, _Letter] = field(default_factory=dict)
    """Letters that lie open, by event key."""
    set_aside: set[str] = field(default_factory=set)
    """Events that were a letter at some time: these come when they may."""
    last: dict[tuple[str, int, str], tuple[int, str]] = field(default_factory=dict)
    """By partition and subject, the offset that was applied last and its transaction."""

    def go(self) -> None:
        for work in self.timeline.works:
            before = dict(self.open)
            opened = list(self._letters_of(work))
            for letter in opened:
                self.set_aside.add(letter.key)
                if letter.entry.get("state") in OPEN_LETTER:
                    self.open[letter.key] = letter
                else:
                    self.open.pop(letter.key, None)
            for record, handled in self._handled_of(work):
                self._pass(work, handled, record, before, [each for each in opened if each.key != handled.key])
            self._look_at_effects(work)

    def _letters_of(self, work: Work) -> Iterator[_Letter]:
        for entry in work.of("dead_letter", "INSERT", "UPDATE"):
            yield _Letter(entry.get("event_key"), entry)

    def _handled_of(self, work: Work) -> list[tuple[Record, Handled]]:
        """What a transaction handled, as it lies on its topics: inbox rows are inserted in the order of their keys."""
        found = []
        for handled in work.handled.values():
            record = self._first(handled.key)
            if record is not None and record.key is not None and handled.outcome != "discarded":
                found.append((record, handled))
        return sorted(found, key=lambda pair: pair[0].place)

    def _first(self, key: str) -> Record | None:
        return self.run.log.first(key, self.run.topics_of(self.timeline.service))

    def _pass(
        self, work: Work, handled: Handled, record: Record, before: dict[str, _Letter], opened: list[_Letter]
    ) -> None:
        """Look at what one delivery passed that was handled."""
        if self.timeline.is_news(handled.entry):
            self.sight.look()
            self._pass_letters(work, handled, record, before, opened)
        if handled.key not in self.set_aside:
            self._pass_others(work, record, handled)

    def _pass_others(self, work: Work, record: Record, handled: Handled) -> None:
        place = (record.topic, record.partition, record.key or "")
        last, xid = self.last.get(place, (-1, ""))
        if record.offset < last and self.timeline.is_news(handled.entry):
            evidence = f"{record.type} at {record.place} applied in {work.xid}, after offset {last} in {xid}"
            self.sight.wrong(self.timeline.service, record.key, evidence)
        self.last[place] = max((last, xid), (record.offset, work.xid))

    def _pass_letters(
        self, work: Work, handled: Handled, record: Record, before: dict[str, _Letter], opened: list[_Letter]
    ) -> None:
        """An event goes by no letter that holds its subject, whether it lay there before or came in the same batch."""
        subject = f"subject:{record.key}"
        prefix = self.run.about["prefix"]
        own = before.get(handled.key)
        for letter in before.values():
            if letter.key == handled.key or subject not in letter.holds or letter.key not in self.open:
                continue
            if own is not None and own.entry.get("seq") < letter.entry.get("seq"):
                continue
            near = letter.place == (prefix + record.topic, record.partition)
            if near and own is None and record.offset < letter.offset:
                continue
            if near or letter.entry.at + APART_SECONDS < handled.entry.at:
                self._say(work, record, letter)
        for letter in opened:
            fresh = letter.entry.is_insert and letter.key not in before
            near = letter.place == (prefix + record.topic, record.partition)
            if fresh and near and own is None and subject in letter.holds and letter.offset < record.offset:
                self._say(work, record, letter)

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

    def _say(self, work: Work, record: Record, letter: _Letter) -> None:
        evidence = (
            f"{record.type} at {record.place} handled in {work.xid}, past the {letter.entry.get('kind')} letter of "
            f"offset {letter.offset} that holds its subject"
        )
        self.sight.wrong(self.timeline.service, record.key, evidence)


def look(run: Run, sight: Sight) -> None:
    """Walk through every timeline."""
    for service in run.services:
        for timeline in run.timelines[service]:
            _Walk(run, timeline, sight).go()
