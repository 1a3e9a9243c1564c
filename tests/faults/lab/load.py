"""The load: every person's steps in their order, and the operators who settle what was set aside."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.faults.lab.doors import Book, Counter, Entry, Letter, Prisons
from tests.faults.lab.people import Person, Report, Request

POLL_SECONDS: Final = 0.15
ROUND_SECONDS: Final = 0.4
OPERATORS: Final = ("OPS-HQ-01", "OPS-HQ-02")
REASON: Final = "the prison told us by telephone"


@dataclass
class Load:
    """What people do, from the beginning of the run on."""

    people: Sequence[Person]
    prisons: Prisons
    counter: Counter
    began: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Do every step of everybody; a request whose case never comes so far is left out when the run is over."""
        async with asyncio.TaskGroup() as group:
            for person in self.people:
                group.create_task(self._go_through(person))

    async def _go_through(self, person: Person) -> None:
        letters: dict[int, Letter] = {}
        for place, step in enumerate(person.steps):
            await asyncio.sleep(max(0.0, step.at - (time.monotonic() - self.began)))
            if isinstance(step, Report):
                if step.repeats is None:
                    letters[place] = await self.prisons.report(person, step)
                else:
                    await self.prisons.repeat(letters[step.repeats])
            elif await self._has_come_so_far(step):
                await self._ask(person, step)
            else:
                return

    async def _ask(self, person: Person, step: Request) -> None:
        asked: dict[str, Any] = {
            "caller": step.caller, "person": person.release_id, "key": step.key, "traceparent": step.traceparent,
        }  # fmt: skip
        entry = await self.counter.post("registration", step.path, step.body, **asked)
        if step.again:
            await self.counter.post("registration", step.path, step.body, **asked, repeat_of=entry["n"])

    async def _has_come_so_far(self, step: Request) -> bool:
        if not step.waits_for:
            return True
        path = step.path.rpartition("/")[0]
        while not self.counter.is_over.is_set():
            case = await self.counter.get("registration", path, "REG-HQ-01")
            if case is not None and case["status"] in step.waits_for:
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.counter.is_over.wait(), timeout=POLL_SECONDS)
        return False


@dataclass
class Operators:
    """Two people who look at the dead letters and do with each what was drawn for it."""

    service: str
    counter: Counter
    book: Book
    prefix: str
    seed: int
    act_seconds: float
    acts: dict[str, Iterator[str]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Look and act, again and again, until cancelled."""
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            await self.look()

    async def look(self) -> int:
        """Do the next thing with every letter that is open and not to be left alone; how many there were."""
        letters = await self._open_letters()
        wanted = [letter for letter in letters if letter["id"] not in self.left]
        for letter in wanted:
            await self._act_on(letter)
        return len(wanted)

    def begin_anew(self) -> None:
        """Look at every letter once more: what kept them from being handled may be gone."""
        self.left.clear()
        self.acts.clear()

    async def resume(self) -> int | None:
        """Let the consumer go on, in case too many bugs have stopped it; the answer's status."""
        entry = await self.counter.post(self.service, f"/v1/consumers/{self.service}/resume", None, caller=OPERATORS[0])
        status: int | None = entry["status"]
        return status

    async def _open_letters(self) -> Sequence[Mapping[str, Any]]:
        page = await self.counter.get(
            self.service, "/v1/dead-letters", OPERATORS[0], state="parked", limit=100, consumer=self.service
        )
        return [] if page is None else list(page["items"])

    async def _act_on(self, letter: Mapping[str, Any]) -> None:
        entry = self._entry_of(letter)
        acts = self.acts.setdefault(letter["id"], iter(self._drawn(letter, entry)))
        act = next(acts, "leave")
        path = f"/v1/dead-letters/{letter['id']}"
        await asyncio.sleep(self.act_seconds)
        if act == "leave":
            self.left.add(letter["id"])
        elif act == "correct":
            await self._correct(path, entry, letter)
        elif act == "retry twice":
            await asyncio.gather(*(self._post(f"{path}/retry", None, who, letter) for who in OPERATORS))
        elif act == "retry and discard":
            await asyncio.gather(
                self._post(f"{path}/retry", None, OPERATORS[0], letter),
                self._post(f"{path}/discard", {"reason": REASON}, OPERATORS[1], letter),
            )
        else:
            await self._post(f"{path}/{act}", {"reason": REASON} if act == "discard" else None, OPERATORS[0], letter)

    async def _correct(self, path: str, entry: Entry | None, letter: Mapping[str, Any]) -> None:
        if entry is None:
            return
        changes = {"phone": "0812-1", "released_at": "2026-05-29T16:30:00+07:00"}
        body = {"changes": changes, "reason": REASON}
        if entry["poison"] == "not-json":
            body = {"data": entry["sound"], "reason": REASON}
        method = "PUT" if entry["poison"] == "not-json" else "PATCH"
        await self.counter.post(
            self.service, path, body, caller=OPERATORS[0], method=method, person=entry["person"], letter=letter["id"]
        )

    async def _post(self, path: str, body: Any, caller: str, letter: Mapping[str, Any]) -> None:
        entry = self._entry_of(letter)
        person = entry["person"] if entry is not None else None
        await self.counter.post(self.service, path, body, caller=caller, person=person, letter=letter["id"])

    def _drawn(self, letter: Mapping[str, Any], entry: Entry | None) -> Sequence[str]:
        """What will be done with a letter: the same for the same record, in whatever order they come."""
        if entry is None:
            return ("retry", "retry twice", "retry")
        random = Random(f"{self.seed} {entry['person']} {entry['id']} {entry['poison']}")  # noqa: S311 - not a secret
        curable = entry["poison"] in {"schema", "not-json", "in-the-future"}
        last = random.choice(["discard", "discard", "leave", "retry and discard"])
        cure = random.choice([("correct", "retry"), ("correct", "retry twice"), ("retry", "correct", "retry")])
        return (
            (*cure, last)
            if curable and random.random() < 0.75
            else ("retry", last)
            if random.random() < 0.4
            else (last,)
        )

    def _entry_of(self, letter: Mapping[str, Any]) -> Entry | None:
        place = (letter["topic"].removeprefix(self.prefix), letter["partition"], letter["offset"])
        for entry in self.book.entries:
            if entry["door"] == "kafka" and (entry["topic"], entry["partition"], entry["offset"]) == place:
                return entry
        return None
