"""What operations does with dead letters over HTTP: list, read, reveal, correct, retry, discard, resume."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

import pydantic_core
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.access import Principal, Scope, allow
from chassis.audit import nothing_restricted
from chassis.doors import AskedPage
from chassis.letters_view import (
    DeadLetter,
    DeadLetterSummary,
    DeadLetterView,
    HeldKey,
    HeldKeyView,
    held_key_view,
    json_of,
    summary_of,
    view_of,
)
from chassis.paging import Page
from chassis.problems import FieldProblem, NotFound, Problem
from chassis.rules.refusal import Refused
from contracts.envelope import Malformed, parse
from contracts.roles import Role

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500, pattern=r"^[^\x00]*$")]
State = Literal["parked", "waiting", "resolved", "discarded"]
Kind = Literal["malformed", "refused", "bug", "held"]
ConsumerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{0,79}$")]
Operator = Annotated[Principal, Depends(allow(Role.OPS, scope=Scope.ANY))]


class TypeUnknown(Refused):
    """The type of this event is not known here, so no data could fit it; only discarding is left."""


class NothingToChange(Refused):
    """What came is not a JSON object, so no field of it can be changed; send whole data instead."""


class Ending(Protocol):
    """How a retry ended."""

    @property
    def outcome(self) -> str:
        """One of the closed set of outcomes."""

    @property
    def reason(self) -> str:
        """Why, in words, where there is something to say."""

    @property
    def rule(self) -> str | None:
        """The rule that refused, if one did."""


class DeadLetters(Protocol):
    """The dead letters of a service, as this API needs them."""

    async def list_page(
        self, *, consumer: str | None, state: str | None, kind: str | None, after: int | None, limit: int
    ) -> Sequence[DeadLetter]:
        """Dead letters by `seq`, those after `after`."""

    async def read(self, letter_id: UUID) -> DeadLetter | None:
        """One dead letter."""

    async def reveal(self, letter_id: UUID, *, actor: str, reason: str) -> DeadLetter | None:
        """One dead letter, after recording who wanted to see it and why."""

    async def correct(self, letter_id: UUID, value: bytes, *, actor: str, reason: str) -> None:
        """Replace the data with which it will be retried."""

    async def retry(self, letter_id: UUID, *, actor: str) -> Ending:
        """Handle it again now."""

    async def discard(self, letter_id: UUID, *, actor: str, reason: str) -> None:
        """Give it up for good; it counts as handled."""

    async def held_keys(self, *, consumer: str | None, after: tuple[str, str] | None, limit: int) -> Sequence[HeldKey]:
        """Held keys by consumer and key, those after `after`."""

    async def resume(self, consumer: str, *, actor: str) -> bool:
        """Let a consumer go on that the ceiling of bugs has stopped; whether there is such a consumer."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class WithReason(_Body):
    """An act that must be explained."""

    reason: Reason


class WholeCorrection(WithReason):
    """New data for an event, whole."""

    data: dict[str, Any] = Field(description="What the event should have said; checked against its schema")


class Correction(WithReason):
    """New values for some fields of an event; the other fields stay, and stay hidden."""

    changes: dict[str, Any] = Field(description="A JSON merge patch (RFC 7396): null takes a field away", min_length=1)


class Retried(BaseModel):
    """How the retry ended."""

    outcome: str
    reason: str
    rule: str | None


class Resumed(BaseModel):
    """The consumer that goes on."""

    consumer: str


def dead_letter_routes(letters: DeadLetters) -> APIRouter:
    """The routes of operations."""
    router = APIRouter(prefix="/v1", tags=["operations"])
    _add_reading(router, letters)
    _add_settling(router, letters)
    return router


