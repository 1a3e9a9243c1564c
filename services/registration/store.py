"""The SQL of registration's own database."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel

from chassis.aggregates import Aggregates, Rows
from chassis.database import Connection, Pool
from contracts.lapas import ClientReleased, ReleaseAnnounced, ReleaseCancelled
from contracts.registration import IdentityLevel
from services.registration.domain.case import (
    BiometricStatus,
    Closure,
    Contact,
    Registered,
    Registration,
    Status,
    Submitted,
    Tracing,
    TransferOffer,
)
from services.registration.domain.walked_in import WalkInReport

ACQUIRE_TIMEOUT_SECONDS: Final = 5.0
SAME_PERSON_MAX: Final = 20

M = TypeVar("M", bound=BaseModel)

DOCUMENTS: Final[dict[str, type[BaseModel]]] = {
    "walk_in": WalkInReport,
    "announcement": ReleaseAnnounced,
    "release": ClientReleased,
    "cancellation": ReleaseCancelled,
    "revocation": ReleaseCancelled,
    "tracing": Tracing,
    "offer": TransferOffer,
    "contact": Contact,
    "submitted": Submitted,
    "registered": Registered,
    "closure": Closure,
}
"""The columns that hold a document, and what it is."""


def load(row: Mapping[str, Any]) -> Registration:
    """A registration from its row."""
    documents: dict[str, Any] = {name: _read(model, row[name]) for name, model in DOCUMENTS.items()}
    level, biometrics = row["identity_level"], row["biometric_status"]
    return Registration(
        registration_id=row["registration_id"],
        release_id=row["release_id"],
        status=Status(row["status"]),
        receiving_unit=row["receiving_unit"],
        guidance_unit=row["guidance_unit"],
        holder_unit=row["holder_unit"],
        epoch=row["epoch"],
        juvenile=row["juvenile"],
        missing=tuple(row["missing"]),
        unconfirmed_on=row["unconfirmed_on"],
        rungs_recorded=row["rungs_recorded"],
        identity_level=None if level is None else IdentityLevel(level),
        biometric_status=None if biometrics is None else BiometricStatus(biometrics),
        submission_from=row["submission_from"],
        submission_overdue=row["submission_overdue"],
        officer=row["officer"],
        handed_on_to=row["handed_on_to"],
        bound_to=row["bound_to"],
        files_chased_at=row["files_chased_at"],
        sequence=row["sequence"],
        **documents,
    )


def dump(case: Registration) -> dict[str, Any]:
    """The row of a registration; what it does not know is left out."""
    row: dict[str, Any] = {
        "registration_id": case.registration_id,
        "release_id": case.release_id,
        "status": case.status,
        "receiving_unit": case.receiving_unit,
        "guidance_unit": case.guidance_unit,
        "holder_unit": case.holder_unit,
        "epoch": case.epoch,
        "juvenile": case.juvenile,
        "facility": case.facility,
        "prison_register_no": case.origin.prison_register_no,
        "name_key": name_key_of(case),
        "released_at": case.released_at,
        "missing": case.missing,
        "unconfirmed_on": case.unconfirmed_on,
        "rungs_recorded": case.rungs_recorded,
        "identity_level": case.identity_level,
        "biometric_status": case.biometric_status,
        "submission_from": case.submission_from,
        "submission_overdue": case.submission_overdue,
        "officer": case.officer,
        "handed_on_to": case.handed_on_to,
        "business_id": case.business_id,
        "bound_to": case.bound_to,
        "files_chased_at": case.files_chased_at,
        "contact_at": case.contact.at if case.contact is not None else None,
        "sequence": case.sequence,
    }
    for name in DOCUMENTS:
        document: BaseModel | None = getattr(case, name)
        row[name] = None if document is None else document.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in row.items() if value is not None}


def name_key(name: str) -> str:
    """A name as it is searched for: without accents, case and doubled spaces."""
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(plain.casefold().split())


def name_key_of(case: Registration) -> str:
    """The name of the person as it is searched for."""
    return name_key(case.latest.name) if case.latest is not None else ""


def _read(model: type[M], document: Mapping[str, Any] | None) -> M | None:
    return None if document is None else model.model_validate(document, extra="ignore")


def _key(case: Registration) -> UUID:
    return case.registration_id


REGISTRATIONS: Final = Aggregates[UUID, Registration](
    name="registration",
    key_type="uuid",
    select="""
        SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
               missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded,
               tracing, contact, identity_level, biometric_status, submission_from, submission_overdue, submitted,
               registered, officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence, version
          FROM registration WHERE registration_id = ANY($1) ORDER BY registration_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO registration (registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit,
                                  epoch, juvenile, facility, prison_register_no, name_key, released_at, missing,
                                  walk_in, announcement, release, cancellation, revocation, unconfirmed_on,
                                  rungs_recorded, tracing, contact, identity_level, biometric_status, submission_from,
                                  submission_overdue, submitted, registered, officer, handed_on_to, closure,
                                  business_id, bound_to, offer, files_chased_at, contact_at, sequence, version)
        SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit,
               epoch, juvenile, facility, prison_register_no, name_key, released_at, missing,
               walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded,
               tracing, contact, identity_level, biometric_status, submission_from,
               submission_overdue, submitted, registered, officer, handed_on_to, closure,
               business_id, bound_to, offer, files_chased_at, contact_at, sequence, version
          FROM json_to_recordset($1::json)
               AS r(registration_id uuid, release_id text, status text, receiving_unit text, guidance_unit text,
                    holder_unit text, epoch int, juvenile boolean, facility text, prison_register_no text,
                    name_key text, released_at timestamptz, missing jsonb, walk_in jsonb, announcement jsonb,
                    release jsonb, cancellation jsonb, revocation jsonb, unconfirmed_on timestamptz, rungs_recorded int,
                    tracing jsonb, contact jsonb, identity_level text, biometric_status text,
                    submission_from timestamptz, submission_overdue boolean, submitted jsonb, registered jsonb,
                    officer text, handed_on_to text, closure jsonb, business_id uuid, bound_to uuid, offer jsonb,
                    files_chased_at timestamptz, contact_at timestamptz, sequence bigint, version int)
         -- Whoever walked in while a release was on its way: the release comes second and is bound to it.
         WHERE version > 1 OR bound_to IS NOT NULL OR NOT EXISTS (
               SELECT FROM registration AS met
                WHERE met.registration_id = r.business_id AND met.registration_id <> r.registration_id
                  AND met.walk_in IS NOT NULL AND met.announcement IS NULL AND met.release IS NULL
                  AND met.cancellation IS NULL AND met.revocation IS NULL
                  AND met.status IN ('provisionally_registered', 'submitted', 'registered'))
        ON CONFLICT (registration_id) DO UPDATE
           SET status = EXCLUDED.status, receiving_unit = EXCLUDED.receiving_unit,
               guidance_unit = EXCLUDED.guidance_unit, holder_unit = EXCLUDED.holder_unit, epoch = EXCLUDED.epoch,
               juvenile = EXCLUDED.juvenile, facility = EXCLUDED.facility,
               prison_register_no = EXCLUDED.prison_register_no, name_key = EXCLUDED.name_key,
               released_at = EXCLUDED.released_at, missing = EXCLUDED.missing,
               walk_in = EXCLUDED.walk_in, announcement = EXCLUDED.announcement, release = EXCLUDED.release,
               cancellation = EXCLUDED.cancellation, revocation = EXCLUDED.revocation,
               unconfirmed_on = EXCLUDED.unconfirmed_on, rungs_recorded = EXCLUDED.rungs_recorded,
               tracing = EXCLUDED.tracing, contact = EXCLUDED.contact, identity_level = EXCLUDED.identity_level,
               biometric_status = EXCLUDED.biometric_status, submission_from = EXCLUDED.submission_from,
               submission_overdue = EXCLUDED.submission_overdue, submitted = EXCLUDED.submitted,
               registered = EXCLUDED.registered, officer = EXCLUDED.officer, handed_on_to = EXCLUDED.handed_on_to,
               closure = EXCLUDED.closure, business_id = EXCLUDED.business_id, bound_to = EXCLUDED.bound_to,
               offer = EXCLUDED.offer, files_chased_at = EXCLUDED.files_chased_at, contact_at = EXCLUDED.contact_at,
               sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE registration.version = EXCLUDED.version - 1
    """,
    key=_key,
    load=load,
    dump=dump,
)

TIMELINE: Final = Rows(
    name="timeline",
    insert="""
        INSERT INTO timeline (entry_id, registration_id, step, from_status, to_status, actor_kind, actor_id, actor_role,
                              unit, reason, document_ids, occurred_at, recorded_at, policy_version)
        SELECT entry_id, registration_id, step, from_status, to_status, actor_kind, actor_id, actor_role,
               unit, reason, document_ids, occurred_at, recorded_at, policy_version
          FROM json_to_recordset($1::json)
               AS t(entry_id uuid, registration_id uuid, step text, from_status text, to_status text, actor_kind text,
                    actor_id text, actor_role text, unit text, reason text, document_ids jsonb,
                    occurred_at timestamptz, recorded_at timestamptz, policy_version text)
    """,
)
TRACE_ENTRIES: Final = Rows(
    name="trace_entry",
    insert="""
        INSERT INTO trace_entry (entry_id, registration_id, kind, reached, note, at, recorded_by, recorded_at)
        SELECT entry_id, registration_id, kind, reached, note, at, recorded_by, recorded_at
          FROM json_to_recordset($1::json)
               AS t(entry_id uuid, registration_id uuid, kind text, reached boolean, note text, at timestamptz,
                    recorded_by text, recorded_at timestamptz)
    """,
)
PERSON_REFUSALS: Final = Rows(
    name="person_refusal",
    insert="""
        INSERT INTO person_refusal (registration_id, letter_no, letter_on, kind, detail, recorded_by, recorded_at)
        SELECT registration_id, letter_no, letter_on, kind, detail, recorded_by, recorded_at
          FROM json_to_recordset($1::json)
               AS p(registration_id uuid, letter_no text, letter_on date, kind text, detail text, recorded_by text,
                    recorded_at timestamptz)
    """,
)

SELECT_ANNOUNCED_SAME_PERSON: Final = """
    SELECT registration_id FROM registration
     WHERE facility = $1 AND prison_register_no = $2 AND released_at IS NULL
       AND status IN ('release_announced', 'pre_registered', 'provisionally_registered')
     ORDER BY registration_id LIMIT $3
