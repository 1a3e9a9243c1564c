"""What the lab tells a running process: files in a folder that both know, read when they change.

A point at which to die, to stand still or to dawdle, and by how much the machine's clock is wrong.
"""

import asyncio
import json
import os
import signal
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from chassis.clock import SystemClock
from deploy.local.processes import write_whole

SECOND_NS: Final = 1_000_000_000
NOTHING: Final = (0, 0)

Mark = tuple[int, int]
"""Inode and time of change: a file that was replaced within the clock's grain has another inode."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to do when a point is reached for the n-th time from now: take a signal, or wait."""

    point: str
    times: int = 1
    signal: str = ""
    seconds: float = 0.0


class Orders:
    """The files of one process; the lab writes them, the process reads them."""

    def __init__(self, folder: Path, instance: str) -> None:
        self._at_point = folder / f"{instance}.order"
        self._clock = folder / f"{instance}.clock"
        self._done = folder / f"{instance}.done"

    def give(self, order: Order) -> None:
        """Let the process do this at its next opportunity."""
        write_whole(self._at_point, json.dumps(asdict(order)))

    def withdraw(self) -> None:
        """Forget the order, if it was not carried out."""
        self._at_point.unlink(missing_ok=True)

    def carried_out(self) -> bool:
        """Whether the last order was carried out; asking forgets it."""
        done = self._done.exists()
        self._done.unlink(missing_ok=True)
        return done

    def turn_clock(self, seconds: float) -> None:
        """Let the machine's clock be wrong by so much, in this process alone."""
        write_whole(self._clock, str(seconds))

    def at_point(self) -> "File":
        """The file with the order."""
        return File(self._at_point)

    def clock(self) -> "File":
        """The file with the error of the clock."""
        return File(self._clock)

    def say_done(self) -> None:
        """Let the lab know, before whatever follows."""
        self._at_point.replace(self._done)


class File:
    """A file that is read anew when it was replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark: Mark = NOTHING

    def news(self) -> str | None:
        """What it says, if that has changed; empty when it went away."""
        try:
            found = self.path.stat()
            mark = (found.st_ino, found.st_mtime_ns)
            text = self.path.read_text() if mark != self._mark else None
        except FileNotFoundError:
            mark, text = NOTHING, "" if self._mark != NOTHING else None
        self._mark = mark
        return text


class ObedientProbes:
    """Carries out the order that lies there when its point is reached."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._file = orders.at_point()
        self._order: Order | None = None
        self._left = 0

    async def reach(self, point: str) -> None:
        """Die, stand still or dawdle here, if this is the place and the time."""
        if (text := self._file.news()) is not None:
            self._order = Order(**json.loads(text)) if text else None
            self._left = self._order.times if self._order else 0
        order = self._order
        if order is None or order.point != point:
            return
        self._left -= 1
        if self._left:
            return
        self._order = None
        self._orders.say_done()
        if order.signal:
            os.kill(os.getpid(), signal.Signals[order.signal])
        await asyncio.sleep(order.seconds)


class WrongClock(SystemClock):
    """The machine's clock, wrong by what the lab says; what is measured with it still only grows."""

    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self._file = orders.clock()
        self._wrong_by = 0.0

    def now(self) -> datetime:
        """The current instant in UTC, as far as this machine knows."""
        return super().now() + timedelta(seconds=self._error())

    def nanoseconds(self) -> int:
        """The same in nanoseconds since 1970."""
        return super().nanoseconds() + int(self._error() * SECOND_NS)

    def _error(self) -> float:
        if (text := self._file.news()) is not None:
            self._wrong_by = float(text or 0)
        return self._wrong_by
