"""Which process a number means: process ids are used again, so the time of birth belongs to the name."""

import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

# Fields of /proc/PID/stat after the program's name in parentheses, which may hold spaces.
STATE_FIELD = 0
START_FIELD = 19


@dataclass(frozen=True, slots=True)
class Identity:
    """One process and no later one that got the same number."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The process that has this number now; None if there is none, or only its unburied rest."""
        born = _birth(pid)
        return None if born is None else cls(pid, born)

    @property
    def alive(self) -> bool:
        """Whether exactly this process still runs."""
        return Identity.of(self.pid) == self

    def family(self) -> list["Identity"]:
        """This process and all that descends from it, as far as they run."""
        if not self.alive:
            return []
        try:
            descendants = psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [self, *(found for child in descendants if (found := Identity.of(child.pid)))]

    def signal(self, number: int) -> None:
        """Send a signal to this process, and to no other that may have its number by now."""
        if self.alive:
            try:
                psutil.Process(self.pid).send_signal(number)
            except psutil.NoSuchProcess:
                return


def _birth(pid: int) -> str | None:
    if sys.platform == "linux":
        # In ticks since boot: unlike a wall-clock time it does not shift when the clock is set.
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[STATE_FIELD] in {"Z", "X"} else fields[START_FIELD]
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return None
