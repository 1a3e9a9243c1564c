"""Databases, each with a role of its own and a wall around it, marked as ours."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.problem import Problem

MARK: Final = "made by deploy.local"


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
        if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", wanted.name):
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
    """Remove a database that carries our mark; refuse any other."""
    admin = await asyncpg.connect(admin_dsn)
    try:
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


def with_database(dsn: str, database: str) -> str:
    """The same server and role, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


async def _ensure_role(admin: "asyncpg.Connection[asyncpg.Record]", wanted: Wanted) -> None:
    role = _quoted(wanted.role)
    password = wanted.password.replace("'", "''")
    if not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", wanted.role):
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")


async def _create(admin: "asyncpg.Connection[asyncpg.Record]", wanted: Wanted) -> None:
    name, role = _quoted(wanted.name), _quoted(wanted.role)
    template = f" TEMPLATE {_quoted(wanted.template)}" if wanted.template else ""
    await admin.execute(f"CREATE DATABASE {name} OWNER {role}{template}")
    await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await admin.execute(f"COMMENT ON DATABASE {name} IS '{MARK}'")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
