"""Who is released on a remission day, what their prisons say and when, and who is met. Drawn from a seed; pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from contracts.lapas import (
    Address,
    CancelReason,
    ClientReleased,
    Guarantor,
    Release,
    ReleaseAnnounced,
    ReleaseCancelled,
    ReleaseType,
    Sex,
    registration_id_of,
)
from contracts.reference import Reference
from tests.bench.lists.cases import FAMILY, GIVEN, weight_of

SPAN: Final = timedelta(hours=2)
"""Of office time, in which all are released."""
ANNOUNCED: Final = 0.4
"""The share of releases that was announced on the day before."""
LATE_PAPERS: Final = 0.1
CORRECTED: Final = 0.05
TAKEN_BACK: Final = 0.005
MET: Final = 0.15
MESSAGE_MINUTES: Final = (1, 20)
"""So long after somebody went through the gate the prison's message leaves."""
LATER_MINUTES: Final = (2, 20)
MET_MINUTES: Final = (10, 40)


@dataclass(frozen=True)
class Told:
    """A message of a prison, and when it is meant to leave, from the beginning of the span, in office time."""

    due: timedelta
    event: Release


@dataclass(frozen=True)
class Freed:
    """One release: its messages, and what becomes of the person within the span."""

    registration_id: UUID
    facility: str
    unit: str
    announced: Told | None
    released: Told
    later: Told | None
    met_at: timedelta | None

    @property
    def is_taken_back(self) -> bool:
        """Whether the prison says in the end that it did not happen."""
        return self.later is not None and isinstance(self.later.event, ReleaseCancelled)

    @property
    def is_corrected(self) -> bool:
        """Whether its moment, by which it has its place on the board, changes."""
        return self.later is not None and isinstance(self.later.event, ClientReleased)

    @property
    def is_awaited(self) -> bool:
        """Whether it is on the board when the span is over."""
        return self.met_at is None and not self.is_taken_back


def freed(count: int, *, begins_at: datetime, reference: Reference, seed: int = 1) -> list[Freed]:
    """So many releases at moments that know nothing of each other, in the order of their messages."""
    chance = random.Random(seed)  # noqa: S311  a day that can be made again
    facilities = sorted(reference.facilities)
    weights = [weight_of(reference, code) for code in facilities]
    dues = sorted(chance.random() * SPAN for _ in range(count))
    places = chance.choices(facilities, weights, k=count)
    return [
        _freed(number, due, place, begins_at=begins_at, reference=reference, chance=chance)
        for number, (due, place) in enumerate(zip(dues, places, strict=True))
    ]


def messages(all_freed: Sequence[Freed]) -> list[Told]:
    """What prisons say within the span, in order."""
    return sorted((told for one in all_freed for told in _within(one)), key=lambda told: told.due)


def _within(one: Freed) -> Iterator[Told]:
    yield one.released
    if one.later is not None:
        yield one.later


def _freed(
    number: int, due: timedelta, facility: str, *, begins_at: datetime, reference: Reference, chance: random.Random
) -> Freed:
    # To the millisecond apart: by its moment a release is looked for on the board.
    gate = begins_at + due - timedelta(minutes=chance.uniform(*MESSAGE_MINUTES))
    gate = gate.replace(microsecond=number % 1000 * 1000)
    told = _person(number, facility, gate.date(), chance)
    drawn = chance.random()
    later: Told | None = None
    first = told
    if drawn < TAKEN_BACK:
        taken_back = ReleaseCancelled(
            release_id=told["release_id"], facility=facility, revision=2, reason=CancelReason.NOT_RELEASED,
            cancelled_at=begins_at + due,
        )  # fmt: skip
        later = Told(_later(due, LATER_MINUTES, chance), taken_back)
    elif drawn < TAKEN_BACK + CORRECTED:
        earlier = gate - timedelta(minutes=5)
        later = Told(_later(due, LATER_MINUTES, chance), ClientReleased(**told, revision=2, released_at=earlier))
    elif drawn < TAKEN_BACK + CORRECTED + LATE_PAPERS:
        first = {name: told[name] for name in ("release_id", "facility", "name")}
        later = Told(_later(due, LATER_MINUTES, chance), ClientReleased(**told, revision=2, released_at=gate))
    announcement = ReleaseAnnounced(**first, releases_on=gate.date()) if chance.random() < ANNOUNCED else None
    met = chance.random() < MET and not isinstance(later and later.event, ReleaseCancelled)
    return Freed(
        registration_id=registration_id_of(told["release_id"]),
        facility=facility,
        unit=reference.facilities[facility].receiving_unit,
        announced=None if announcement is None else Told(timedelta(), announcement),
        released=Told(due, ClientReleased(**first, released_at=gate)),
        later=later,
        met_at=_later(due, MET_MINUTES, chance) if met and due < SPAN - timedelta(minutes=MET_MINUTES[0]) else None,
    )


def _later(due: timedelta, minutes: tuple[int, int], chance: random.Random) -> timedelta:
    return min(due + timedelta(minutes=chance.uniform(*minutes)), SPAN)


def _person(number: int, facility: str, on: date, chance: random.Random) -> dict[str, Any]:
    home = Address(street=f"Jl. Merdeka No. {number % 300}", village="Talang Aman", regency="Palembang")
    return {
        "release_id": f"{facility}.remisi.{number:05}",
        "facility": facility,
        "prison_register_no": f"BI.{number}/{on.year - 2}",
        "decree_no": f"PAS-{number}.PK.05.12 Tahun {on.year}",
        "release_type": chance.choice((ReleaseType.CONDITIONAL_RELEASE, ReleaseType.PRE_RELEASE_LEAVE)),
        "age_at_offence": 16 if facility.startswith("LPKA") else chance.randrange(19, 60),
        "name": f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}",
        "father_name": chance.choice(GIVEN),
        "birth_on": date(1965 + number % 38, 1 + number % 12, 1 + number % 28),
        "sex": chance.choice(tuple(Sex)),
        "nik": f"16711{number:011}",
        "phone": "+62 812-7000-1234",
        "domicile": home,
        "guarantor": Guarantor(name="Ratna Sari", relation="SPOUSE", phone="+62 812-7000-4321", address=home),
        "decree_on": on,
        "guidance_from": on,
    }
