"""One migrated database as a template, a copy for each test."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from chassis.database import migrate, open_pool
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import MIGRATIONS, House

TEMPLATE = "chassis_template"


@pytest.fixture(scope="session")
def template(backing: Backing) -> Iterator[str]:
    """A database with the chassis' tables and the tally's."""
    import asyncio

    dsn = backing.create_database(TEMPLATE)
    asyncio.run(migrate(dsn, MIGRATIONS))
    yield TEMPLATE
    backing.drop_database(TEMPLATE)


@pytest.fixture
def dsn(backing: Backing, template: str) -> Iterator[str]:
    """The address of a fresh copy."""
    name = f"chassis_{uuid4().hex[:12]}"
    yield backing.create_database(name, template=template)
    backing.drop_database(name)


@pytest.fixture
async def house(dsn: str) -> AsyncIterator[House]:
    """The parts of the service around a fresh database."""
    pool = await open_pool(dsn, name="test")
    yield House(pool)
    await pool.close()
