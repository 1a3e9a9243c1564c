"""What a service measures of its own tables is read with the rest, and not as often."""

import asyncio
import contextlib

from chassis.database import Connection
from tests.component.chassis.delivery.harness import House, until
from tests.component.chassis.delivery.test_housekeeping import housekeeper_of


async def test_a_service_is_asked_for_its_own_numbers_once_in_a_while(house: House) -> None:
    seen: list[int] = []
    housekeeper = housekeeper_of(house)

    async def measure(connection: Connection) -> None:
        seen.append(await connection.fetchval("SELECT 1"))

    housekeeper.measures = (measure,)
    task = asyncio.create_task(housekeeper.run())

    async def asked() -> bool:
        return bool(seen)

    await until(asked)
    await asyncio.sleep(2.5)  # another look of the housekeeper
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert seen == [1]
