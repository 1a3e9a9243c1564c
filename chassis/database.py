"""The service's own database: the pool, the session limits that undo a stopped process, and the migrations."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

from chassis.aggregates import encode_json

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"
    Pool: TypeAlias = "asyncpg.Pool[Any]"
else:
    Connection = Pool = Any

CHASSIS_MIGRATIONS: Final = Path(__file__).parent / "migrations"
CONNECT_TIMEOUT_SECONDS: Final = 5.0
COMMAND_TIMEOUT_SECONDS: Final = 30.0
POOL_SIZE_MAX: Final = 10
MIGRATION_LOCK: Final = 7_215_001
MIGRATION_LOCK_WAIT_SECONDS: Final = 60.0

SESSION_LIMITS: Final = {
    # A process that is stopped in mid-transaction must not keep its locks for ever (SIGSTOP, a hung host).
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "30s",
    # The two above do not see a process that was stopped between the two halves of a prepared statement.
    "transaction_timeout": "30s",
    "timezone": "UTC",
}

POINT_LOOKUPS: Final = {
    # A plan made while a table was small is kept until the table is next analysed, however fast it grows meanwhile.
    # Every statement of ours finds its rows by a key, so no plan that reads a table whole is right, at any size.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}

ANY_PLAN: Final = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material"), "on")
"""For what goes through whole tables: a migration that fills a column, a count for a report."""


async def _prepare(connection: Any) -> None:
    for json_type in ("json", "jsonb"):
        await connection.set_type_codec(json_type, encoder=encode_json, decoder=json.loads, schema="pg_catalog")


async def _keep(_connection: Any) -> None:
    """Give a connection back as it is.

    An open transaction is rolled back all the same; what else asyncpg would undo with one more question to the
    database (settings, listeners, locks of a session) nothing of ours leaves behind.
    """


async def open_pool(dsn: str, *, name: str, size_max: int = POOL_SIZE_MAX) -> "Pool":
    """Open a pool of connections that all carry the session limits, the plans for look-ups and the JSON codecs."""
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size_max,
        init=_prepare,
        reset=_keep,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        server_settings={**SESSION_LIMITS, **POINT_LOOKUPS, "application_name": name},
    )


async def connect(dsn: str, *, name: str, settings: dict[str, str] | None = None) -> "Connection":
    """Open one connection outside the pool, for something that lives as long as its session does."""
    connection: Connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        server_settings={**SESSION_LIMITS, **POINT_LOOKUPS, "application_name": name, **(settings or {})},
    )
    await _prepare(connection)
    return connection


@dataclass(frozen=True)
class Migration:
    """One forward step of the schema: a file of plain SQL, run once, never edited afterwards."""

    component: str
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """What the file said when it ran."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class MigrationError(Exception):
    """The database and the migration files disagree."""


def read_migrations(component: str, directory: Path) -> list[Migration]:
    """Read `NNNN_what_it_makes_true.sql` files in order; a gap or a doubled number is an error."""
    found = []
    for expected, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        number, _, name = path.stem.partition("_")
        if not number.isdigit() or int(number) != expected:
            message = f"{path.name}: expected number {expected:04}"
            raise MigrationError(message)
        found.append(Migration(component, expected, name, path.read_text(encoding="utf-8")))
    return found


CREATE_MIGRATION_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS schema_migration (
        component  text        NOT NULL,
        version    integer     NOT NULL,
        name       text        NOT NULL,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (component, version)
    )
"""
SELECT_MIGRATIONS: Final = "SELECT component, version, checksum FROM schema_migration"
INSERT_MIGRATION: Final = "INSERT INTO schema_migration (component, version, name, checksum) VALUES ($1, $2, $3, $4)"


async def migrate(dsn: str, migrations: Sequence[Migration]) -> list[Migration]:
    """Apply what is missing, one transaction a file, under a lock; several runs at once apply each file once."""
    unbounded = {"statement_timeout": "0", "transaction_timeout": "0"}
    connection = await connect(dsn, name="migrate", settings={**ANY_PLAN, **unbounded})
    try:
        await _lock(connection)
        await connection.execute(CREATE_MIGRATION_TABLE)
        applied = {
            (row["component"], row["version"]): row["checksum"] for row in await connection.fetch(SELECT_MIGRATIONS)
        }
        strangers = {component for component, _ in applied} - {migration.component for migration in migrations}
        if strangers:
            message = f"this database is the one of {', '.join(sorted(strangers))}; every service needs one of its own"
            raise MigrationError(message)
        fresh = []
        for migration in migrations:
            checksum = applied.get((migration.component, migration.version))
            if checksum is None:
                async with connection.transaction():
                    await connection.execute(migration.sql)
                    await connection.execute(
                        INSERT_MIGRATION, migration.component, migration.version, migration.name, migration.checksum
                    )
                fresh.append(migration)
            elif checksum != migration.checksum:
                message = f"{migration.component} {migration.version:04}_{migration.name} was changed after it ran"
                raise MigrationError(message)
        return fresh
    finally:
        await connection.close()


async def _lock(connection: "Connection") -> None:
    async with asyncio.timeout(MIGRATION_LOCK_WAIT_SECONDS):
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK):  # noqa: ASYNC110  a lock of another session tells nobody that it is free
            await asyncio.sleep(0.1)


async def missing_migrations(connection: "Connection", migrations: Sequence[Migration]) -> list[str]:
    """Name the migrations that this code needs and the database lacks; a newer database is fine (expand, contract)."""
    if not await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
        return [f"{migration.component} {migration.version:04}_{migration.name}" for migration in migrations]
    applied = {(row["component"], row["version"]) for row in await connection.fetch(SELECT_MIGRATIONS)}
    return [
        f"{migration.component} {migration.version:04}_{migration.name}"
        for migration in migrations
        if (migration.component, migration.version) not in applied
    ]
