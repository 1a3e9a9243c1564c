"""An officer with a telephone: how notices to them come about, are worked off, and how far they have come."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from chassis.senders import Claim
from chassis.transaction import Actor
from contracts import registration
from services.notifications import outgoing
from tests.component.house import FRIDAY, TRACEPARENT, House
from tests.unit.notifications.builders import REGISTRATION, a_fact

PHONE: Final = "+6281200000042"
CONTACTS: Final = f"""
    [[contact]]
    officer = "PO-HQ-02"
    email = "officer@bapas.example"
    phone = "{PHONE}"
    channels = ["IN_APP", "GATEWAY", "EMAIL"]

    [[contact]]
    officer = "PO-SKY-01"
    channels = ["IN_APP"]

    [receipt_within_minutes]
    urgent = 10
    normal = 30

    [[quiet_hours]]
    officer = "PO-HQ-02"
    from = 21:00:00
    to = 06:00:00
"""
EVENING: Final = FRIDAY + timedelta(hours=5)
"""21:30 in Palembang."""
MORNING: Final = FRIDAY + timedelta(hours=13, minutes=30)
"""06:00 on Saturday."""
PATIENCE_SECONDS: Final = 15.0
ACTOR: Final = Actor("timer", "mail")


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    """Wait for something to become true, and not for ever."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110  the database tells nobody when a row changes
            await asyncio.sleep(0.02)


async def rows(house: House) -> dict[str, dict[str, Any]]:
    """The officer's notices by channel, the last of each."""
    query = "SELECT * FROM notification WHERE recipient = 'PO-HQ-02' ORDER BY seq"
    return {row["channel"]: dict(row) for row in await house.pool.fetch(query)}


async def states(house: House) -> dict[str, str]:
    """How far the officer's notices have come, by channel."""
    return {channel: row["state"] for channel, row in (await rows(house)).items()}


def came_to(house: House, **wanted: str) -> Callable[[], Awaitable[bool]]:
    """Whether the officer's notices have come so far."""

    async def look() -> bool:
        return {**await states(house), **wanted} == await states(house)

    return look


async def work_until(house: House, **wanted: str) -> None:
    """Let the senders work until the officer's notices have come so far."""
    async with house.sending():
        await until(came_to(house, **wanted))


async def urgent(house: House, **fields: Any) -> None:
    """The officer is to hear at once that somebody is free."""
    await house.hear(a_fact(registration.RegistrationOpened, **fields), traceparent=TRACEPARENT)


async def not_urgent(house: House, *, number: int = 1) -> None:
    """The officer is to hear, in time, that a client was registered."""
    fact = a_fact(registration.ClientRegistered, registration_id=UUID(int=REGISTRATION.int + number))
    await house.hear(fact)


async def claimed(house: House) -> list[Any]:
    """Take what is due, as a sender would."""
    now = house.system_clock.now()
    claim = Claim(now, now + timedelta(seconds=60), items_max=20)
    return list(await house.commands.run(outgoing.claim_parcels, claim, actor=ACTOR))


async def claimed_kinds(house: House) -> list[str]:
    """The templates of what a sender would take now; they stay with a sender that is not heard of again."""
    return [notice.template for parcel in await claimed(house) for notice in parcel.notices]


async def all_delivered(house: House, template: str) -> bool:
    """Whether every message with these words has arrived."""
    query = "SELECT bool_and(state = 'delivered') FROM notification WHERE channel = 'GATEWAY' AND template = $1"
    return bool(await house.pool.fetchval(query, template))
