"""A token of one prison sees and sends nothing of another: by no door, and behind a filter that was forgotten."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from chassis.sight import READER, Seen, Sight
from contracts.lapas import registration_id_of
from contracts.reference.access_policy import load_access_policy
from contracts.roles import Role
from services.registration import prison_store
from tests.component.house import FRIDAY, House
from tests.component.plans import indexes, plan_of
from tests.component.registration.people import a_contact, a_release, caller, hours_later, release_data

OURS, THEIRS = "LP1-PLG", "LP-KAG"
OUR_RELEASE, THEIR_RELEASE = "LP1-PLG.2026.0001", "LP-KAG.2026.0007"
THEIR_REGISTRATION = registration_id_of(THEIR_RELEASE)
SECRETS = ("Sari Rahasia", THEIR_RELEASE, str(THEIR_REGISTRATION))
HIDDEN, FORBIDDEN = 404, 403


def theirs(**said: Any) -> dict[str, Any]:
    """The release of the other prison, as somebody here would report it."""
    return release_data(release_id=THEIR_RELEASE, facility=THEIRS, name="Sari Rahasia") | said


def a_list(*rows: dict[str, Any]) -> dict[str, Any]:
    columns = ["release_id", "facility", "name", "released_at"]
    lines = [",".join(columns), *(",".join(str(row[column]) for column in columns) for row in rows)]
    return {"files": {"file": ("list.csv", "\n".join(lines).encode(), "text/csv")}}


CANCELLATION = {"reason": "NOT_RELEASED", "cancelled_at": hours_later(1).isoformat()}
ANNOUNCED = {key: value for key, value in theirs(revision=3).items() if key != "released_at"} | {
    "releases_on": "2026-06-01"
}


@dataclass(frozen=True)
class Attempt:
    """One way to get at the other prison's release, and with what it ends."""

    method: str
    path: str
    said: dict[str, Any] = field(default_factory=dict)
    status: int = FORBIDDEN
    repeats: bool = False
    """Whether the answer repeats what the caller itself said."""


REGISTRATION = f"/v1/registrations/{THEIR_REGISTRATION}"
ATTEMPTS: dict[tuple[str, str], list[Attempt]] = {
    ("GET", "/v1/releases/{release_id}"): [Attempt("GET", f"/v1/releases/{THEIR_RELEASE}", status=HIDDEN)],
    ("GET", "/v1/releases/changes"): [Attempt("GET", "/v1/releases/changes", status=200)],
    ("POST", "/v1/releases"): [
        Attempt("POST", "/v1/releases", {"json": theirs(revision=2)}),
        Attempt("POST", "/v1/releases", {"json": theirs(revision=2, facility=OURS)}),
    ],
    ("POST", "/v1/announcements"): [
        Attempt("POST", "/v1/announcements", {"json": ANNOUNCED}),
        Attempt("POST", "/v1/announcements", {"json": {**ANNOUNCED, "facility": OURS}}),
    ],
    ("POST", "/v1/releases/{release_id}/cancellation"): [
        Attempt("POST", f"/v1/releases/{THEIR_RELEASE}/cancellation", {"json": {**CANCELLATION, "facility": THEIRS}}),
        Attempt("POST", f"/v1/releases/{THEIR_RELEASE}/cancellation", {"json": {**CANCELLATION, "facility": OURS}}),
    ],
    ("POST", "/v1/releases/upload"): [
        Attempt("POST", "/v1/releases/upload", a_list(theirs()), status=200, repeats=True),
        Attempt("POST", "/v1/releases/upload", a_list(theirs(facility=OURS)), status=200, repeats=True),
        Attempt("POST", "/v1/releases/upload?take=false", a_list(theirs()), status=200, repeats=True),
    ],
    ("POST", "/v1/registrations/{registration_id}/contacts"): [
        Attempt("POST", f"{REGISTRATION}/contacts", {"json": a_contact(identity_level="L1", method="AT_GATE")})
    ],
}
"""For each door that the policy opens to prisons: the tries by a prison that is not theirs."""


def doors(role: Role) -> set[tuple[str, str]]:
    """What the policy opens to a prison's principal in this role."""
    rows = load_access_policy().of("registration").values()
    return {(row.method, row.path) for row in rows if role in row.roles}


TRIES = [
    pytest.param(role, attempt, id=f"{role.value}-{attempt.method}-{attempt.path}-{number}")
    for role in (Role.PRISON_SYSTEM, Role.PRISON_OFFICER)
    for door, attempts in ATTEMPTS.items()
    if door in doors(role)
    for number, attempt in enumerate(attempts)
]


@pytest.fixture
async def two_prisons(house: House) -> House:
    """A release of each of two prisons."""
    reports = [a_release(release_id=OUR_RELEASE), a_release(**theirs(released_at=FRIDAY.isoformat()))]
    assert await house.hear(*reports) == ["applied", "applied"]
    return house


def of_ours(house: House, role: Role) -> httpx.AsyncClient:
    return caller(house, role, subject=f"somebody-{OURS}", unit=None, facility=OURS)


async def as_it_stands(house: House) -> list[Any]:
    """Everything that is kept of the other prison's release, and what was made known of it."""
    return [
        await house.pool.fetch("SELECT * FROM registration WHERE registration_id = $1", THEIR_REGISTRATION),
        await house.pool.fetch("SELECT * FROM timeline WHERE registration_id = $1", THEIR_REGISTRATION),
        await house.pool.fetch("SELECT * FROM timer WHERE subject = $1", str(THEIR_REGISTRATION)),
        await house.pool.fetch("SELECT * FROM outbox WHERE key = $1", str(THEIR_REGISTRATION)),
    ]


