"""Who sits on a panel: teams appointed by a decree (SK) for a time, one at a time for each panel of a unit."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID, uuid5

from pydantic import Field

from chassis.rules.refusal import Refused
from contracts.event import Fact
from contracts.personal import Day, DocumentNo, Instant, OfficerCode, UnitCode
from contracts.reference import Reference
from contracts.tpp import MEMBERS_MAX, Panel

TEAMS_MAX: Final = 200
_BENCHES: Final = UUID("5d0f6d0e-8f0b-5f0c-9d57-0a6f2b6e1c37")

Members = Annotated[tuple[OfficerCode, ...], Field(min_length=1, max_length=MEMBERS_MAX)]


class TooFewMembers(Refused):
    """A team has at least five members (Kepmen M.02.PR.08.03/1999 as practised)."""


class EvenTeam(Refused):
    """A team has an odd number of members, so that a vote of all of them has a majority."""


class ChairIsNoMember(Refused):
    """The chair of a team is one of its members."""


class MemberTwice(Refused):
    """Nobody sits in a team twice."""


class ChairIsSecretary(Refused):
    """The chair does not keep the minutes that the chair ratifies."""


class TermEndsBeforeItBegins(Refused):
    """The decree of a team ends before it begins."""


class TermsOverlap(Refused):
    """Another team of this panel is appointed for part of that time."""


class UnitUnknown(Refused):
    """A team is appointed for a unit of this office."""


class MemberUnknown(Refused):
    """Somebody who is named is no officer of this office."""


class TooManyTeams(Refused):
    """This panel has had more teams than are kept."""


class NobodyAppointed(Refused):
    """No team is appointed for this panel on that day."""


class Appointment(Fact):
    """A team as its decree (SK) appoints it; the secretary votes where named among the members."""

    unit: UnitCode
    panel: Panel
    decree_no: DocumentNo
    valid_from: Day
    valid_until: Day
    chair: OfficerCode
    secretary: OfficerCode
    members: Members


class Team(Fact):
    """Those who sit on a panel, and for how long."""

    team_id: UUID
    decree_no: DocumentNo
    valid_from: Day
    valid_until: Day
    chair: OfficerCode
    secretary: OfficerCode
    members: Members
    appointed_by: str
    appointed_at: Instant

    def sits_on(self, day: date) -> bool:
        """Whether the decree holds on this day."""
        return self.valid_from <= day <= self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A panel of a unit: its teams, the newest term last, and when it last held a routine hearing."""

    bench_id: UUID
    unit: str
    panel: Panel
    teams: tuple[Team, ...] = ()
    last_held_at: datetime | None = None
    counted_from: datetime | None = None
    """Since when the time to the next routine hearing counts; nothing while no team is appointed."""
    warnings_given: int = 0
    sequence: int = 0

    def team_on(self, day: date) -> Team:
        """The team that sits on this day; raises NobodyAppointed."""
        found = next((team for team in self.teams if team.sits_on(day)), None)
        if found is None:
            raise NobodyAppointed
        return found


def bench_id_of(unit: str, panel: Panel) -> UUID:
    """The id of a unit's panel."""
    return uuid5(_BENCHES, f"{unit}|{panel}")


def appoint(
    bench: Bench | None, act: Appointment, *, team_id: UUID, by: str, now: datetime, reference: Reference
) -> Bench:
    """A team is appointed; the time to the panel's first routine hearing begins with its first term."""
    _check(act, reference)
    known = bench or Bench(bench_id=bench_id_of(act.unit, act.panel), unit=act.unit, panel=act.panel)
    if any(act.valid_from <= team.valid_until and team.valid_from <= act.valid_until for team in known.teams):
        raise TermsOverlap
    if len(known.teams) >= TEAMS_MAX:
        raise TooManyTeams
    said = act.model_dump(exclude={"unit", "panel"})
    team = Team.model_validate(said | {"team_id": team_id, "appointed_by": by, "appointed_at": now})
    teams = tuple(sorted((*known.teams, team), key=lambda each: each.valid_from))
    return replace(known, teams=teams, counted_from=known.counted_from or now)


def _check(act: Appointment, reference: Reference) -> None:
    if act.unit not in reference.units:
        raise UnitUnknown
    if act.valid_until < act.valid_from:
        raise TermEndsBeforeItBegins
    if len(set(act.members)) != len(act.members):
        raise MemberTwice
    if len(act.members) < reference.board.members_min:
        raise TooFewMembers
    if reference.board.odd_members and len(act.members) % 2 == 0:
        raise EvenTeam
    if act.chair not in act.members:
        raise ChairIsNoMember
    if act.chair == act.secretary:
        raise ChairIsSecretary
    if not {*act.members, act.secretary} <= reference.officers.keys():
        raise MemberUnknown
