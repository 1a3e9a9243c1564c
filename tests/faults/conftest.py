"""Plants: a database and topics for each story, processes that end with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from chassis.database import migrate, open_pool
from deploy.local.backing import Backing
from deploy.local.blocking import wait_for
from deploy.local.tokens import Issuer
from tests.component.chassis.delivery.tally import MIGRATIONS
from tests.component.chassis.delivery.wire import wire_to
from tests.faults.plant import Plant, make_topics

TEMPLATE = "faults_template"

NewPlant = Callable[[str], AbstractAsyncContextManager[Plant]]


@pytest.fixture(scope="session")
def new_plant(backing: Backing, tmp_path_factory: pytest.TempPathFactory) -> NewPlant:
    """Makes a plant for a story, and takes it down at its end."""
    wait_for(migrate(backing.create_database(TEMPLATE), MIGRATIONS))
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    issuer.prepare()

    @asynccontextmanager
    async def new(name: str) -> AsyncIterator[Plant]:
        database = f"faults_{uuid4().hex[:12]}"
        dsn = await asyncio.to_thread(backing.create_database, database, template=TEMPLATE)
        folder = tmp_path_factory.mktemp("plant")
        pool = await open_pool(dsn, name="test", size_max=3)
        async with wire_to(backing) as wire:
            await asyncio.to_thread(make_topics, wire)
            plant = Plant(name, backing, wire, dsn, pool, Path(folder), issuer)
            try:
                yield plant
            finally:
                await plant.close()
                await pool.close()
        await asyncio.to_thread(backing.drop_database, database)

    return new
