"""Three doors with the same result."""

import asyncio
import json
from typing import Any

import pytest

from contracts.lapas import registration_id_of
from contracts.registration import ClientDetails, RegistrationOpened
from contracts.roles import Role
from services.registration.domain.intake import ReleasedInTheFuture
from tests.component.house import House, record_of
from tests.component.registration.people import (
    REGISTRATION,
    RELEASE,
    a_cancellation,
    a_release,
    an_announcement,
    caller,
    hours_later,
    prison,
    registrar,
    release_data,
    status_of,
)

SHEET = f"""release_id,facility,name,prison_register_no,release_type,released_at
{RELEASE},LP1-PLG,Budi Rahasia,BI.1/2025,conditional_release,2026-05-29T16:30:00
"""


async def by_kafka(house: House) -> str:
    """The release as a prison's message."""
    return (await house.hear(a_release()))[0]


async def by_http(house: House) -> str:
    """The release as a prison's request."""
    async with prison(house) as client:
        answer = await client.post("/v1/releases", json=release_data())
    return str(answer.json()["outcome"])


async def by_sheet(house: House) -> str:
    """The release as a row of a prison's spreadsheet."""
    async with prison(house) as client:
        answer = await client.post("/v1/releases/upload", files={"file": ("weekend.csv", SHEET, "text/csv")})
    return str(answer.json()["rows"][0]["outcome"])


ORDERS = [
    pytest.param((by_kafka, by_http, by_sheet), id="kafka first"),
    pytest.param((by_http, by_sheet, by_kafka), id="http first"),
    pytest.param((by_sheet, by_kafka, by_http), id="sheet first"),
]


@pytest.mark.parametrize("doors", ORDERS)
async def test_the_same_release_through_every_door_and_twice_is_one_registration(house: House, doors: Any) -> None:
    outcomes = [await door(house) for door in (*doors, *doors)]

    assert outcomes[0] in {"applied", "accepted"}
    assert set(outcomes[1:]) <= {"irrelevant", "duplicate", "already_known"}
    assert await house.pool.fetchval("SELECT count(*) FROM registration") == 1
    assert [type(fact) for fact in await house.published()] == [RegistrationOpened, ClientDetails]
    assert set(await house.clocks()) == {"first-contact"}


async def test_the_doors_at_the_same_moment_open_one_registration(house: House) -> None:
    await asyncio.gather(*(door(house) for door in (by_http, by_kafka, by_http, by_sheet, by_kafka, by_http)))

    opened = [fact for fact in await house.published() if isinstance(fact, RegistrationOpened)]
    assert len(opened) == 1
    assert await house.pool.fetchval("SELECT count(*) FROM timeline") == 1


async def test_announced_released_and_cancelled_in_one_batch_come_to_their_end(house: House) -> None:
    assert await house.hear(an_announcement(), a_release(), a_cancellation()) == ["applied"] * 3

    assert await status_of(house) == "closed"
    assert await house.clocks() == {}


async def test_a_prison_is_told_that_a_release_was_taken(house: House) -> None:
    async with prison(house) as client:
        first = await client.post("/v1/releases", json=release_data())
        again = await client.post("/v1/releases", json=release_data())
        older = await client.post("/v1/releases", json=release_data(revision=2))
        late = await client.post("/v1/releases", json=release_data(revision=1))

    assert (first.status_code, first.json()["outcome"]) == (201, "applied")
    assert first.json()["registration_id"] == str(REGISTRATION)
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    assert (older.status_code, older.json()["outcome"]) == (201, "applied")
    assert (late.status_code, late.json()["rule"]) == (200, "older-revision")


async def test_a_release_in_2099_is_refused_with_the_rule(house: House) -> None:
    async with prison(house) as client:
        answer = await client.post("/v1/releases", json=release_data(released_at="2099-01-01T00:00:00+07:00"))

    assert answer.status_code == 409
    assert answer.json()["rule"] == "released-in-the-future"
    assert answer.json()["detail"] == ReleasedInTheFuture.__doc__
    assert await house.hear(a_release(released_at="2099-01-01T00:00:00+07:00")) == ["refused"]
    assert await house.pool.fetchval("SELECT count(*) FROM registration") == 0


