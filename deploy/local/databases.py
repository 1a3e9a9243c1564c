"""Databases, each with a role of its own and a wall around it, marked as ours."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from chassis.sight import READER
from deploy.local.problem import Problem

MARK: Final = "made by deploy.local"
CONNECT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A database and the only role that may connect to it."""

    name: str
    role: str
    password: str
    template: str | None = None


async def ensure(admin_dsn: str, wanted: Wanted) -> None:
    """Make the role and the database if they are not there, and put up the wall."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        await _ensure_role(admin, wanted)
        await _ensure_reader(admin, wanted.role)
        if not await _exists(admin, wanted.name):
            await _create(admin, wanted)
    finally:
        await admin.close()


async def close_common_databases(admin_dsn: str) -> None:
    """Close the databases that every cluster has to all but the superuser."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC")
    finally:
        await admin.close()


async def drop(admin_dsn: str, name: str) -> None:
    """Remove a database that carries our mark, if it is there; refuse any other."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        if not await _exists(admin, name):
            return
        if not await is_ours(admin, name):
            message = f"The database {name} was not made here and is not touched."
            raise Problem(message)
        await admin.execute(f"DROP DATABASE {_quoted(name)} WITH (FORCE)")
    finally:
        await admin.close()


async def is_ours(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> bool:
    """Whether the database carries the mark that we set when we made it."""
    mark = await connection.fetchval(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", name
    )
    return bool(mark == MARK)


async def ensure_named(url: str, *, name: str, only_ours: bool) -> bool:
    """See that a database on the user's own server is there; True if it was made now.

    With `only_ours`, a database that was not made here is refused: the caller would fill it with samples.
    """
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    except asyncpg.InvalidCatalogNameError:
        await _create_named(url, name=name)
        return True
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        message = f"{name}: no connection to {without_password(url)}: {problem}"
        raise Problem(message) from problem
    try:
        if only_ours and not await is_ours(connection, database_of(url)):
            message = f"{name} names {without_password(url)}, which was not made here and is not touched."
            raise Problem(message)
        await _ensure_named_reader(connection, name=name)
    finally:
        await connection.close()
    return False


def database_of(url: str) -> str:
    """The database that an address names."""
    return unquote(urlsplit(url).path.lstrip("/"))


def without_password(url: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5432}/{database_of(url)}"


def with_database(url: str, database: str) -> str:
    """The same server and role, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _create_named(url: str, *, name: str) -> None:
    database = database_of(url)
    try:
        connection = await asyncpg.connect(with_database(url, "postgres"), timeout=CONNECT_SECONDS)
        try:
            await connection.execute(f"CREATE DATABASE {_quoted(database)}")
            await connection.execute(f"REVOKE ALL ON DATABASE {_quoted(database)} FROM PUBLIC")
            await connection.execute(f"COMMENT ON DATABASE {_quoted(database)} IS '{MARK}'")
            await _ensure_named_reader(connection, name=name)
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        message = f"{name}: the database {database} is not there and could not be made: {problem}"
        raise Problem(message) from problem


async def _exists(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> bool:
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name))


async def _ensure_role(admin: "asyncpg.Connection[asyncpg.Record]", wanted: Wanted) -> None:
    role = _quoted(wanted.role)
    password = wanted.password.replace("'", "''")
    if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", wanted.role):
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")


async def _ensure_reader(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> None:
    """Let a role read as the role behind the walls; that one is made if it is not there."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", READER):
        await connection.execute(f"CREATE ROLE {READER} NOLOGIN")
    if not await connection.fetchval("SELECT pg_has_role($1, $2, 'SET')", role, READER):
        await connection.execute(f"GRANT {READER} TO {_quoted(role)}")


async def _ensure_named_reader(connection: "asyncpg.Connection[asyncpg.Record]", *, name: str) -> None:
    """The same on the user's own server, whose role may be allowed to make no others."""
    role = await connection.fetchval("SELECT current_user")
    try:
        await _ensure_reader(connection, role)
    except asyncpg.InsufficientPrivilegeError as problem:
        message = (
            f"{name}: its role may not make the role that reads for callers. Somebody who may runs once: "
            f"CREATE ROLE {READER} NOLOGIN; GRANT {READER} TO {_quoted(role)};"
        )
        raise Problem(message) from problem


async def _create(admin: "asyncpg.Connection[asyncpg.Record]", wanted: Wanted) -> None:
    name, role = _quoted(wanted.name), _quoted(wanted.role)
    template = f" TEMPLATE {_quoted(wanted.template)}" if wanted.template else ""
    await admin.execute(f"CREATE DATABASE {name} OWNER {role}{template}")
    await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await admin.execute(f"COMMENT ON DATABASE {name} IS '{MARK}'")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
