"""A consumer with a desk behind it, and deliveries that end on it."""

import json
from collections.abc import Mapping
from typing import Any

from chassis.batch import BatchRunner
from chassis.dead_letters import Letters
from chassis.delivery import Record, read
from chassis.engine import Engine
from chassis.inbox import Inbox
from chassis.letter_desk import LetterDesk
from chassis.rules.refusal import Refused
from chassis.transaction import Transaction
from contracts.lapas import ClientReleased

NAME, NIK = "Budi Santoso", "1671012345670001"
RELEASE = {
    "release_id": "LP1-PLG.2026.0417", "facility": "LP1-PLG", "name": NAME, "nik": NIK,
    "released_at": "2026-05-29T15:45:00+07:00",
}  # fmt: skip


class ClosedToday(Refused):
    """The prison of Sekayu is not served."""


class House:
    """A consumer that keeps what it was told, and the desk behind it."""

    def __init__(self, engine: Engine) -> None:
        self.told: list[str] = []
        inbox = Inbox("registration")

        @inbox.on(ClientReleased)
        async def note_release(event: ClientReleased, tx: Transaction) -> None:
            """A release is noted, unless it comes from Sekayu or breaks the pencil."""
            if event.facility == "LP-SKY":
                raise ClosedToday
            if event.facility == "LPP-PLG":
                raise ZeroDivisionError(NAME)
            self.told.append(event.facility)

        letters = Letters("registration", "registration", frozenset({"lapas.events"}))
        self.inbox = inbox
        self.runner = BatchRunner(engine, letters)
        self.desk = LetterDesk(engine, inbox, self.runner, letters, lambda: None)
        self._offset = 0

    async def deliver(self, data: Mapping[str, Any] | bytes, *, key: str = "LP1-PLG.2026.0417", event_id: str) -> None:
        """Hand over one record as Kafka would."""
        value = data if isinstance(data, bytes) else json.dumps(data).encode()
        headers = {
            "ce_specversion": "1.0", "ce_id": event_id, "ce_source": "/sdp/lp1-plg",
            "ce_type": "lapas.client-released.v1", "content-type": "application/json",
        }  # fmt: skip
        packed = tuple((name, text.encode()) for name, text in headers.items())
        record = Record("lapas.events", 0, self._offset, key.encode(), packed, value)
        self._offset += 1
        await self.runner.run([read(record, self.inbox)], {("lapas.events", 0): self._offset})

    async def set_aside_a_broken_release(self) -> None:
        """A release whose time cannot be read, and two later ones of the same subject."""
        await self.deliver({**RELEASE, "released_at": "Friday"}, event_id="e-1")
        await self.deliver(RELEASE, event_id="e-2")
        await self.deliver(RELEASE, event_id="e-3")
