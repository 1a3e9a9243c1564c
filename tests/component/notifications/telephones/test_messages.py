"""Messages to telephones through the real gateway of the local stack: once, confirmed, or by another way."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import generate_latest

from contracts.notifications import Channel, NotificationDeliveredV2, NotificationFailedV2
from deploy.local.ports import is_open
from deploy.local.tokens import Issuer
from deploy.local.waiting import wait_until
from services.notifications.app import build
from services.notifications.domain.attempts import RETRIES
from tests.component.house import FRIDAY, TRACEPARENT, House, furnished
from tests.component.notifications.postmaster import Postmaster
from tests.component.notifications.telephones.carrier import RECEIPTS, Carrier, signed
from tests.component.notifications.telephones.officer import (
    PHONE,
    came_to,
    claimed,
    rows,
    states,
    until,
    urgent,
    work_until,
)


async def test_a_message_is_handed_over_and_the_receipt_says_that_it_arrived(house: House, gateway: Carrier) -> None:
    await urgent(house)
    assert await states(house) == {"IN_APP": "delivered", "GATEWAY": "pending"}, "the mail is the next way, not another"

    await work_until(house, GATEWAY="delivered")

    [message] = await gateway.messages()
    kept = (await rows(house))["GATEWAY"]
    assert (message["to"], message["key"], message["template"]) == (PHONE, str(kept["notification_id"]), "released.v1")
    assert "Pos Bapas Sekayu" in message["text"]
    assert (kept["attempts"], kept["maybe_doubled"], kept["accepted_at"]) == (1, False, FRIDAY)
    said = [fact for fact in await house.published() if isinstance(fact, NotificationDeliveredV2)]
    assert [fact.recipient for fact in said if fact.channel is Channel.GATEWAY] == ["PO-HQ-02"]
    assert "receipt-missing" not in await house.clocks()


async def test_of_a_child_a_message_says_nothing(house: House, gateway: Carrier) -> None:
    await urgent(house, juvenile=True, facility="LPKA-PLG")

    await work_until(house, GATEWAY="delivered")

    [message] = await gateway.messages()
    assert message["template"] == "restricted.v1"
    assert not [word for word in ("LPKA", "Sekayu", "Palembang", "bebas", "anak") if word in message["text"]]


async def test_reading_is_noted_and_receipts_that_come_twice_or_late_change_nothing(
    house: House, gateway: Carrier
) -> None:
    await gateway.behave(reports=["delivered", "accepted", "read", "delivered"], copies=3)
    await urgent(house)

    await work_until(house, GATEWAY="delivered")
    await until(lambda: house.pool.fetchval("SELECT read_at FROM notification WHERE channel = 'GATEWAY'"))

    kept = (await rows(house))["GATEWAY"]
    assert (kept["state"], kept["read_at"], kept["sequence"]) == ("delivered", FRIDAY, 1)
    said = [fact for fact in await house.published() if isinstance(fact, NotificationDeliveredV2)]
    assert len([fact for fact in said if fact.channel is Channel.GATEWAY]) == 1


async def test_a_number_that_nobody_has_is_named_and_the_next_way_is_taken(
    house: House, gateway: Carrier, post: Postmaster
) -> None:
    await gateway.behave(unknown_numbers=[PHONE])
    await urgent(house)

    await work_until(house, GATEWAY="failed", EMAIL="delivered")

    kept = await rows(house)
    assert kept["GATEWAY"]["reason"] == "GATEWAY_NUMBER_UNKNOWN"
    assert kept["EMAIL"]["instead_of"] == kept["GATEWAY"]["notification_id"]
    assert post.recipients == ["officer@bapas.example"]
    failed = [fact for fact in await house.published() if isinstance(fact, NotificationFailedV2)]
    assert [(fact.channel, fact.reason) for fact in failed] == [(Channel.GATEWAY, "GATEWAY_NUMBER_UNKNOWN")]


async def test_operations_hear_of_it_only_when_the_next_way_has_failed_too(
    house: House, gateway: Carrier, post: Postmaster
) -> None:
    await gateway.behave(unknown_numbers=[PHONE])
    post.answers_to_recipient = ["550 no such mailbox"]
    await urgent(house)

    await work_until(house, GATEWAY="failed", EMAIL="failed")

    told = await house.pool.fetch("SELECT body FROM notification WHERE occasion = 'not-reached'")
    assert len(told) == 2, "once to each of operations"
    assert "SMTP_550" in told[0]["body"]
    assert "NUMBER_UNKNOWN" not in told[0]["body"]


async def test_a_refusal_for_good_takes_the_next_way_at_once(house: House, gateway: Carrier, post: Postmaster) -> None:
    await gateway.behave(refuse_with=422, code="OPTED_OUT")
    await urgent(house)

    await work_until(house, GATEWAY="failed", EMAIL="delivered")

    kept = (await rows(house))["GATEWAY"]
    assert (kept["reason"], kept["attempts"]) == ("GATEWAY_OPTED_OUT", 1)


@pytest.mark.parametrize("status", [401, 408, 429, 500, 503])
async def test_a_refusal_that_may_pass_is_tried_again(house: House, gateway: Carrier, status: int) -> None:
    await gateway.behave(refuse_with=status)
    await urgent(house)
    async with house.sending():
        await until(lambda: house.pool.fetchval("SELECT reason FROM notification WHERE channel = 'GATEWAY'"))
    kept = (await rows(house))["GATEWAY"]
    assert (kept["state"], kept["reason"]) == ("pending", f"GATEWAY_{status}")

    # The gateway's clock stands still beside the house's: a receipt would come from too far away.
    await gateway.behave(reports=[])
    house.system_clock.set(kept["next_attempt_at"])
    await work_until(house, GATEWAY="accepted")

    assert len(await gateway.messages()) == 1


async def test_without_a_receipt_in_time_the_next_way_is_taken_and_a_late_receipt_is_believed(
    house: House, gateway: Carrier, post: Postmaster
) -> None:
    await gateway.behave(reports=["accepted"])
    await urgent(house)
    await work_until(house, GATEWAY="accepted")

    assert await house.step_to(FRIDAY + timedelta(minutes=9, seconds=59)) == 0
    assert await house.step_to(FRIDAY + timedelta(minutes=10)) == 1
    assert "receipt-missing" not in await house.clocks(), "once"
    await work_until(house, EMAIL="delivered")

    assert await states(house) == {"IN_APP": "delivered", "GATEWAY": "accepted", "EMAIL": "delivered"}
    await gateway.report(str((await rows(house))["GATEWAY"]["parcel"]), "delivered")
    await until(came_to(house, GATEWAY="delivered"))
    assert len(post.mails) == 1


async def test_somebody_who_has_seen_it_in_the_application_is_not_told_another_way(
    house: House, gateway: Carrier
) -> None:
    await gateway.behave(reports=["accepted"])
    await urgent(house)
    await work_until(house, GATEWAY="accepted")
    await house.pool.execute("UPDATE notification SET read_at = now() WHERE channel = 'IN_APP'")

    await house.step_to(FRIDAY + timedelta(hours=1))

    assert set(await states(house)) == {"IN_APP", "GATEWAY"}


async def test_a_gateway_that_is_away_for_an_hour_keeps_nobody_waiting(
    house: House, gateway: Carrier, post: Postmaster
) -> None:
    gateway.kill()
    try:
        await urgent(house)
        async with house.sending():
            await until(lambda: house.pool.fetchval("SELECT reason FROM notification WHERE channel = 'GATEWAY'"))
        assert (await rows(house))["GATEWAY"]["reason"] == "GATEWAY_UNREACHABLE"

        await house.step_to(FRIDAY + timedelta(minutes=10))
        await work_until(house, EMAIL="delivered")
    finally:
        gateway.start()
        assert wait_until(lambda: is_open(gateway.port), seconds=20)

    house.system_clock.step(timedelta(hours=1))
    async with house.sending():
        await asyncio.sleep(1.0)
    assert await gateway.messages() == [], "what took another way does not come a second time an hour later"
    assert (await rows(house))["GATEWAY"]["reason"] == "REPLACED"
    assert post.recipients == ["officer@bapas.example"]


async def test_a_sender_that_died_between_sending_and_writing_it_down_leaves_one_message(
    house: House, gateway: Carrier
) -> None:
    await gateway.behave(reports=[])
    await urgent(house)
    [parcel] = await claimed(house)
    assert (await next(iter(house.senders)).send(parcel)).sent

    house.system_clock.step(timedelta(seconds=60))
    await work_until(house, GATEWAY="accepted")

    [message] = await gateway.messages()
    kept = (await rows(house))["GATEWAY"]
    assert (message["times_given"], kept["attempts"], kept["maybe_doubled"]) == (2, 2, False)


async def test_a_receipt_that_overtakes_the_answer_saves_the_second_attempt(house: House, gateway: Carrier) -> None:
    await gateway.behave(hang_up=True)
    await urgent(house)

    await work_until(house, GATEWAY="delivered")
    house.system_clock.step(RETRIES.wait_max)
    assert await claimed(house) == []

    assert [message["times_given"] for message in await gateway.messages()] == [1]


async def test_a_gateway_that_does_not_answer_is_asked_again_and_sends_one_message(
    house: House, gateway: Carrier
) -> None:
    await gateway.behave(hang_up=True, reports=[])
    await urgent(house)
    async with house.sending():
        await until(lambda: house.pool.fetchval("SELECT reason FROM notification WHERE channel = 'GATEWAY'"))
    assert (await rows(house))["GATEWAY"]["reason"] == "GATEWAY_INTERRUPTED"

    await gateway.behave(reports=["delivered"])
    house.system_clock.step(RETRIES.first_wait)
    await work_until(house, GATEWAY="accepted")

    [message] = await gateway.messages()
    assert message["times_given"] == 2


async def test_a_receipt_must_be_signed_with_a_key_that_is_known_and_in_time(house: House, gateway: Carrier) -> None:
    await gateway.behave(reports=[])
    await urgent(house)
    await work_until(house, GATEWAY="accepted")
    body = {"message": str((await rows(house))["GATEWAY"]["parcel"]), "state": "delivered"}
    now = int(house.system_clock.now().timestamp())

    async with house.client() as client:
        unsigned = await client.post(RECEIPTS, json=body)
        forged = await client.post(RECEIPTS, **signed("another key", body, at=now))
        late = await client.post(RECEIPTS, **signed(gateway.key, body, at=now - 301))
        assert await states(house) == {"IN_APP": "delivered", "GATEWAY": "accepted"}
        stranger = await client.post(RECEIPTS, **signed(gateway.key, {**body, "message": str(uuid4())}, at=now))
        strange = await client.post(RECEIPTS, **signed(gateway.key, {**body, "state": "pondering"}, at=now))
        first = await client.post(RECEIPTS, **signed(gateway.key, body, at=now))
        again = await client.post(RECEIPTS, **signed(gateway.key, body, at=now))

    assert [answer.status_code for answer in (unsigned, forged, late)] == [401, 401, 401]
    assert unsigned.headers["Content-Type"] == "application/problem+json"
    assert [answer.status_code for answer in (stranger, strange, first, again)] == [404, 422, 200, 200]
    assert (first.json()["outcome"], again.json()["outcome"]) == ("applied", "irrelevant")
    assert (await states(house))["GATEWAY"] == "delivered"


async def test_while_the_key_changes_both_keys_are_believed(
    dsn: str, issuer: Issuer, post: Postmaster, gateway: Carrier, tmp_path: Path
) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text("the key of tomorrow")
    old.write_text(gateway.key)
    env = {
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(post.port), "MAIL_FROM": "pemberitahuan@bapas.example",
        **gateway.env, "GATEWAY_RECEIPT_KEY_FILE": str(new), "GATEWAY_RECEIPT_KEY_OLD_FILE": str(old),
    }  # fmt: skip

    async with furnished(build(), dsn, issuer, env) as house, house.client() as client:
        now = int(house.system_clock.now().timestamp())
        body = {"message": str(uuid4()), "state": "delivered"}
        answers = [
            (await client.post(RECEIPTS, **signed(key, body, at=now))).status_code
            for key in ("the key of tomorrow", gateway.key, "the key before that")
        ]

    assert answers == [404, 404, 401]


async def test_a_telephone_number_is_in_no_span_log_event_or_row(
    house: House, gateway: Carrier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await gateway.behave(unknown_numbers=[PHONE])
    await urgent(house)
    await work_until(house, GATEWAY="failed", EMAIL="delivered")

    spans = [span for span in house.spans.get_finished_spans() if span.name == "gateway send"]
    assert [span.context.trace_id for span in spans if span.context] == [int(TRACEPARENT.split("-")[1], 16)]
    kept = str([dict(row) for row in await house.pool.fetch("SELECT * FROM notification")])
    told = [fact.model_dump_json() for fact in await house.published()]
    seen = f"{[span.to_json() for span in house.spans.get_finished_spans()]}{kept}{told}{caplog.text}"
    seen += generate_latest(house.metrics.registry).decode()
    assert PHONE.removeprefix("+62") not in seen
    assert (await gateway.messages())[0]["to"] == PHONE
