"""Sending over real SMTP: once where it can be once, later where it must be later, and said where it may be twice."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from chassis.senders import Claim
from chassis.transaction import Actor
from contracts import registration
from contracts.notifications import NotificationDeliveredV2, NotificationFailedV2
from services.notifications import outgoing
from services.notifications.domain.attempts import RETRIES
from services.notifications.domain.parcels import Parcel
from tests.component.house import TRACEPARENT, House
from tests.component.notifications.postmaster import Postmaster
from tests.unit.notifications.builders import a_fact

ACTOR = Actor("timer", "mail")
PATIENCE_SECONDS = 10.0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to become true, and not for ever."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110  the database tells nobody when a row changes
            await asyncio.sleep(0.02)


async def states(house: House) -> dict[str, str]:
    """How far the mails came, by recipient."""
    rows = await house.pool.fetch("SELECT recipient, state FROM notification WHERE channel = 'EMAIL'")
    return {row["recipient"]: row["state"] for row in rows}


async def settled(house: House) -> bool:
    """Whether nothing is being sent and everything was tried."""
    return not await house.pool.fetchval(
        "SELECT count(*) FROM notification WHERE state = 'sending' OR (state = 'pending' AND attempts = 0)"
    )


async def send_once(house: House) -> None:
    """Let everything that is due be tried once."""
    async with house.sending():
        await until(lambda: settled(house))


async def a_release(house: House) -> None:
    """Two people are to get mail."""
    await house.hear(a_fact(registration.RegistrationOpened), traceparent=TRACEPARENT)


async def one_mail(house: House) -> None:
    """One person is to get mail."""
    await house.hear(a_fact(registration.ClientRegistered))


async def test_mail_arrives_as_plain_text_with_a_subject_that_says_nothing(house: House, post: Postmaster) -> None:
    await a_release(house)

    await send_once(house)

    assert sorted(post.recipients) == ["duty.sekayu@bapas.example", "officer@bapas.example"]
    mail = post.mails[0]
    assert str(mail["Subject"]) == "Segera: 0412…"
    assert (mail.get_content_type(), mail["From"]) == ("text/plain", "pemberitahuan@bapas.example")
    assert "Pos Bapas Sekayu" in mail.get_content()
    assert parsedate_to_datetime(str(mail["Date"])) == house.system_clock.now().replace(microsecond=0)
    kept = {row["message_id"] for row in await house.pool.fetch("SELECT message_id FROM notification")}
    assert {str(mail["Message-ID"]) for mail in post.mails} <= kept


async def test_what_was_sent_is_said_once_it_was_sent(house: House, post: Postmaster) -> None:
    await one_mail(house)
    before = len(await house.published())

    await send_once(house)

    said = (await house.published())[before:]
    assert [(type(fact), fact.recipient) for fact in said if isinstance(fact, NotificationDeliveredV2)] == [
        (NotificationDeliveredV2, "PO-HQ-02")
    ]
    assert await states(house) == {"PO-HQ-02": "delivered"}


async def test_a_recipient_who_does_not_exist_fails_at_once_and_harms_nobody_else(
    house: House, post: Postmaster
) -> None:
    post.answers_to_recipient = ["550 no such mailbox"]
    await a_release(house)

    await send_once(house)

    assert sorted((await states(house)).values()) == ["delivered", "failed"]
    failed = [fact for fact in await house.published() if isinstance(fact, NotificationFailedV2)]
    assert [(fact.reason, fact.attempts) for fact in failed] == [("SMTP_550", 1)]


LOST = "SELECT recipient, channel, body, state FROM notification WHERE occasion = 'not-reached' ORDER BY seq"


async def test_operations_hear_once_that_the_last_way_to_somebody_failed_and_why(
    house: House, post: Postmaster
) -> None:
    post.answers_to_recipient = ["550 no such mailbox"]
    await one_mail(house)

    await send_once(house)

    told = await house.pool.fetch(LOST)
    assert {(row["recipient"], row["channel"]) for row in told} == {("OPS-HQ-01", "IN_APP"), ("OPS-HQ-02", "IN_APP")}
    failed = await house.pool.fetchrow("SELECT notification_id, recipient FROM notification WHERE state = 'failed'")
    assert failed is not None
    for said in (failed["recipient"], str(failed["notification_id"]), "EMAIL", "SMTP_550"):
        assert said in told[0]["body"]
    assert len(await house.pool.fetch("SELECT 1 FROM alert")) == 0, "it is told, and climbs nowhere"


async def test_whoever_has_read_it_was_reached(house: House, post: Postmaster) -> None:
    post.answers_to_recipient = ["550 no such mailbox"]
    await one_mail(house)
    await house.pool.execute("UPDATE notification SET read_at = now() WHERE channel = 'IN_APP'")

    await send_once(house)

    assert set((await states(house)).values()) == {"failed"}
    assert await house.pool.fetch(LOST) == []


async def test_of_a_child_operations_hear_no_more_than_that_there_is_something(house: House, post: Postmaster) -> None:
    post.answers_to_recipient = ["550 no such mailbox"]
    await house.hear(a_fact(registration.ClientRegistered, juvenile=True))

    await send_once(house)

    told = await house.pool.fetch("SELECT template, body FROM notification WHERE occasion = 'not-reached'")
    assert {row["template"] for row in told} == {"restricted"}
    assert "SMTP" not in told[0]["body"]


@pytest.mark.parametrize(
    "busy", [{"answers_to_recipient": ["450 try later"]}, {"answers_to_content": ["451 try later"]}], ids=str
)
async def test_a_server_that_is_busy_is_asked_again_later(
    house: House, post: Postmaster, busy: dict[str, list[str]]
) -> None:
    vars(post).update(busy)
    await one_mail(house)

    await send_once(house)
    assert await states(house) == {"PO-HQ-02": "pending"}
    await send_once(house)
    assert post.mails == [], "it is not time yet"

    house.system_clock.step(RETRIES.first_wait)
    async with house.sending():
        await until(lambda: is_delivered(house))

    assert len(post.mails) == 1
    assert await house.pool.fetchval("SELECT maybe_doubled FROM notification WHERE channel = 'EMAIL'") is False


async def is_delivered(house: House) -> bool:
    """Whether every mail has arrived."""
    return await all_are(house, "delivered")


async def all_are(house: House, state: str) -> bool:
    """Whether every mail has come so far."""
    query = "SELECT bool_and(state = $1) FROM notification WHERE channel = 'EMAIL'"
    return bool(await house.pool.fetchval(query, state))


async def test_a_server_that_stays_away_is_given_up_in_the_end_and_that_is_seen(house: House, post: Postmaster) -> None:
    await one_mail(house)
    await house.pool.execute("UPDATE notification SET attempts = $1 WHERE channel = 'EMAIL'", RETRIES.attempts_max - 1)
    post.answers_to_content = ["421 closing"]

    async with house.sending():
        await until(lambda: has_failed(house))

    failed = [fact for fact in await house.published() if isinstance(fact, NotificationFailedV2)]
    assert [(fact.reason, fact.attempts) for fact in failed] == [("SMTP_421", RETRIES.attempts_max)]


async def has_failed(house: House) -> bool:
    """Whether every mail was given up."""
    return await all_are(house, "failed")


async def test_a_server_that_is_not_there_is_asked_again(house: House, post: Postmaster) -> None:
    await post.close()
    await one_mail(house)

    await send_once(house)

    assert await states(house) == {"PO-HQ-02": "pending"}
    kept = await house.pool.fetchrow("SELECT reason, maybe_doubled FROM notification WHERE channel = 'EMAIL'")
    assert kept is not None
    assert tuple(kept) == ("SMTP_UNREACHABLE", False)


async def test_a_talk_that_breaks_off_after_the_content_says_that_it_may_come_twice(
    house: House, post: Postmaster
) -> None:
    post.hangs_up_after_content = True
    await one_mail(house)

    await send_once(house)
    assert await states(house) == {"PO-HQ-02": "pending"}
    house.system_clock.step(RETRIES.first_wait)
    async with house.sending():
        await until(lambda: is_delivered(house))

    assert len(post.mails) == 2
    assert len({str(mail["Message-ID"]) for mail in post.mails}) == 1, "a reader can see that they are one"
    last = (await house.published())[-1]
    assert isinstance(last, NotificationDeliveredV2)
    assert (last.maybe_doubled, last.attempts) == (True, 2)


def a_claim(house: House, *, lease: timedelta = timedelta(seconds=60)) -> Claim:
    """What a sender asks for now."""
    now = house.system_clock.now()
    return Claim(now, now + lease, items_max=20)


async def claimed(house: House) -> list[Parcel]:
    """Take what is due, as a sender would."""
    return await house.commands.run(outgoing.claim_parcels, a_claim(house), actor=ACTOR)


async def test_a_claim_belongs_to_one_sender_until_it_runs_out(house: House) -> None:
    await one_mail(house)

    [first] = await claimed(house)
    assert await claimed(house) == []

    house.system_clock.step(timedelta(seconds=60))
    [again] = await claimed(house)
    assert (first.maybe_doubled, again.maybe_doubled, again.first.attempts) == (False, True, 2)


async def test_a_sender_that_died_after_sending_is_followed_by_one_that_says_so(house: House, post: Postmaster) -> None:
    await one_mail(house)
    [parcel] = await claimed(house)
    assert (await next(iter(house.senders)).send(parcel)).sent

    house.system_clock.step(timedelta(seconds=60))
    async with house.sending():
        await until(lambda: is_delivered(house))

    assert len(post.mails) == 2
    assert await house.pool.fetchval("SELECT maybe_doubled FROM notification WHERE channel = 'EMAIL'") is True


async def test_many_senders_at_once_send_each_mail_once(house: House, post: Postmaster) -> None:
    await house.hear(*(a_fact(registration.ClientRegistered) for _ in range(30)))

    async with house.sending(), house.sending(), house.sending():
        await until(lambda: is_delivered(house))

    assert len(post.mails) == len({str(mail["Message-ID"]) for mail in post.mails}) == 30


async def test_one_trace_leads_from_the_fact_to_the_mail(house: House, post: Postmaster) -> None:
    await a_release(house)

    await send_once(house)

    trace_id = int(TRACEPARENT.split("-")[1], 16)
    mails = [span for span in house.spans.get_finished_spans() if span.name == "smtp send"]
    assert len(mails) == 2
    assert {span.context.trace_id for span in mails if span.context is not None} == {trace_id}
    said = str([dict(span.attributes or {}) for span in mails])
    assert "bapas.example" not in said
