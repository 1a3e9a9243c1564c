"""Two registrations that may be of one human being: suspected by rule, judged by a person, never merged.

A link says that two clients are one human being. Each keeps its id, its case and its clocks.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from chassis.rules.transitions import Table
from contracts.event import Event
from contracts.lapas import client_id_of
from contracts.registration import ClientsLinked, ClientsUnlinked
from services.registration.domain.likeness import Level, Likeness

_PAIRS: Final = UUID("1d6f0b7e-94a3-5c28-8e51-b7c04d92f6a8")


class State(StrEnum):
    """What is thought of two registrations."""

    OPEN = "open"
    """Alike; a person has to look."""
    LAPSED = "lapsed"
    """Not alike any more, since what is known of one has changed."""
    DISMISSED = "dismissed"
    """Two human beings, says a person."""
    LINKED = "linked"
    """One human being, says a person."""


class Step(StrEnum):
    """What happens to a suspicion, in the words of a refusal."""

    SUSPECT = "a suspicion"
    LAPSE = "the end of a suspicion"
    DISMISS = "dismissal"
    LINK = "a link"
    UNLINK = "the end of a link"


MOVES: Final[dict[tuple[State | None, Step], State]] = {
    (None, Step.SUSPECT): State.OPEN,
    (State.OPEN, Step.SUSPECT): State.OPEN,
    (State.LAPSED, Step.SUSPECT): State.OPEN,
    # Only on other facts than those that were dismissed.
    (State.DISMISSED, Step.SUSPECT): State.OPEN,
    (State.OPEN, Step.LAPSE): State.LAPSED,
    (State.OPEN, Step.DISMISS): State.DISMISSED,
    (State.OPEN, Step.LINK): State.LINKED,
    # A person may know better than the facts, and better than another person.
    (State.LAPSED, Step.LINK): State.LINKED,
    (State.DISMISSED, Step.LINK): State.LINKED,
    (State.LINKED, Step.UNLINK): State.DISMISSED,
}

TRANSITIONS: Final = Table(matter="suspected duplicate", states=State, steps=Step, moves=MOVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two registrations, why they are thought to be of one human being, and what became of that."""

    duplicate_id: UUID
    first: UUID
    second: UUID
    state: State
    level: Level
    score: int
    same_nik: bool
    name: int
    birth: int
    facility: int
    fingerprint: str
    """Of the facts about both that were compared last."""
    dismissed_on: str | None = None
    """The facts on which a person said that they are two."""
    suspected_at: datetime
    policy_version: str
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Two registrations as they are compared now."""

    first: UUID
    second: UUID
    likeness: Likeness
    fingerprint: str
    policy_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a judgement comes to: the pair as it is now, what is made known, and the line of its history."""

    pair: Pair
    step: Step
    before: State | None
    reason: str | None = None
    facts: tuple[Event, ...] = ()


def pair_id_of(one: UUID, other: UUID) -> UUID:
    """The id of a suspicion about two registrations, whichever is named first."""
    first, second = ordered(one, other)
    return uuid5(_PAIRS, f"{first}|{second}")


def ordered(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """Two registrations in the one order in which they are kept."""
    return (one, other) if one < other else (other, one)


def judge(known: Pair | None, found: Found, *, now: datetime) -> Judged | None:
    """Decide what a comparison changes; None for nothing: a link, and a dismissal on the same facts, stand."""
    if found.likeness.level is None:
        return _lapse(known, found)
    if known is None:
        return _suspect(None, found, since=now)
    if known.state is State.OPEN:
        return None if _evidence_of(known, found) == known else _suspect(known, found, since=known.suspected_at)
    settled = known.state is State.DISMISSED and known.dismissed_on == found.fingerprint
    return None if settled or known.state is State.LINKED else _suspect(known, found, since=now)


def lapse(known: Pair) -> Judged | None:
    """One of the two stands for nobody any more: an open suspicion ends, and what a person said stands."""
    return _judged(known, Step.LAPSE, known) if known.state is State.OPEN else None


def dismiss(known: Pair, reason: str) -> Judged:
    """A person says that they are two: not suspected again unless what is known of one of them changes."""
    return _judged(known, Step.DISMISS, replace(known, dismissed_on=known.fingerprint), reason=reason)


def link(known: Pair, reason: str, *, now: datetime, juvenile: bool) -> Judged:
    """A person says that two clients are one human being; nothing of either changes."""
    linked = _judged(known, Step.LINK, replace(known, sequence=known.sequence + 1), reason=reason)
    return replace(linked, facts=(ClientsLinked(**_clients_of(known, juvenile=juvenile), linked_at=now),))


def unlink(known: Pair, reason: str, *, now: datetime, juvenile: bool) -> Judged:
    """A person says that two clients are not one human being after all."""
    apart = replace(known, dismissed_on=known.fingerprint, sequence=known.sequence + 1)
    unlinked = _judged(known, Step.UNLINK, apart, reason=reason)
    return replace(unlinked, facts=(ClientsUnlinked(**_clients_of(known, juvenile=juvenile), unlinked_at=now),))


def _lapse(known: Pair | None, found: Found) -> Judged | None:
    if known is None or known.state is not State.OPEN:
        return None
    return _judged(known, Step.LAPSE, replace(known, fingerprint=found.fingerprint))


def _suspect(known: Pair | None, found: Found, *, since: datetime) -> Judged:
    first, second = ordered(found.first, found.second)
    pair = known or Pair(
        duplicate_id=pair_id_of(first, second),
        first=first,
        second=second,
        state=State.OPEN,
        level=Level.POSSIBLE,
        score=0,
        same_nik=False,
        name=0,
        birth=0,
        facility=0,
        fingerprint="",
        suspected_at=since,
        policy_version=found.policy_version,
    )
    return _judged(known, Step.SUSPECT, replace(_evidence_of(pair, found), suspected_at=since))


def _evidence_of(pair: Pair, found: Found) -> Pair:
    """The pair with what speaks for it now; the policy is that of the comparison which said so first."""
    likeness = found.likeness
    told = replace(
        pair,
        level=likeness.level or pair.level,
        score=likeness.score,
        same_nik=likeness.same_nik,
        name=likeness.name,
        birth=likeness.birth,
        facility=likeness.facility,
        fingerprint=found.fingerprint,
    )
    return told if told == pair else replace(told, policy_version=found.policy_version)


def _judged(known: Pair | None, step: Step, pair: Pair, *, reason: str | None = None) -> Judged:
    before = known.state if known is not None else None
    return Judged(pair=replace(pair, state=TRANSITIONS.move(before, step)), step=step, before=before, reason=reason)


def _clients_of(pair: Pair, *, juvenile: bool) -> dict[str, Any]:
    return {
        "link_id": pair.duplicate_id,
        "registration_id": pair.first,
        "client_id": client_id_of(pair.first),
        "other_registration_id": pair.second,
        "other_client_id": client_id_of(pair.second),
        "juvenile": juvenile,
    }
