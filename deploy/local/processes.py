"""Start, watch and end the processes of a stack, so that none outlives it.

Three walls: an orderly stop in reverse order with bounds; the kernel's parent-death signal (launch.py); and a watchdog
process that ends what is recorded here when the pipe to this process breaks.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final

from deploy.local import launch, watchdog
from deploy.local.identity import Identity
from deploy.local.problem import Problem
from deploy.local.unprivileged import User
from deploy.local.waiting import wait_until

STOP_SECONDS: Final = 10.0
KILL_SECONDS: Final = 5.0
RECORD_NAME: Final = "processes.json"
ONCE_FOLDER: Final = "once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start, and how it ends."""

    name: str
    command: Sequence[str | Path]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = STOP_SECONDS


class Process:
    """One running program of the stack."""

    def __init__(self, program: Program, popen: "subprocess.Popen[bytes]") -> None:
        self.program = program
        self.popen = popen
        self.identity = Identity.of(popen.pid) or Identity(popen.pid, "")

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        if self.running:
            self.popen.send_signal(number)

    def stop(self, number: signal.Signals | None = None) -> bool:
        """Ask it to end and wait; kill what does not. True if it ended by itself."""
        self.send(number or self.program.stop_signal)
        try:
            self.popen.wait(timeout=self.program.stop_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """End it at once (SIGKILL), and its children with it."""
        family = self.identity.family()
        self.send(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(timeout=KILL_SECONDS)
        # PostgreSQL's children end by themselves when their parent is gone; this is for those that are stuck.
        if not wait_until(lambda: not any(member.alive for member in family), seconds=KILL_SECONDS):
            for member in family:
                member.signal(signal.SIGKILL)

    def log_tail(self) -> str:
        """The last lines that it wrote."""
        return tail(self.program.log)


class Processes:
    """The processes of one stack, recorded in its state folder and ended with it."""

    def __init__(self, state: Path, *, remove_when_killed: Sequence[Path] = ()) -> None:
        self.record = state / RECORD_NAME
        self._running: dict[str, Process] = {}
        self._logs: set[Path] = set()
        self._lock = threading.Lock()
        self._remove_when_killed = tuple(remove_when_killed)
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(self, program: Program) -> Process:
        """Start a program; one of the same name must have ended before."""
        with self._lock:
            self._refuse_when_closed()
            if self._watchdog is None:
                self._write()
                self._watchdog = watchdog.start(self.record)
            self._begin_log(program.log)
            process = Process(program, _spawner.start(program))
            self._running[program.name] = process
            self._write()
        return process

    def run_once(self, program: Program, *, seconds: float, failure: str) -> None:
        """Run a program that ends by itself, killed at the bound; its output goes into a log of its own."""
        once = replace(program, log=program.log.parent / ONCE_FOLDER / program.log.name)
        with self._lock:
            self._refuse_when_closed()
            self._begin_log(once.log)
        popen = _spawner.start(once)
        try:
            popen.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
        if popen.returncode != 0:
            message = f"{failure}. The end of {once.log}:\n{tail(once.log)}"
            raise Problem(message)

    def running(self) -> list[Process]:
        """All that run now, in the order of their start."""
        return [process for process in self._running.values() if process.running]

    def ended(self) -> list[Process]:
        """Those that ended by themselves."""
        return [process for process in list(self._running.values()) if not process.running]

    def forget(self, process: Process) -> None:
        """Take an ended process off the record."""
        with self._lock:
            if self._running.get(process.program.name) is process:
                del self._running[process.program.name]
                self._write()

    def stop_all(self) -> None:
        """End all in the reverse order of their start, then the watchdog; nothing can be started afterwards."""
        with self._lock:
            self._closed = True
        for process in reversed(list(self._running.values())):
            process.stop()
            self.forget(process)
        with self._lock:
            if self._watchdog is not None:
                watchdog.dismiss(self._watchdog)
                self._watchdog = None
            self.record.unlink(missing_ok=True)

    def _refuse_when_closed(self) -> None:
        # A part whose start is still awaited when the others are being stopped must not be tried again.
        if self._closed:
            message = "the stack is being stopped"
            raise Problem(message)

    def _begin_log(self, log: Path) -> None:
        """Begin each log anew once, keeping the one of the last run; a restart goes on in the same log."""
        if log in self._logs:
            return
        self._logs.add(log)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            shutil.move(log, log.with_name(f"{log.name}.1"))

    def _write(self) -> None:
        record = watchdog.Record(
            children=[
                watchdog.Child(
                    name=name,
                    pid=process.identity.pid,
                    born=process.identity.born,
                    death_signal=int(process.program.death_signal),
                    log=str(process.program.log),
                )
                for name, process in self._running.items()
            ],
            remove=[str(path) for path in self._remove_when_killed],
        )
        write_whole(self.record, json.dumps(asdict(record), indent=1))


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    part.replace(path)


def tail(log: Path, *, lines: int = 20) -> str:
    """The last lines of a log, empty if there is none."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


class _Spawner:
    """Starts every child from one thread that lives as long as this process.

    The parent-death signal is bound to the thread that started the child, not to the process.
    """

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[tuple[Program, Future[subprocess.Popen[bytes]]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, program: Program) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="spawner", daemon=True)
                self._thread.start()
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._wanted.put((program, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            program, answer = self._wanted.get()
            try:
                answer.set_result(_popen(program))
            except BaseException as problem:  # noqa: BLE001 - handed to the thread that asked
                answer.set_exception(problem)


_spawner = _Spawner()


def _popen(program: Program) -> "subprocess.Popen[bytes]":
    user = (program.user.uid, program.user.gid) if program.user else (launch.SAME_USER, launch.SAME_USER)
    words: list[Any] = [sys.executable, "-I", "-S", launch.__file__, os.getpid(), int(program.death_signal), *user]
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        return _popen_into(program, [str(word) for word in (*words, *program.command)], log)


def _popen_into(program: Program, command: list[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, **program.env},
        cwd=program.folder,
        # A Ctrl-C in the terminal must reach the stack only, which stops its parts in order.
        start_new_session=True,
    )
