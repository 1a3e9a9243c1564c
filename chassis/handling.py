"""Call the handler of one delivery and name how it ended; what a handler does wrong never gets past here."""

from typing import Final

import asyncpg
import structlog

from chassis.delivery import Delivery, Ended
from chassis.engine import Engine
from chassis.failures import TRANSIENT, KeyLearntError, LostRaceError
from chassis.rules.refusal import Irrelevant, Refused
from chassis.transaction import Cause, Transaction
from chassis.work import WorkingSet

log = structlog.get_logger(__name__)

BUG_TRIES: Final = 3
APPLIED: Final = Ended("applied")


async def handle_together(
    engine: Engine, work: WorkingSet, delivery: Delivery, cause: Cause
) -> tuple[Ended, Transaction]:
    """Handle in the batch's working set; a refusal is undone in memory, a failure of the database is the batch's."""
    for tries_left in reversed(range(BUG_TRIES)):
        ended, transaction = APPLIED, engine.transaction(work, cause)
        mark = work.mark()
        try:
            await _call(delivery, transaction)
        except (KeyLearntError, LostRaceError, asyncpg.PostgresError, *TRANSIENT):
            raise
        except Exception as failure:  # noqa: BLE001  the boundary: a bug in a handler is an outcome
            work.undo_to(mark)
            transaction.published.clear()
            ended = _ended_by(failure, delivery)
        if ended.kind != "bug" or not tries_left:
            return ended, transaction
    raise AssertionError


async def handle_alone(engine: Engine, work: WorkingSet, delivery: Delivery, cause: Cause) -> tuple[Ended, Transaction]:
    """Handle and write behind a savepoint, so that a failure of the database is this delivery's own."""
    for tries_left in reversed(range(BUG_TRIES)):
        own = WorkingSet(work.connection, may_learn_keys=False)
        ended, transaction = APPLIED, engine.transaction(own, cause)
        try:
            async with work.connection.transaction():
                await own.load(delivery.aggregate_keys)
                await _call(delivery, transaction)
                await own.flush()
            work.published += own.published
        except (LostRaceError, *TRANSIENT):
            raise
        except Exception as failure:  # noqa: BLE001  the boundary: a bug in a handler is an outcome
            transaction.published.clear()
            ended = _ended_by(failure, delivery)
        if ended.kind != "bug" or not tries_left:
            return ended, transaction
    raise AssertionError


async def lock_alone(work: WorkingSet, delivery: Delivery) -> None:
    """Lock what a delivery touches; a state that its store cannot read is a bug of the delivery that needs it."""
    try:
        async with work.connection.transaction():
            await WorkingSet(work.connection).load(delivery.aggregate_keys)
    except TRANSIENT:
        raise
    except Exception as failure:  # noqa: BLE001  the same boundary: the store's code is the handler's
        delivery.broken = failure


async def _call(delivery: Delivery, transaction: Transaction) -> None:
    if delivery.broken is not None:
        raise delivery.broken
    if delivery.reaction is None or delivery.event is None:
        message = "a delivery that can be handled has an event and a reaction"
        raise AssertionError(message)
    await delivery.reaction.handle(delivery.event, transaction)


def _ended_by(failure: Exception, delivery: Delivery) -> Ended:
    if isinstance(failure, Irrelevant):
        return Ended("irrelevant", reason=failure.reason, rule=failure.rule)
    if isinstance(failure, Refused):
        return Ended("dead_lettered", "refused", failure.reason, failure.rule)
    log.error("handler failed", action="handle", type=delivery.parts.type, exc_info=failure)
    return Ended("dead_lettered", "bug", type(failure).__name__)
