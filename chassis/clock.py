"""The two clocks: the system's for ids, tokens and retries, the office's for deadlines and the rules of the day.

Both are handed to whoever needs the time; nothing else in the network asks the machine what time it is.
"""

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.rules.calendar import JAKARTA

_VERSION_7: Final = 0x7 << 76
_VARIANT: Final = 0x2 << 62
_COUNTER_MAX: Final = 0xFFF
_COUNTER_START_BITS: Final = 11
_RANDOM_BITS: Final = 62


class OfficeClockInvalid(Exception):
    """The office clock file is not {"system": instant, "office": instant, "factor": number}."""


class Uuid7:
    """Makes UUIDs of version 7 that never go backwards within one process (RFC 9562, section 6.2, method 1)."""

    def __init__(self) -> None:
        """Start before every instant."""
        self._lock = Lock()
        self._millisecond = -1
        self._counter = 0

    def new(self, millisecond: int) -> UUID:
        """An id that is greater than every id that this object has made."""
        with self._lock:
            if millisecond > self._millisecond:
                self._restart(millisecond)
            elif self._counter < _COUNTER_MAX:
                self._counter += 1
            else:
                self._restart(self._millisecond + 1)
            high = self._millisecond << 80 | _VERSION_7 | self._counter << 64
        return UUID(int=high | _VARIANT | secrets.randbits(_RANDOM_BITS))

    def _restart(self, millisecond: int) -> None:
        # The top bit stays free, so that at least 2048 ids fit into the millisecond before one is borrowed.
        self._millisecond = millisecond
        self._counter = secrets.randbits(_COUNTER_START_BITS)


class SystemClock:
    """The machine's time, and the ids that derive from it."""

    def __init__(self) -> None:
        """Ids start anew with the process."""
        self._ids = Uuid7()

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring how long something takes."""
        return time.monotonic()

    def nanoseconds(self) -> int:
        """Nanoseconds since 1970, as traces count."""
        return time.time_ns()

    def new_id(self) -> UUID:
        """A new UUIDv7."""
        return self._ids.new(self.nanoseconds() // 1_000_000)


class SteppedClock(SystemClock):
    """A clock that stands until somebody steps it."""

    def __init__(self, start: datetime) -> None:
        """Stand at this instant."""
        super().__init__()
        self._now = _utc(start)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """The instant at which the clock stands."""
        return self._now

    def monotonic(self) -> float:
        """The seconds by which the clock was stepped so far."""
        return self._monotonic

    def nanoseconds(self) -> int:
        """The instant at which the clock stands, in nanoseconds since 1970."""
        return (self._now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000

    def step(self, by: timedelta) -> None:
        """Go forward."""
        if by < timedelta():
            message = "a clock that is stepped backwards would make time that was measured negative"
            raise ValueError(message)
        self._now += by
        self._monotonic += by.total_seconds()

    def set(self, instant: datetime) -> None:
        """Go forward to this instant."""
        self.step(_utc(instant) - self._now)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Office time is `office` at the system time `system`, and runs `factor` times as fast."""

    system: datetime
    office: datetime
    factor: float

    def office_time(self, system: datetime) -> datetime:
        return self.office + (system - self.system) * self.factor


class OfficeClock:
    """The time in the office; a file can move it and let it run faster, in all processes alike."""

    def __init__(self, system: SystemClock, *, file: Path | None = None, zone: ZoneInfo = JAKARTA) -> None:
        """Follow the system's clock, shifted by the file if one is named and there."""
        self.zone = zone
        self._system = system
        self._file = file
        self._mtime_ns: int | None = None
        self._origin: _Origin | None = None

    def now(self) -> datetime:
        """The office's current instant in UTC."""
        origin = self._current_origin()
        system = self._system.now()
        return system if origin is None else origin.office_time(system)

    def local(self) -> datetime:
        """The time on the office's wall."""
        return self.now().astimezone(self.zone)

    def today(self) -> date:
        """The date in the office."""
        return self.local().date()

    @property
    def factor(self) -> float:
        """How many times as fast as the system's clock it runs."""
        origin = self._current_origin()
        return 1.0 if origin is None else origin.factor

    def _current_origin(self) -> _Origin | None:
        if self._file is None:
            return None
        try:
            mtime_ns = self._file.stat().st_mtime_ns
            if mtime_ns != self._mtime_ns:
                self._origin = _read_origin(self._file)
                self._mtime_ns = mtime_ns
        except FileNotFoundError:
            self._origin = self._mtime_ns = None
        return self._origin


def write_office_clock(file: Path, *, system: datetime, office: datetime, factor: float) -> None:
    """Replace the clock file at once, so that no process reads half of it."""
    origin = _Origin(system=_utc(system), office=_utc(office), factor=factor)
    document = {"system": origin.system.isoformat(), "office": origin.office.isoformat(), "factor": origin.factor}
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(json.dumps(document), encoding="utf-8")
    draft.replace(file)


def _read_origin(file: Path) -> _Origin:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        origin = _Origin(
            system=_utc(datetime.fromisoformat(document["system"])),
            office=_utc(datetime.fromisoformat(document["office"])),
            factor=float(document.get("factor", 1)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{OfficeClockInvalid.__doc__} ({file}: {error})"
        raise OfficeClockInvalid(message) from error
    if origin.factor < 0:
        message = f"{file}: the office clock cannot run backwards (factor {origin.factor})"
        raise OfficeClockInvalid(message)
    return origin


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        message = f"{instant.isoformat()} has no zone"
        raise ValueError(message)
    return instant.astimezone(UTC)
