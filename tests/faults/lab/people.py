"""The load of a run, drawn before it begins: who is released, what is said about them by which door, and what is wrong.

A person is a list of steps, done one after the other; persons go on side by side, so that across them all orders occur.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, Literal

from contracts.lapas import registration_id_of

Poison = Literal[
    "unreadable", "no-type", "not-json", "schema", "unknown-version", "id-reused", "in-the-future", "unknown-type"
]

HOLDING: Final[Sequence[Poison]] = ("not-json", "schema", "unknown-version", "id-reused")
"""What is set aside and has a subject: later reports about the same release wait behind it."""
POISONS: Final[Sequence[Poison]] = (*HOLDING, "unreadable", "no-type", "in-the-future", "unknown-type")
FACILITIES: Final = ("LP1-PLG", "LPP-PLG", "RTN-PLG", "LP-SKY", "LP-KAG", "LPKA-PLG")
TYPES: Final = ("conditional_release", "conditional_leave", "pre_release_leave")
NAMES: Final = ("Budi Santoso", "Rahmat Hidayat", "Siti Aminah", "Agus Salim", "Dewi Lestari", "Joko Susilo")
RELEASED_AT: Final = "2026-05-29T16:30:00+07:00"
MET_AT: Final = "2026-05-29T16:45:00+07:00"
RELEASES_ON: Final = ("2026-05-30", "2026-05-31", "2026-06-02")
AWAITED: Final = ("released", "contact_overdue", "tracing")
REPEATED: Final = 0.15
CROWDS: Final = (0, 0, 20, 60)
LOAD_SECONDS: Final = 6.5


@dataclass(frozen=True, kw_only=True)
class Report:
    """Something that a prison says over Kafka; `id` is unique at its prison alone."""

    at: float
    event: str
    id: str
    data: Mapping[str, Any]
    poison: Poison | None = None
    traceparent: str = ""
    repeats: int | None = None
    """The step of the same person whose bytes are sent once more."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Something that somebody asks for over HTTP, under a key, as soon as the case has one of these statuses."""

    at: float
    path: str
    body: Mapping[str, Any]
    key: str
    caller: str
    waits_for: Sequence[str] = ()
    traceparent: str = ""
    again: bool = False
    """Asked once more under the same key although it was answered."""


Step = Report | Request


@dataclass(frozen=True)
class Person:
    """A release and what is said about it, in order."""

    release_id: str
    facility: str
    steps: Sequence[Step]

    @property
    def topic(self) -> str:
        """Where its prison publishes."""
        return "lapas.juvenile.events" if self.facility.startswith("LPKA") else "lapas.events"


