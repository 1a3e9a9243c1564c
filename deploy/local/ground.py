"""What the services stand on: Kafka with its topics and PostgreSQL with its databases, our own or the user's."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from deploy.local import databases, topics
from deploy.local.blocking import wait_for
from deploy.local.created import Created, CreatedTopic
from deploy.local.kafka import Kafka, answers
from deploy.local.postgres import Postgres, dsn
from deploy.local.problem import Problem
from deploy.local.processes import Processes
from deploy.local.settings import Settings


class Ground:
    """The broker and the databases of one stack.

    With `only_ours`, topics and databases that were not made here are refused: the caller would fill them with samples.
    """

    def __init__(self, state: Path, *, settings: Settings, processes: Processes, logs: Path, only_ours: bool) -> None:
        self._state = state
        self._settings = settings
        self._only_ours = only_ours
        self._created = Created.read(state)
        self._urls: dict[str, str] = {}
        ports = settings.ports
        self.kafka: Kafka | None = None
        if settings.kafka_bootstrap_servers is None:
            self.kafka = Kafka(
                state / "kafka",
                port=ports.kafka,
                controller_port=ports.kafka_controller,
                processes=processes,
                logs=logs,
            )
        self.postgres = Postgres(state / "postgres", port=ports.postgres, processes=processes, logs=logs)
        self.topics: list[str] = []

    @property
    def bootstrap_servers(self) -> str:
        """Where Kafka clients connect."""
        return self._settings.kafka_bootstrap_servers or (self.kafka.bootstrap_servers if self.kafka else "")

    def database_url(self, service: str) -> str:
        """The address of a service's database, with the role that may read it."""
        return self._urls[service]

    def needs_postgres(self, services: Sequence[str]) -> bool:
        """Whether a server of our own is needed: some service has no database of the user's."""
        return not services or any(name not in self._settings.database_urls for name in services)

    def starting(self, services: Sequence[str]) -> str:
        """What is started here, in words; nothing where the user runs both."""
        parts = {"Kafka": self.kafka is not None, "PostgreSQL": self.needs_postgres(services)}
        ours = [name for name, is_ours in parts.items() if is_ours]
        return f"starting {' and '.join(ours)}, " if ours else ""

    def start(self, services: Sequence[str], *, migrate: Callable[[], None]) -> None:
        """Start what is ours, look at what is the user's, make what is missing, and migrate what is there."""

        def databases_then_tables() -> None:
            self._prepare_databases(services)
            migrate()

        with ThreadPoolExecutor(max_workers=2) as threads:
            started = [threads.submit(self._prepare_topics), threads.submit(databases_then_tables)]
            try:
                for part in started:
                    part.result()
            finally:
                wait(started)
                # Also after a failure: what was made by then must stay known as ours.
                self._created.write(self._state)

    def _prepare_topics(self) -> None:
        wanted = topics.of_catalogue(self._settings.topic_prefix)
        self.topics = [topic.name for topic in wanted]
        if self.kafka is not None:
            self.kafka.start()
            ensured = wait_for(topics.ensure(self.bootstrap_servers, wanted))
            ours = ensured.found
        else:
            ensured = self._ensure_on_users_broker(wanted)
            ours = tuple(name for name in ensured.found if self._created.has_topic(name, cluster=ensured.cluster))
        if ours:
            # The catalogue may have changed since they were made.
            wait_for(topics.set_config(self.bootstrap_servers, [topic for topic in wanted if topic.name in ours]))

    def _ensure_on_users_broker(self, wanted: Sequence[topics.Wanted]) -> topics.Ensured:
        if not answers(self.bootstrap_servers):
            message = f"KAFKA_BOOTSTRAP_SERVERS: no Kafka answers at {self.bootstrap_servers}."
            raise Problem(message)
        cluster, present = wait_for(topics.present(self.bootstrap_servers))
        foreign = sorted(
            topic.name
            for topic in wanted
            if topic.name in present and not self._created.has_topic(topic.name, cluster=cluster)
        )
        if foreign and self._only_ours:
            message = (
                f"{self.bootstrap_servers} has topics that were not made here and are not touched: "
                f"{', '.join(foreign)}. Choose another KAFKA_TOPIC_PREFIX."
            )
            raise Problem(message)
        ensured = wait_for(topics.ensure(self.bootstrap_servers, wanted))
        self._created.topics += [
            CreatedTopic(bootstrap_servers=self.bootstrap_servers, cluster=ensured.cluster, name=name)
            for name in ensured.created
        ]
        return ensured

    def _prepare_databases(self, services: Sequence[str]) -> None:
        if self.needs_postgres(services):
            self.postgres.start()
            wait_for(databases.close_common_databases(self.postgres.admin_dsn))
        for name in services:
            url = self._settings.database_urls.get(name)
            self._urls[name] = self._own_database(name) if url is None else self._users_database(name, url)

    def _own_database(self, name: str) -> str:
        password = self.postgres.password_of(name)
        wait_for(databases.ensure(self.postgres.admin_dsn, databases.Wanted(name=name, role=name, password=password)))
        return dsn(name, password=password, port=self.postgres.port, database=name)

    def _users_database(self, name: str, url: str) -> str:
        variable = f"{name.upper()}_DATABASE_URL"
        if wait_for(databases.ensure_named(url, name=variable, only_ours=self._only_ours)):
            self._created.databases.append(url)
        return url
