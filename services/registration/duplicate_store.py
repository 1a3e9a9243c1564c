"""The SQL of persons who may be the same: who has changed, who is known by what, and which two are suspected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from chassis.aggregates import Aggregates, RawJson, Rows, columns_of, rows_as_json
from chassis.database import Connection, Pool
from services.registration.domain.case import Registration
from services.registration.domain.duplicates import Pair, State
from services.registration.domain.likeness import Features, Key, Level
from services.registration.store import ACQUIRE_TIMEOUT_SECONDS, load

COMPARE_LOCK: Final = 7_215_006
COUNTED_ROWS_MAX: Final = 10_000

IDENTITY_CHANGES: Final = Rows(
    name="identity_change",
    insert="""
        INSERT INTO identity_change (registration_id)
        SELECT registration_id FROM json_to_recordset($1::json) AS c(registration_id uuid)
    """,
)
HISTORY: Final = Rows(
    name="duplicate_entry",
    insert="""
        INSERT INTO duplicate_entry (entry_id, duplicate_id, step, from_state, to_state, level, score, actor_kind,
                                     actor_id, actor_role, unit, reason, recorded_at, policy_version)
        SELECT entry_id, duplicate_id, step, from_state, to_state, level, score, actor_kind,
               actor_id, actor_role, unit, reason, recorded_at, policy_version
          FROM json_to_recordset($1::json)
               AS e(entry_id uuid, duplicate_id uuid, step text, from_state text, to_state text, level text, score int,
                    actor_kind text, actor_id text, actor_role text, unit text, reason text,
                    recorded_at timestamptz, policy_version text)
    """,
)

TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock($1)"
SELECT_CHANGES: Final = "SELECT change_id, registration_id FROM identity_change ORDER BY change_id LIMIT $1"
DELETE_CHANGES: Final = "DELETE FROM identity_change WHERE change_id = ANY($1)"
SELECT_CASES: Final = """
    SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
           missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded, tracing,
           contact, identity_level, biometric_status, submission_from, submission_overdue, submitted, registered,
           officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence
      FROM registration WHERE registration_id = ANY($1)
"""
SELECT_FEATURES: Final = "SELECT registration_id, features FROM known_person WHERE registration_id = ANY($1)"
DELETE_KEYS: Final = """
    DELETE FROM person_key USING known_person, unnest(known_person.keys) AS gone(key)
     WHERE known_person.registration_id = ANY($1)
       AND person_key.key = gone.key AND person_key.registration_id = known_person.registration_id
"""
DELETE_PERSONS: Final = "DELETE FROM known_person WHERE registration_id = ANY($1)"
INSERT_PERSONS: Final = """
    INSERT INTO known_person (registration_id, features, keys)
    SELECT registration_id, features, ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(keys) AS k(value))
      FROM json_to_recordset($1::json) AS p(registration_id uuid, features jsonb, keys jsonb)
"""
INSERT_KEYS: Final = """
    INSERT INTO person_key (key, registration_id)
    SELECT key, registration_id FROM unnest($1::bigint[], $2::uuid[]) AS k(key, registration_id)
"""
SELECT_SHARING: Final = """
    SELECT wanted.key, found.registration_id
      FROM unnest($1::bigint[]) AS wanted(key)
     CROSS JOIN LATERAL (SELECT registration_id FROM person_key
                          WHERE person_key.key = wanted.key ORDER BY registration_id LIMIT $2) AS found
"""
SELECT_PAIRS: Final = """
    SELECT duplicate_id, first, second, state, level, score, same_nik, name, birth, facility, fingerprint,
           dismissed_on, suspected_at, policy_version, sequence
      FROM suspected_duplicate WHERE duplicate_id = ANY($1)
"""
SELECT_PAIRS_OF: Final = """
    SELECT duplicate_id, first, second, state, level, score, same_nik, name, birth, facility, fingerprint,
           dismissed_on, suspected_at, policy_version, sequence
      FROM suspected_duplicate WHERE first = ANY($1) OR second = ANY($1)
"""
SELECT_QUEUE: Final = """
    SELECT duplicate_id, first, second, state, level, score, same_nik, name, birth, facility, fingerprint,
           dismissed_on, suspected_at, policy_version, sequence
      FROM suspected_duplicate AS pair
     WHERE state = $1 AND ($2::text IS NULL OR level = $2)
       AND ($3::text IS NULL OR EXISTS (
               SELECT FROM registration WHERE registration_id IN (pair.first, pair.second)
                                          AND (receiving_unit = $3 OR guidance_unit = $3)))
       AND ($4::timestamptz IS NULL OR (suspected_at, duplicate_id) > ($4, $5::uuid))
     ORDER BY suspected_at, duplicate_id LIMIT $6