@dataclass
class _Drawing:
    """A person as it is drawn, step by step."""

    random: Random
    number: int
    counters: dict[str, int]
    seed: int
    facility: str = ""
    steps: list[Step] = field(default_factory=list)
    revision: int = 0

    def __post_init__(self) -> None:
        self.facility = self.facility or self.random.choice(FACILITIES)
        self.release_id = f"R.{self.seed}.{self.number}"
        self.person = {
            "release_id": self.release_id,
            "facility": self.facility,
            "name": self.random.choice(NAMES),
            "release_type": self.random.choice(TYPES),
            "decree_no": f"PAS-{self.number}.PK.05.09-2026",
            "prison_register_no": f"BI.{self.seed % 1000}/{self.number}/2026",
        }
        self.at = self.random.uniform(0, LOAD_SECONDS * 0.6)

    # --- reports ------------------------------------------------------------------------------------------------------

    def announced(self) -> None:
        self._report("release-announced", releases_on=self.random.choice(RELEASES_ON))

    def released(self, **special: Any) -> None:
        self._report("client-released", released_at=RELEASED_AT, **special)

    def corrected(self) -> None:
        self.released(phone=f"0812-{self.random.randrange(10**6):06}")

    def cancelled(self) -> None:
        self.revision += 1
        data = {"release_id": self.release_id, "facility": self.facility, "revision": self.revision}
        reason = self.random.choice(["NOT_RELEASED", "WRONG_PERSON", "DECREE_REVOKED", "DISCIPLINE"])
        data |= {"reason": reason, "cancelled_at": MET_AT}
        self._add("release-cancelled", data)

    def spoilt(self, poison: Poison) -> None:
        """The release, or a correction of it, with something wrong."""
        self.revision += 1
        data = {**self.person, "revision": self.revision, "released_at": RELEASED_AT}
        if poison == "schema":
            data["phone"] = 8120
        if poison == "in-the-future":
            data["released_at"] = "2099-05-29T16:30:00+07:00"
        self._add("client-released", data, poison=poison)

    def repeated(self) -> None:
        """Something that was said before is said once more, word for word."""
        said = [place for place, step in enumerate(self.steps) if isinstance(step, Report) and step.repeats is None]
        place = self.random.choice(said)
        first = self.steps[place]
        if isinstance(first, Report):
            self.steps.append(replace(first, at=self._later(), repeats=place))

    # --- requests -----------------------------------------------------------------------------------------------------

    def posted(self) -> None:
        self.revision += 1
        body = {**self.person, "revision": self.revision, "released_at": RELEASED_AT}
        self._ask("/v1/releases", body, caller=f"prison {self.facility}")

    def met(self) -> None:
        body = {"contact_at": MET_AT, "method": "AT_OFFICE", "identity_level": "L2"}
        self._ask(self._act("contacts"), body, caller="PO-HQ-01", waits_for=AWAITED)

    def submitted(self) -> None:
        self._ask(self._act("submission"), {}, caller="REG-HQ-01", waits_for=("provisionally_registered",))

    def approved(self) -> None:
        head = "SHC-HQ-01" if self.facility.startswith("LPKA") else "SHA-HQ-01"
        self._ask(self._act("approval"), {}, caller=head, waits_for=("submitted",))

    def _act(self, what: str) -> str:
        return f"/v1/registrations/{registration_id_of(self.release_id)}/{what}"

    # ------------------------------------------------------------------------------------------------------------------

    def _report(self, event: str, **special: Any) -> None:
        self.revision += 1
        self._add(event, {**self.person, "revision": self.revision, **special})

    def _add(self, event: str, data: Mapping[str, Any], *, poison: Poison | None = None) -> None:
        if poison == "id-reused" and (known := self._last_id()) is not None:
            number = known
        else:
            self.counters[self.facility] = self.counters.get(self.facility, 0) + 1
            number = str(self.counters[self.facility])
        step = Report(at=self._later(), event=event, id=number, data=data, poison=poison, traceparent=self._trace())
        self.steps.append(step)
        if self.random.random() < REPEATED:
            self.repeated()

    def _last_id(self) -> str | None:
        return next((step.id for step in reversed(self.steps) if isinstance(step, Report)), None)

    def _ask(self, path: str, body: Mapping[str, Any], *, caller: str, waits_for: Sequence[str] = ()) -> None:
        self.steps.append(
            Request(
                at=self._later(),
                path=path,
                body=body,
                key=f"{self.release_id}.{len(self.steps)}",
                caller=caller,
                waits_for=waits_for,
                traceparent=self._trace(),
                again=self.random.random() < REPEATED,
            )
        )

    def _later(self) -> float:
        self.at = min(self.at + self.random.expovariate(2.0), LOAD_SECONDS)
        return round(self.at, 3)

    def _trace(self) -> str:
        return f"00-{self.random.getrandbits(128) or 1:032x}-{self.random.getrandbits(64) or 1:016x}-01"


def _whole_course(one: _Drawing) -> None:
    if one.random.random() < 0.3:
        one.announced()
    one.posted() if one.random.random() < 0.25 else one.released()
    if one.random.random() < 0.3:
        one.corrected()
    one.met()
    one.submitted()
    one.approved()
    if one.random.random() < 0.2:
        one.corrected()


def _silent(one: _Drawing) -> None:
    one.released()
    for _ in range(one.random.randrange(4)):
        one.corrected()


def _announced_only(one: _Drawing) -> None:
    one.announced()
    if one.random.random() < 0.5:
        one.announced()


def _taken_back(one: _Drawing) -> None:
    first, second = one.random.choice(
        [(one.announced, one.cancelled), (one.released, one.cancelled), (one.cancelled, one.released)]
    )
    first()
    second()
    if one.random.random() < 0.3:
        one.released()


def _two_doors(one: _Drawing) -> None:
    one.released()
    one.revision -= 1
    one.posted()
    one.met()


def _spoilt(one: _Drawing) -> None:
    if one.random.random() < 0.4:
        one.released()
    poison = one.random.choice(POISONS if one.steps else tuple(each for each in POISONS if each != "id-reused"))
    one.spoilt(poison)
    for _ in range(one.random.randrange(1, 4)):
        one.corrected()


_COURSES: Final = (
    (_whole_course, 8),
    (_silent, 7),
    (_announced_only, 2),
    (_taken_back, 4),
    (_two_doors, 3),
    (_spoilt, 5),
)


def draw_people(random: Random, seed: int) -> list[Person]:
    """Everybody of a run, and in some runs a crowd that is released at once."""
    counters: dict[str, int] = {}
    courses, weights = zip(*_COURSES, strict=True)
    people = []
    for number in range(random.randrange(16, 25)):
        one = _Drawing(random, number, counters, seed)
        random.choices(courses, weights)[0](one)
        people.append(Person(one.release_id, one.facility, one.steps))
    moment = random.uniform(1.0, LOAD_SECONDS - 2)
    for number in range(100, 100 + random.choice(CROWDS)):
        one = _Drawing(random, number, counters, seed)
        one.at = moment
        one.released()
        people.append(Person(one.release_id, one.facility, one.steps))
    return people
