"""An officer says over HTTP how they want to be told, and the next notice goes that way."""

from typing import Any, Final

import httpx
import pytest

from contracts.roles import Role
from tests.component.house import House
from tests.component.notifications.telephones.carrier import Carrier
from tests.component.notifications.telephones.officer import EVENING, not_urgent, states, urgent, work_until

ME: Final = "/v1/preferences/me"
OFFICER: Final = "PO-HQ-02"
NIGHT: Final = {"from": "20:00", "to": "06:00", "holds": "urgent"}


async def say(house: House, body: dict[str, Any], *, subject: str = OFFICER, **headers: str) -> httpx.Response:
    async with house.client(Role.PROBATION_OFFICER, subject=subject) as caller:
        return await caller.put(ME, json=body, headers=headers)


async def read(house: House, *, subject: str = OFFICER) -> dict[str, Any]:
    async with house.client(Role.PROBATION_OFFICER, subject=subject) as caller:
        shown: dict[str, Any] = (await caller.get(ME)).json()
    return shown


async def test_until_somebody_says_something_the_offices_setting_is_shown(house: House) -> None:
    shown = await read(house)

    assert (shown["channels"], shown["available"]) == (["IN_APP", "GATEWAY", "EMAIL"], ["GATEWAY", "EMAIL"])
    assert shown["quiet_hours"] == {"from": "21:00", "to": "06:00", "holds": "normal"}
    assert (shown["own"], shown["version"]) == (False, 0)
    assert {"D02", "D30"} <= set(shown["never_held"])
    assert (await read(house, subject="PO-SKY-01"))["available"] == []


async def test_the_next_notice_goes_the_way_that_was_said(house: House) -> None:
    await urgent(house)
    assert set(await states(house)) == {"IN_APP", "GATEWAY"}

    answer = await say(house, {"channels": ["EMAIL"]})
    await not_urgent(house)

    assert (answer.status_code, answer.json()["channels"], answer.json()["own"]) == (200, ["IN_APP", "EMAIL"], True)
    assert answer.json() == await read(house)
    assert set(await states(house)) == {"IN_APP", "GATEWAY", "EMAIL"}


async def test_without_any_way_out_the_inbox_remains(house: House) -> None:
    await say(house, {"channels": []})

    await urgent(house)

    assert await states(house) == {"IN_APP": "delivered"}


async def test_another_way_is_taken_in_the_order_that_was_said(house: House, gateway: Carrier) -> None:
    await gateway.behave(refuse_with=422, code="OPTED_OUT")
    await say(house, {"channels": ["GATEWAY"]})
    await urgent(house)

    await work_until(house, GATEWAY="failed")

    assert set(await states(house)) == {"IN_APP", "GATEWAY"}, "no mail was asked for"


async def test_own_quiet_hours_hold_what_may_wait_and_never_a_first_contact(house: House) -> None:
    assert (await say(house, {"channels": ["GATEWAY"], "quiet_hours": NIGHT})).status_code == 200
    house.office.set(EVENING)

    await not_urgent(house)
    assert (await states(house))["GATEWAY"] == "held"
    await urgent(house)

    assert (await states(house))["GATEWAY"] == "pending"


async def test_whoever_wants_no_quiet_hours_has_none(house: House) -> None:
    await say(house, {"channels": ["GATEWAY"], "quiet_hours": None})
    house.office.set(EVENING)

    await not_urgent(house)

    assert (await states(house))["GATEWAY"] == "pending"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"channels": ["GATEWAY", "GATEWAY"]}, "body.channels"),
        ({"channels": ["IN_APP"]}, "body.channels.0"),
        ({"channels": [], "quiet_hours": {"from": "20:00", "to": "19:00"}}, "body.quiet_hours"),
        ({"channels": [], "quiet_hours": {"from": "8 pm", "to": "06:00"}}, "body.quiet_hours.from"),
        ({"channels": [], "quiet_hours": {"from": "24:00", "to": "06:00"}}, "body.quiet_hours.from"),
        ({"channels": [], "phone": "+6281200000001"}, "body.phone"),
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_with_its_place(house: House, body: dict[str, Any], where: str) -> None:
    answer = await say(house, body)

    assert answer.status_code == 422
    assert where in {each["where"] for each in answer.json()["errors"]}
    assert not (await read(house))["own"]


async def test_a_way_for_which_no_address_is_known_is_refused(house: House) -> None:
    answer = await say(house, {"channels": ["GATEWAY"]}, subject="PO-SKY-01")

    assert (answer.status_code, answer.json()["errors"][0]["what"]) == (422, "GATEWAY does not reach you")


async def test_what_was_changed_meanwhile_is_not_overwritten_and_a_retry_says_it_once(house: House) -> None:
    first = await say(house, {"channels": ["EMAIL"]}, **{"If-Match": '"0"'})
    stale = await say(house, {"channels": []}, **{"If-Match": '"0"'})
    again = [await say(house, {"channels": ["GATEWAY"]}, **{"Idempotency-Key": "preferences-0001"}) for _ in range(2)]

    assert (first.status_code, first.json()["version"]) == (200, 1)
    assert (stale.status_code, stale.json()["type"].rpartition(":")[2]) == (412, "version-passed")
    assert again[0].json()["version"] == 2
    assert again[0].json() == again[1].json() == await read(house)


async def test_everybody_says_it_of_themselves_alone_and_a_prison_not_at_all(house: House) -> None:
    await say(house, {"channels": ["EMAIL"]})

    assert not (await read(house, subject="PO-HQ-01"))["own"]
    async with house.client(Role.PRISON_OFFICER, subject="desk") as prison:
        assert (await prison.put(ME, json={"channels": []})).status_code == 403
