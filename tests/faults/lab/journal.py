"""The journal that a database keeps of itself: triggers note every change in the transaction that makes it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg

from chassis.dead_letters import unpack_record_headers
from chassis.outbox import unpack_headers

JOURNAL: Final = "lab_journal"
OF_THE_SCHEMA: Final = "schema_migration"
HASH_BYTES: Final = 32

INSTALL: Final = f"""
CREATE TABLE {JOURNAL} (
    n    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid  xid8        NOT NULL,
    at   timestamptz NOT NULL,
    tbl  text        NOT NULL,
    op   text        NOT NULL,
    new  jsonb,
    old  jsonb
);
CREATE FUNCTION lab_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {JOURNAL} (xid, at, tbl, op, new, old)
    VALUES (pg_current_xact_id(), clock_timestamp(), TG_ARGV[0], TG_OP,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END);
    RETURN NULL;
END $$;
DO $$
DECLARE found text;
BEGIN
    FOR found IN SELECT relname FROM pg_class
                  WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
                    AND relname NOT IN ('{JOURNAL}', '{OF_THE_SCHEMA}')
    LOOP
        EXECUTE format('CREATE TRIGGER lab_note AFTER INSERT OR UPDATE OR DELETE ON %I '
                       'FOR EACH ROW EXECUTE FUNCTION lab_note(%L)', found, found);
        -- What a migration put there is where the journal begins, in no transaction of the house's own.
        EXECUTE format('INSERT INTO {JOURNAL} (xid, at, tbl, op, new) '
                       'SELECT ''0'', clock_timestamp(), %L, ''INSERT'', to_jsonb(row) FROM %I AS row',
                       found, found);
    END LOOP;
END $$;
"""  # noqa: S608 - names of our own
SELECT_JOURNAL: Final = f"""
    SELECT n, xid::text AS xid, extract(epoch FROM at)::float8 AS at, tbl, op, new, old FROM {JOURNAL} ORDER BY n
"""  # noqa: S608 - a name of our own
SELECT_TABLES: Final = """
    SELECT relname FROM pg_class
     WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace AND relname <> $1
     ORDER BY relname
"""
SELECT_BYTES: Final = """
    SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'bytea'
"""

Row = Mapping[str, Any] | asyncpg.Record


async def install(dsn: str) -> None:
    """Let a database keep its journal from now on, and every copy of it too."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(INSTALL)
    finally:
        await connection.close()


async def write_journal(dsn: str, file: Path) -> None:
    """Write everything that was committed, in order, as lines of a file."""
    connection = await asyncpg.connect(dsn)
    try:
        await _write_journal(connection, file)
    finally:
        await connection.close()


async def write(dsn: str, *, journal: Path, tables: Path) -> None:
    """Write the journal, and the content of every table as lines of a file of its own, both as of one moment."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await _write_journal(connection, journal)
            await _write_tables(connection, tables)
    finally:
        await connection.close()


async def _write_journal(connection: "asyncpg.Connection[Any]", file: Path) -> None:
    written = await _columns_of_bytes(connection)

    def line(row: Row) -> Row:
        columns = written.get(row["tbl"], set())
        said = {name: None if row[name] is None else _said(json.loads(row[name]), columns) for name in ("new", "old")}
        kept = {name: row[name] for name in ("n", "at", "tbl", "op")}
        return {**kept, "xid": int(row["xid"]), "row": said["new"], "old": said["old"]}

    write_lines(file, (line(row) for row in await connection.fetch(SELECT_JOURNAL)))


async def _write_tables(connection: "asyncpg.Connection[Any]", folder: Path) -> None:
    written = await _columns_of_bytes(connection)
    for found in await connection.fetch(SELECT_TABLES, JOURNAL):
        name = found["relname"]
        rows = await connection.fetch(f'SELECT to_jsonb(found) AS row FROM "{name}" AS found')  # noqa: S608 - as above
        columns = written.get(name, set())
        write_lines(folder / f"{name}.jsonl", (_said(json.loads(row["row"]), columns) for row in rows))


def write_lines(file: Path, lines: Any) -> None:
    """Write each as one line of JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")


async def _columns_of_bytes(connection: "asyncpg.Connection[Any]") -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in await connection.fetch(SELECT_BYTES):
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    return found


def _said(row: Row, columns: set[str]) -> Row:
    """A row with bytes that a reader of JSON understands: headers and keys as text, hashes in hex, the rest hashed."""
    found = {name: value for name, value in row.items() if name not in columns}
    for name in columns.intersection(row.keys()):
        raw = None if row[name] is None else bytes.fromhex(row[name].removeprefix("\\x"))
        if name in _AS:
            shown, how = _AS[name]
            found[shown] = None if raw is None else how(raw)
        elif raw is None or len(raw) == HASH_BYTES:
            found[name] = None if raw is None else raw.hex()
        else:
            found[f"{name}_sha256"] = hashlib.sha256(raw).hexdigest()
    return found


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _headers_of_ours(raw: bytes) -> dict[str, str]:
    return {name: value.decode() for name, value in unpack_headers(raw)}


def _headers_of_a_record(raw: bytes) -> dict[str, str | None]:
    return {name: None if value is None else _text(value) for name, value in unpack_record_headers(raw)}


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


_AS: Final[Mapping[str, tuple[str, Callable[[bytes], Any]]]] = {
    "headers": ("headers", _headers_of_ours),
    "record_headers": ("record_headers", _headers_of_a_record),
    "record_key": ("record_key", _text),
    "payload": ("payload_sha256", _sha256),
    "record_value": ("record_value_sha256", _sha256),
    "corrected_value": ("corrected_value_sha256", _sha256),
}
