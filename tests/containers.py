"""Kafka and PostgreSQL for tests in containers, from the images of docker-compose.yml, where a Docker engine answers.

The same as the packaged ones to whoever uses them: they can be stopped, killed and started again and keep their data.
The engine has to run on this machine, since clients are told 127.0.0.1.
"""

import gc
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import docker
import yaml
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from deploy.local.backing import Backing
from deploy.local.blocking import wait_for
from deploy.local.kafka import PROPERTIES, Kafka, answers
from deploy.local.ports import HOST
from deploy.local.postgres import ADMIN, CONFIGURATION, Postgres
from deploy.local.problem import Problem
from deploy.local.processes import Processes
from deploy.local.settings import REPOSITORY
from deploy.local.waiting import wait_until

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 15
ENGINE_SECONDS: Final = 5
PARTS: Final[dict[str, dict[str, Any]]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
POSTGRES_PORT: Final = 5432


def engine_problem() -> str | None:
    """Why no engine can be used, or nothing when one answers."""
    with warnings.catch_warnings():
        # What the client leaves open when nobody answers.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = docker.from_env(timeout=ENGINE_SECONDS)
            client.ping()
            client.close()
        except DockerException as problem:
            return f"no Docker engine answers ({problem})"
        finally:
            gc.collect()
    return None


@dataclass
class Container:
    """One container that is made at its first start and keeps its data until it is removed."""

    image: str
    env: Mapping[str, str]
    port: int
    """Inside; on this machine it is `at`, and on no other."""
    at: int
    command: Sequence[str] = ()
    _made: DockerContainer | None = None

    def start(self) -> None:
        """Make it, or start it again."""
        if self._made is not None:
            self.engine.start()
            return
        made = DockerContainer(self.image).with_envs(**self.env)
        if self.command:
            made.with_command(list(self.command))
        made.ports[f"{self.port}/tcp"] = (HOST, self.at)  # type: ignore[assignment]  # Docker's own client takes a pair
        self._made = made.start()

    @property
    def engine(self) -> Any:
        """The container as Docker's client has it."""
        if self._made is None:
            message = f"{self.image} was not started"
            raise Problem(message)
        return self._made.get_wrapped_container()

    @property
    def running(self) -> bool:
        """Whether it runs."""
        if self._made is None:
            return False
        self.engine.reload()
        return str(self.engine.status) in {"running", "paused"}

    def end(self, signal: str) -> None:
        """Send a signal and wait for the end."""
        if self.running:
            self.engine.kill(signal)
            try:
                self.engine.wait(timeout=STOP_SECONDS)
            except OSError:  # it takes longer than that
                self.engine.kill()
                self.engine.wait(timeout=STOP_SECONDS)

    def remove(self) -> None:
        """Throw it away with its data."""
        if self._made is not None:
            self._made.stop()
            self._made = None

    def tail(self) -> str:
        """The last that it printed."""
        return str(self.engine.logs(tail=40).decode(errors="replace"))


class ContainerKafka(Kafka):
    """The broker in a container, with the settings of the packaged one."""

    def prepare(self) -> None:
        """Describe the container."""
        self.container = Container(PARTS["kafka"]["image"], dict(self._env()), port=self.port, at=self.port)

    def _env(self) -> Iterator[tuple[str, str]]:
        plain = [line.split("=", 1) for line in PROPERTIES.splitlines() if "=" in line and "{" not in line]
        for name, value in plain:
            yield env_name(name), value
        yield "CLUSTER_ID", PARTS["kafka"]["environment"]["CLUSTER_ID"]
        # The same port inside and outside: the broker is reached by the address that it tells.
        yield "KAFKA_LISTENERS", f"PLAINTEXT://:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}"
        yield "KAFKA_ADVERTISED_LISTENERS", f"PLAINTEXT://{HOST}:{self.port}"
        yield "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
        yield "KAFKA_CONTROLLER_QUORUM_VOTERS", f"1@127.0.0.1:{self.controller_port}"
        yield "KAFKA_LOG_DIRS", PARTS["kafka"]["environment"]["KAFKA_LOG_DIRS"]

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.container.start()
        up = wait_until(lambda: answers(self.bootstrap_servers) or not self.container.running, seconds=START_SECONDS)
        if not up or not self.container.running:
            message = f"Kafka did not start in its container:\n{self.container.tail()}"
            raise Problem(message)

    def stop(self) -> None:
        """Stop it in order."""
        self.container.end("SIGTERM")

    def kill(self) -> None:
        """End it at once."""
        self.container.end("SIGKILL")

    def pause(self) -> None:
        """Freeze it; it keeps its connections and answers nothing."""
        self.container.engine.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.container.engine.unpause()


class ContainerPostgres(Postgres):
    """The database server in a container, with the settings of the packaged one."""

    def prepare(self) -> None:
        """Describe the container."""
        env = {
            "POSTGRES_PASSWORD": self.password_of(ADMIN),
            "POSTGRES_INITDB_ARGS": PARTS["postgres"]["environment"]["POSTGRES_INITDB_ARGS"],
        }
        self.container = Container(
            PARTS["postgres"]["image"], env, port=POSTGRES_PORT, at=self.port, command=tuple(server_command())
        )

    def start(self) -> None:
        """Start it and wait until it lets the superuser in."""
        self.container.start()
        up = wait_until(lambda: self._lets_in() or not self.container.running, seconds=START_SECONDS)
        if not up or not self.container.running:
            message = f"PostgreSQL did not start in its container:\n{self.container.tail()}"
            raise Problem(message)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it: by ending its sessions, or at once as in a crash."""
        self.container.end("SIGQUIT" if immediate else "SIGINT")

    def kill(self) -> None:
        """End it at once, with all its sessions."""
        self.container.end("SIGKILL")

    def remove(self) -> None:
        """Remove it with its data."""
        self.container.remove()
        super().remove()

    def _lets_in(self) -> bool:
        try:
            wait_for(_enter(self.admin_dsn))
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        return True


class ContainerBacking(Backing):
    """The broker and the database server of the tests, in containers."""

    def __init__(self) -> None:
        """Describe both; nothing runs yet."""
        super().__init__()
        logs = self.folder / "logs"
        self.kafka: ContainerKafka = _kafka(self.kafka, self.processes)
        self.postgres: ContainerPostgres = ContainerPostgres(
            self.folder / "postgres", port=self.postgres.port, processes=self.processes, logs=logs
        )
        self.kafka.prepare()
        self.postgres.prepare()

    def stop(self) -> None:
        """End both and remove what they wrote."""
        super().stop()
        self.kafka.container.remove()


def _kafka(packaged: Kafka, processes: Processes) -> ContainerKafka:
    return ContainerKafka(
        packaged.folder, port=packaged.port, controller_port=packaged.controller_port, processes=processes,
        logs=packaged.log.parent,
    )  # fmt: skip


def env_name(setting: str) -> str:
    """How the image of Kafka is told a setting of server.properties."""
    return "KAFKA_" + setting.replace("_", "__").replace("-", "___").replace(".", "_").upper()


def server_command() -> Iterator[str]:
    """The command of the database server, with the settings of the packaged one that are not addresses."""
    yield "postgres"
    for line in CONFIGURATION.splitlines():
        name, equals, value = line.partition(" = ")
        if equals and "{" not in line and name != "unix_socket_directories":
            yield "-c"
            yield f"{name}={value.strip(chr(39))}"


async def _enter(dsn: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    await connection.close()


if __name__ == "__main__":
    sys.exit(engine_problem())