async def test_fields_that_are_not_known_are_left_aside(house: House) -> None:
    async with prison(house) as client:
        answer = await client.post("/v1/releases", json=release_data(shoe_size=42))

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("change", "where"),
    [({"released_at": "yesterday"}, "released_at"), ({"name": ""}, "name"), ({"facility": None}, "facility")],
    ids=["no time", "no name", "no prison"],
)
async def test_what_cannot_be_read_is_told_by_its_place(house: House, change: dict[str, Any], where: str) -> None:
    async with prison(house) as client:
        answer = await client.post("/v1/releases", json=release_data(**change))

    assert answer.status_code == 422
    assert where in answer.json()["errors"][0]["where"]


async def test_a_prison_speaks_for_itself_only(house: House) -> None:
    await by_kafka(house)
    async with prison(house, "LP-SKY") as other:
        foreign = await other.post("/v1/releases", json=release_data())
        stolen = await other.post("/v1/releases", json=release_data(facility="LP-SKY", revision=9))
        cancelled = await other.post(
            f"/v1/releases/{RELEASE}/cancellation",
            json={"facility": "LP-SKY", "reason": "OTHER", "cancelled_at": hours_later(1).isoformat(), "revision": 9},
        )

    assert [answer.status_code for answer in (foreign, stolen, cancelled)] == [403, 403, 403]
    assert await status_of(house) == "released"


async def test_two_prisons_that_claim_one_id_at_the_same_moment_do_not_share_it(house: House) -> None:
    """Whoever comes first has it; the other is told so, and changes nothing."""
    async with prison(house) as one, prison(house, "LP-SKY") as other:
        for number in range(6):
            claimed = release_data(release_id=f"R-{number}")
            answers = await asyncio.gather(
                one.post("/v1/releases", json=claimed),
                other.post("/v1/releases", json=claimed | {"facility": "LP-SKY", "revision": 2}),
            )
            assert sorted(answer.status_code for answer in answers) == [201, 403]

    assert await house.pool.fetchval("SELECT count(*) FROM timeline WHERE step <> 'release'") == 0


async def test_what_a_prison_says_by_kafka_is_believed_by_the_data_alone(house: House) -> None:
    """Nothing in a record proves which prison wrote it (ADR 0013): only what contradicts the case itself is refused."""
    by_another = record_of(a_release(facility="LP-SKY"))
    assert (await house.deliver(by_another)).ended[0].outcome == "applied"

    other_person = await house.hear(a_release(facility="LP1-PLG", name="Another", revision=2))
    other_prison = await house.hear(a_cancellation(facility="LP1-PLG", revision=3))

    assert (other_person, other_prison) == (["refused"], ["refused"])
    assert await house.pool.fetchval("SELECT facility FROM registration") == "LP-SKY"


async def test_a_registrar_enters_what_a_prison_told_by_telephone(house: House) -> None:
    async with registrar(house) as client:
        answer = await client.post("/v1/releases", json=release_data(facility="LP-SKY"))

    assert answer.status_code == 201
    assert await house.pool.fetchval("SELECT actor_role FROM timeline") == "REGISTRAR"


async def test_whoever_is_on_duty_enters_what_the_prison_said_at_night_and_takes_nothing_back(house: House) -> None:
    """The officer who asks about an unconfirmed release must not wait for a registrar until Monday."""
    taken_back = {"facility": "LP1-PLG", "reason": "NOT_RELEASED", "cancelled_at": hours_later(1).isoformat()}
    async with caller(house, Role.PROBATION_OFFICER) as officer:
        redated = await officer.post("/v1/announcements", json=release_data(releases_on="2026-05-30"))
        released = await officer.post("/v1/releases", json=release_data())
        cancelled = await officer.post(f"/v1/releases/{RELEASE}/cancellation", json=taken_back)

    assert (redated.status_code, released.status_code, cancelled.status_code) == (201, 201, 403)
    assert await house.pool.fetchval("SELECT actor_role FROM timeline WHERE step = 'release'") == "PROBATION_OFFICER"


