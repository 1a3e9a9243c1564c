"""How somebody wants to be told: which way out first, which one instead, and in which hours not. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from chassis.rules.refusal import Refused
from contracts.notifications import Channel
from contracts.reference import Officer
from services.notifications.domain.audience import Contact, Contacts, DeskInvalid
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

    @property
    def lasts(self) -> timedelta:
        """How long they last each day; a beginning that is the end too is no time at all."""
        minutes = (self.ends.hour - self.begins.hour) * 60 + self.ends.minute - self.begins.minute
        return timedelta(minutes=minutes % (24 * 60))

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

    quiet_by_officer: Mapping[str, QuietHours | None] = field(default_factory=dict)
    quiet_by_unit: Mapping[str, QuietHours] = field(default_factory=dict)
    receipt_within: Mapping[Urgency, timedelta] = field(default_factory=lambda: RECEIPT_WITHIN)

    def quiet_of(self, officer: str, *, unit: str | None) -> QuietHours | None:
        """The quiet hours of an officer: their own, be it none, or else the unit's."""
        if officer in self.quiet_by_officer:
            return self.quiet_by_officer[officer]
        return self.quiet_by_unit.get(unit) if unit else None

    def held_until(
        self, officer: str, *, unit: str | None, urgency: Urgency, deadline: str | None, now: datetime, zone: ZoneInfo
    ) -> datetime | None:
        """Until when a notice waits for the end of somebody's quiet hours; None sends it at once.

        `deadline` is the deadline that the notice serves, by its id in the registry of deadlines.
        """
        hours = self.quiet_of(officer, unit=unit)
        if hours is None or deadline in NEVER_HELD or (urgency is Urgency.URGENT and not hours.holds_urgent):
            return None
        return hours.over_at(now, zone=zone)


# --- what officers say themselves -------------------------------------------------------------------------------------

QUIET_HOURS_MAX: Final = 12
"""Of each day somebody must be reached somehow (office rule)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How an officer wants to be told: ways out in this order beside the inbox, and in these hours not."""

    officer: str
    channels: tuple[Channel, ...]
    quiet: QuietHours | None
    changed_at: datetime
    version: int = 0


@dataclass(frozen=True, slots=True)
class Ways:
    """How everybody of the office is told: as the office says, and where somebody says so as they say."""

    contacts: Contacts
    preferences: Preferences


class WishInvalid(Exception):
    """It cannot be told this way."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        """Take the place and the words of each problem."""
        self.problems = tuple(problems)
        super().__init__(self.__doc__)


class WishPassed(Refused):
    """The preferences were changed since they were read."""


def available(contact: Contact, ways_out: Collection[Channel]) -> tuple[Channel, ...]:
    """The ways out by which somebody can be reached: those that are set up and for which an address is known."""
    known = ((Channel.GATEWAY, contact.phone), (Channel.EMAIL, contact.email))
    return tuple(channel for channel, address in known if address and channel in ways_out)


def say(
    known: Wish | None,
    *,
    officer: str,
    channels: tuple[Channel, ...],
    quiet: QuietHours | None,
    available: Collection[Channel],
    version: int | None,
    now: datetime,
) -> Wish:
    """What an officer says from now on. Raises WishPassed, and WishInvalid with every problem at once."""
    read = known.version if known else 0
    if version is not None and version != read:
        raise WishPassed
    problems = [("channels", f"{each} does not reach you") for each in channels if each not in available]
    if len(set(channels)) != len(channels):
        problems.append(("channels", "each once"))
    if quiet is not None and not timedelta() < quiet.lasts <= timedelta(hours=QUIET_HOURS_MAX):
        problems.append(
            ("quiet_hours", f"they last at most {QUIET_HOURS_MAX} hours of a day, and some minutes at least")
        )
    if problems:
        raise WishInvalid(problems)
    return Wish(officer=officer, channels=channels, quiet=quiet, changed_at=now, version=read + 1)


def wished(contacts: Contacts, preferences: Preferences, wishes: Iterable[Wish], ways_out: Collection[Channel]) -> Ways:
    """How everybody is told now; a way that reaches somebody no more is passed over, and the inbox is always there."""
    said = {wish.officer: wish for wish in wishes}
    told = {
        officer: replace(contact, channels=(Channel.IN_APP, *(c for c in wish.channels if c in open_ways)))
        for officer, wish in said.items()
        for contact in [contacts.of(officer)]
        for open_ways in [available(contact, ways_out)]
    }
    quiet = {officer: wish.quiet for officer, wish in said.items()}
    return Ways(
        Contacts({**contacts.by_officer, **told}),
        replace(preferences, quiet_by_officer={**preferences.quiet_by_officer, **quiet}),
    )


# --- what the office says ---------------------------------------------------------------------------------------------


def preferences_of(
    document: Mapping[str, Any], *, officers: Mapping[str, Officer], units: Mapping[str, object]
) -> Preferences:
    """Read `[[quiet_hours]]` rows and the table `[receipt_within_minutes]`; raises DeskInvalid."""
    problems: list[str] = []
    by_officer: dict[str, QuietHours | None] = {}
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