def _add_reading(router: APIRouter, letters: DeadLetters) -> None:
    @router.get("/dead-letters", dependencies=[Depends(nothing_restricted)])
    async def list_dead_letters(
        operator: Operator,
        page: AskedPage,
        consumer: Annotated[ConsumerName | None, Query()] = None,
        state: Annotated[State | None, Query()] = None,
        kind: Annotated[Kind | None, Query()] = None,
    ) -> Page[DeadLetterSummary]:
        """What could not be handled, the oldest first."""
        after = page.after(int)
        rows = await letters.list_page(
            consumer=consumer, state=state, kind=kind, after=after[0] if after else None, limit=page.fetch
        )
        return page.page(rows, item=summary_of, cursor=lambda letter: [letter.seq])

    @router.get("/dead-letters/{letter_id}", dependencies=[Depends(nothing_restricted)])
    async def read_dead_letter(operator: Operator, letter_id: UUID) -> DeadLetterView:
        """One dead letter with its record; personal values are hidden."""
        return view_of(await _found(letters, letter_id))

    @router.post("/dead-letters/{letter_id}/reveal")
    async def reveal_dead_letter(operator: Operator, letter_id: UUID, asked: WithReason) -> DeadLetterView:
        """One dead letter with everything in it; who looked, and why, is recorded first."""
        letter = await letters.reveal(letter_id, actor=operator.subject, reason=asked.reason)
        if letter is None:
            raise NotFound("dead letter")
        return view_of(letter, revealed=True)

    @router.get("/held-keys", dependencies=[Depends(nothing_restricted)])
    async def list_held_keys(
        operator: Operator, page: AskedPage, consumer: Annotated[ConsumerName | None, Query()] = None
    ) -> Page[HeldKeyView]:
        """The keys whose later events wait behind a dead letter."""
        after = page.after(str, str)
        rows = await letters.held_keys(
            consumer=consumer, after=(after[0], after[1]) if after else None, limit=page.fetch
        )
        return page.page(rows, item=held_key_view, cursor=lambda held: [held.consumer, held.key])


def _add_settling(router: APIRouter, letters: DeadLetters) -> None:
    @router.put("/dead-letters/{letter_id}")
    async def replace_dead_letter_data(
        operator: Operator, letter_id: UUID, correction: WholeCorrection
    ) -> DeadLetterView:
        """Give the event new data, with which it will be retried."""
        return await _corrected(letters, letter_id, correction.data, actor=operator.subject, reason=correction.reason)

    @router.patch("/dead-letters/{letter_id}")
    async def change_dead_letter_data(operator: Operator, letter_id: UUID, correction: Correction) -> DeadLetterView:
        """Change some fields of the event without seeing the others."""
        data = json_of((await _found(letters, letter_id)).current_value)
        if not isinstance(data, dict):
            raise NothingToChange
        changed = merged(data, correction.changes)
        return await _corrected(letters, letter_id, changed, actor=operator.subject, reason=correction.reason)

    @router.post("/dead-letters/{letter_id}/retry")
    async def retry_dead_letter(operator: Operator, letter_id: UUID) -> Retried:
        """Handle it again; the events behind it follow by themselves."""
        await _found(letters, letter_id)
        ending = await letters.retry(letter_id, actor=operator.subject)
        return Retried(outcome=ending.outcome, reason=ending.reason, rule=ending.rule)

    @router.post("/dead-letters/{letter_id}/discard", status_code=204)
    async def discard_dead_letter(operator: Operator, letter_id: UUID, asked: WithReason) -> None:
        """Give it up for good; the events behind it follow by themselves."""
        await _found(letters, letter_id)
        await letters.discard(letter_id, actor=operator.subject, reason=asked.reason)

    @router.post("/consumers/{consumer}/resume")
    async def resume_consumer(operator: Operator, consumer: Annotated[ConsumerName, Path()]) -> Resumed:
        """Let a consumer go on that too many bugs in a row have stopped."""
        if not await letters.resume(consumer, actor=operator.subject):
            raise NotFound("consumer")
        return Resumed(consumer=consumer)


async def _found(letters: DeadLetters, letter_id: UUID) -> DeadLetter:
    letter = await letters.read(letter_id)
    if letter is None:
        raise NotFound("dead letter")
    return letter


async def _corrected(
    letters: DeadLetters, letter_id: UUID, data: dict[str, Any], *, actor: str, reason: str
) -> DeadLetterView:
    letter = await _found(letters, letter_id)
    if letter.event_class is None:
        raise TypeUnknown
    value = pydantic_core.to_json(data)
    try:
        parse(letter.event_class, value)
    except Malformed as malformed:
        errors = [FieldProblem(where="body.data", kind="schema", what=problem) for problem in malformed.problems]
        raise Problem(
            422, kind="correction-invalid", detail="the data do not fit the schema of the event", errors=errors
        ) from None
    await letters.correct(letter_id, value, actor=actor, reason=reason)
    return view_of(await _found(letters, letter_id))


def merged(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The data with the changes of a JSON merge patch."""
    result = dict(data)
    for name, change in changes.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, change)
        else:
            result[name] = change
    return result
