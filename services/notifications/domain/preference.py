"""How somebody wants to be told: which way out first, which one instead, and in which hours not. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from contracts.notifications import Channel
from contracts.reference import Officer
from services.notifications.domain.audience import DeskInvalid
from services.notifications.domain.ledger import DELIVERED_BY_WRITING, Urgency

NEVER_HELD: Final = frozenset({"D02", "D03", "D04", "D05", "D06", "D07", "D08", "D09", "D30"})
"""Deadlines whose notices no quiet hours hold: those of a child's case (UU 11/2012 art. 28, 29, 42, 52) and the first
contact after a release (office rule)."""

RECEIPT_WITHIN: Final[Mapping[Urgency, timedelta]] = {
    Urgency.URGENT: timedelta(minutes=10),
    Urgency.NORMAL: timedelta(hours=2),
    Urgency.QUIET: timedelta(hours=2),
}
"""How long a way out has until the next one is taken, where the office has not said otherwise."""


def first_ways(channels: Sequence[Channel], urgency: Urgency) -> tuple[Channel, ...]:
    """The channels of a new notice: the inbox, which interrupts nobody, and of the ways out the one preferred most.

    What is quiet stays in the inbox where there is one.
    """
    inbox = tuple(channel for channel in channels if channel in DELIVERED_BY_WRITING)
    if urgency is Urgency.QUIET and inbox:
        return inbox
    chosen = {*inbox, next_way(channels, tried=())}
    return tuple(channel for channel in channels if channel in chosen)


def next_way(channels: Sequence[Channel], *, tried: Collection[Channel]) -> Channel | None:
    """The way out that is preferred most of those not tried yet, if any is left."""
    return next((channel for channel in channels if channel not in DELIVERED_BY_WRITING and channel not in tried), None)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of each day, on the office's wall clock, in which only what may not wait interrupts somebody."""

    begins: time
    ends: time
    holds_urgent: bool = False

    def over_at(self, now: datetime, *, zone: ZoneInfo) -> datetime | None:
        """When they end, if they last now; the minute of the end is outside."""
        local = now.astimezone(zone)
        clock = local.time()
        over_midnight = self.begins > self.ends
        lasts = (clock >= self.begins or clock < self.ends) if over_midnight else (self.begins <= clock < self.ends)
        if not lasts:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and clock >= self.begins else 0)
        return datetime.combine(day, self.ends, tzinfo=zone)


@dataclass(frozen=True, slots=True)
class Preferences:
    """When people want quiet, by officer or else by unit, and how long a way out has to reach them."""

    quiet_by_officer: Mapping[str, QuietHours] = field(default_factory=dict)
    quiet_by_unit: Mapping[str, QuietHours] = field(default_factory=dict)
    receipt_within: Mapping[Urgency, timedelta] = field(default_factory=lambda: RECEIPT_WITHIN)

    def held_until(
        self, officer: str, *, unit: str | None, urgency: Urgency, deadline: str | None, now: datetime, zone: ZoneInfo
    ) -> datetime | None:
        """Until when a notice waits for the end of somebody's quiet hours; None sends it at once.

        `deadline` is the deadline that the notice serves, by its id in the registry of deadlines.
        """
        hours = self.quiet_by_officer.get(officer) or (self.quiet_by_unit.get(unit) if unit else None)
        if hours is None or deadline in NEVER_HELD or (urgency is Urgency.URGENT and not hours.holds_urgent):
            return None
        return hours.over_at(now, zone=zone)


def preferences_of(
    document: Mapping[str, Any], *, officers: Mapping[str, Officer], units: Mapping[str, object]
) -> Preferences:
    """Read `[[quiet_hours]]` rows and the table `[receipt_within_minutes]`; raises DeskInvalid."""
    problems: list[str] = []
    by_officer: dict[str, QuietHours] = {}
    by_unit: dict[str, QuietHours] = {}
    for number, row in enumerate(document.get("quiet_hours", ()), start=1):
        where = f"quiet_hours row {number}"
        hours = _hours_of(row, where, problems)
        officer, unit = row.get("officer"), row.get("unit")
        problems += [] if (officer is None) is not (unit is None) else [f"{where}: it names an officer, or a unit"]
        problems += _unknown(where, "officer", officer, officers) + _unknown(where, "unit", unit, units)
        twice = officer in by_officer or unit in by_unit
        problems += [f"{where}: {officer or unit} has quiet hours already"] if twice else []
        if hours is not None and officer is not None:
            by_officer[str(officer)] = hours
        elif hours is not None:
            by_unit[str(unit)] = hours
    patience = _patience_of(document.get("receipt_within_minutes", {}), problems)
    if problems:
        raise DeskInvalid(problems)
    return Preferences(by_officer, by_unit, patience)


def _hours_of(row: Mapping[str, Any], where: str, problems: list[str]) -> QuietHours | None:
    begins, ends, holds = row.get("from"), row.get("to"), row.get("holds", Urgency.NORMAL.value)
    if not isinstance(begins, time) or not isinstance(ends, time):
        problems.append(f"{where}: `from` and `to` are times of the day such as 21:00:00")
        return None
    if begins == ends:
        problems.append(f"{where}: it ends when it begins, so it would last for ever or never")
    if holds not in {Urgency.NORMAL, Urgency.URGENT}:
        problems.append(f"{where}: `holds` is normal or urgent")
    return QuietHours(begins, ends, holds_urgent=holds == Urgency.URGENT)


def _patience_of(table: Mapping[str, Any], problems: list[str]) -> Mapping[Urgency, timedelta]:
    patience = dict(RECEIPT_WITHIN)
    known = {urgency.value: urgency for urgency in Urgency}
    for word, minutes in table.items():
        if word not in known or not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 1:
            problems.append(f"receipt_within_minutes: {word} is an urgency with a number of minutes, at least one")
        else:
            patience[known[word]] = timedelta(minutes=minutes)
    return patience


def _unknown(where: str, what: str, code: object, known: Mapping[str, object]) -> list[str]:
    return [] if code is None or code in known else [f"{where}: {what} {code!r} is unknown"]
