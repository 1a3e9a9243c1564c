"""The events that all contenders are given: releases as prisons tell them, some corrected, one in a hundred twice."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from uuid import UUID

from contracts.envelope import Envelope, encode
from contracts.lapas import Address, Category, ClientReleased, Guarantor, ReleaseType, Sex, registration_id_of
from tests.bench.service.domain import opened

SOURCE: Final = "/lapas/LP1-PLG"
FRIDAY: Final = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)
REVISIONS: Final = 2
"""Each release is told and then corrected, so that there is an order to keep."""
DISTANCE_MAX: Final = 600
"""Within so many events an event comes again, or its correction follows."""
DUPLICATES_PER_CENT: Final = 1


@dataclass(frozen=True)
class Message:
    """A record to send, and what has to follow from it."""

    event_id: str
    key: bytes
    headers: list[tuple[str, bytes]]
    value: bytes
    registration_id: UUID
    sequence: int
    follow_up: bytes


@cache
def messages(count: int, *, name: str, seed: int = 1, revisions: int = REVISIONS) -> tuple[Message, ...]:
    """`count` distinct events and the duplicates among them, the same for the same arguments; no trace is sampled.

    `name` keeps the releases of one list apart from those of another; `revisions` is how often each is told.
    """
    chance = random.Random(f"{seed} {name}")  # noqa: S311  a load that can be made again
    places = [
        (number + revision * chance.uniform(1, DISTANCE_MAX), number // revisions, revision)
        for number in range(0, count, revisions)
        for revision in range(min(revisions, count - number))
    ]
    distinct = [_message(f"{name}.2026.{release:07}", revision + 1, chance) for _, release, revision in sorted(places)]
    return _with_duplicates(distinct, chance)


def sent_once(sent: Sequence[Message]) -> Mapping[str, Message]:
    """The distinct events by id."""
    return {message.event_id: message for message in sent}


def with_sampled_traces(given: Sequence[Message], share: float, *, seed: int = 1) -> list[Message]:
    """The same messages with a share of their traces sampled; a duplicate stays like its first."""
    chance = random.Random(seed)  # noqa: S311  the same as above
    flags = {event_id: b"01" if chance.random() < share else b"00" for event_id in sent_once(given)}
    return [replace(message, headers=_flagged(message.headers, flags[message.event_id])) for message in given]


def _flagged(headers: list[tuple[str, bytes]], flag: bytes) -> list[tuple[str, bytes]]:
    return [(name, value[: -len(flag)] + flag if name == "traceparent" else value) for name, value in headers]


def _with_duplicates(distinct: Sequence[Message], chance: random.Random) -> tuple[Message, ...]:
    again = chance.sample(range(len(distinct)), len(distinct) * DUPLICATES_PER_CENT // 100)
    placed = [(float(place), message) for place, message in enumerate(distinct)]
    placed += [(place + chance.uniform(0, DISTANCE_MAX), distinct[place]) for place in again]
    return tuple(message for _, message in sorted(placed, key=lambda each: each[0]))


def _message(release_id: str, revision: int, chance: random.Random) -> Message:
    event = _released(release_id, revision, chance)
    envelope = Envelope(
        id=str(UUID(int=chance.getrandbits(128), version=4)),
        source=SOURCE,
        type=event.type,
        subject=event.subject,
        time=FRIDAY + timedelta(microseconds=chance.randrange(1, 10**9)),
        correlation_id=str(UUID(int=chance.getrandbits(128), version=4)),
        sequence=revision,
        traceparent=f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-00",
    )
    key, headers, value = encode(event, envelope)
    registration_id = registration_id_of(event.release_id)
    follow_up = opened(event, registration_id).model_dump_json(exclude_none=True).encode()
    return Message(envelope.id, key, headers, value, registration_id, revision, follow_up)


def _released(release_id: str, revision: int, chance: random.Random) -> ClientReleased:
    """A release as a careful prison tells it."""
    home = Address(street="Jl. Jenderal Sudirman No. 12 RT 03 RW 05", village="Talang Aman", regency="Palembang")
    return ClientReleased(
        facility="LP1-PLG",
        prison_register_no=f"BI.{chance.randrange(10**4)}/2023",
        decree_no=f"PAS-{chance.randrange(10**4)}.PK.05.09 Tahun 2026",
        release_type=ReleaseType.CONDITIONAL_RELEASE,
        category=Category.ADULT,
        age_at_offence=31,
        revision=revision,
        name=chance.choice(("Budi Santoso", "Agus Prasetyo", "Siti Rahayu", "Dewi Lestari")),
        father_name="Slamet Riyadi",
        birth_on=date(1990, 3, chance.randrange(1, 28)),
        sex=Sex.MALE,
        nik=f"16710{chance.randrange(10**11):011}",
        phone="+62 812-7000-1234",
        domicile=home,
        guarantor=Guarantor(name="Ratna Sari", relation="SPOUSE", phone="+62 812-7000-4321", address=home),
        decree_on=date(2026, 5, 20),
        guidance_from=date(2026, 5, 29),
        guidance_until=date(2028, 11, 3),
        special_conditions=("NO_CONTACT_WITH_VICTIM", "WEEKLY_REPORT"),
        litmas_no=f"LIT.{chance.randrange(10**4)}/2026",
        offence_group="PROPERTY",
        released_at=FRIDAY + timedelta(minutes=chance.randrange(480)),
        reported_at=FRIDAY + timedelta(minutes=500),
        release_id=release_id,
    )
