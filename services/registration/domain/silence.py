"""Prisons from which nothing comes: how long each may be silent is a row of the deadline policies, for all or for one.

A prison whose line is cut looks like one that releases nobody. Whoever is silent longer than usual is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID, uuid5

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from contracts.reference import DeadlinePolicy, Reference, ReferenceInvalid
from contracts.registration import FacilitySilent

POLICY: Final = "FACILITY-SILENT"
"""The row for every facility; `FACILITY-SILENT.<facility>` is that of one that is usually silent for longer."""

_SILENCES: Final = UUID("8b1f6a52-0c3e-5d47-9a6e-4f2d7c81b935")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A facility, the day of its last word, and whether somebody was told of the silence since."""

    facility: str
    since: date
    has_spoken: bool = False
    told_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is remembered of the silence of facilities."""

    watch_id: str
    facilities: tuple[Watched, ...] = ()
    sequence: int = 0


def check_policies(reference: Reference) -> None:
    """Raise ReferenceInvalid where no row says how long a facility may be silent, or a row names no facility."""
    if POLICY not in reference.policies:
        raise ReferenceInvalid(f"deadline_policies.toml: registration needs {POLICY}")
    named = {row.removeprefix(f"{POLICY}.") for row in reference.policies if row.startswith(f"{POLICY}.")}
    unknown = sorted(named - reference.facilities.keys())
    if unknown:
        raise ReferenceInvalid(f"deadline_policies.toml: {POLICY}.{unknown[0]} names no facility")


def look(
    watch: Watch, heard: Mapping[str, date], *, now: datetime, reference: Reference
) -> tuple[Watch, tuple[FacilitySilent, ...]]:
    """Compare the last word of each facility with its row: a silence is told, and again each time its span has passed.

    `heard` is the day of the last word by facility; one that never spoke is counted from the first look.
    """
    today = OfficeCalendar.of(reference).local_date(now)
    before = {each.facility: each for each in watch.facilities}
    known = [
        _listened(before.get(code) or Watched(facility=code, since=today), heard.get(code))
        for code in sorted(reference.facilities)
    ]
    overdue = {each.facility: due for each in known if (due := _due(each, reference)) <= now}
    facts = tuple(_silent(each, overdue[each.facility], today, reference) for each in known if each.facility in overdue)
    told = (replace(each, told_on=today) if each.facility in overdue else each for each in known)
    return replace(watch, facilities=tuple(told), sequence=watch.sequence + len(facts)), facts


def next_look(now: datetime, reference: Reference) -> datetime:
    """The next morning, at the hour of the policy."""
    calendar = OfficeCalendar.of(reference)
    clock = _hour(reference.policies[POLICY], calendar)
    today = calendar.local_date(now)
    this_morning = calendar.at(today, clock)
    return this_morning if this_morning > now else calendar.at(today + timedelta(days=1), clock)


def _listened(known: Watched, heard_on: date | None) -> Watched:
    """Whoever has spoken since is not silent any more."""
    if heard_on is None or (known.has_spoken and heard_on <= known.since):
        return known
    return Watched(facility=known.facility, since=heard_on, has_spoken=True)


def _due(each: Watched, reference: Reference) -> datetime:
    policy, calendar = _policy_of(each.facility, reference), OfficeCalendar.of(reference)
    start = each.since if each.told_on is None else each.told_on
    return due_at(policy, calendar.at(start, _hour(policy, calendar)), calendar)


def _policy_of(facility: str, reference: Reference) -> DeadlinePolicy:
    return reference.policies.get(f"{POLICY}.{facility}") or reference.policies[POLICY]


def _hour(policy: DeadlinePolicy, calendar: OfficeCalendar) -> time:
    return policy.start_time or calendar.opens


def _silent(each: Watched, due: datetime, today: date, reference: Reference) -> FacilitySilent:
    return FacilitySilent(
        silence_id=uuid5(_SILENCES, f"{each.facility}|{each.since.isoformat()}|{due.isoformat()}"),
        facility=each.facility,
        receiving_unit=reference.receiving_unit(each.facility),
        last_heard_on=each.since if each.has_spoken else None,
        silent_days=(today - each.since).days,
        due_at=due,
        again=each.told_on is not None,
    )
