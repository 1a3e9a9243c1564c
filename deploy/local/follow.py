"""The logs of all parts as one stream, each line under the name of its part."""

import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

POLL_SECONDS: Final = 0.1
NAME_WIDTH: Final = 14
COLOURS: Final = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
SUFFIX: Final = ".log"

Write = Callable[[str], None]


class Follower:
    """Follows every log of a folder that is written from now on, also those that appear later, until it is closed."""

    def __init__(self, logs: Path, *, write: Write, colour: bool) -> None:
        self._logs = logs
        self._write = write
        self._colour = colour
        self._since = time.time()
        self._files: dict[Path, IO[str]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Write what has come and stop."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            self._read_all()
        self._read_all()
        for file in self._files.values():
            file.close()

    def _read_all(self) -> None:
        for log in sorted(self._logs.glob(f"*{SUFFIX}")):
            if log not in self._files and log.stat().st_mtime < self._since:
                continue  # of an earlier run
            if log not in self._files:
                self._files[log] = log.open(errors="replace")
            self._read(log.name.removesuffix(SUFFIX), self._files[log])

    def _read(self, name: str, file: IO[str]) -> None:
        while True:
            start = file.tell()
            line = file.readline()
            if not line.endswith("\n"):
                # Half a line: the rest comes later.
                file.seek(start)
                return
            self._write(f"{self._prefix(name)} {line.rstrip()}")

    def _prefix(self, name: str) -> str:
        text = f"{name:<{NAME_WIDTH}}|"
        return f"\x1b[{COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]}m{text}\x1b[0m" if self._colour else text
