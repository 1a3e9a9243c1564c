"""A database is brought up to date once, in order, or not at all."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from chassis.database import Migration, MigrationError, connect, migrate, missing_migrations, read_migrations
from deploy.local.backing import Backing
from tests.component.chassis.delivery.tally import MIGRATIONS

FIRST = Migration("things", 1, "first", "CREATE TABLE thing (thing_id int PRIMARY KEY); INSERT INTO thing VALUES (1)")
SECOND = Migration("things", 2, "second", "ALTER TABLE thing ADD COLUMN name text")


@pytest.fixture
def bare(backing: Backing) -> str:
    """The address of a database in which there is nothing."""
    backing.drop_database("bare")
    return backing.create_database("bare")


async def test_several_runs_at_once_apply_each_file_once(bare: str) -> None:
    """One has the lock; the others find nothing left to do."""
    applied = await asyncio.gather(*(migrate(bare, [*MIGRATIONS, FIRST, SECOND]) for _ in range(4)))

    assert sorted(len(each) for each in applied) == [0, 0, 0, len(MIGRATIONS) + 2]


async def test_a_file_that_was_changed_after_it_ran_is_refused(bare: str) -> None:
    """Nobody could say any more what this database holds."""
    await migrate(bare, [FIRST])

    with pytest.raises(MigrationError, match="was changed after it ran"):
        await migrate(bare, [Migration("things", 1, "first", "CREATE TABLE other (id int)"), SECOND])

    assert await _missing(bare, SECOND) == ["things 0002_second"]


async def test_a_file_that_fails_leaves_nothing_and_stops_the_rest(bare: str) -> None:
    """What came before it stays applied."""
    broken = Migration("things", 2, "broken", "CREATE TABLE half (id int); SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(bare, [FIRST, broken, Migration("things", 3, "third", "CREATE TABLE third (id int)")])

    assert await _missing(bare, FIRST, broken) == ["things 0002_broken"]
    connection = await connect(bare, name="test")
    assert await connection.fetchval("SELECT to_regclass('half') IS NULL AND to_regclass('third') IS NULL")
    await connection.close()


async def test_the_database_of_another_service_is_refused(bare: str) -> None:
    """Two services in one database would send each other's outbox."""
    await migrate(bare, [FIRST])

    with pytest.raises(MigrationError, match="is the one of things"):
        await migrate(bare, [Migration("others", 1, "first", "CREATE TABLE other (id int)")])

    assert await _missing(bare, FIRST) == []


async def test_a_newer_database_serves_an_older_service(bare: str) -> None:
    """Expand first, contract later: during a deployment both run."""
    await migrate(bare, [FIRST, SECOND])

    assert await _missing(bare, FIRST) == []


async def test_an_empty_database_lacks_everything(bare: str) -> None:
    """It says what, by name."""
    assert await _missing(bare, FIRST, SECOND) == ["things 0001_first", "things 0002_second"]


@pytest.mark.parametrize(
    "names", [["0001_a.sql", "0003_c.sql"], ["0002_b.sql"], ["0001_a.sql", "0001_b.sql"], ["a.sql"]]
)
def test_a_gap_or_a_doubled_number_is_refused(tmp_path: Path, names: list[str]) -> None:
    """Two branches that each added a file would otherwise be applied in whatever order."""
    for name in names:
        (tmp_path / f"{name}.sql").write_text("SELECT 1")

    with pytest.raises(MigrationError):
        read_migrations("things", tmp_path)


async def _missing(dsn: str, *migrations: Migration) -> list[str]:
    connection = await connect(dsn, name="test")
    try:
        return await missing_migrations(connection, migrations)
    finally:
        await connection.close()
