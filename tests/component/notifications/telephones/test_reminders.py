"""Clients are reminded by the gateway of the local stack: once, by day, at the number that counts, saying nothing."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest

from contracts import registration
from contracts.event import Event
from contracts.notifications import NotificationDeliveredV2, NotificationFailedV2
from contracts.registration import ClientDetails
from tests.component.house import TRACEPARENT, House, record_of, tombstone_of
from tests.component.notifications.telephones.carrier import Carrier
from tests.component.notifications.telephones.officer import until
from tests.unit.notifications.builders import CLIENT, a_fact
from tests.unit.notifications.test_reminding import CONTACT, DAYS, EVE, PHONE, VISIT, the_details

JULY: Final = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
"""09:00 of the first day in which the client reports."""
SELECT_REMINDERS: Final = """
    SELECT recipient, occasion, channel, state, reason, subject, body, bundle FROM notification
     WHERE recipient LIKE 'CLIENT-%' ORDER BY seq
"""


async def reminders(house: House) -> list[dict[str, Any]]:
    """What clients were, or are to be, reminded of."""
    return [dict(row) for row in await house.pool.fetch(SELECT_REMINDERS)]


def ended(house: House, *states: str) -> Callable[[], Awaitable[bool]]:
    """Whether the reminders have come so far."""

    async def look() -> bool:
        return [row["state"] for row in await reminders(house)] == list(states)

    return look


async def sent_until(house: House, *states: str) -> None:
    """Let the senders work until the reminders have come so far."""
    async with house.sending():
        await until(ended(house, *states))


async def everything_of_the_ledger_and_beyond(house: House) -> str:
    """Every table but that of numbers, every message that leaves, and every span, as text."""
    tables = await house.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = []
    for table in (row["tablename"] for row in tables if row["tablename"] != "client_reach"):
        rows = await house.pool.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608  a name of the catalogue
        found += [row["row"] for row in rows]
    return "\n".join([*found, *(span.to_json() for span in house.spans.get_finished_spans())])


async def test_the_day_before_the_appointment_the_client_is_reminded_once(house: House, gateway: Carrier) -> None:
    await house.hear(CONTACT, the_details(), traceparent=TRACEPARENT)
    assert await house.step_to(EVE - timedelta(seconds=1)) == 0

    assert await house.step_to(EVE) == 1
    await sent_until(house, "delivered")

    sent = [message for message in await gateway.messages() if message["to"] == PHONE]
    assert [message["template"] for message in sent] == ["appointment.v1"]
    assert sent[0]["text"].startswith("Pengingat\n\nAnda mempunyai janji pada Selasa, 2 Juni 2026 pukul 09.00 WIB.")
    facts = [fact for fact in await house.published() if isinstance(fact, NotificationDeliveredV2)]
    assert [fact.recipient for fact in facts if fact.template == "APPOINTMENT"] == [f"CLIENT-{CLIENT.hex.upper()}"]
    assert "client-appointment" not in await house.clocks()


@pytest.mark.parametrize("order", list(permutations((CONTACT, the_details(), DAYS))))
async def test_in_whatever_order_and_however_often_it_is_heard_each_reminder_comes_once(
    house: House, gateway: Carrier, order: tuple[Event, ...]
) -> None:
    records = [record_of(each) for each in order]
    for record in (*records, *reversed(records)):
        await house.deliver(record)
    await house.step_to(EVE)
    await house.deliver(*(record_of(each) for each in order))
    await house.step_to(JULY)
    await house.deliver(*(record_of(each) for each in order))
    await house.step_to(JULY + timedelta(days=3))

    await sent_until(house, "delivered", "delivered")

    sent = [message["template"] for message in await gateway.messages() if message["to"] == PHONE]
    assert sorted(sent) == ["appointment-days.v1", "appointment.v1"]


async def test_a_number_that_comes_after_the_hour_is_used_at_once_by_day_and_in_the_morning_by_night(
    house: House, gateway: Carrier
) -> None:
    await house.hear(CONTACT, the_details(phone=None))
    await house.step_to(EVE + timedelta(hours=5))
    assert await reminders(house) == []

    await house.hear(the_details())
    await house.step_to(EVE + timedelta(hours=5))

    [held] = await reminders(house)
    assert (held["state"], held["bundle"] is not None) == ("held", True)
    house.office.set(EVE.replace(day=2, hour=7))
    await sent_until(house, "delivered")
    assert [message["template"] for message in await gateway.messages()] == ["appointment.v1"]


async def test_of_a_child_the_guarantor_is_reminded(house: House, gateway: Carrier) -> None:
    guardian = {"name": "Ibu Sari", "phone": "0813-0000-0202"}
    contact = a_fact(registration.FirstContactMade, visit_at=VISIT, juvenile=True)
    await house.hear(contact, the_details(juvenile=True, guarantor=guardian))

    await house.step_to(EVE)
    await sent_until(house, "delivered")

    assert [message["to"] for message in await gateway.messages()] == ["+6281300000202"]
    assert {topic for topic, key in await house.topics()} >= {"notifications.juvenile.events"}


@pytest.mark.parametrize(
    "fact", [registration.RegistrationSubmitted, registration.RegistrationClosed, registration.ClientHandedOn]
)
async def test_who_has_come_or_whose_case_is_over_is_not_reminded(house: House, fact: type[Any]) -> None:
    await house.hear(CONTACT, the_details(), a_fact(fact))

    await house.step_to(EVE + timedelta(hours=1))

    assert await reminders(house) == []


async def test_a_tombstone_empties_the_number_and_what_waits_is_sent_to_nobody(house: House, gateway: Carrier) -> None:
    await house.hear(CONTACT, the_details())
    await house.step_to(EVE)
    assert PHONE in str(await house.pool.fetch("SELECT phone FROM client_reach"))

    await house.deliver(tombstone_of(ClientDetails, CLIENT), tombstone_of(ClientDetails, CLIENT))
    await sent_until(house, "failed")

    kept = await house.pool.fetch("SELECT phone, erased_at FROM client_reach")
    assert [(row["phone"], row["erased_at"]) for row in kept] == [(None, EVE)]
    assert await gateway.messages() == []
    [lost] = [fact for fact in await house.published() if isinstance(fact, NotificationFailedV2)]
    assert lost.reason == "NO_PHONE"
    assert await house.pool.fetch("SELECT 1 FROM notification WHERE occasion = 'not-reached'") == []


async def test_a_tombstone_for_nobody_stops_nothing(house: House) -> None:
    await house.deliver(tombstone_of(ClientDetails, CLIENT), tombstone_of(ClientDetails, "no id"))

    assert await house.pool.fetch("SELECT 1 FROM client_reach") == []


@pytest.mark.parametrize("refusal", [{"unknown_numbers": [PHONE]}, {"refuse_with": 422, "code": "OPTED_OUT"}], ids=str)
async def test_a_number_that_wants_nothing_is_left_alone_until_another_is_known(
    house: House, gateway: Carrier, refusal: dict[str, Any]
) -> None:
    await gateway.behave(**refusal)
    await house.hear(CONTACT, the_details(), DAYS)
    await house.step_to(EVE)
    await sent_until(house, "failed")
    await gateway.behave()
    assert "client-report" not in await house.clocks()

    await house.step_to(JULY)
    assert len(await reminders(house)) == 1, "nothing more to this number"
    await house.hear(the_details(phone="0812 0000 0999"))
    await house.step_to(JULY)
    await sent_until(house, "failed", "delivered")

    assert "+6281200000999" in {message["to"] for message in await gateway.messages()}


async def test_the_number_stands_in_its_table_and_nowhere_else(house: House, gateway: Carrier) -> None:
    await house.hear(CONTACT, the_details(name="Budi Santosa"), traceparent=TRACEPARENT)
    await house.step_to(EVE)
    await sent_until(house, "delivered")

    said = await everything_of_the_ledger_and_beyond(house)
    for secret in (PHONE, PHONE.removeprefix("+62"), "0812-0000-0101", "Budi", "Santosa"):
        assert secret not in said
    kept = [dict(row) for row in await house.pool.fetch("SELECT * FROM client_reach")]
    assert "Budi" not in str(kept), "the number is all that is kept of the person"
