"""The inbox of an officer and the ledger, over HTTP."""

from uuid import UUID

import pytest

from contracts import registration
from contracts.roles import Role
from tests.component.house import House
from tests.unit.notifications.builders import REGISTRATION, a_fact

DUTY = {"subject": "PO-SKY-01", "unit": "PLG-SKY"}


async def test_an_inbox_shows_the_newest_first_and_counts_what_is_unread(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened), a_fact(registration.FirstContactOverdue))

    async with house.client(Role.PROBATION_OFFICER, **DUTY) as officer:
        items = (await officer.get("/v1/inbox")).json()["items"]
        assert (await officer.get("/v1/inbox/unread-count")).json() == {"unread": 2}

        read = (await officer.post(f"/v1/inbox/{items[0]['id']}/read")).json()
        unread = (await officer.get("/v1/inbox", params={"unread": True})).json()["items"]
        seen = (await officer.get("/v1/inbox", params={"unread": False})).json()["items"]
        left = (await officer.get("/v1/inbox/unread-count")).json()

    assert [item["template"] for item in items] == ["unseen", "released"]
    assert read["read_at"] is not None
    assert ([item["id"] for item in unread], [item["id"] for item in seen]) == ([items[1]["id"]], [items[0]["id"]])
    assert left == {"unread": 1}


async def test_acknowledging_is_reading_and_the_first_time_counts(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))

    async with house.client(Role.PROBATION_OFFICER, **DUTY) as officer:
        [item] = (await officer.get("/v1/inbox")).json()["items"]
        path = f"/v1/inbox/{item['id']}/acknowledgement"
        first, again = (await officer.post(path)).json(), (await officer.post(path)).json()

    assert first["acknowledged_at"] == first["read_at"] is not None
    assert again == first


async def test_an_inbox_is_read_page_by_page(house: House) -> None:
    await house.hear(*(a_fact(registration.RegistrationOpened) for _ in range(5)))

    found: list[str] = []
    cursor: str | None = None
    async with house.client(Role.PROBATION_OFFICER, **DUTY) as officer:
        while True:
            page = (await officer.get("/v1/inbox", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
            found += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break

    assert len(found) == len(set(found)) == 5


async def test_nobody_sees_or_answers_what_others_were_told(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    ids = [row["notification_id"] for row in await house.pool.fetch("SELECT notification_id FROM notification")]

    async with house.client(Role.PROBATION_OFFICER, subject="PO-HQ-05") as stranger:
        assert (await stranger.get("/v1/inbox")).json()["items"] == []
        answers = [
            (await stranger.post(f"/v1/inbox/{each}/{act}")).status_code
            for each in [*ids, UUID(int=9)]
            for act in ("read", "acknowledgement")
        ]

    assert set(answers) == {404}
    assert not await house.pool.fetchval("SELECT count(*) FROM notification WHERE read_at IS NOT NULL")


async def test_a_mail_cannot_be_acknowledged_in_the_application(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    mail = await house.pool.fetchval(
        "SELECT notification_id FROM notification WHERE channel = 'EMAIL' AND recipient = 'PO-SKY-01'"
    )

    async with house.client(Role.PROBATION_OFFICER, **DUTY) as officer:
        assert (await officer.post(f"/v1/inbox/{mail}/acknowledgement")).status_code == 404


async def test_the_ledger_shows_who_was_told_and_never_what(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))

    async with house.client(Role.OPS, unit="PLG-HQ") as operations:
        lines = (await operations.get("/v1/notifications", params={"about": str(REGISTRATION)})).json()["items"]
        waiting = (await operations.get("/v1/notifications", params={"status": "pending"})).json()["items"]
        nothing = (await operations.get("/v1/notifications", params={"about": str(UUID(int=1))})).json()["items"]

    assert [(line["recipient"], line["channel"], line["status"]) for line in lines] == [
        ("PO-HQ-02", "EMAIL", "pending"),
        ("PO-HQ-02", "IN_APP", "delivered"),
        ("PO-SKY-01", "EMAIL", "pending"),
        ("PO-SKY-01", "IN_APP", "delivered"),
    ]
    assert {line["channel"] for line in waiting} == {"EMAIL"}
    assert nothing == []
    assert all("body" not in line and "subject" not in line for line in lines)


async def test_a_failure_is_seen_by_whoever_answers_for_it(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationConflict))

    async with house.client(Role.SECTION_HEAD_ADULT) as kasi:
        [line] = (await kasi.get("/v1/notifications", params={"status": "failed"})).json()["items"]

    assert (line["recipient"], line["reason"], line["occasion"]) == ("HEAD-HQ-01", "NO_CHANNEL", "conflict")


@pytest.mark.parametrize(
    ("role", "lines"), [(Role.HEAD, 4), (Role.SECTION_HEAD_CHILD, 4), (Role.OPS, 4), (Role.REGISTRAR, 0)]
)
async def test_that_somebody_was_told_about_a_child_is_known_to_few(house: House, role: Role, lines: int) -> None:
    await house.hear(a_fact(registration.RegistrationOpened, juvenile=True))

    async with house.client(role) as caller:
        found = (await caller.get("/v1/notifications")).json()["items"]

    assert len(found) == lines
    assert all(line["occasion"] is None and line["template"] == "restricted" for line in found)


@pytest.mark.parametrize(
    ("path", "roles", "status"),
    [
        ("/v1/inbox", (), 401),
        ("/v1/inbox", (Role.PRISON_OFFICER,), 403),
        ("/v1/notifications", (Role.PROBATION_OFFICER,), 403),
        ("/v1/notifications?status=lost", (Role.OPS,), 422),
        ("/v1/inbox?cursor=x", (Role.OPS,), 400),
    ],
)
async def test_a_stranger_is_turned_away(house: House, path: str, roles: tuple[Role, ...], status: int) -> None:
    async with house.client(*roles) as caller:
        answer = await caller.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
