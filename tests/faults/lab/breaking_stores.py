"""The broker and the database: stopped, killed, restored, locked, and connections ended in the middle of things."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import asyncpg
import httpx

from tests.faults.lab.breaking_processes import SERVICES, SESSION_SECONDS
from tests.faults.lab.house import TABLE_OF
from tests.faults.lab.orders import Order
from tests.faults.lab.plan import Fault
from tests.faults.lab.scene import Kind, Scene

LOCKABLE: Final = ("inbox", "outbox", "consumer_offset", "held_key", "timer", "dead_letter")
CROWD: Final = 25
CUTS: Final = 3
SESSIONS: Final[Mapping[str, str]] = {
    "all": "true",
    "in-transaction": "state IN ('idle in transaction', 'active') AND xact_start IS NOT NULL",
    "relay": "application_name LIKE '% relay'",
}


def _draw_broker(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    how = random.choice(("stop", "kill", "kill", "pause"))
    # A frozen broker keeps its connections; longer than a session only it can be away and come back with all of them.
    seconds = SESSION_SECONDS + 1.5 if how == "pause" and random.random() < 0.4 else random.uniform(0.3, 2.5)
    return "kafka", seconds, {"how": how}


async def break_broker(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Stop, kill or freeze the broker, and let it come back with its data."""
    kafka = scene.ground.backing.kafka
    async with scene.broker:
        if fault.detail["how"] == "pause":
            kafka.pause()
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                kafka.resume()
            return
        await asyncio.to_thread(kafka.stop if fault.detail["how"] == "stop" else kafka.kill)
        # Also where another fault of this run fails meanwhile: the next run stands on the same ground.
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            await asyncio.to_thread(kafka.start)


def _draw_database(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return "postgres", random.uniform(0.2, 2.0), {"how": random.choice(("immediate", "immediate", "kill", "fast"))}


async def break_database(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Stop the database server, in one of the ways in which it can be stopped, and start it again."""
    postgres, how = scene.ground.backing.postgres, fault.detail["how"]
    async with scene.database:
        if how == "kill":
            await asyncio.to_thread(postgres.kill)
        else:
            await asyncio.to_thread(postgres.stop, immediate=how == "immediate")
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            await asyncio.to_thread(postgres.start)


def _draw_restore(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return random.choice(SERVICES), random.uniform(2.0, 4.0), {"killed": random.random() < 0.5}


async def restore(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Put a database back to what it was some seconds ago: what the service did meanwhile it does not know of."""
    service = fault.target
    url = scene.house.databases[service]
    copy = f"{url.rpartition('/')[2]}_copy"
    async with scene.changing(service), scene.database:
        instances = [each for each in scene.crew.of(service) if each.is_wanted]
        for instance in instances:
            await scene.crew.stop(instance)
        await _end_sessions(scene, service, SESSIONS["all"])
        copied_at = time.time()
        await asyncio.to_thread(scene.ground.copy_database, url, copy)
        for instance in instances:
            await scene.crew.begin(instance)
        await asyncio.sleep(fault.seconds)
        for instance in scene.crew.of(service):
            instance.is_wanted = False
            await (scene.crew.kill(instance) if fault.detail["killed"] else scene.crew.stop(instance))
        await scene.recorder.write_lost(service, url, number=len(scene.forks))
        await scene.ground.put_in_place_of(url, copy)
        scene.forks.append({"service": service, "copied_at": copied_at, "restored_at": time.time()})
        for instance in instances:
            await scene.crew.begin(instance)


def _draw_cut_sessions(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return random.choice(SERVICES), random.uniform(0.1, 0.6), {"which": random.choice(tuple(SESSIONS))}


async def cut_sessions(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """End sessions of a service from outside, a few times; those in a transaction are held in it until then."""
    orders = scene.instance(fault.target).orders
    ended = []
    for _ in range(CUTS):
        if fault.detail["which"] == "in-transaction":
            orders.give(Order(point="batch.before_commit", seconds=1.0))
            for _ in range(20):
                if orders.carried_out():
                    break
                await asyncio.sleep(0.05)
            orders.withdraw()
        async with scene.database:
            ended.append(await _end_sessions(scene, fault.target, SESSIONS[fault.detail["which"]]))
        await asyncio.sleep(fault.seconds)
    record["ended"] = ended


def _draw_no_connections(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return random.choice(SERVICES), random.uniform(1.0, 3.0), {}


async def no_connections(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let the server refuse every new connection of a service, and end those that it has."""
    role = _role_of(scene, fault.target)
    async with scene.database:
        await scene.ground.ask(f'ALTER ROLE "{role}" CONNECTION LIMIT 0')
        try:
            await _end_sessions(scene, fault.target, SESSIONS["all"])
            await asyncio.sleep(fault.seconds)
        finally:
            await scene.ground.ask(f'ALTER ROLE "{role}" CONNECTION LIMIT -1')


def _draw_lock(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    service = random.choice(SERVICES)
    table = random.choice((*LOCKABLE, TABLE_OF[service]))
    return service, random.choice((1.5, 3.0, 6.0)), {"table": table}


async def lock(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Lock a table from outside, for shorter or longer than a service waits for a lock."""
    async with scene.database, _locked(scene, fault.target, fault.detail["table"]):
        await asyncio.sleep(fault.seconds)


def _draw_pool(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return "registration", random.choice((2.0, 5.5)), {"requests": CROWD}


async def exhaust_pool(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let more requests wait for a locked table than the pool has connections."""
    async with scene.database, _locked(scene, fault.target, TABLE_OF[fault.target]):
        path = "/v1/registrations/board"
        asked = [asyncio.create_task(scene.counter.look(fault.target, path, "REG-HQ-01")) for _ in range(CROWD)]
        await asyncio.sleep(fault.seconds)
    answers = await asyncio.gather(*asked)
    record["answers"] = sorted(answer.status_code if answer is not None else 0 for answer in answers)
    if httpx.codes.INTERNAL_SERVER_ERROR in record["answers"]:
        record["odd"] = "a request without a connection was answered as a bug"


@contextlib.asynccontextmanager
async def _locked(scene: Scene, service: str, table: str) -> Any:
    connection = await asyncpg.connect(scene.house.databases[service], timeout=10)
    try:
        await connection.execute("BEGIN")
        await connection.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
        yield
    finally:
        connection.terminate()


async def _end_sessions(scene: Scene, service: str, which: str) -> int:
    statement = f"""
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND {which}
    """  # noqa: S608 - one of the conditions above
    return len(await scene.ground.ask(statement, scene.house.databases[service].rpartition("/")[2]))


def _role_of(scene: Scene, service: str) -> str:
    return scene.house.databases[service].partition("://")[2].partition(":")[0]


KINDS: Final[Mapping[str, Kind]] = {
    "broker": Kind(_draw_broker, break_broker, weight=4),
    "database": Kind(_draw_database, break_database, weight=4),
    "restore": Kind(_draw_restore, restore, weight=3),
    "cut-sessions": Kind(_draw_cut_sessions, cut_sessions, weight=3),
    "no-connections": Kind(_draw_no_connections, no_connections, weight=1),
    "lock": Kind(_draw_lock, lock),
    "pool": Kind(_draw_pool, exhaust_pool),
}
