"""The duty roster over HTTP and on a real database: loaded, swapped, removed, asked, and watched for holes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts import registration
from contracts.roles import Role
from tests.component.house import FRIDAY, House
from tests.unit.notifications.builders import a_fact

PLANNER = {"subject": "REGH-HQ-01", "unit": "PLG-HQ"}


def a_row(begin: float, end: float, **fields: Any) -> dict[str, Any]:
    """A row of a plan at Kayuagung, from so many hours after that Friday afternoon until so many."""
    row = {"unit": "PLG-KAG", "officer": "PO-KAG-01", "role": "PROBATION_OFFICER", "backup": "AO-KAG-01", **fields}
    return row | {"from": hours(begin).isoformat(), "to": hours(end).isoformat()}


def hours(number: float) -> datetime:
    return FRIDAY + timedelta(hours=number)


async def load(house: House, *rows: dict[str, Any], key: str | None = None) -> httpx.Response:
    async with house.client(Role.REGISTRAR_HEAD, **PLANNER) as planner:
        headers = {"Idempotency-Key": key} if key else {}
        return await planner.post("/v1/roster/shifts", json={"shifts": rows}, headers=headers)


async def planned(house: House, **query: str) -> list[dict[str, Any]]:
    async with house.client(Role.PROBATION_OFFICER) as officer:
        items: list[dict[str, Any]] = (await officer.get("/v1/roster/shifts", params=query)).json()["items"]
    return items


async def asked(house: House, path: str, **query: str) -> dict[str, Any]:
    async with house.client(Role.PROBATION_OFFICER) as officer:
        answer = await officer.get(path, params=query)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def told(house: House, occasion: str) -> list[tuple[str, str]]:
    rows = await house.pool.fetch("SELECT recipient, channel FROM notification WHERE occasion = $1", occasion)
    return [(row["recipient"], row["channel"]) for row in rows]


def spans(gaps: Sequence[dict[str, Any]]) -> list[tuple[str, datetime, datetime | None]]:
    return [
        (
            gap["unit"],
            datetime.fromisoformat(gap["from"]),
            None if gap["to"] is None else datetime.fromisoformat(gap["to"]),
        )
        for gap in gaps
    ]


# --- loading ----------------------------------------------------------------------------------------------------------


async def test_a_plan_is_loaded_once_however_often_it_is_sent(house: House) -> None:
    rows = [a_row(0, 24), a_row(24, 48, officer="AO-KAG-01", backup=None, role="ASSISTANT_OFFICER")]

    first, again = await load(house, *rows), await load(house, *rows)
    keyed = [await load(house, a_row(48, 200), key="plan-1") for _ in range(2)]

    assert (first.status_code, first.json()) == (201, {"loaded": 2, "known": 0})
    assert (again.status_code, again.json()) == (201, {"loaded": 0, "known": 2})
    assert [answer.json() for answer in keyed] == [{"loaded": 1, "known": 0}] * 2
    assert keyed[1].headers["Idempotency-Replayed"] == "true"
    assert [(shift["officer"], shift["version"]) for shift in await planned(house)] == [
        ("PO-KAG-01", 1),
        ("AO-KAG-01", 1),
        ("PO-KAG-01", 1),
    ]


@pytest.mark.parametrize(
    ("fields", "where", "kind"),
    [
        pytest.param({"unit": "PLG-XYZ"}, "body.shifts.1.unit", "invalid", id="unknown unit"),
        pytest.param({"officer": "PO-XYZ-01"}, "body.shifts.1.officer", "invalid", id="unknown officer"),
        pytest.param({"to": "2026-05-30T08:00:00"}, "body.shifts.1.to", "timezone_aware", id="a time without a zone"),
        pytest.param({"role": "DRIVER"}, "body.shifts.1.role", "enum", id="no role"),
        pytest.param({"room": "3"}, "body.shifts.1.room", "extra_forbidden", id="an unknown field"),
    ],
)
async def test_a_plan_that_cannot_be_changes_nothing(
    house: House, fields: dict[str, Any], where: str, kind: str
) -> None:
    answer = await load(house, a_row(0, 24), a_row(24, 48) | fields)

    assert answer.status_code == 422
    assert [(error["where"], error["kind"]) for error in answer.json()["errors"]] == [(where, kind)]
    assert await planned(house) == []


async def test_overlapping_shifts_are_refused_as_a_whole(house: House) -> None:
    await load(house, a_row(0, 24))

    answer = await load(house, a_row(24, 48), a_row(20, 30, officer="AO-KAG-01", backup=None))

    assert (answer.status_code, answer.json()["rule"]) == (409, "shifts-overlap")
    assert len(await planned(house)) == 1


async def test_a_plan_is_read_page_by_page_in_order(house: House) -> None:
    await load(house, *(a_row(24 * day, 24 * day + 24) for day in (3, 1, 4, 0, 2)))

    begun: list[str] = []
    cursor: str | None = None
    async with house.client(Role.OPS) as reader:
        while True:
            page = (
                await reader.get("/v1/roster/shifts", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            begun += [shift["from"] for shift in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break

    assert begun == sorted(begun)
    assert len(begun) == 5


async def test_a_part_of_the_plan_is_found_by_unit_and_time(house: House) -> None:
    await load(house, a_row(0, 24), a_row(24, 48), a_row(0, 48, unit="PLG-TJR", officer="PO-TJR-01", backup=None))

    assert len(await planned(house, unit="PLG-KAG")) == 2
    assert len(await planned(house, unit="PLG-KAG", since=hours(24).isoformat())) == 1
    assert len(await planned(house, until=hours(24).isoformat())) == 2


# --- swapping and removing --------------------------------------------------------------------------------------------


async def test_a_swap_stays_in_the_history_with_who_when_and_why(house: House) -> None:
    await load(house, a_row(0, 24))
    (shift,) = await planned(house)
    await house.step_to(hours(2))

    async with house.client(Role.SECTION_HEAD_ADULT, subject="SHA-HQ-01") as kasi:
        path = f"/v1/roster/shifts/{shift['id']}/swap"
        body = {"officer": "AO-KAG-01", "reason": "sakit"}
        answers = [
            await kasi.post(path, json=body, headers={"If-Match": '"1"', "Idempotency-Key": "swap-1"}) for _ in range(2)
        ]
        late = await kasi.post(path, json=body | {"officer": "PO-HQ-05"}, headers={"If-Match": '"1"'})
    history = (await asked(house, f"/v1/roster/shifts/{shift['id']}/history"))["items"]

    assert [(answer.status_code, answer.json()["version"]) for answer in answers] == [(200, 2)] * 2
    assert (late.status_code, late.json()["type"]) == (412, "urn:bapas:problem:version-passed")
    assert [(line["act"], line["officer"], line["changed_by"], line["reason"]) for line in history] == [
        ("loaded", "PO-KAG-01", "REGH-HQ-01", None),
        ("swapped", "AO-KAG-01", "SHA-HQ-01", "sakit"),
    ]
    assert datetime.fromisoformat(history[1]["changed_at"]) == hours(2)
    assert (await asked(house, "/v1/roster/on-duty", unit="PLG-KAG"))["answering"] == ["AO-KAG-01"]


async def test_a_shift_that_lies_ahead_is_removed_and_its_history_stays(house: House) -> None:
    await load(house, a_row(-1, 24), a_row(24, 200))
    running, ahead = await planned(house)

    async with house.client(Role.REGISTRAR_HEAD, **PLANNER) as planner:
        refused = await planner.delete(f"/v1/roster/shifts/{running['id']}", params={"reason": "salah"})
        removed = await planner.delete(f"/v1/roster/shifts/{ahead['id']}", params={"reason": "salah unit"})
        again = await planner.delete(f"/v1/roster/shifts/{ahead['id']}", params={"reason": "salah unit"})
        without = await planner.delete(f"/v1/roster/shifts/{running['id']}")
        unreadable = await planner.delete(f"/v1/roster/shifts/{running['id']}", params={"reason": "a\x00bc"})
    history = (await asked(house, f"/v1/roster/shifts/{ahead['id']}/history"))["items"]

    assert (refused.status_code, refused.json()["rule"]) == (409, "shift-has-begun")
    assert (removed.status_code, again.status_code) == (200, 404)
    assert (without.status_code, unreadable.status_code) == (422, 400)
    assert [(line["act"], line["reason"]) for line in history] == [("loaded", None), ("removed", "salah unit")]
    assert [shift["id"] for shift in await planned(house)] == [running["id"]]


# --- who is on duty ---------------------------------------------------------------------------------------------------


async def test_who_answers_for_a_unit_at_a_time(house: House) -> None:
    await load(house, a_row(0, 24))

    on_duty = await asked(house, "/v1/roster/on-duty", unit="PLG-KAG", at=hours(1).isoformat())
    nobody = await asked(house, "/v1/roster/on-duty", unit="PLG-KAG", at=hours(24).isoformat())
    from_file = await asked(house, "/v1/roster/on-duty", unit="PLG-SKY")

    assert (on_duty["place"], on_duty["answering"]) == ("on-duty", ["PO-KAG-01"])
    assert [(shift["officer"], shift["backup"]) for shift in on_duty["shifts"]] == [("PO-KAG-01", "AO-KAG-01")]
    assert (nobody["place"], nobody["answering"], nobody["shifts"]) == ("head-office", ["PO-HQ-01"], [])
    assert (from_file["place"], from_file["answering"]) == ("on-duty", ["PO-SKY-01"])


async def test_a_release_is_told_to_whoever_is_on_duty_by_the_roster_that_is_kept_here(house: House) -> None:
    sekayu = {"unit": "PLG-SKY", "backup": None}
    await load(house, a_row(-1, 24, officer="AO-SKY-01", **sekayu), a_row(24, 100, officer="PO-SKY-01", **sekayu))

    await house.hear(a_fact(registration.RegistrationOpened, officer=None))

    assert {who for who, _ in await told(house, "released")} == {"AO-SKY-01"}


async def test_a_unit_whose_last_shift_was_removed_falls_to_head_office_and_not_back_to_the_file(house: House) -> None:
    await load(house, a_row(1, 24, unit="PLG-SKY", officer="AO-SKY-01", backup=None))
    (shift,) = await planned(house)
    async with house.client(Role.REGISTRAR_HEAD, **PLANNER) as planner:
        await planner.delete(f"/v1/roster/shifts/{shift['id']}", params={"reason": "salah"})

    await house.hear(a_fact(registration.RegistrationOpened, officer=None))

    assert {who for who, _ in await told(house, "released")} == {"PO-HQ-01"}


# --- holes ------------------------------------------------------------------------------------------------------------


async def test_a_hole_within_three_days_is_told_once_and_withdrawn_when_it_is_filled(house: House) -> None:
    await load(house, a_row(-1, 30), a_row(50, 200))
    assert await told(house, "roster-gap") == [("SHA-HQ-01", "IN_APP")]

    await load(house, a_row(-1, 30))
    await house.step_to(hours(1))
    seen = (await asked(house, "/v1/roster/gaps", unit="PLG-KAG"))["items"]
    assert spans(seen) == [("PLG-KAG", hours(30), hours(50))]
    assert [(datetime.fromisoformat(gap["told_at"]), gap["told"]) for gap in seen] == [(FRIDAY, ["SHA-HQ-01"])]
    assert len(await told(house, "roster-gap")) == 1

    await load(house, a_row(30, 50, officer="AO-KAG-01", backup=None))
    assert await told(house, "roster-filled") == [("SHA-HQ-01", "IN_APP")]
    assert "unacknowledged" not in await house.clocks(), "the alert is withdrawn"
    assert (await asked(house, "/v1/roster/gaps", unit="PLG-KAG"))["items"] == []


async def test_the_clock_finds_a_hole_when_it_comes_within_three_days(house: House) -> None:
    await load(house, a_row(-1, 100))
    assert await house.clocks() == {"roster-review": hours(28)}

    assert await house.step_to(hours(27.9)) == 0
    assert await told(house, "roster-gap") == []
    assert await house.step_to(hours(28)) == 1
    assert await told(house, "roster-gap") == [("SHA-HQ-01", "IN_APP")]
    assert await house.clocks() == {"unacknowledged": hours(30)}, "no other hole comes until somebody plans on"


async def test_a_clock_that_jumps_days_ahead_tells_every_hole_once(house: House) -> None:
    await load(house, a_row(-1, 100), a_row(110, 190))

    await house.step_to(hours(180))

    bodies = [row["body"] for row in await house.pool.fetch("SELECT body FROM notification ORDER BY seq")]
    assert len(bodies) == 1, "the hole that has passed meanwhile is nobody's task any more"
    assert "belum ada jadwal sesudahnya" in bodies[0]


async def test_a_swap_fills_no_hole_and_a_removal_opens_one(house: House) -> None:
    await load(house, a_row(-1, 30), a_row(30, 60), a_row(60, 200))
    assert await told(house, "roster-gap") == []
    shift = (await planned(house))[1]

    async with house.client(Role.HEAD, subject="HEAD-HQ-01") as head:
        await head.delete(f"/v1/roster/shifts/{shift['id']}", params={"reason": "cuti"})

    assert await told(house, "roster-gap") == [("SHA-HQ-01", "IN_APP")]
    assert spans((await asked(house, "/v1/roster/gaps"))["items"])[0] == ("PLG-KAG", hours(30), hours(60))


async def test_the_holes_of_the_file_are_seen_too(house: House) -> None:
    await house.step_to(datetime.fromisoformat("2026-06-30T00:00:00+07:00"))

    gaps = (await asked(house, "/v1/roster/gaps"))["items"]

    assert {gap["unit"] for gap in gaps} == {"PLG-SKY", "PLG-HQ"}
    assert {gap["told_at"] for gap in gaps} == {None}


# --- who may ----------------------------------------------------------------------------------------------------------

SOME = UUID(int=7)
MAY_PLAN = {Role.REGISTRAR_HEAD, Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD, Role.HEAD}
MAY_READ = MAY_PLAN | {
    Role.PROBATION_OFFICER, Role.ASSISTANT_OFFICER, Role.SERVICE_COUNTER, Role.REGISTRAR, Role.OPS
}  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
async def test_who_may_change_the_roster_and_who_may_read_it(house: House, role: Role) -> None:
    async with house.client(role) as caller:
        changed = [
            await caller.post("/v1/roster/shifts", json={"shifts": []}),
            await caller.post(f"/v1/roster/shifts/{SOME}/swap", json={}),
            await caller.delete(f"/v1/roster/shifts/{SOME}"),
        ]
        read = [
            await caller.get(path)
            for path in (
                "/v1/roster/shifts",
                f"/v1/roster/shifts/{SOME}/history",
                "/v1/roster/on-duty?unit=PLG-HQ",
                "/v1/roster/gaps",
            )
        ]

    assert [answer.status_code for answer in changed] == ([422] * 3 if role in MAY_PLAN else [403] * 3)
    assert [answer.status_code for answer in read] == ([200, 404, 200, 200] if role in MAY_READ else [403] * 4)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/roster/on-duty", 422),
        ("/v1/roster/on-duty?unit=PLG-XYZ", 400),
        ("/v1/roster/on-duty?unit=PLG-HQ&at=2026-05-30T08:00:00", 422),
        ("/v1/roster/gaps?unit=PLG-XYZ", 400),
        ("/v1/roster/shifts?cursor=x", 400),
    ],
)
async def test_a_question_that_cannot_be_answered_says_why(house: House, path: str, status: int) -> None:
    async with house.client(Role.OPS) as caller:
        answer = await caller.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
