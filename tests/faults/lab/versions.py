"""Other versions of a service than the one that lies here: the next one, and one with a bug."""

import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from chassis import outbox
from chassis.inbox import Inbox
from chassis.service import Service
from chassis.transaction import Transaction
from contracts.envelope import encode_data
from contracts.event import Event

NEXT: Final = "next"
BROKEN: Final = "broken"
ONE_OF: Final = 4
ENCODE: Final = "encode_data"
"""The name by which the outbox finds how an event is written."""


class Broken(Exception):
    """What a version without enough tests raises."""


def version_of(service: Service, version: str) -> Service:
    """A service as this version of it would be; without a name the one that lies here.

    The next version says one thing more in every event, as a compatible change may. The broken one meets a bug with
    the events of one subject of four.
    """
    if version == NEXT:
        setattr(outbox, ENCODE, _encode_more)  # the contracts of the next version, in this process alone
    if version == BROKEN:
        return replace(service, inbox=_broken(service.inbox))
    return service


def _encode_more(event: Event) -> bytes:
    return json.dumps({**json.loads(encode_data(event)), "said_since": "next"}, separators=(",", ":")).encode()


def _broken(inbox: Inbox) -> Inbox:
    reactions = {name: replace(each, handle=_meeting_a_bug(each.handle)) for name, each in inbox.reactions.items()}
    return Inbox(inbox.service, reactions, inbox.erasures, inbox.clocks)


def _meeting_a_bug(
    handle: Callable[[Any, Transaction], Awaitable[object]],
) -> Callable[[Any, Transaction], Awaitable[object]]:
    async def handle_or_not(event: Any, tx: Transaction) -> object:
        if zlib.crc32(str(event.subject).encode()) % ONE_OF == 0:
            raise Broken
        return await handle(event, tx)

    return handle_or_not
