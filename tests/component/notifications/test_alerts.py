"""Alerts on a real database: acknowledged once for all, else climbing, whatever is delivered twice or stands still."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts import registration
from contracts.operations import ReasonKind
from contracts.registration import EventDeadLettered
from contracts.roles import Role
from deploy.local.tokens import Issuer
from services.notifications.app import build
from tests.component.house import FRIDAY, House, record_of
from tests.component.notifications.postmaster import Postmaster
from tests.unit.notifications.builders import REGISTRATION, a_fact

DUTY = {"subject": "PO-SKY-01", "unit": "PLG-SKY"}


def hours(number: float) -> datetime:
    return FRIDAY + timedelta(hours=number)


async def told(house: House) -> list[tuple[str, str]]:
    """Who was told on which occasion in the application, in order."""
    rows = await house.pool.fetch("SELECT recipient, occasion FROM notification WHERE channel = 'IN_APP' ORDER BY seq")
    return [(row["recipient"], row["occasion"]) for row in rows]


async def climbs(house: House) -> list[tuple[str, str]]:
    return [each for each in await told(house) if each[1].startswith(("climbed", "unanswered"))]


async def alerts(house: House, role: Role = Role.OPS, **query: Any) -> list[dict[str, Any]]:
    async with house.client(role) as caller:
        items: list[dict[str, Any]] = (await caller.get("/v1/alerts", params=query)).json()["items"]
    return items


async def acknowledge(house: House, alert_id: str, role: Role, subject: str) -> httpx.Response:
    async with house.client(role, subject=subject) as caller:
        return await caller.post(f"/v1/alerts/{alert_id}/acknowledgement")


async def acknowledge_inbox(house: House, subject: str, role: Role = Role.PROBATION_OFFICER) -> None:
    """Somebody opens the newest of the own inbox and says that they take care of it."""
    async with house.client(role, subject=subject) as caller:
        item = (await caller.get("/v1/inbox")).json()["items"][0]
        answer = await caller.post(f"/v1/inbox/{item['id']}/acknowledgement")
    assert answer.status_code == 200


TO_KASI, TO_HEAD = ("SHA-HQ-01", "climbed-to-section-head"), ("HEAD-HQ-01", "climbed-to-head")
TO_OPERATIONS = [("OPS-HQ-01", "unanswered"), ("OPS-HQ-02", "unanswered")]


# --- climbing ---------------------------------------------------------------------------------------------------------


async def test_an_alert_that_nobody_acknowledges_climbs_every_two_hours_to_the_top(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    assert await house.clocks() == {"unacknowledged": hours(2)}

    assert await house.step_to(hours(1.99)) == 0
    await house.step_to(hours(2))
    assert await climbs(house) == [TO_KASI]
    await house.step_to(hours(4))
    await house.step_to(hours(6))
    await house.step_to(hours(48))

    # The head of this office has no channel at all: the failure stands in the ledger, and operations learn of it.
    assert [each for each in await climbs(house) if each[1] != "unreachable"] == [TO_KASI, TO_HEAD, *TO_OPERATIONS]
    assert await house.clocks() == {}
    (alert,) = await alerts(house, state="unanswered")
    assert (alert["about"], alert["occasion"], alert["rung"], alert["climbed"]) == (
        str(REGISTRATION),
        "released",
        "head",
        2,
    )
    assert alert["told"] == ["PO-SKY-01", "PO-HQ-02", "SHA-HQ-01", "OPS-HQ-01", "OPS-HQ-02"]
    assert alert["acknowledged_by"] is alert["climbs_at"] is None


async def test_what_climbs_says_since_when_whom_and_what(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    await house.step_to(hours(2))

    row = await house.pool.fetchrow("SELECT * FROM notification WHERE occasion = 'climbed-to-section-head'")
    original = await house.pool.fetchval("SELECT body FROM notification WHERE occasion = 'released' LIMIT 1")
    assert row is not None
    assert (row["subject"], row["urgency"], row["about"]) == ("Segera: 0412…", "urgent", REGISTRATION)
    assert original.strip() in row["body"]
    assert "Jumat, 29 Mei 2026 pukul 16.30 WIB" in row["body"]
    assert "PO-SKY-01, PO-HQ-02" in row["body"]
    assert "None" not in row["body"]


async def test_what_climbs_leaves_by_mail_too(house: House, post: Postmaster) -> None:
    await house.hear(a_fact(registration.FirstContactOverdue, hours=72, officer="PO-HQ-02"))
    await house.hear(a_fact(registration.ReleaseUnconfirmed, guidance_unit=None, officer=None))
    assert (await acknowledge(house, (await alerts(house))[1]["id"], Role.OPS, "OPS-HQ-01")).status_code == 200

    async with house.sending():
        await house.step_to(hours(2))
        await _until_sent(house)

    assert "climbed-to-section-head" in {occasion for _, occasion in await told(house)}
    assert len(post.mails) == len({mail["Message-ID"] for mail in post.mails}) > 0


async def _until_sent(house: House) -> None:
    for _ in range(200):
        if not await house.pool.fetchval("SELECT count(*) FROM notification WHERE state IN ('pending', 'sending')"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("mails still wait")


# --- acknowledging ----------------------------------------------------------------------------------------------------


async def test_one_who_acknowledges_stops_the_climb_for_all(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))

    await acknowledge_inbox(house, "PO-HQ-02")
    await house.step_to(hours(48))

    assert await climbs(house) == []
    (alert,) = await alerts(house)
    assert (alert["state"], alert["acknowledged_by"]) == ("acknowledged", "PO-HQ-02")


async def test_acknowledging_after_it_has_climbed_stops_it_for_all(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    await house.step_to(hours(2))

    await acknowledge_inbox(house, "SHA-HQ-01", Role.SECTION_HEAD_ADULT)
    await acknowledge_inbox(house, "PO-SKY-01")
    await house.step_to(hours(48))

    assert await climbs(house) == [TO_KASI]
    (alert,) = await alerts(house)
    assert (alert["acknowledged_by"], datetime.fromisoformat(alert["acknowledged_at"])) == ("SHA-HQ-01", hours(2))


async def test_an_alert_at_the_top_can_still_be_acknowledged(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    for moment in (2, 4, 6):
        await house.step_to(hours(moment))

    await acknowledge_inbox(house, "OPS-HQ-01", Role.OPS)

    assert [alert["state"] for alert in await alerts(house)] == ["acknowledged"]


async def test_acknowledging_twice_is_acknowledging_once(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    (alert,) = await alerts(house)

    first = await acknowledge(house, alert["id"], Role.PROBATION_OFFICER, "PO-SKY-01")
    again = await acknowledge(house, alert["id"], Role.PROBATION_OFFICER, "PO-HQ-02")

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["acknowledged_by"] == "PO-SKY-01"


async def test_a_reminder_is_acknowledged_with_what_it_reminds_of(house: House) -> None:
    await house.hear(a_fact(registration.ReleaseUnconfirmed))
    await house.step_to(hours(1))
    assert (await told(house))[-1][1] == "still-unconfirmed"

    await acknowledge_inbox(house, "PO-SKY-01")
    await house.step_to(hours(48))

    assert await climbs(house) == []
    assert [(alert["occasion"], alert["state"]) for alert in await alerts(house)] == [("unconfirmed", "acknowledged")]


@pytest.mark.parametrize(
    ("role", "subject", "status"),
    [
        pytest.param(Role.PROBATION_OFFICER, "PO-SKY-01", 200, id="who was told"),
        pytest.param(Role.PROBATION_OFFICER, "PO-HQ-05", 404, id="who was not"),
        pytest.param(Role.SECTION_HEAD_ADULT, "SHA-HQ-01", 200, id="a section head"),
        pytest.param(Role.OPS, "OPS-HQ-02", 200, id="operations"),
        pytest.param(Role.PRISON_OFFICER, "PO-SKY-01", 403, id="nobody of the office"),
    ],
)
async def test_who_may_acknowledge(house: House, role: Role, subject: str, status: int) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    (alert,) = await alerts(house)

    assert (await acknowledge(house, alert["id"], role, subject)).status_code == status


async def test_a_childs_alert_is_known_to_few_and_says_nothing(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened, juvenile=True))
    (alert,) = await alerts(house, Role.SECTION_HEAD_CHILD)
    await house.step_to(hours(2))

    assert await alerts(house, Role.SECTION_HEAD_ADULT) == []
    assert alert["occasion"] is None
    stranger = await acknowledge(house, alert["id"], Role.SECTION_HEAD_ADULT, "SHA-HQ-01")
    assert stranger.status_code == 404
    assert (await told(house))[-1] == ("SHC-HQ-01", "climbed-to-section-head")
    bodies = {row["template"] for row in await house.pool.fetch("SELECT template FROM notification")}
    assert bodies == {"restricted"}


@pytest.mark.parametrize("role", list(Role))
async def test_who_may_see_alerts(house: House, role: Role) -> None:
    may = {
        Role.OPS, Role.REGISTRAR, Role.REGISTRAR_HEAD, Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD, Role.HEAD
    }  # fmt: skip

    async with house.client(role) as caller:
        answer = await caller.get("/v1/alerts")

    assert answer.status_code == (200 if role in may else 403)


async def test_alerts_are_read_page_by_page_and_by_state(house: House) -> None:
    for number in range(1, 6):
        await house.hear(a_fact(registration.RegistrationOpened, registration_id=UUID(int=number)))
    await acknowledge(house, (await alerts(house))[0]["id"], Role.OPS, "OPS-HQ-01")

    async with house.client(Role.OPS) as operations:
        first = (await operations.get("/v1/alerts", params={"limit": 3})).json()
        second = (await operations.get("/v1/alerts", params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert [alert["about"] for alert in first["items"] + second["items"]] == [str(UUID(int=n)) for n in (5, 4, 3, 2, 1)]
    assert len(await alerts(house, state=["open", "unanswered"])) == 4
    assert len(await alerts(house, about=str(UUID(int=5)))) == 1


# --- nothing left to do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one after the other"])
async def test_who_was_met_needs_nobody_any_more(house: House, *, at_once: bool) -> None:
    facts = [a_fact(registration.RegistrationOpened), a_fact(registration.FirstContactMade)]
    for batch in [facts] if at_once else [[fact] for fact in facts]:
        await house.hear(*batch)

    assert await house.clocks() == {}
    await house.step_to(hours(48))
    assert await climbs(house) == []
    assert [alert["state"] for alert in await alerts(house)] == ["withdrawn"]


async def test_the_alert_of_another_case_goes_on(house: House) -> None:
    other = UUID(int=77)
    await house.hear(
        a_fact(registration.RegistrationOpened),
        a_fact(registration.RegistrationOpened, registration_id=other),
        a_fact(registration.FirstContactMade),
    )
    await house.step_to(hours(2))

    abouts = await house.pool.fetch("SELECT DISTINCT about FROM notification WHERE occasion LIKE 'climbed%'")
    assert [row["about"] for row in abouts] == [other]


async def test_a_message_that_could_not_be_handled_climbs_too(house: House) -> None:
    letter = EventDeadLettered(
        dead_letter_id=UUID("0412bbbb-0000-7000-8000-000000000000"), consumer="registration",
        source_topic="lapas.events", event_type="lapas.client-released.v1", reason_kind=ReasonKind.MALFORMED,
        holds_key=True, upstream=True, dead_lettered_at=FRIDAY,
    )  # fmt: skip
    await house.hear(letter)
    await house.step_to(hours(2))

    assert await climbs(house) == [TO_KASI]


# --- failures ---------------------------------------------------------------------------------------------------------


async def test_a_fact_that_is_delivered_twice_raises_one_alert_whose_clock_stays(house: House) -> None:
    record = record_of(a_fact(registration.RegistrationOpened))
    await house.deliver(record)
    await house.step_to(hours(1))
    await house.deliver(record)
    await house.pool.execute("DELETE FROM inbox")
    await house.pool.execute("DELETE FROM consumer_offset")
    await house.deliver(record)

    assert await house.clocks() == {"unacknowledged": hours(2)}
    await house.step_to(hours(2))
    assert await climbs(house) == [TO_KASI]
    assert len(await alerts(house)) == 1


async def test_even_an_inbox_that_forgot_opens_no_alert_again_that_somebody_took_care_of(house: House) -> None:
    record = record_of(a_fact(registration.RegistrationOpened))
    await house.deliver(record)
    await acknowledge_inbox(house, "PO-SKY-01")
    await house.pool.execute("DELETE FROM inbox")
    await house.pool.execute("DELETE FROM consumer_offset")
    await house.deliver(record)

    assert await house.clocks() == {}
    assert [alert["state"] for alert in await alerts(house)] == ["acknowledged"]


async def test_a_clock_that_jumps_a_day_ahead_climbs_one_rung_and_passes_nobody_over(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))

    assert await house.step_to(hours(26)) == 1
    assert await climbs(house) == [TO_KASI]
    assert await house.clocks() == {"unacknowledged": hours(28)}


async def test_a_clock_that_jumps_back_climbs_no_rung_twice(house: House, issuer: Issuer) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    await house.step_to(hours(2))

    behind = House(build(), house.pool, house.settings, issuer)
    assert behind.office.now() == hours(0)
    assert await behind.step_to(hours(2)) == 0
    assert await behind.step_to(hours(4)) == 1
    assert Counter(await climbs(house))[TO_KASI] == 1


async def test_a_clock_that_was_set_by_mistake_a_second_time_says_nothing_twice(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    (alert,) = await alerts(house)
    await house.step_to(hours(2))
    await house.pool.execute("UPDATE timer SET due_at = $2 WHERE subject = $1", alert["id"], hours(2))

    await house.step_to(hours(3))

    assert await climbs(house) == [TO_KASI]


async def test_a_service_that_starts_anew_goes_on_climbing(house: House, issuer: Issuer) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    await house.step_to(hours(1))

    another = House(build(), house.pool, house.settings, issuer)
    assert await another.step_to(hours(2)) == 1

    assert await climbs(another) == [TO_KASI]


async def test_two_processes_that_ring_at_once_climb_once(house: House, issuer: Issuer) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))
    another = House(build(), house.pool, house.settings, issuer)

    await asyncio.gather(house.step_to(hours(2)), another.step_to(hours(2)))

    assert await climbs(house) == [TO_KASI]
    assert [alert["climbed"] for alert in await alerts(house)] == [1]


# --- broken glass -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("juvenile", [False, True], ids=["an adult", "a child"])
async def test_the_head_is_alerted_at_once_when_somebody_breaks_the_glass(house: House, *, juvenile: bool) -> None:
    await house.hear(a_fact(registration.GlassBroken, juvenile=juvenile, by="PO-HQ-03"))

    assert [who for who, occasion in await told(house) if occasion == "glass-broken"] == ["HEAD-HQ-01"]
    [alert] = await alerts(house, about=str(REGISTRATION))
    assert (alert["state"], alert["rung"]) == ("open", "head")
    bodies = [row["body"] for row in await house.pool.fetch("SELECT body FROM notification")]
    assert not juvenile or not [body for body in bodies if "membuka" in body]


async def test_what_somebody_saw_behind_the_glass_stays_an_alert_when_the_case_ends(house: House) -> None:
    await house.hear(a_fact(registration.GlassBroken, by="PO-HQ-03"), a_fact(registration.RegistrationClosed))

    [alert] = await alerts(house, about=str(REGISTRATION))
    assert alert["state"] == "open"
    assert (await acknowledge(house, alert["id"], Role.HEAD, "HEAD-HQ-01")).json()["acknowledged_by"] == "HEAD-HQ-01"


async def test_a_broken_glass_that_the_head_does_not_answer_is_told_to_operations(house: House) -> None:
    await house.hear(a_fact(registration.GlassBroken, by="PO-HQ-03"))

    await house.step_to(hours(2))

    assert await climbs(house) == TO_OPERATIONS
