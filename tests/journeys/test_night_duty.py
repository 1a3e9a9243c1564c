"""A night on which nobody answers: who is on duty, who is told next, and a hole in the roster that is found in time."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.journeys.cases import Case, a_release
from tests.journeys.house import FRIDAY_EVENING, House, eventually

SECTION_HEAD, PLANNER = "SHA-HQ-01", "REGH-HQ-01"
SECTION_HEADS_ADDRESS = "bagas.wicaksono@bapas.example"


@pytest.fixture
async def night(house: House) -> AsyncIterator[House]:
    """The house with an office clock that a journey steps through the night."""
    with house.clock_moves():
        yield house


def at(hours: float) -> datetime:
    return FRIDAY_EVENING + timedelta(hours=hours)


async def test_a_release_that_nobody_acknowledges_climbs_by_mail_until_somebody_does(night: House) -> None:
    """The roster of the API says who is on duty; two silent hours later the section head has it in the mailbox."""
    roster = await night.officer(PLANNER).post("notifications", "/v1/roster/shifts", {"shifts": [
        a_row("AO-PBM-01", -1, 30, role="ASSISTANT_OFFICER"), a_row("PO-PBM-01", 30, 500),
    ]})  # fmt: skip
    assert roster.status_code == 201, roster.text
    case = Case(night, a_release(facility="RTN-PBM")).published()
    await case.reaches("released")
    released = await eventually(lambda: told(case, "released"), "the release is told")
    assert "AO-PBM-01" in released

    night.step_to(at(2))
    assert await eventually(lambda: told(case, "climbed-to-section-head"), "it climbs") == {SECTION_HEAD}
    await night.quiet()
    [mail] = [mail for mail in await climbs_by_mail(night, case) if mail["To"][0]["Address"] == SECTION_HEADS_ADDRESS]
    assert "belum ditangani" in await night.text_of(mail)

    kasi = night.officer(SECTION_HEAD)
    [alert] = await kasi.pages("notifications", "/v1/alerts", about=str(case.id))
    acknowledged = await kasi.post("notifications", f"/v1/alerts/{alert['id']}/acknowledgement")
    assert acknowledged.json()["acknowledged_by"] == SECTION_HEAD
    night.step_to(at(7))
    await night.quiet()
    assert await told(case, "climbed-to-head") == set()


async def test_a_hole_in_the_roster_is_told_three_days_ahead(night: House) -> None:
    planner = night.officer(PLANNER)
    rows = [a_row("PO-TJR-01", -1, 100, unit="PLG-TJR"), a_row("PO-TJR-01", 110, 500, unit="PLG-TJR")]
    assert (await planner.post("notifications", "/v1/roster/shifts", {"shifts": rows})).status_code == 201
    assert await holes(night) == []

    night.step_to(at(28))
    hole = (await eventually(lambda: holes(night), "the hole comes near"))[0]
    assert datetime.fromisoformat(hole["from"]) == at(100)
    await eventually(lambda: told_of_hole(night), "the section head is told")


def a_row(officer: str, begin: float, end: float, *, unit: str = "PLG-PBM", role: str = "PROBATION_OFFICER") -> Any:
    span = {"from": at(begin).isoformat(), "to": at(end).isoformat()}
    return {"unit": unit, "officer": officer, "role": role, **span}


async def told(case: Case, occasion: str) -> set[str]:
    """Who was told of a case on an occasion."""
    return {line["recipient"] for line in await case.told(occasion)}


async def holes(house: House) -> list[dict[str, Any]]:
    """The holes at Tanjung Raja that are near enough to be told."""
    answer = await house.officer(PLANNER).get("notifications", "/v1/roster/gaps", unit="PLG-TJR")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def told_of_hole(house: House) -> list[dict[str, Any]]:
    """What the section head was told of holes in the roster."""
    inbox = await house.officer(SECTION_HEAD).pages("notifications", "/v1/inbox")
    return [item for item in inbox if item["template"] == "roster-gap" and "Tanjung Raja" in item["body"]]


async def climbs_by_mail(house: House, case: Case) -> list[dict[str, Any]]:
    """The mails in the mailbox that say of a case that it has climbed."""
    ids = {line["message_id"] for line in await case.told("climbed-to-section-head") if line["message_id"]}
    return [mail for mail in await house.mails() if f"<{mail['MessageID']}>" in ids]
