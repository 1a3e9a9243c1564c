"""Who is there: the roll, the quorum, the opening of the session, and who took part in the discussion of a case."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from chassis.rules.refusal import Refused
from contracts.reference import Reference
from contracts.tpp import HearingMode, HearingOpened
from services.tpp.domain.acts import Arrival, Departure
from services.tpp.domain.decided import Decided
from services.tpp.domain.hearing import Hearing, Line, Presence, PresenceMethod, Step

_WHOLE_PERCENT: Final = 100


class QuorumMissing(Refused):
    """A hearing needs more than two thirds of the members of its team."""


class ChairAbsent(Refused):
    """The chair is not there; the head of the office may appoint a stand-in."""


class TooEarly(Refused):
    """A session does not begin before its time: the members have until then to read the dossiers."""


class PresenceByForm(Refused):
    """Nobody is present by filling in a form."""


class OtherMode(Refused):
    """This hearing takes place in another way than the member is said to be there."""


class ThereAlready(Refused):
    """The member is there already."""


class NotThere(Refused):
    """The member is not there, or came later."""


class NotYet(Refused):
    """What has not happened yet cannot be recorded."""


def call_roll(hearing: Hearing, *, by: str, now: datetime) -> Decided:
    """The secretary begins to record who is there."""
    hearing.require_secretary(by)
    return Decided.of(hearing, Step.CALL_ROLL, at=now)


def arrive(hearing: Hearing, act: Arrival, *, by: str, now: datetime) -> Decided:
    """The secretary records that a member came, how, and when."""
    hearing.require_secretary(by)
    hearing.require_member(act.member)
    if act.method not in PresenceMethod.__members__:
        raise PresenceByForm
    method = PresenceMethod(act.method)
    alone = {HearingMode.IN_PERSON: PresenceMethod.ROOM, HearingMode.VIDEO: PresenceMethod.VIDEO}.get(hearing.mode)
    if alone is not None and method is not alone:
        raise OtherMode
    if act.joined_at > now:
        raise NotYet
    if any(each.member == act.member and (each.left_at or now) >= act.joined_at for each in hearing.presence):
        raise ThereAlready
    came = Presence(member=act.member, method=method, joined_at=act.joined_at)
    return Decided.of(hearing, Step.RECORD_PRESENCE, at=now, presence=(*hearing.presence, came))


def leave(hearing: Hearing, member: str, act: Departure, *, by: str, now: datetime) -> Decided:
    """The secretary records that a member left."""
    hearing.require_secretary(by)
    if act.left_at > now:
        raise NotYet
    here = next((each for each in hearing.presence if each.member == member and each.left_at is None), None)
    if here is None or act.left_at < here.joined_at:
        raise NotThere
    gone = here.model_copy(update={"left_at": act.left_at})
    presence = tuple(gone if each is here else each for each in hearing.presence)
    return Decided.of(hearing, Step.RECORD_PRESENCE, at=now, presence=presence)


def is_quorate(*, present: int, members: int) -> bool:
    """Whether more than two thirds of the members are there."""
    return present * 3 > members * 2


def require_quorum(hearing: Hearing, now: datetime) -> int:
    """How many members are there; raises QuorumMissing where they are too few."""
    present = len(hearing.there_at(now))
    if not is_quorate(present=present, members=len(hearing.team.members)):
        raise QuorumMissing
    return present


def open_session(hearing: Hearing, *, by: str, now: datetime) -> Decided:
    """The chair opens the session of a quorate hearing."""
    hearing.require_chair(by)
    decided = Decided.of(hearing, Step.OPEN, at=now, opened_at=hearing.opened_at or now)
    present = require_quorum(hearing, now)
    if hearing.chair not in hearing.there_at(now):
        raise ChairAbsent
    if now < hearing.starts_at:
        raise TooEarly
    members = len(hearing.team.members)
    return decided.said(
        HearingOpened(**hearing.about(), kind=hearing.kind, members=members, present=present, opened_at=now)
    )


def entitled(line: Line, there: frozenset[str]) -> frozenset[str]:
    """Who of those who were there decides the case: neither its author nor who has an interest in it."""
    author = set() if line.heard is None else {line.heard.author}
    return there - author - set(line.conflicts)


def took_part(hearing: Hearing, line: Line, *, until: datetime, reference: Reference) -> frozenset[str]:
    """The members who were there for a case: signed in the room, or joined for most of its discussion."""
    begin = line.discussed_from or until
    return frozenset(
        member
        for member in hearing.team.members
        if _followed(hearing.presence, member, begin, until, reference.board.attendance_percent_min)
    )


def _followed(presence: Sequence[Presence], member: str, begin: datetime, until: datetime, percent_min: int) -> bool:
    own = [each for each in presence if each.member == member and each.joined_at <= until]
    own = [each for each in own if each.left_at is None or each.left_at > begin]
    if any(each.method is PresenceMethod.ROOM for each in own):
        return True
    if until <= begin:
        return bool(own)
    there = sum((min(each.left_at or until, until) - max(each.joined_at, begin) for each in own), timedelta())
    return there * _WHOLE_PERCENT >= (until - begin) * percent_min
