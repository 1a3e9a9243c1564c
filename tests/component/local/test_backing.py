"""The broker and the database server of the tests are real: they lose nothing that they acknowledged."""

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.local import databases
from deploy.local.backing import Backing
from deploy.local.blocking import wait_for
from deploy.local.problem import Problem


async def test_a_broker_that_is_killed_keeps_what_it_acknowledged(backing: Backing) -> None:
    backing.create_topic("local.kill", partitions=1)
    async with AIOKafkaProducer(bootstrap_servers=backing.bootstrap_servers, enable_idempotence=True) as producer:
        for number in range(100):
            await producer.send_and_wait("local.kill", str(number).encode())

    backing.kafka.kill()
    backing.kafka.start()

    assert await read_all(backing, "local.kill", count=100) == [str(number).encode() for number in range(100)]


async def test_a_database_server_that_crashes_keeps_what_it_committed(backing: Backing) -> None:
    address = backing.create_database("local_crash")
    connection = await asyncpg.connect(address)
    await connection.execute("CREATE TABLE kept (n int)")
    await connection.execute("INSERT INTO kept SELECT generate_series(1, 100)")

    backing.postgres.stop(immediate=True)
    backing.postgres.start()

    connection.terminate()
    connection = await asyncpg.connect(address)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 100
    await connection.close()


async def test_a_database_server_that_is_killed_starts_again(backing: Backing) -> None:
    backing.postgres.kill()
    backing.postgres.start()

    connection = await asyncpg.connect(backing.admin_dsn)
    assert await connection.fetchval("SELECT pg_is_in_recovery()") is False
    await connection.close()


async def test_a_role_cannot_enter_the_database_of_another(backing: Backing) -> None:
    backing.create_database("local_mine")
    address = backing.create_database("local_other")

    for closed in ("local_mine", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(databases.with_database(address, closed))


async def test_a_role_needs_its_password(backing: Backing) -> None:
    address = backing.create_database("local_password")
    password = address.partition("//local_password:")[2].partition("@")[0]

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(address.replace(password, "guessed"))


async def test_a_copy_of_a_template_has_its_tables_and_its_owner(backing: Backing) -> None:
    template = await asyncpg.connect(backing.create_database("local_template"))
    await template.execute("CREATE TABLE thing (n int)")
    await template.close()

    copy = await asyncpg.connect(backing.create_database("local_copy", template="local_template"))

    await copy.execute("INSERT INTO thing VALUES (1)")
    assert await copy.fetchval("SELECT count(*) FROM thing") == 1
    await copy.close()


async def test_only_a_database_that_was_made_here_is_dropped(backing: Backing) -> None:
    admin = await asyncpg.connect(backing.admin_dsn)
    await admin.execute("CREATE DATABASE somebody_elses")

    with pytest.raises(Problem, match="was not made here"):
        backing.drop_database("somebody_elses")

    backing.create_database("local_dropped")
    backing.drop_database("local_dropped")
    left = await admin.fetch("SELECT datname FROM pg_database WHERE datname IN ('somebody_elses', 'local_dropped')")
    assert [row["datname"] for row in left] == ["somebody_elses"]
    await admin.execute("DROP DATABASE somebody_elses")
    await admin.close()


def test_a_named_database_is_made_when_it_is_missing_and_refused_when_it_is_not_ours(backing: Backing) -> None:
    missing = databases.with_database(backing.admin_dsn, "local_named")

    made = [wait_for(databases.ensure_named(missing, name="X_DATABASE_URL", only_ours=True)) for _ in range(2)]

    assert made == [True, False]
    with pytest.raises(Problem, match=r"X_DATABASE_URL names .*, which was not made here"):
        wait_for(databases.ensure_named(backing.admin_dsn, name="X_DATABASE_URL", only_ours=True))
    backing.drop_database("local_named")


def test_an_unreachable_database_is_named_without_its_password() -> None:
    with pytest.raises(Problem, match=r"X_DATABASE_URL: no connection to 127\.0\.0\.1:1/d") as caught:
        wait_for(databases.ensure_named("postgresql://r:secret@127.0.0.1:1/d", name="X_DATABASE_URL", only_ours=False))

    assert "secret" not in str(caught.value)


async def read_all(backing: Backing, topic: str, *, count: int) -> list[bytes | None]:
    partition = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=backing.bootstrap_servers) as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        return [(await consumer.getone()).value for _ in range(count)]