def test_every_door_that_the_policy_opens_to_prisons_is_tried() -> None:
    assert doors(Role.PRISON_SYSTEM) | doors(Role.PRISON_OFFICER) == ATTEMPTS.keys()


@pytest.mark.parametrize(("role", "attempt"), TRIES)
async def test_a_token_of_one_prison_learns_and_changes_nothing_of_another(
    two_prisons: House, role: Role, attempt: Attempt
) -> None:
    before = await as_it_stands(two_prisons)

    async with of_ours(two_prisons, role) as client:
        answer = await client.request(attempt.method, attempt.path, **attempt.said)

    assert answer.status_code == attempt.status, answer.text
    said = json.dumps(attempt.said, default=str) + attempt.path
    told = [secret for secret in SECRETS if secret in answer.text and not (attempt.repeats and secret in said)]
    assert told in ([], [SECRETS[2]] if attempt.repeats else [])
    assert await as_it_stands(two_prisons) == before


@pytest.mark.parametrize("role", [Role.PRISON_SYSTEM, Role.PRISON_OFFICER])
async def test_a_release_of_another_prison_is_answered_like_one_that_does_not_exist(
    two_prisons: House, role: Role
) -> None:
    async with of_ours(two_prisons, role) as client:
        of_theirs = await client.get(f"/v1/releases/{THEIR_RELEASE}")
        of_nobody = await client.get("/v1/releases/LP-KAG.2026.9999")

    assert of_theirs.status_code == of_nobody.status_code == HIDDEN
    assert of_theirs.json() | {"trace_id": ""} == of_nobody.json() | {"trace_id": ""}


@pytest.mark.parametrize("path", ["/v1/registrations", "/v1/registrations/board", REGISTRATION, "/v1/walk-ins"])
async def test_what_the_office_reads_is_closed_to_prisons(two_prisons: House, path: str) -> None:
    async with of_ours(two_prisons, Role.PRISON_SYSTEM) as client:
        assert (await client.get(path)).status_code == FORBIDDEN


# --- the second wall: the database itself ----------------------------------------------------------------------------

WITHOUT_A_FILTER = "SELECT registration_id FROM registration"


async def registrations(house: House, sight: Sight) -> set[UUID]:
    async with Seen(house.pool, sight).acquire() as connection:
        return {row["registration_id"] for row in await connection.fetch(WITHOUT_A_FILTER)}


@pytest.mark.parametrize(
    ("sight", "seen"),
    [
        pytest.param(Sight(facility=OURS), {OUR_RELEASE}, id="ours"),
        pytest.param(Sight(facility=THEIRS), {THEIR_RELEASE}, id="theirs"),
        pytest.param(Sight(facility="LP-SKY"), set(), id="a prison without a release"),
        pytest.param(Sight(), set(), id="nobody in particular"),
        pytest.param(Sight(facility=""), set(), id="no facility"),
        pytest.param(Sight(children=True), set(), id="who sees children sees no prison's releases by that"),
    ],
)
async def test_a_statement_without_a_filter_shows_the_own_facility_alone(
    two_prisons: House, sight: Sight, seen: set[str]
) -> None:
    assert await registrations(two_prisons, sight) == {registration_id_of(release_id) for release_id in seen}


async def test_what_handles_reports_sees_every_facility(two_prisons: House) -> None:
    assert len(await two_prisons.pool.fetch(WITHOUT_A_FILTER)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM timeline",
        "SELECT 1 FROM trace_entry",
        "SELECT 1 FROM register_entry",
        "SELECT 1 FROM outbox",
        "SELECT 1 FROM inbox",
        "SELECT 1 FROM audit_entry",
    ],
)
async def test_who_reads_for_a_prison_reads_no_other_table(two_prisons: House, statement: str) -> None:
    async with Seen(two_prisons.pool, Sight(facility=OURS)).acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.execute(statement)


async def test_who_reads_for_a_prison_writes_nothing(two_prisons: House) -> None:
    async with two_prisons.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {READER}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE registration SET status = 'closed'")


@pytest.mark.parametrize(
    ("statement", "column"),
    [(prison_store.SELECT_CHANGED, "changed_by"), (prison_store.SELECT_OWN, "registration_id")],
    ids=["changes", "one release"],
)
async def test_behind_the_wall_what_is_read_is_found_in_its_index(
    two_prisons: House, statement: str, column: str
) -> None:
    """A condition that PostgreSQL may not look at before the policy would have it read every row of the facility."""
    async with two_prisons.pool.acquire() as connection:
        before = await plan_of(connection, statement)
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {READER}")
            behind = await plan_of(connection, statement)
            conditions = await _index_conditions(connection.fetchval, statement)

    assert indexes(behind) == indexes(before) != set()
    assert any(column in condition for condition in conditions), conditions


async def _index_conditions(fetch: Callable[..., Any], statement: str) -> list[str]:
    """What the indexes of a plan are asked for."""
    arguments = {prison_store.SELECT_CHANGED: [OURS, "1", UUID(int=0), 50]}.get(statement, [THEIR_REGISTRATION, OURS])
    plan = json.dumps(await fetch(f"EXPLAIN (FORMAT JSON) {statement}", *arguments))
    return [part.partition('"')[0] for part in plan.split('"Index Cond": "')[1:]]
