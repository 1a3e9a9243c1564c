"""Supervision on a real database: what arrives, what it says, and who may read what."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from contracts.registration import ClientDetails, ClientRegistered
from contracts.roles import Role
from contracts.supervision import FirstCheckInScheduled, SupervisionOpened
from tests.component.house import House, record_of, tombstone_of

REGISTRATION = UUID("0412aaaa-0000-5000-8000-000000000001")
CLIENT = UUID("0412aaaa-0000-5000-8000-000000000002")
CHILD = UUID("0412aaaa-0000-5000-8000-000000000003")
TUESDAY = datetime(2026, 6, 2, 3, 0, tzinfo=UTC)
JUNE, JULY = "2026-06", "2026-07"


def a_registered_client(**changes: Any) -> ClientRegistered:
    base = {
        "registration_id": REGISTRATION,
        "client_id": CLIENT,
        "receiving_unit": "PLG-SKY",
        "guidance_unit": "PLG-KAG",
        "officer": "PO-HQ-02",
        "register_code": "KLD-PB",
        "register_no": "0001/KLD-PB/PLG-KAG/VI/2026",
        "registered_at": TUESDAY,
    }
    return ClientRegistered(**{**base, **changes})


def a_registered_child(**changes: Any) -> ClientRegistered:
    return a_registered_client(
        client_id=CHILD, registration_id=UUID(int=CHILD.int + 1), juvenile=True, **{"officer": "PO-HQ-01", **changes}
    )


def whom(client_id: UUID = CLIENT, **changes: Any) -> ClientDetails:
    base = {"client_id": client_id, "registration_id": REGISTRATION, "name": "Budi Rahasia", "phone": "0812-000-111"}
    return ClientDetails(**{**base, **changes})


async def test_a_registration_opens_guidance_with_a_date_for_the_first_report(house: House) -> None:
    assert await house.hear(a_registered_client()) == ["applied"]

    opened, scheduled = await house.published()
    assert isinstance(opened, SupervisionOpened)
    assert isinstance(scheduled, FirstCheckInScheduled)
    assert scheduled.window_from.isoformat() == "2026-07-01"
    assert await house.topics() == [("supervision.events", str(CLIENT))] * 2


async def test_the_same_registration_twice_opens_guidance_once(house: House) -> None:
    record = record_of(a_registered_client())
    again = record_of(a_registered_client())

    first, second, third = [(await house.deliver(each)).ended[0].outcome for each in (record, record, again)]

    assert (first, second, third) == ("applied", "duplicate", "irrelevant")
    assert len(await house.published()) == 2
    assert await house.pool.fetchval("SELECT count(*) FROM check_in") == 1


async def test_guidance_that_is_over_is_opened_without_a_report(house: House) -> None:
    await house.hear(a_registered_client(guidance_until="2026-06-01"))

    assert [type(fact) for fact in await house.published()] == [SupervisionOpened]
    assert await house.pool.fetchval("SELECT count(*) FROM check_in") == 0


async def test_a_child_comes_and_goes_on_topics_of_its_own(house: House) -> None:
    await house.hear(a_registered_child())

    assert {topic for topic, _ in await house.topics()} == {"supervision.juvenile.events"}


async def test_who_a_client_is_is_known_before_and_after_the_registration(house: House) -> None:
    assert await house.hear(whom(), a_registered_client(), whom(phone="0812-000-222")) == ["applied"] * 3

    async with house.client(Role.REGISTRAR) as registrar:
        read = (await registrar.get(f"/v1/supervisions/{CLIENT}")).json()

    assert (read["contact"]["name"], read["contact"]["phone"]) == ("Budi Rahasia", "0812-000-222")
    assert read["check_ins"][0]["window_until"] == "2026-07-31"


async def test_a_tombstone_leaves_nothing_personal_behind(house: House) -> None:
    await house.hear(a_registered_client(), whom())

    forgotten = await house.deliver(tombstone_of(ClientDetails, CLIENT), tombstone_of(ClientDetails, CLIENT))

    assert [each.outcome for each in forgotten.ended] == ["applied", "irrelevant"]
    kept = await house.pool.fetch("SELECT details, erased_at FROM client_contact")
    assert [(row["details"], row["erased_at"]) for row in kept] == [(None, house.office.now())]
    async with house.client(Role.REGISTRAR) as registrar:
        assert (await registrar.get(f"/v1/supervisions/{CLIENT}")).json()["contact"] is None


async def test_a_client_who_is_registered_anew_is_known_again(house: House) -> None:
    await house.hear(whom())
    await house.deliver(tombstone_of(ClientDetails, CLIENT))

    assert await house.hear(whom(name="Budi Lagi")) == ["applied"]
    assert (await house.pool.fetchval("SELECT details->>'name' FROM client_contact")) == "Budi Lagi"


async def test_a_tombstone_for_nobody_stops_nothing(house: House) -> None:
    forgotten = await house.deliver(tombstone_of(ClientDetails, "no-id"), tombstone_of(ClientDetails, CLIENT))

    assert [each.outcome for each in forgotten.ended] == ["irrelevant"] * 2


async def test_nothing_that_leaves_says_who_it_is(house: House) -> None:
    await house.hear(a_registered_client(), whom())

    leaving = await house.pool.fetch("SELECT payload FROM outbox")

    assert leaving
    assert all(b"Rahasia" not in row["payload"] and b"0812" not in row["payload"] for row in leaving)


@pytest.mark.parametrize(
    ("role", "subject", "expected"),
    [
        (Role.REGISTRAR, None, True),
        (Role.SECTION_HEAD_ADULT, None, True),
        (Role.HEAD, None, True),
        (Role.PROBATION_OFFICER, "PO-HQ-02", True),
        (Role.PROBATION_OFFICER, "PO-HQ-03", False),
        (Role.ASSISTANT_OFFICER, "AO-HQ-01", False),
    ],
)
async def test_how_to_reach_a_client_is_shown_to_who_may_know_it(
    *, house: House, role: Role, subject: str | None, expected: bool
) -> None:
    await house.hear(a_registered_client(), whom())

    async with house.client(role, subject=subject) as caller:
        answer = await caller.get(f"/v1/supervisions/{CLIENT}")

    assert answer.status_code == 200
    assert (answer.json()["contact"] is not None) is expected


@pytest.mark.parametrize(
    ("role", "subject", "status"),
    [
        (Role.SECTION_HEAD_CHILD, None, 200),
        (Role.HEAD, None, 200),
        (Role.PROBATION_OFFICER, "PO-HQ-01", 200),
        (Role.PROBATION_OFFICER, "PO-HQ-03", 404),
        (Role.REGISTRAR, None, 404),
        (Role.SECTION_HEAD_ADULT, None, 404),
    ],
)
async def test_a_child_is_not_there_for_who_may_not_know_of_it(
    *, house: House, role: Role, subject: str | None, status: int
) -> None:
    await house.hear(a_registered_child(), a_registered_client())

    async with house.client(role, subject=subject) as caller:
        answer = await caller.get(f"/v1/supervisions/{CHILD}")
        listed = (await caller.get("/v1/supervisions")).json()["items"]
        due = (await caller.get("/v1/check-ins", params={"month": JULY})).json()["items"]

    assert answer.status_code == status
    assert {line["client_id"] for line in listed} == ({str(CHILD), str(CLIENT)} if status == 200 else {str(CLIENT)})
    assert len(due) == len(listed)


async def test_a_month_lists_who_has_to_report_in_it_by_unit(house: House) -> None:
    await house.hear(a_registered_client())

    async with house.client(Role.SERVICE_COUNTER) as counter:
        july = (await counter.get("/v1/check-ins", params={"month": JULY, "unit": "PLG-KAG"})).json()
        june = (await counter.get("/v1/check-ins", params={"month": JUNE})).json()
        elsewhere = (await counter.get("/v1/check-ins", params={"month": JULY, "unit": "PLG-SKY"})).json()

    assert [(line["client_id"], line["state"]) for line in july["items"]] == [(str(CLIENT), "due")]
    assert june["items"] == elsewhere["items"] == []


async def test_lists_can_be_read_page_by_page(house: House) -> None:
    clients = [UUID(int=CLIENT.int + 16 * number) for number in range(5)]
    await house.hear(*(a_registered_client(client_id=each, registration_id=UUID(int=each.int + 1)) for each in clients))

    seen: dict[str, list[str]] = {"/v1/supervisions": [], "/v1/check-ins": []}
    async with house.client(Role.REGISTRAR) as registrar:
        for path, found in seen.items():
            cursor: str | None = None
            while True:
                params = {"limit": "2", **({"month": JULY} if path.endswith("ins") else {})}
                page = (await registrar.get(path, params=params | ({"cursor": cursor} if cursor else {}))).json()
                found += [line["client_id"] for line in page["items"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break

    assert all(sorted(found) == sorted(str(each) for each in clients) for found in seen.values())


@pytest.mark.parametrize("month", ["2026-13", "2026", "0000-01", "juli"])
async def test_a_month_that_is_none_is_explained(house: House, month: str) -> None:
    async with house.client(Role.REGISTRAR) as registrar:
        answer = await registrar.get("/v1/check-ins", params={"month": month})

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "roles", "status"),
    [
        ("/v1/supervisions", (), 401),
        ("/v1/supervisions", (Role.OPS,), 403),
        ("/v1/supervisions", (Role.SERVICE_COUNTER,), 403),
        ("/v1/check-ins?month=2026-07", (Role.PRISON_OFFICER,), 403),
        (f"/v1/supervisions/{CHILD}", (Role.REGISTRAR,), 404),
    ],
)
async def test_a_stranger_is_turned_away(house: House, path: str, roles: tuple[Role, ...], status: int) -> None:
    async with house.client(*roles) as caller:
        answer = await caller.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
