"""The services of the house, each as a process of its own."""

import json
import signal
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError

from deploy.local.ports import HOST, free_ports
from deploy.local.problem import Problem
from deploy.local.processes import Process, Processes, Program
from deploy.local.settings import REPOSITORY
from deploy.local.waiting import wait_until

MIGRATE_SECONDS: Final = 120.0
READY_SECONDS: Final = 60.0
READY_POLL_SECONDS: Final = 0.1
STOP_SECONDS: Final = 15.0

Environment = Callable[[str], Mapping[str, str]]


class Services:
    """The running processes by instance: the service's name, or another for a second worker of the same service."""

    def __init__(self, *, processes: Processes, environment: Environment, logs: Path) -> None:
        self._processes = processes
        self._environment = environment
        self._logs = logs
        self._running: dict[str, Process] = {}
        self._ports: dict[str, int] = {}

    def migrate(self, names: Sequence[str]) -> None:
        """Bring the database of each service up to date, all at the same time."""
        urls = {f"{name.upper()}_DATABASE_URL": self._environment(name)["DATABASE_URL"] for name in names}
        self._processes.run_once(
            Program(
                name="migrate",
                command=[sys.executable, "-m", "deploy.local.migrate", *names],
                log=self._logs / "migrate.log",
                env=urls,
                folder=REPOSITORY,
            ),
            seconds=MIGRATE_SECONDS,
            failure="A database could not be brought up to date; if its data may go, make clean begins anew",
        )

    def start(
        self,
        name: str,
        *,
        instance: str | None = None,
        module: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start one process of a service; `module` runs another entry point, `env` has the last word."""
        instance = instance or name
        log = self._logs / f"{instance}.log"
        port = {} if instance == name else {"HTTP_PORT": str(free_ports(1)[0])}
        environment = {**self._environment(name), "INSTANCE": instance, **port, **(env or {})}
        process = self._processes.start(
            Program(
                name=instance,
                command=[sys.executable, "-m", module or f"services.{name}"],
                log=log,
                env=environment,
                folder=REPOSITORY,
                death_signal=signal.SIGTERM,
                stop_seconds=STOP_SECONDS,
            )
        )
        self._running[instance] = process
        self._ports[instance] = int(environment["HTTP_PORT"])
        return process

    def wait_ready(self, instance: str) -> None:
        """Wait until /readyz says yes."""
        process = self.process(instance)
        url = f"{self.url(instance)}/readyz"
        wait_until(
            lambda: _is_ready(url) or not process.running, seconds=READY_SECONDS, poll_seconds=READY_POLL_SECONDS
        )
        if not process.running:
            message = f"{instance} ended at its start. The end of {process.program.log}:\n{process.log_tail()}"
            raise Problem(message)
        if not _is_ready(url):
            message = f"{instance} is not ready: {_words(url)}. The end of {process.program.log}:\n{process.log_tail()}"
            raise Problem(message)

    def stop(self, instance: str) -> None:
        """End a process in order."""
        process = self.process(instance)
        process.stop()
        self._gone(instance)

    def kill(self, instance: str) -> None:
        """End a process as by kill -9."""
        self.process(instance).kill()
        self._gone(instance)

    def stop_all(self) -> None:
        """End all in order: told at the same time, then waited for."""
        for process in self._running.values():
            process.send(process.program.stop_signal)
        for instance in list(self._running):
            self.stop(instance)

    def process(self, instance: str) -> Process:
        """The running process."""
        if instance not in self._running:
            message = f"{instance} does not run"
            raise Problem(message)
        return self._running[instance]

    def instances(self) -> list[str]:
        """The names of all that were started and not stopped."""
        return list(self._running)

    def url(self, instance: str) -> str:
        """Where the process listens."""
        return f"http://{HOST}:{self._ports[instance]}"

    def _gone(self, instance: str) -> None:
        self._processes.forget(self._running.pop(instance))


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError):
        return False


def _words(url: str) -> str:
    """What /readyz says is missing."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return str(answer.status)
    except HTTPError as answer:
        try:
            return json.dumps(json.load(answer))
        except ValueError:
            return str(answer)
    except (URLError, OSError) as problem:
        return str(problem)