"""
SELECT_HISTORY: Final = """
    SELECT entry_id, step, from_state, to_state, level, score, actor_kind, actor_id, actor_role, unit, reason,
           recorded_at, policy_version
      FROM duplicate_entry
     WHERE duplicate_id = $1 AND ($2::uuid IS NULL OR entry_id > $2)
     ORDER BY entry_id LIMIT $3
"""
SELECT_CHILDREN: Final = "SELECT registration_id, juvenile FROM registration WHERE registration_id = ANY($1)"
COUNT_WAITING: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM identity_change LIMIT $1) AS waiting) AS waiting,
           (SELECT count(*) FROM (SELECT FROM suspected_duplicate WHERE state = 'open' LIMIT $1) AS open) AS open
"""


@dataclass(frozen=True, kw_only=True)
class Known:
    """Somebody as they are kept for comparison."""

    registration_id: UUID
    features: Features
    keys: tuple[Key, ...]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Which suspicions are looked for."""

    state: State
    level: Level | None = None
    unit: str | None = None


def load_pair(row: Mapping[str, Any]) -> Pair:
    """A suspicion from its row."""
    fields = {name: row[name] for name in Pair.__slots__}
    return Pair(**fields | {"state": State(row["state"]), "level": Level(row["level"])})


def _key(pair: Pair) -> UUID:
    return pair.duplicate_id


DUPLICATES: Final = Aggregates[UUID, Pair](
    name="suspected_duplicate",
    key_type="uuid",
    select="""
        SELECT duplicate_id, first, second, state, level, score, same_nik, name, birth, facility, fingerprint,
               dismissed_on, suspected_at, policy_version, sequence, version
          FROM suspected_duplicate WHERE duplicate_id = ANY($1) ORDER BY duplicate_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO suspected_duplicate (duplicate_id, first, second, state, level, score, same_nik, name, birth,
                                         facility, fingerprint, dismissed_on, suspected_at, policy_version, sequence,
                                         version)
        SELECT duplicate_id, first, second, state, level, score, same_nik, name, birth, facility, fingerprint,
               dismissed_on, suspected_at, policy_version, sequence, version
          FROM json_to_recordset($1::json)
               AS d(duplicate_id uuid, first uuid, second uuid, state text, level text, score int, same_nik boolean,
                    name int, birth int, facility int, fingerprint text, dismissed_on text, suspected_at timestamptz,
                    policy_version text, sequence bigint, version int)
        ON CONFLICT (duplicate_id) DO UPDATE
           SET state = EXCLUDED.state, level = EXCLUDED.level, score = EXCLUDED.score, same_nik = EXCLUDED.same_nik,
               name = EXCLUDED.name, birth = EXCLUDED.birth, facility = EXCLUDED.facility,
               fingerprint = EXCLUDED.fingerprint, dismissed_on = EXCLUDED.dismissed_on,
               suspected_at = EXCLUDED.suspected_at, policy_version = EXCLUDED.policy_version,
               sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE suspected_duplicate.version = EXCLUDED.version - 1
    """,
    key=_key,
    load=load_pair,
    dump=columns_of,
)


async def begin_to_compare(connection: Connection) -> bool:
    """Whether nobody else compares; until the transaction ends nobody else begins.

    One at a time, so that of two who become known together whoever is compared second finds the first.
    """
    return bool(await connection.fetchval(TRY_LOCK, COMPARE_LOCK))


async def changed(connection: Connection, *, rows_max: int) -> Sequence[tuple[int, UUID]]:
    """Whose identity changed, the oldest change first, with the number of the change."""
    rows = await connection.fetch(SELECT_CHANGES, rows_max)
    return [(row["change_id"], row["registration_id"]) for row in rows]


async def cases(connection: Connection, registration_ids: Iterable[UUID]) -> Mapping[UUID, Registration]:
    """Registrations as they were last committed."""
    rows = await connection.fetch(SELECT_CASES, list(registration_ids))
    return {row["registration_id"]: load(row) for row in rows}


async def keep_known(connection: Connection, *, gone: Sequence[UUID], persons: Sequence[Known]) -> None:
    """Let these persons be found by what they are now, and those that are gone by nothing."""
    changing = [*gone, *(person.registration_id for person in persons)]
    await connection.execute(DELETE_KEYS, changing)
    await connection.execute(DELETE_PERSONS, changing)
    if persons:
        await connection.execute(INSERT_PERSONS, _rows_of(persons))
        pairs = [(key.value, person.registration_id) for person in persons for key in person.keys]
        await connection.execute(INSERT_KEYS, [pair[0] for pair in pairs], [pair[1] for pair in pairs])


async def sharing(connection: Connection, keys: Iterable[int], *, rows_max: int) -> Mapping[int, Sequence[UUID]]:
    """Who is found by each of these keys, so many at most."""
    found: dict[int, list[UUID]] = {}
    for row in await connection.fetch(SELECT_SHARING, sorted(set(keys)), rows_max):
        found.setdefault(row["key"], []).append(row["registration_id"])
    return found


async def features(connection: Connection, registration_ids: Iterable[UUID]) -> Mapping[UUID, Features]:
    """What is compared of these persons."""
    rows = await connection.fetch(SELECT_FEATURES, list(registration_ids))
    return {row["registration_id"]: _features(row["features"]) for row in rows}


async def pairs(connection: Connection, duplicate_ids: Iterable[UUID]) -> Mapping[UUID, Pair]:
    """Suspicions as they were last committed."""
    return {row["duplicate_id"]: load_pair(row) for row in await connection.fetch(SELECT_PAIRS, list(duplicate_ids))}


async def pairs_of(connection: Connection, registration_ids: Iterable[UUID], *, state: State) -> Sequence[Pair]:
    """The suspicions in this state about any of these registrations; of one there are few, in whatever state."""
    rows = await connection.fetch(SELECT_PAIRS_OF, list(registration_ids))
    return [load_pair(row) for row in rows if row["state"] == state]


async def forget_changes(connection: Connection, change_ids: Sequence[int]) -> None:
    """These changes have been compared."""
    await connection.execute(DELETE_CHANGES, change_ids)


async def find(pool: Pool, duplicate_id: UUID) -> Pair | None:
    """A suspicion as it was last committed."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return (await pairs(connection, [duplicate_id])).get(duplicate_id)