async def test_who_is_not_allowed_reports_nothing(house: House) -> None:
    async with caller(house, Role.TPP_MEMBER) as member, house.client() as stranger:
        forbidden = await member.post("/v1/releases", json=release_data())
        unknown = await stranger.post("/v1/releases", json=release_data())

    assert (forbidden.status_code, unknown.status_code) == (403, 401)


async def test_a_release_is_taken_back_under_an_id_with_a_slash(house: House) -> None:
    release_id = "BI/12/2026"
    await house.hear(a_release(release_id=release_id))
    async with prison(house) as client:
        answer = await client.post(
            f"/v1/releases/{release_id}/cancellation",
            json={"facility": "LP1-PLG", "reason": "NOT_RELEASED", "cancelled_at": hours_later(1).isoformat()},
        )

    assert answer.status_code == 201
    assert await status_of(house, registration_id_of(release_id)) == "closed"


async def test_a_cancellation_that_comes_first_is_remembered(house: House) -> None:
    assert await house.hear(a_cancellation()) == ["applied"]
    assert await house.published() == []

    await house.hear(a_release())

    assert await status_of(house) == "closed"
    assert await house.clocks() == {}


async def test_the_same_request_twice_is_done_once(house: House) -> None:
    async with prison(house) as client:
        answers = [
            await client.post("/v1/releases", json=release_data(), headers={"Idempotency-Key": "k-1"}) for _ in range(2)
        ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"


async def test_a_full_term_release_closes_the_announcement_of_the_same_person_under_another_id(house: House) -> None:
    await house.hear(an_announcement(release_id="SK-1"))

    outcome = await house.hear(a_release(release_id="OTHER", release_type="full_term"))

    assert outcome == ["applied"]
    assert await status_of(house, registration_id_of("SK-1")) == "closed"
    assert await house.clocks() == {}


async def test_a_full_term_release_of_nobody_is_irrelevant_and_nothing_is_kept_of_the_person(house: House) -> None:
    assert await house.hear(a_release(release_type="full_term")) == ["irrelevant"]

    assert await house.pool.fetchval("SELECT count(*) FROM registration") == 0


async def test_a_full_term_release_beside_its_announcement_in_one_batch_is_settled(house: House) -> None:
    outcomes = await house.hear(
        an_announcement(release_id="SK-1"), a_release(release_id="OTHER", release_type="full_term")
    )

    assert outcomes == ["applied", "applied"]
    assert await status_of(house, registration_id_of("SK-1")) == "closed"


async def test_details_are_erased_when_nobody_needs_them_any_more(house: House) -> None:
    await house.hear(a_release())
    await house.hear(a_cancellation())

    *_, last = await house.pool.fetch("SELECT topic, payload FROM outbox ORDER BY seq")
    assert (last["topic"], last["payload"]) == ("registration.clients", None)


async def test_the_facts_of_a_case_are_numbered_without_a_gap(house: House) -> None:
    await house.hear(a_release(), a_release(revision=2, phone="0812-7777-0002"))
    await house.hear(a_cancellation(revision=2))

    rows = await house.pool.fetch("SELECT headers FROM outbox WHERE payload IS NOT NULL ORDER BY seq")
    assert [int(dict(json.loads(row["headers"]))["ce_sequence"]) for row in rows] == [1, 2, 3, 4, 5]


async def test_an_event_that_is_delivered_twice_is_a_duplicate(house: House) -> None:
    record = record_of(a_release())

    first, second = [(await house.deliver(record)).ended[0].outcome for _ in range(2)]

    assert (first, second) == ("applied", "duplicate")
