"""Commands: what a person or a door of HTTP asks for, run by the same machinery as events."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import asyncpg

from chassis import audit, telemetry
from chassis.engine import Engine
from chassis.failures import CONTENTION, LostRaceError, UnavailableError
from chassis.idempotency import IdempotentRequest, Replayed, StoredAnswer
from chassis.rules.refusal import Irrelevant, Refused
from chassis.transaction import Actor, Cause, Transaction
from chassis.work import AggregateKey, WorkingSet

C = TypeVar("C")
R = TypeVar("R")

Command = Callable[[C, Transaction], Awaitable[R]]


class Commands:
    """Runs command handlers, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the service."""
        self._engine = engine

    async def run(
        self,
        handle: Command[C, R],
        command: C,
        *,
        actor: Actor,
        keys: Sequence[AggregateKey] = (),
        idempotency: IdempotentRequest | None = None,
        answer: Callable[[R], StoredAnswer] | None = None,
    ) -> R:
        """Run a command and return what its handler returns.

        `keys` are the aggregates known beforehand; the others are learnt. With `idempotency` the answer is kept: the
        route's own result, or what `answer` makes of the handler's. Raises Refused and Irrelevant as the rules do,
        Replayed for a request that was done before, UnavailableError when the database is away.
        """
        # The request's own span, or the sender's item: a span in between would have nothing to tell.
        trace = telemetry.current() or self._engine.setting.telemetry.new_context()
        correlation = telemetry.correlation_id() or str(self._engine.setting.system_clock.new_id())
        cause = Cause(actor=actor, trace=trace, correlation_id=correlation, causation_id=None)
        transaction: Transaction | None = None
        subject = _subject_of(keys)

        async def body(work: WorkingSet, learnt: Sequence[AggregateKey]) -> R:
            nonlocal transaction
            if idempotency is not None and (stored := await idempotency.reserve(work.connection)) is not None:
                raise Replayed(stored)
            await work.load([*keys, *learnt])
            transaction = self._engine.transaction(work, cause)
            result = await handle(command, transaction)
            await audit.enter(work.connection, "done", subject=subject)
            if idempotency is not None:
                given = StoredAnswer(idempotency.status, result) if answer is None else answer(result)
                await idempotency.store(work.connection, given.body, status=given.status)
            return result

        try:
            with _ending(subject):
                result = await self._engine.run(body, point="command")
        except (LostRaceError, asyncpg.UniqueViolationError, *CONTENTION) as failure:
            raise UnavailableError(type(failure).__name__) from failure
        if transaction is not None:
            self._engine.record_created(transaction)
        return result


def _subject_of(keys: Sequence[AggregateKey]) -> audit.Subject | None:
    """What a command is about: the first aggregate that it names."""
    return None if not keys else audit.Subject(keys[0][0].name, audit.plain(keys[0][1]))


@contextmanager
def _ending(subject: audit.Subject | None) -> Iterator[None]:
    """Note for the audit trail what left no transaction in which it could stand."""
    act = audit.current()
    try:
        yield
    except Replayed:
        if act is not None:
            act.ended("repeated", subject=subject)
        raise
    except (Refused, Irrelevant) as end:
        if act is not None:
            act.ended("refused" if isinstance(end, Refused) else "irrelevant", subject=subject, rule=end.rule)
        raise
