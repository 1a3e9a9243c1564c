"""Ends the recorded processes when the process that started them is gone: python -m deploy.local.watchdog RECORD."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.identity import Identity
from deploy.local.waiting import wait_until

GRACE_SECONDS: Final = 5.0
REPOSITORY: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A recorded process and the signal that ends it without its parent's care."""

    name: str
    pid: int
    born: str
    death_signal: int
    log: str

    @property
    def identity(self) -> Identity:
        """Exactly this process."""
        return Identity(self.pid, self.born)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What has to end, and what is of no use afterwards."""

    children: list[Child]
    remove: list[str]

    @classmethod
    def read(cls, path: Path) -> "Record":
        """The record as it was last written; empty if there is none."""
        try:
            found = json.loads(path.read_text())
        except FileNotFoundError:
            return cls(children=[], remove=[])
        return cls(children=[Child(**child) for child in found["children"]], remove=found["remove"])


def start(record: Path) -> "subprocess.Popen[bytes]":
    """Start the watchdog of this process; it wakes when the pipe to it breaks."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(record)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=REPOSITORY,
        start_new_session=True,
    )


def dismiss(watchdog: "subprocess.Popen[bytes]") -> None:
    """Send the watchdog home: all has ended in order."""
    watchdog.kill()
    watchdog.wait()
    if watchdog.stdin:
        watchdog.stdin.close()


def end_all(record: Record) -> None:
    """End every recorded process with its descendants: first as each prefers, after a grace by force."""
    family = [member for child in record.children for member in child.identity.family()]
    for child in reversed(record.children):
        child.identity.signal(child.death_signal)
    if not wait_until(lambda: not any(member.alive for member in family), seconds=GRACE_SECONDS):
        for member in family:
            member.signal(signal.SIGKILL)


def main() -> None:
    """Wait for the pipe to break, then end what is recorded."""
    record_path = Path(sys.argv[1])
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.buffer.read()
    record = Record.read(record_path)
    end_all(record)
    record_path.unlink(missing_ok=True)
    for path in record.remove:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
