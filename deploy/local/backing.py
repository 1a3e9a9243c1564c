"""Kafka and PostgreSQL for tests: real, on free ports, in a folder of their own, gone afterwards."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.local import databases, topics
from deploy.local.blocking import wait_for
from deploy.local.kafka import Kafka
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres, dsn
from deploy.local.processes import Processes

FOLDER_PREFIX: Final = "bapas-backing-"


class Backing:
    """A broker and a database server that live as long as the `with` block, or the process.

    `kafka` and `postgres` can be stopped, killed and started again and keep their data. All calls block; from
    a coroutine they are for the moments when nothing else should run. `postgres_settings` are settings of the server
    that differ from those of the local stack, `kafka_options` those of the broker's Java instead of the small ones.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        fsync: bool = True,
        postgres_settings: Mapping[str, str] | None = None,
        kafka_options: Sequence[str] | None = None,
    ) -> None:
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        kafka_port, controller_port, postgres_port = free_ports(3)
        logs = self.folder / "logs"
        self.processes = Processes(self.folder, remove_when_killed=[self.folder] if self._temporary else [])
        self.kafka = Kafka(
            self.folder / "kafka",
            port=kafka_port,
            controller_port=controller_port,
            processes=self.processes,
            logs=logs,
            **({} if kafka_options is None else {"java_options": kafka_options}),
        )
        self.postgres = Postgres(
            self.folder / "postgres",
            port=postgres_port,
            processes=self.processes,
            logs=logs,
            fsync=fsync,
            settings=postgres_settings,
        )
        self._roles: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start both."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop both and remove what they wrote."""
        self.stop()

    def start(self) -> None:
        """Start both at the same time and wait until they answer."""
        try:
            with ThreadPoolExecutor(max_workers=2) as threads:
                for started in [threads.submit(self.kafka.start), threads.submit(self.postgres.start)]:
                    started.result()
            wait_for(databases.close_common_databases(self.admin_dsn))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both; a folder that was not given is removed with the data."""
        if self._temporary:
            # An orderly end would only save what is removed.
            self.kafka.kill()
            self.postgres.stop(immediate=True)
        self.processes.stop_all()
        if self._temporary:
            self.postgres.remove()
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def bootstrap_servers(self) -> str:
        """Where Kafka clients connect."""
        return self.kafka.bootstrap_servers

    @property
    def admin_dsn(self) -> str:
        """The superuser's address of the database `postgres`."""
        return self.postgres.admin_dsn

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """Make a database and give its address; a copy of a template belongs to the template's role."""
        role = self._roles[template] if template else name
        password = self.postgres.password_of(role)
        wait_for(
            databases.ensure(
                self.admin_dsn, databases.Wanted(name=name, role=role, password=password, template=template)
            )
        )
        self._roles[name] = role
        return dsn(role, password=password, port=self.postgres.port, database=name)

    def create_topics(self, prefix: str = "") -> list[str]:
        """Make every topic of the catalogue under a prefix, and give their names."""
        wanted = topics.of_catalogue(prefix)
        wait_for(topics.ensure(self.bootstrap_servers, wanted))
        return [topic.name for topic in wanted]

    def create_topic(self, name: str, *, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Make one topic of a test's own."""
        wanted = topics.Wanted(name=name, partitions=partitions, config=config or {})
        wait_for(topics.ensure(self.bootstrap_servers, [wanted]))

    def drop_database(self, name: str) -> None:
        """Remove a database that was made here, with its open sessions."""
        wait_for(databases.drop(self.admin_dsn, name))
