"""Breaking the glass: who must see a child's case at once may, for an hour, and never without being seen."""

import json
from datetime import datetime
from typing import Any

import pytest

from contracts.registration import GlassBroken
from contracts.roles import Role
from tests.component.house import House
from tests.component.registration.people import (
    REGISTRATION,
    a_release,
    caller,
    childrens_head,
    hours_later,
    officer,
    section_head,
)

CASE = f"/v1/registrations/{REGISTRATION}"
BREAK = f"{CASE}/break-glass"
REASON = "ibu menelepon pos jaga pada malam hari, alamat diperlukan"
NAME, PHONE = "Bunga Rahasia", "081200001234"
OFFICER = "PO-HQ-03"
"""A probation officer who is not certified for children."""


@pytest.fixture
async def child(house: House) -> House:
    """A child who was released from the institution for children."""
    assert await house.hear(a_release(facility="LPKA-PLG", name=NAME, phone=PHONE)) == ["applied"]
    return house


async def seen(house: House, path: str = CASE, *, subject: str = OFFICER) -> str:
    """What an officer who is not certified reads."""
    async with caller(house, Role.PROBATION_OFFICER, subject=subject) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def broken(house: House, at: float = 0) -> datetime:
    """The officer breaks the glass so many hours after the release; until when it is open."""
    await house.step_to(hours_later(at))
    async with officer(house) as client:
        answer = await client.post(BREAK, json={"reason": REASON})
    assert answer.status_code == 200, answer.text
    return datetime.fromisoformat(answer.json()["until"])


async def glass_facts(house: House) -> list[GlassBroken]:
    return [fact for fact in await house.published() if isinstance(fact, GlassBroken)]


async def entries(house: House, action: str) -> list[dict[str, Any]]:
    rows = await house.pool.fetch("SELECT body FROM audit_entry ORDER BY seq")
    return [entry for row in rows if (entry := json.loads(row["body"]))["action"] == action]


async def test_who_breaks_the_glass_sees_the_child_for_an_hour_and_then_no_more(child: House) -> None:
    assert NAME not in await seen(child)

    until = await broken(child)

    assert until == hours_later(1)
    assert {NAME, PHONE} <= set(json.loads(await seen(child))["person"].values())
    await child.step_to(hours_later(0.99))
    assert NAME in await seen(child)
    await child.step_to(until)
    assert NAME not in await seen(child)


async def test_what_is_open_to_one_is_closed_to_everybody_else(child: House) -> None:
    await broken(child)

    assert NAME not in await seen(child, subject="PO-HQ-04")
    async with section_head(child) as client:
        assert NAME not in (await client.get(CASE)).text


async def test_one_case_is_open_and_no_other_and_no_list_shows_more(child: House) -> None:
    other = a_release(release_id="LPKA-PLG.2026.0002", facility="LPKA-PLG", name="Melati Rahasia")
    assert await child.hear(other) == ["applied"]

    await broken(child)

    for path in ("/v1/registrations", "/v1/registrations/board", "/v1/registrations?q=Bunga"):
        text = await seen(child, path)
        assert "Bunga" not in text
        assert "Melati" not in text


async def test_it_is_made_known_by_ids_alone_to_whoever_answers_for_it(child: House) -> None:
    await broken(child)

    [fact] = await glass_facts(child)
    assert (fact.registration_id, fact.by, fact.juvenile) == (REGISTRATION, OFFICER, True)
    assert (fact.broken_at, fact.until) == (hours_later(0), hours_later(1))
    said = fact.model_dump_json()
    assert not [secret for secret in (REASON, NAME, PHONE) if secret in said]
    assert ("registration.juvenile.events", str(REGISTRATION)) in await child.topics()


async def test_the_act_and_each_look_are_on_record_with_the_reason(child: House) -> None:
    await broken(child)
    await seen(child)

    act = (await entries(child, "break_glass_of_registration"))[-1]
    assert (act["outcome"], act["reason"], act["actor"]["id"]) == ("done", REASON, OFFICER)
    look = (await entries(child, "read_registration"))[-1]
    assert (look["outcome"], look["reason"]) == ("shown", "GLASS-BROKEN")
    assert {"name", "phone"} <= set(look["fields"])
    async with childrens_head(child) as head:
        lines = (await head.get(f"{CASE}/timeline")).json()["items"]
    assert [line["reason"] for line in lines if line["actor_id"] == OFFICER] == [REASON]


async def test_to_look_changes_nothing_of_the_case_and_stops_no_clock(child: House) -> None:
    clocks = await child.clocks()

    await broken(child)

    assert await child.clocks() == clocks
    assert json.loads(await seen(child))["status"] == "released"


@pytest.mark.parametrize(
    ("roles", "subject", "rule"),
    [
        pytest.param([Role.PROBATION_OFFICER], "PO-HQ-01", "nothing-to-break", id="certified for children"),
        pytest.param([Role.PROBATION_OFFICER], "somebody", "not-an-officer", id="nobody whom the office knows"),
    ],
)
async def test_who_needs_it_not_or_cannot_answer_for_it_is_refused(
    child: House, roles: list[Role], subject: str, rule: str
) -> None:
    async with caller(child, *roles, subject=subject) as client:
        answer = await client.post(BREAK, json={"reason": REASON})

    assert (answer.status_code, answer.json()["rule"]) == (409, rule)
    assert await glass_facts(child) == []


async def test_of_an_adult_there_is_nothing_to_break(house: House) -> None:
    await house.hear(a_release())

    async with officer(house) as client:
        assert (await client.post(BREAK, json={"reason": REASON})).json()["rule"] == "nothing-to-break"


@pytest.mark.parametrize("role", [Role.SERVICE_COUNTER, Role.HEAD, Role.PRISON_OFFICER, Role.OPS])
async def test_others_have_no_glass_to_break(child: House, role: Role) -> None:
    async with caller(child, role, subject="somebody", facility="LPKA-PLG") as client:
        assert (await client.post(BREAK, json={"reason": REASON})).status_code == 403


@pytest.mark.parametrize("reason", [None, "", "x"])
async def test_nobody_breaks_it_without_a_reason(child: House, reason: str | None) -> None:
    async with officer(child) as client:
        answer = await client.post(BREAK, json={} if reason is None else {"reason": reason})

    assert answer.status_code == 422
    assert await glass_facts(child) == []


async def test_once_open_it_is_broken_again_only_when_the_time_is_over(child: House) -> None:
    until = await broken(child)
    async with officer(child) as client:
        again = await client.post(BREAK, json={"reason": REASON})
    assert (again.status_code, again.json()["rule"]) == (409, "open-already")

    assert await broken(child, at=1) > until
    assert len(await glass_facts(child)) == 2
