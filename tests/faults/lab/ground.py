"""What all runs of one invocation stand on: a broker, a database server, a mailbox, and the proxies before them."""

import asyncio
import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import asyncpg
from aiosmtpd.smtp import SMTP

from chassis.database import migrate
from contracts.catalogue import TOPICS
from deploy.local import topics
from deploy.local.backing import Backing
from deploy.local.blocking import wait_for
from deploy.local.databases import with_database
from deploy.local.mailbox import MESSAGE_BYTES_MAX, Intake, Mailbox
from deploy.local.ports import HOST, free_ports
from deploy.local.tokens import Holder, Issuer
from tests.faults.lab import journal
from tests.faults.lab.entry import SERVICES
from tests.faults.lab.proxy import Proxy

KAFKA: Final = "kafka"
DATABASE: Final = "database"
MAIL: Final = "mail"


class Ground:
    """Started once; each run takes databases and topics of its own from it."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.backing = Backing()
        self.proxy = Proxy()
        self.mailbox = Mailbox()
        self.issuer = Issuer(Path(tempfile.mkdtemp(prefix="bapas-lab-")))
        self._tokens: dict[Holder, str] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def token(self, holder: Holder) -> str:
        """A bearer token for somebody."""
        if holder not in self._tokens:
            self._tokens[holder] = self.issuer.issue(holder)
        return self._tokens[holder]

    # --- addresses ----------------------------------------------------------------------------------------------------

    def bootstrap_servers(self, service: str) -> str:
        """The broker as a service sees it."""
        return f"{HOST}:{self.proxy.routes[f'{service} {KAFKA}'].port}"

    def database_url(self, service: str, direct: str) -> str:
        """A database as a service sees it, by the address at which it really is."""
        return direct.replace(f":{self.backing.postgres.port}/", f":{self.proxy.routes[f'{service} {DATABASE}'].port}/")

    @property
    def smtp_port(self) -> int:
        """The mail server as notifications sees it."""
        return self.proxy.routes[f"notifications {MAIL}"].port

    # --- a run's own --------------------------------------------------------------------------------------------------

    def new_databases(self, run: str) -> dict[str, str]:
        """A database for each service, that keeps a journal; their addresses."""
        return {
            service: self.backing.create_database(f"{service}_{run}", template=_template(service))
            for service in SERVICES
        }

    def drop_databases(self, urls: Mapping[str, str]) -> None:
        """Remove the databases of a run."""
        for url in urls.values():
            self.backing.drop_database(url.rpartition("/")[2])

    def new_topics(self, prefix: str) -> Sequence[str]:
        """Every topic of the catalogue under a prefix of the run's own; their names without it."""
        self.backing.create_topics(prefix)
        return list(TOPICS)

    def drop_topics(self, prefix: str) -> None:
        """Remove the topics of a run."""
        wait_for(topics.delete(self.backing.bootstrap_servers, [prefix + name for name in TOPICS]))

    def copy_database(self, url: str, name: str) -> None:
        """Copy a database in which nobody works."""
        self.backing.create_database(name, template=url.rpartition("/")[2])

    async def put_in_place_of(self, url: str, copy: str) -> None:
        """Let a copy take the place and the name of a database, whose content is lost."""
        lost = url.rpartition("/")[2]
        await self.ask(f'DROP DATABASE "{lost}" WITH (FORCE)')
        await self.ask(f'ALTER DATABASE "{copy}" RENAME TO "{lost}"')

    async def ask(self, statement: str, *arguments: object, database: str = "postgres") -> list[Any]:
        """What the server answers to its superuser."""
        connection = await asyncpg.connect(with_database(self.backing.admin_dsn, database), timeout=10)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            connection.terminate()

    # --- start --------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._stack.enter_context(self.proxy)
        ports = free_ports(3 * len(SERVICES) + 2)
        for service in SERVICES:
            seen, behind, database = ports.pop(), ports.pop(), ports.pop()
            self.backing.kafka.advertise(port=behind, as_port=seen)
            self.proxy.open(f"{service} {KAFKA}", port=seen, to_port=behind)
            self.proxy.open(f"{service} {DATABASE}", port=database, to_port=self.backing.postgres.port)
        self.issuer.prepare()
        self._stack.enter_context(self.backing)
        seen, behind = ports
        self.proxy.run(_take_mail(self.mailbox, behind))
        self.proxy.open(f"notifications {MAIL}", port=seen, to_port=behind)
        for service, made in SERVICES.items():
            url = self.backing.create_database(_template(service))
            wait_for(migrate(url, made.all_migrations()))
            wait_for(journal.install(url))


def _template(service: str) -> str:
    return f"{service}_template"


async def _take_mail(mailbox: Mailbox, port: int) -> asyncio.Server:
    intake = Intake(mailbox)
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(intake, data_size_limit=MESSAGE_BYTES_MAX, enable_SMTPUTF8=True, hostname="mailbox.local"),
        HOST,
        port,
    )
