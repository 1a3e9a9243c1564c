"""How far a download is: a bar on a terminal, plain lines elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

import rich.console
import rich.progress

MEGABYTE: Final = 1_000_000
LINE_SECONDS: Final = 5.0


class Progress:
    """The state of one download of several files; its methods may be called from many threads."""

    def __init__(self, what: str, *, files: int) -> None:
        self._what = what
        self._files = files
        self._done = 0
        self._bytes = 0
        self._total = 0
        self._lock = threading.Lock()
        self._last_line = 0.0
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> Self:
        """Show the beginning."""
        if sys.stderr.isatty():
            self._bar = rich.progress.Progress(
                "fetching {task.description}",
                rich.progress.BarColumn(),
                rich.progress.DownloadColumn(),
                rich.progress.TransferSpeedColumn(),
                console=rich.console.Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        else:
            self._line(f"fetching {self._what}: {self._files} files")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show the end."""
        if self._bar:
            self._bar.stop()
        if problem is None:
            self._line(f"fetched {self._what}: {self._files} files, {self._bytes / MEGABYTE:.0f} MB")

    @contextlib.contextmanager
    def file(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Count one file's bytes as they arrive."""
        with self._lock:
            self._total += size
        yield self._arrived

    def file_done(self) -> None:
        """Count one whole file."""
        with self._lock:
            self._done += 1

    def _arrived(self, count: int) -> None:
        with self._lock:
            self._bytes += count
            if self._bar and self._task is not None:
                self._bar.update(self._task, completed=self._bytes, total=self._total)
            elif time.monotonic() - self._last_line > LINE_SECONDS:
                self._line(f"fetching {self._what}: {self._done} of {self._files}, {self._bytes / MEGABYTE:.0f} MB")

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        print(text, file=sys.stderr, flush=True)