"""
# Until this transaction ends no release is written: either it is seen here, or its writer sees the walk-in.
HOLD_RELEASES: Final = "LOCK TABLE registration IN SHARE ROW EXCLUSIVE MODE"
SELECT_SAME_RELEASE: Final = """
    SELECT registration_id FROM registration
     WHERE business_id = $1 AND bound_to IS NULL AND status NOT IN ('registered', 'closed', 'handed_on')
    UNION ALL
    SELECT registration_id FROM registration
     WHERE name_key COLLATE "C" = $2 AND business_id = $1 AND bound_to IS NULL
       AND status IN ('registered', 'closed', 'handed_on')
     LIMIT 1
"""
SELECT_ONE: Final = """
    SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
           missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded, tracing,
           contact, identity_level, biometric_status, submission_from, submission_overdue, submitted, registered,
           officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence
      FROM registration WHERE registration_id = $1
"""
SELECT_BOARD: Final = """
    SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
           missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded, tracing,
           contact, identity_level, biometric_status, submission_from, submission_overdue, submitted, registered,
           officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence
      FROM registration
     WHERE status IN ('released', 'contact_overdue', 'tracing', 'absconded_suspected')
       AND ($1::text IS NULL OR receiving_unit = $1 OR guidance_unit = $1)
       AND ($2::timestamptz IS NULL OR (released_at, registration_id) > ($2, $3::uuid))
     ORDER BY released_at, registration_id LIMIT $4