async def cases_of(pool: Pool, found: Sequence[Pair]) -> Mapping[UUID, Registration]:
    """The registrations of these pairs."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return await cases(connection, {each for pair in found for each in (pair.first, pair.second)})


async def queue(pool: Pool, wanted: Queue, *, after: tuple[datetime, UUID] | None, rows_max: int) -> Sequence[Pair]:
    """Suspicions in one state, the oldest first, after this one."""
    suspected_at, duplicate_id = after or (None, None)
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(
            SELECT_QUEUE, wanted.state, wanted.level, wanted.unit, suspected_at, duplicate_id, rows_max
        )
    return [load_pair(row) for row in rows]


async def history(pool: Pool, duplicate_id: UUID, *, after: UUID | None, rows_max: int) -> Sequence[Mapping[str, Any]]:
    """What was thought and said of two registrations, in order."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows: Sequence[Mapping[str, Any]] = await connection.fetch(SELECT_HISTORY, duplicate_id, after, rows_max)
    return rows


async def linked_to(pool: Pool, registration_id: UUID) -> Mapping[UUID, bool]:
    """The registrations that a person linked to this one, and whether each is a child's."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        links = await pairs_of(connection, [registration_id], state=State.LINKED)
        others = sorted({each for pair in links for each in (pair.first, pair.second)} - {registration_id})
        rows = await connection.fetch(SELECT_CHILDREN, others) if others else []
    return {row["registration_id"]: row["juvenile"] for row in rows}


async def count(connection: Connection) -> tuple[int, int]:
    """How many changes wait to be compared and how many suspicions are open, as far as is counted."""
    row = await connection.fetchrow(COUNT_WAITING, COUNTED_ROWS_MAX)
    return (0, 0) if row is None else (row["waiting"], row["open"])


def _rows_of(persons: Sequence[Known]) -> RawJson:
    return rows_as_json(
        [
            {
                "registration_id": person.registration_id,
                "features": asdict(person.features),
                "keys": [key.value for key in person.keys],
            }
            for person in persons
        ]
    )


def _features(document: Mapping[str, Any]) -> Features:
    born_on = document["born_on"]
    read = {"names": tuple(document["names"]), "born_on": None if born_on is None else date.fromisoformat(born_on)}
    return Features(**{name: document[name] for name in Features.__slots__} | read)
