"""Where the duty roster has holes, which of them were told, and when to look again. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from services.notifications.domain.roster import Shift

REVIEW_PAUSE: Final = timedelta(minutes=15)
"""Never looked at more often by the clock alone, whatever the rows say."""

_GAPS: Final = UUID("0d6c5a0b-3f0e-5b1f-8a52-6c9f3f1c7d21")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A span in which nobody is on duty for a unit; without an end nobody is planned after it."""

    unit: str
    starts_at: datetime
    ends_at: datetime | None = None

    def covers(self, other: "Gap") -> bool:
        """Whether the other one lies wholly within this one."""
        if self.unit != other.unit or other.starts_at < self.starts_at:
            return False
        return self.ends_at is None or (other.ends_at is not None and other.ends_at <= self.ends_at)

    def touches(self, other: "Gap") -> bool:
        """Whether both share an instant."""
        before = self.ends_at is not None and self.ends_at <= other.starts_at
        after = other.ends_at is not None and other.ends_at <= self.starts_at
        return self.unit == other.unit and not before and not after

    def hours_within(self, start: datetime, end: datetime) -> float:
        """How many hours of this span nobody is on duty."""
        last = end if self.ends_at is None else min(self.ends_at, end)
        return max(timedelta(), last - max(self.starts_at, start)) / timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldGap:
    """A gap that somebody was told of; what is filled of it later makes it smaller and not another one."""

    gap_id: UUID
    gap: Gap
    told_at: datetime
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is remembered of the holes in the roster of an office."""

    office: str
    gaps: tuple[ToldGap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a look at the roster found."""

    gaps: tuple[ToldGap, ...]
    """All that are open, those found now too."""
    found: tuple[ToldGap, ...]
    """To be told."""
    filled: tuple[ToldGap, ...]
    """Told before, and there is somebody on duty now."""
    over: tuple[ToldGap, ...]
    """Told before, and passed, or part of a larger one that is told now."""


def holes(unit: str, shifts: Iterable[Shift], *, now: datetime, until: datetime | None) -> tuple[Gap, ...]:
    """The holes of a unit that are open now or open until `until`; each is named by its true bounds.

    A hole begins where the shift before it ended; the shifts need to reach back as far as the last that ended by now.
    """
    own = sorted((shift for shift in shifts if shift.unit == unit), key=lambda shift: shift.starts_at)
    served_until = max((shift.ends_at for shift in own if shift.ends_at <= now), default=now)
    found = []
    for shift in own:
        if shift.starts_at > max(served_until, now):
            found.append(Gap(unit=unit, starts_at=served_until, ends_at=shift.starts_at))
        served_until = max(served_until, shift.ends_at)
    found.append(Gap(unit=unit, starts_at=served_until))
    return tuple(gap for gap in found if until is None or gap.starts_at <= until)


def review(watch: Watch, found: Sequence[Gap], *, now: datetime) -> Review:
    """Compare what was told with what is there: a hole is told once, and told anew only where it has grown."""
    open_now = [_continued(gap, watch.gaps) or _new(gap, now) for gap in found]
    known = {told.gap_id for told in watch.gaps}
    still_open = {told.gap_id for told in open_now}
    gone = [told for told in watch.gaps if told.gap_id not in still_open]
    filled = [told for told in gone if not _has_passed(told.gap, now) and not any(told.gap.touches(g) for g in found)]
    return Review(
        gaps=tuple(open_now),
        found=tuple(told for told in open_now if told.gap_id not in known),
        filled=tuple(filled),
        over=tuple(told for told in gone if told not in filled),
    )


def next_review(
    upcoming: Iterable[Gap], told: Iterable[ToldGap], *, now: datetime, ahead: timedelta
) -> datetime | None:
    """When something changes by itself: a hole comes near enough to be told, or one that was told has passed."""
    instants = [gap.starts_at - ahead for gap in upcoming if gap.starts_at - ahead > now]
    instants += [each.gap.ends_at for each in told if each.gap.ends_at is not None and each.gap.ends_at > now]
    return max(min(instants), now + REVIEW_PAUSE) if instants else None


def _continued(gap: Gap, told: Iterable[ToldGap]) -> ToldGap | None:
    before = next((each for each in told if each.gap.covers(gap)), None)
    return None if before is None else replace(before, gap=gap)


def _new(gap: Gap, now: datetime) -> ToldGap:
    name = f"{gap.unit}|{gap.starts_at.timestamp()}|{now.timestamp()}"
    return ToldGap(gap_id=uuid5(_GAPS, name), gap=gap, told_at=now)


def _has_passed(gap: Gap, now: datetime) -> bool:
    return gap.ends_at is not None and gap.ends_at <= now