"""
# Found in the index that has what lists are narrowed by; only the cases of the page are opened.
SELECT_SEARCH: Final = """
    SELECT found.registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
           missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded, tracing,
           contact, identity_level, biometric_status, submission_from, submission_overdue, submitted, registered,
           officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence
      FROM (SELECT name_key COLLATE "C" AS listed_under, registration_id
              FROM registration
             WHERE ($1::text IS NULL OR status = $1)
               AND ($2::text IS NULL OR receiving_unit = $2 OR guidance_unit = $2)
               AND ($3::text IS NULL OR facility = $3)
               AND ($4::text IS NULL OR (starts_with(name_key, $4) AND ($5::boolean OR NOT juvenile)))
               AND ($6::uuid IS NULL OR (name_key COLLATE "C", registration_id) > (
                       SELECT last.name_key, last.registration_id FROM registration AS last
                        WHERE last.registration_id = $6))
             ORDER BY name_key COLLATE "C", registration_id LIMIT $7) AS found
     CROSS JOIN LATERAL (SELECT * FROM registration WHERE registration_id = found.registration_id OFFSET 0) AS opened
     ORDER BY listed_under, found.registration_id
"""
SELECT_TIMELINE: Final = """
    SELECT entry_id, step, from_status, to_status, actor_kind, actor_id, actor_role, unit, reason, document_ids,
           occurred_at, recorded_at, policy_version
      FROM timeline
     WHERE registration_id = $1 AND ($2::uuid IS NULL OR entry_id > $2)
     ORDER BY entry_id LIMIT $3
