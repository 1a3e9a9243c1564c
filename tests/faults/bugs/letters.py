"""Bugs of the dead letters: who waits behind whom, and until when."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from chassis.database import Connection
from chassis.dead_letters import Letters, Pile
from chassis.delivery import Delivery, Ended
from chassis.transaction import Transaction
from tests.faults.bugs.tap import Tap, TappedEngine

SELECT_HELD: Final = "SELECT key FROM held_key WHERE consumer = $1 AND key = ANY($2) ORDER BY key"
FROM_HELD: Final = "DELETE FROM held_key"


class _Passing(Pile):
    """Sets aside, and lets the others pass."""

    def park(self, transaction: Transaction, delivery: Delivery, ended: Ended) -> set[str]:
        super().park(transaction, delivery, ended)
        return set()


class DeadLetterOvertaken(Letters):
    """What was set aside does not hold its key: later events of the same case are applied before it."""

    def new_pile(self) -> Pile:
        """A pile that nobody waits behind."""
        return _Passing(self)

    async def lock_held(self, connection: Connection, deliveries: Sequence[Delivery]) -> set[str]:
        """No key is held."""
        return set()


class HeldKeyReleasedBesideALiveBatch(Letters):
    """Held keys are read and not locked: one goes while a batch that is not committed yet holds behind it."""

    async def lock_keys(self, connection: Connection, keys: Iterable[str]) -> set[str]:
        """Which of these keys are held now."""
        rows = await connection.fetch(SELECT_HELD, self.consumer, sorted(keys))
        return {row["key"] for row in rows}


class _Keeping(Tap):
    """Releases nothing."""

    async def execute(self, query: str, *arguments: Any) -> Any:
        return "DELETE 0" if FROM_HELD in query else await super().execute(query, *arguments)


class HeldKeyNeverReleased(TappedEngine):
    """The key of a settled letter stays held."""

    tap = _Keeping
    points = frozenset({"retry", "discard"})
