"""Somebody stands at the counter whom no prison has reported: one registration, whatever comes in whatever order."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from contracts.lapas import ClientReleased, registration_id_of
from contracts.registration import RegistrationClosed, RegistrationCorrected, RegistrationOpened, Source
from contracts.roles import Role
from tests.component.house import FRIDAY, House
from tests.component.registration.people import (
    REGISTRATION,
    RELEASE,
    a_cancellation,
    a_release,
    an_announcement,
    caller,
    officer,
    prison,
    registrar,
    release_data,
    section_head,
    status_of,
)

DECREE = "PAS-77.PK.05.03"
BY_KEY = registration_id_of(ClientReleased.model_validate(release_data(release_id="", decree_no=DECREE)).release_id)
"""The registration by prison, register number and decree."""


def a_walk_in(contact: dict[str, Any] | None = None, **person: Any) -> dict[str, Any]:
    """The person of the examples with the papers in hand, as JSON."""
    return {
        "person": {
            "facility": "LP1-PLG",
            "name": "Budi Rahasia",
            "prison_register_no": "bi. 1/2025",
            "decree_no": DECREE,
        }
        | person,
        "contact": {"contact_at": FRIDAY.isoformat(), "method": "AT_OUTPOST", "identity_level": "L2"} | (contact or {}),
    }


async def walk_in(house: House, **said: Any) -> dict[str, Any]:
    """The officer on duty registers who stands there."""
    async with officer(house) as po:
        answer = await po.post("/v1/walk-ins", json=a_walk_in(**said))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def clients(house: House) -> list[tuple[UUID, str]]:
    """The registrations that stand for somebody: those that only point to another are none."""
    rows = await house.pool.fetch("SELECT registration_id, status FROM registration WHERE bound_to IS NULL")
    return [tuple(row) for row in rows]


async def test_who_walks_in_takes_a_slip_along(house: House) -> None:
    slip = await walk_in(house)

    assert slip["status"] == "provisionally_registered"
    assert len(slip["slip_code"]) == 8
    assert slip["visit_at"] == "2026-06-02T01:00:00Z"
    assert set(await house.clocks()) == {"submission"}
    opened = (await house.published())[0]
    assert isinstance(opened, RegistrationOpened)
    assert opened.source is Source.WALK_IN


@pytest.mark.parametrize(
    "role",
    [Role.PROBATION_OFFICER, Role.ASSISTANT_OFFICER, Role.SERVICE_COUNTER, Role.REGISTRAR, Role.REGISTRAR_HEAD],
)
async def test_any_duty_role_at_any_unit_may(house: House, role: Role) -> None:
    async with caller(house, role, unit="PLG-SKY") as somebody:
        assert (await somebody.post("/v1/walk-ins", json=a_walk_in())).status_code == 201


@pytest.mark.parametrize("role", sorted(set(Role) - {
    Role.PROBATION_OFFICER, Role.ASSISTANT_OFFICER, Role.SERVICE_COUNTER, Role.REGISTRAR, Role.REGISTRAR_HEAD,
}))  # fmt: skip
async def test_no_other_role_may(house: House, role: Role) -> None:
    async with caller(house, role, facility="LP1-PLG") as somebody:
        assert (await somebody.post("/v1/walk-ins", json=a_walk_in())).status_code == 403


async def test_the_same_request_twice_is_one_walk_in(house: House) -> None:
    body = a_walk_in(prison_register_no=None)

    async with officer(house) as po:
        answers = [await po.post("/v1/walk-ins", json=body, headers={"Idempotency-Key": "walk-in-1"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await clients(house)) == 1


async def test_a_second_officer_reads_the_slip_of_the_first(house: House) -> None:
    first, second = await walk_in(house), await walk_in(house)

    assert (first["outcome"], second["outcome"]) == ("applied", "irrelevant")
    assert (second["slip_code"], second["registration_id"]) == (first["slip_code"], first["registration_id"])


async def test_a_guarantor_alone_is_refused_in_words_and_changes_nothing(house: House) -> None:
    async with officer(house) as po:
        answer = await po.post("/v1/walk-ins", json=a_walk_in({"whom": "GUARANTOR_ALONE"}))

    assert (answer.status_code, answer.json()["rule"]) == (409, "a-walk-in-is-the-person")
    assert await clients(house) == []


# --- the prison's report ----------------------------------------------------------------------------------------------

A_RELEASE = a_release(decree_no=DECREE)
REPORTS = {
    "after it": ("walk-in", A_RELEASE),
    "before it": (A_RELEASE, "walk-in"),
    "doubled": (A_RELEASE, "walk-in", A_RELEASE),
    "doubled after it": ("walk-in", A_RELEASE, A_RELEASE),
    "corrected": ("walk-in", A_RELEASE, a_release(revision=2, phone="0812-7777-0002")),
    "announced before it": (an_announcement(decree_no=DECREE), "walk-in", A_RELEASE),
    "announced after it": ("walk-in", an_announcement(decree_no=DECREE), A_RELEASE),
    "announced last": ("walk-in", A_RELEASE, an_announcement(decree_no=DECREE)),
    "known by a correction only": (a_release(), "walk-in", a_release(revision=2, decree_no=DECREE)),
}


@pytest.mark.parametrize("order", REPORTS.values(), ids=REPORTS)
async def test_one_release_is_one_registration_whatever_the_order(house: House, order: tuple[Any, ...]) -> None:
    for each in order:
        if each == "walk-in":
            await walk_in(house)
        else:
            await house.hear(each)

    [(registration_id, status)] = await clients(house)
    assert status == "provisionally_registered"
    row = await house.pool.fetchrow(
        "SELECT release, contact FROM registration WHERE registration_id = $1", registration_id
    )
    assert row is not None
    assert row["release"]["release_id"] == RELEASE
    assert row["contact"]["walked_in"] is True
    assert set(await house.clocks()) == {"submission"}


A_DENIAL = a_cancellation(decree_no=DECREE, prison_register_no="BI.1/2025", cancelled_at=FRIDAY)
DISPUTED = {
    "the denial first": (A_DENIAL, "walk-in"),
    "the denial after it": ("walk-in", A_DENIAL),
    "both before it": (A_RELEASE, A_DENIAL, "walk-in"),
    "around it": (A_RELEASE, "walk-in", A_DENIAL),
    "the denial before the release": (A_DENIAL, "walk-in", A_RELEASE),
}


@pytest.mark.parametrize("order", DISPUTED.values(), ids=DISPUTED)
async def test_who_walks_in_although_the_prison_denies_the_release_is_one_conflict_for_a_human(
    house: House, order: tuple[Any, ...]
) -> None:
    for each in order:
        if each == "walk-in":
            await walk_in(house)
        else:
            await house.hear(each)

    assert [status for _, status in await clients(house)] == ["conflict"]
    assert set(await house.clocks()) == {"submission"}


async def test_a_release_that_follows_is_a_correction_of_the_walk_in_and_alarms_nobody_again(house: House) -> None:
    slip = await walk_in(house)

    assert await house.hear(A_RELEASE) == ["applied"]

    facts = await house.published()
    assert [type(fact).__name__ for fact in facts].count("RegistrationOpened") == 1
    corrected = next(fact for fact in facts if isinstance(fact, RegistrationCorrected))
    assert str(corrected.registration_id) == slip["registration_id"] == str(BY_KEY)
    assert "RELEASED_AT" in corrected.changed


async def test_what_is_said_of_a_bound_release_later_finds_the_walk_in_without_its_key(house: House) -> None:
    """A cancellation names the release alone."""
    await walk_in(house)
    await house.hear(A_RELEASE)

    assert await house.hear(a_cancellation(cancelled_at=FRIDAY)) == ["applied"]

    assert await clients(house) == [(BY_KEY, "conflict")]


async def test_the_prison_is_answered_about_its_own_release_by_http_too(house: House) -> None:
    await walk_in(house)

    async with prison(house) as sdp:
        answers = [await sdp.post("/v1/releases", json=release_data(decree_no=DECREE)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert {answer.json()["registration_id"] for answer in answers} == {str(BY_KEY)}
    assert answers[1].json()["outcome"] == "duplicate"


async def test_two_releases_of_one_person_by_two_decrees_are_two_registrations(house: House) -> None:
    await walk_in(house)

    await house.hear(a_release(decree_no="PAS-78.PK.05.03"))

    assert {status for _, status in await clients(house)} == {"provisionally_registered", "released"}


async def test_a_release_and_a_walk_in_at_the_same_moment_are_one_registration(house: House) -> None:
    """Neither sees the other's row until it is committed; thirty pairs, each at once."""

    async def pair(number: int) -> None:
        papers = {"prison_register_no": f"BI.{number}/2025", "decree_no": DECREE}
        release = a_release(release_id=f"R-{number}", **papers)
        outcomes, slip = await asyncio.gather(house.hear(release), walk_in(house, **papers))
        assert outcomes == ["applied"]
        assert slip["status"] == "provisionally_registered"

    for number in range(30):
        await pair(number)

    found = await clients(house)
    assert len(found) == 30
    assert {status for _, status in found} == {"provisionally_registered"}


