"""Bugs of the senders: who may send, and under which name."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import uuid4

from chassis.aggregates import Aggregates
from chassis.commands import Commands
from chassis.senders import Claim, SenderLoop, SendResult, Settlement
from chassis.transaction import Transaction
from services.notifications.domain.parcels import Parcel
from services.notifications.store import NOTICES
from tests.component.chassis.delivery.ledger import LETTERS, Letter

C = TypeVar("C")
R = TypeVar("R")

Row = tuple[Aggregates[Any, Any], Any]


def _rows_of(item: Letter | Parcel) -> Sequence[Row]:
    """The rows of its ledger that an item stands for."""
    return [(LETTERS, item)] if isinstance(item, Letter) else [(NOTICES, notice) for notice in item.notices]


def _renamed(parcel: Parcel) -> Parcel:
    name = f"<{uuid4()}@renamed>"
    return replace(parcel, notices=tuple(replace(notice, message_id=name) for notice in parcel.notices))


class _Undone(Exception):
    """Carries what was claimed out of a transaction that does not commit."""

    def __init__(self, items: Sequence[Any]) -> None:
        super().__init__()
        self.items = items


@dataclass
class _ClaimingLast:
    """Commands that forget what is claimed until it is settled."""

    commands: Commands

    async def run(self, handle: Callable[[C, Transaction], Awaitable[R]], command: C, **options: Any) -> Any:
        if isinstance(command, Claim):
            return await self._look(handle, command, **options)
        if isinstance(command, Settlement):
            return await self.commands.run(self._claiming_first(handle), command, **options)
        return await self.commands.run(handle, command, **options)

    async def _look(self, handle: Callable[[C, Transaction], Awaitable[R]], command: C, **options: Any) -> Any:
        async def look(command: C, tx: Transaction) -> None:
            raise _Undone(await handle(command, tx))  # type: ignore[arg-type]

        try:
            await self.commands.run(look, command, **options)
        except _Undone as undone:
            return undone.items
        raise AssertionError

    def _claiming_first(self, handle: Callable[[Any, Transaction], Awaitable[R]]) -> Any:
        async def settle(command: Settlement[Any], tx: Transaction) -> R:
            for ledger, row in _rows_of(command.item):
                await tx.lock(ledger, ledger.key(row))
                tx.save(ledger, row)
            return await handle(command, tx)

        return settle


@dataclass
class SentBeforeClaimed(SenderLoop[Any]):
    """What is sent was not claimed before: whoever dies in between leaves it to be sent again, and nobody knows."""

    def __post_init__(self) -> None:
        """Claim at the end."""
        self.commands = _ClaimingLast(self.commands)  # type: ignore[assignment]


@dataclass
class MailUnderAnotherId(SenderLoop[Any]):
    """A message is named when it is sent: a second copy cannot be told from another message."""

    def __post_init__(self) -> None:
        """Rename what is sent."""
        send = self.sender.send

        async def rename(item: Any) -> SendResult:
            return await send(_renamed(item))

        self.sender = replace(self.sender, send=rename)
