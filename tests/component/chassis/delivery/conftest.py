"""One migrated database as a template; one copy that is emptied between tests, and copies of a test's own."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import structlog

from chassis.database import Pool, migrate, open_pool
from deploy.local.backing import Backing
from deploy.local.blocking import wait_for
from tests.component.chassis.delivery.harness import House
from tests.component.chassis.delivery.tally import MIGRATIONS
from tests.component.house import EMPTY

TEMPLATE = "chassis_template"


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Log lines as text: the coloured tracebacks of an unconfigured structlog cost a second each."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(scope="session")
def template(backing: Backing) -> str:
    """A database with the chassis' tables and the tally's."""
    wait_for(migrate(backing.create_database(TEMPLATE), MIGRATIONS))
    return TEMPLATE


@pytest.fixture
def dsn(backing: Backing, template: str) -> Iterator[str]:
    """The address of a database of the test's own."""
    name = f"chassis_{uuid4().hex[:12]}"
    yield backing.create_database(name, template=template)
    backing.drop_database(name)


@pytest.fixture(scope="session")
async def shared_pool(backing: Backing, template: str) -> AsyncIterator[Pool]:
    """A pool on the database that is emptied between tests."""
    pool = await open_pool(backing.create_database("chassis_shared", template=template), name="test")
    yield pool
    await pool.close()


@pytest.fixture
async def house(shared_pool: Pool) -> House:
    """The parts of the service around an empty database."""
    await shared_pool.execute(EMPTY)
    return House(shared_pool)