# --- without a key, a person decides ----------------------------------------------------------------------------------


async def test_without_a_key_the_release_is_offered_and_a_person_binds_it(house: House) -> None:
    slip = await walk_in(house, decree_no=None, prison_register_no=None)
    await house.hear(a_release())
    met = slip["registration_id"]
    assert await status_of(house) == "released"

    async with registrar(house) as reg:
        waiting = (await reg.get("/v1/walk-ins")).json()["items"]
        offered = (await reg.get(f"/v1/walk-ins/{met}/matches")).json()["items"]
        bound = await reg.post(
            f"/v1/registrations/{met}/binding", json={"release": str(REGISTRATION), "reason": "foto pada SK sama"}
        )
        again = await reg.post(
            f"/v1/registrations/{met}/binding", json={"release": str(REGISTRATION), "reason": "sekali lagi"}
        )
        view = (await reg.get(f"/v1/registrations/{REGISTRATION}")).json()
        left = (await reg.get("/v1/walk-ins")).json()["items"]

    assert [line["registration_id"] for line in waiting] == [met]
    assert [line["registration_id"] for line in offered] == [str(REGISTRATION)]
    assert bound.json()["status"] == "provisionally_registered"
    assert (again.status_code, again.json()["rule"]) == (409, "not-a-walk-in")
    assert (view["status"], view["closed_for"], view["bound_to"]) == ("closed", "DUPLICATE", met)
    assert left == []
    assert len(await clients(house)) == 1
    assert set(await house.clocks()) == {"submission"}
    assert any(isinstance(fact, RegistrationClosed) for fact in await house.published())
    assert await house.hear(a_release(revision=2, phone="0812-7777-0002")) == ["applied"]


