"""The trace viewer: Zipkin, with everything in memory."""

import signal
import urllib.request
from pathlib import Path
from typing import Final
from urllib.error import URLError

from deploy.local import downloads
from deploy.local.java import java, small
from deploy.local.ports import HOST
from deploy.local.problem import Problem
from deploy.local.processes import Process, Processes, Program
from deploy.local.waiting import wait_until

START_SECONDS: Final = 60.0
HEAP_MEGABYTES_MAX: Final = 192
SPANS_MAX: Final = 100_000
MAIN_CLASS: Final = "org.springframework.boot.loader.launch.JarLauncher"


class Traces:
    """A running Zipkin."""

    def __init__(self, folder: Path, *, port: int, processes: Processes, logs: Path) -> None:
        self.folder = folder
        self.port = port
        self.log = logs / "traces.log"
        self._processes = processes

    @property
    def url(self) -> str:
        """The viewer's page."""
        return f"http://{HOST}:{self.port}/zipkin/"

    def start(self) -> Process:
        """Start it; it is ready some seconds later."""
        class_path = downloads.class_path(downloads.ZIPKIN_JARS, what="Zipkin")
        self.folder.mkdir(parents=True, exist_ok=True)
        listener = "--armeria.ports[0]"
        arguments = [f"{listener}.ip={HOST}", f"{listener}.port={self.port}", f"{listener}.protocols[0]=http"]
        return self._processes.start(
            Program(
                name="traces",
                command=java(MAIN_CLASS, *arguments, class_path=class_path, options=small(HEAP_MEGABYTES_MAX)),
                log=self.log,
                folder=self.folder,
                # It keeps nothing that an orderly end would save.
                stop_signal=signal.SIGKILL,
                env={
                    "STORAGE_TYPE": "mem",
                    "MEM_MAX_SPANS": str(SPANS_MAX),
                    "LOGGING_LEVEL_ROOT": "ERROR",
                    "SPRING_MAIN_BANNER_MODE": "off",
                },
            )
        )

    def wait(self, process: Process) -> None:
        """Wait until it answers."""
        wait_until(lambda: self._is_healthy() or not process.running, seconds=START_SECONDS)
        if not self._is_healthy():
            message = f"The trace viewer did not start (TRACES=0 goes without). The end of {self.log}:\n"
            raise Problem(message + process.log_tail())

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/health", timeout=2) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
        except (URLError, OSError):
            return False
