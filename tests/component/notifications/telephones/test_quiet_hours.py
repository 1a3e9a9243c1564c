"""What may wait waits for the end of quiet hours, and comes as one message, once; what may not, does not."""

from datetime import timedelta
from uuid import UUID, uuid4

from contracts import registration
from tests.component.house import House, record_of
from tests.component.notifications.telephones.carrier import Carrier
from tests.component.notifications.telephones.officer import (
    EVENING,
    MORNING,
    all_delivered,
    claimed,
    claimed_kinds,
    not_urgent,
    until,
    urgent,
    work_until,
)
from tests.unit.notifications.builders import REGISTRATION, a_fact


async def test_what_is_not_urgent_waits_for_the_end_of_quiet_hours_and_comes_as_one_message(
    house: House, gateway: Carrier
) -> None:
    house.office.set(EVENING)
    for number in range(3):
        await not_urgent(house, number=number)
    await urgent(house, registration_id=UUID(int=REGISTRATION.int + 9))
    assert await claimed_kinds(house) == ["released"], "what serves the first contact waits for nothing"

    house.office.set(MORNING - timedelta(seconds=1))
    assert await claimed_kinds(house) == []
    house.office.set(MORNING)
    async with house.sending():
        await until(lambda: all_delivered(house, "registered"))

    messages = [message for message in await gateway.messages() if message["template"] == "digest.v1"]
    assert len(messages) == 1
    assert messages[0]["text"].count("Registrasi klien disetujui") == 3
    assert messages[0]["text"].index("1. ") < messages[0]["text"].index("2. ") < messages[0]["text"].index("3. ")
    kept = await house.pool.fetch(
        "SELECT parcel, digest_version FROM notification WHERE template = 'registered' AND channel = 'GATEWAY'"
    )
    assert {(str(row["parcel"]), row["digest_version"]) for row in kept} == {(messages[0]["key"], 1)}


async def test_a_digest_whose_sender_died_is_the_same_digest_again(house: House, gateway: Carrier) -> None:
    house.office.set(EVENING)
    for number in range(3):
        await not_urgent(house, number=number)
    house.office.set(MORNING)
    [parcel] = await claimed(house)
    assert (await next(iter(house.senders)).send(parcel)).sent
    await until(lambda: all_delivered(house, "registered"))

    await not_urgent(house, number=7)
    house.system_clock.step(timedelta(seconds=60))
    async with house.sending():
        await until(lambda: all_delivered(house, "registered"))

    assert [message["template"] for message in await gateway.messages()] == ["digest.v1", "registered.v1"]
    assert [message["times_given"] for message in await gateway.messages()] == [1, 1]


async def test_one_that_waited_alone_comes_as_it_is(house: House, gateway: Carrier) -> None:
    house.office.set(EVENING)
    await not_urgent(house)
    house.office.set(MORNING)

    await work_until(house, GATEWAY="delivered")

    assert [message["template"] for message in await gateway.messages()] == ["registered.v1"]


async def test_more_than_fit_into_one_message_come_in_two(house: House, gateway: Carrier) -> None:
    house.office.set(EVENING)
    for number in range(23):
        await not_urgent(house, number=number)
    house.office.set(MORNING)

    async with house.sending(), house.sending():
        await until(lambda: all_delivered(house, "registered"))

    texts = [message["text"].count("Registrasi klien disetujui") for message in await gateway.messages()]
    assert sorted(texts) == [3, 20]


async def test_the_same_fact_twice_is_held_and_sent_once(house: House, gateway: Carrier) -> None:
    house.office.set(EVENING)
    fact = a_fact(registration.ClientRegistered)
    event_id = uuid4()
    for _ in range(2):
        await house.deliver(record_of(fact, event_id=event_id))
    house.office.set(MORNING)

    await work_until(house, GATEWAY="delivered")

    assert len(await gateway.messages()) == 1