"""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for; an empty field does not narrow."""

    status: Status | None = None
    unit: str | None = None
    facility: str | None = None
    name_begins: str | None = None
    children_by_name: bool = False


async def announced_same_person(connection: Connection, *, facility: str, prison_register_no: str) -> Sequence[UUID]:
    """The open announcements of the person with this number in the register of this prison."""
    rows = await connection.fetch(SELECT_ANNOUNCED_SAME_PERSON, facility, prison_register_no, SAME_PERSON_MAX)
    return [row["registration_id"] for row in rows]


async def same_release(connection: Connection, *, business_id: UUID, name: str) -> UUID | None:
    """The registration of this release under whatever id a prison gave it; none is added until the transaction ends."""
    await connection.execute(HOLD_RELEASES)
    found: UUID | None = await connection.fetchval(SELECT_SAME_RELEASE, business_id, name_key(name))
    return found


async def find(pool: Pool, registration_id: UUID) -> Registration | None:
    """A registration as it was last committed."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        row = await connection.fetchrow(SELECT_ONE, registration_id)
    return None if row is None else load(row)


async def board(
    pool: Pool, *, unit: str | None, after: tuple[datetime, UUID] | None, rows_max: int
) -> Sequence[Registration]:
    """Whoever is out and was not met yet, the longest out first, for one of the two units or for all."""
    released_at, registration_id = after or (None, None)
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_BOARD, unit, released_at, registration_id, rows_max)
    return [load(row) for row in rows]


async def search(pool: Pool, wanted: Search, *, after: UUID | None, rows_max: int) -> Sequence[Registration]:
    """Registrations by state, unit, prison and the beginning of a name, in the order of names, after this one."""
    begins = None if wanted.name_begins is None else name_key(wanted.name_begins)
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(
            SELECT_SEARCH,
            wanted.status,
            wanted.unit,
            wanted.facility,
            begins,
            wanted.children_by_name,
            after,
            rows_max,
        )
    return [load(row) for row in rows]


async def timeline(
    pool: Pool, registration_id: UUID, *, after: UUID | None, rows_max: int
) -> Sequence[Mapping[str, Any]]:
    """What happened to a registration, in order."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows: Sequence[Mapping[str, Any]] = await connection.fetch(SELECT_TIMELINE, registration_id, after, rows_max)
    return rows