async def test_a_release_that_was_met_on_its_own_is_not_taken_over(house: House) -> None:
    slip = await walk_in(house, decree_no=None)
    await house.hear(a_release())
    async with officer(house) as po:
        contact = {"contact_at": FRIDAY.isoformat(), "method": "AT_OFFICE"}
        await po.post(f"/v1/registrations/{REGISTRATION}/contacts", json=contact)
        refused = await po.post(
            f"/v1/registrations/{slip['registration_id']}/binding",
            json={"release": str(REGISTRATION), "reason": "orang yang sama"},
        )

    assert (refused.status_code, refused.json()["rule"]) == (409, "has-a-contact-of-its-own")
    assert len(await clients(house)) == 2


async def test_a_walk_in_gets_a_number_and_keeps_it_when_the_prison_speaks_at_last(house: House) -> None:
    slip = await walk_in(house)
    case = f"/v1/registrations/{slip['registration_id']}"
    async with registrar(house) as reg, section_head(house) as head:
        await reg.post(f"{case}/submission", json={})
        approved = await head.post(f"{case}/approval", json={})
        assert approved.status_code == 200, approved.text
        await house.hear(A_RELEASE)
        view = (await head.get(case)).json()

    assert view["register_no"] == approved.json()["register_no"]
    assert view["status"] == "registered"
    assert view["released_at"] is not None


async def test_a_child_who_walks_in_travels_by_the_topics_for_children(house: House) -> None:
    await walk_in(house, category="CHILD")

    assert {topic for topic, _ in await house.topics()} == {
        "registration.juvenile.events",
        "registration.juvenile.clients",
    }
