"""HTTP of the queue in which people say whether two registrations are of one human being. Nothing is ever merged."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from chassis import audit
from chassis.access import Forbidden, Principal, allow
from chassis.doors import AskedPage, Once, actor_of
from chassis.idempotency import IdempotentRequest
from chassis.paging import Page
from chassis.problems import NotFound
from chassis.service import ServiceContext
from chassis.transaction import Actor, Transaction
from contracts.personal import UnitCode
from contracts.roles import Role
from services.registration import duplicate_handlers, duplicate_store, views
from services.registration.domain.acts import Judgement
from services.registration.domain.case import Registration
from services.registration.domain.duplicates import Pair, State
from services.registration.domain.likeness import Level
from services.registration.duplicate_handlers import DuplicateReceipt, OnPair
from services.registration.office import Reader
from services.registration.views import Line

OF_ADULTS: Final = (Role.REGISTRAR, Role.REGISTRAR_HEAD, Role.SECTION_HEAD_ADULT, Role.HEAD)
OF_CHILDREN: Final = (Role.SECTION_HEAD_CHILD, Role.HEAD)
"""Who says whether two are one; a pair with a child in it is a child's."""

Judge = Annotated[Principal, Depends(allow(*sorted({*OF_ADULTS, *OF_CHILDREN})))]


class DuplicateLine(BaseModel):
    """Two registrations that may be of one human being, and what speaks for it."""

    duplicate_id: UUID
    state: State
    level: Level
    suspected_at: datetime
    score: int = Field(description="How alike they are, in percent; the policy says from where on it is suspected")
    same_nik: bool = Field(description="Both have the same NIK, which by itself is enough")
    name: int = Field(description="How alike the names are, in percent")
    birth: int = Field(description="How alike birth date or year are, in percent")
    facility: int = Field(description="How alike prison and number in its register are, in percent")
    policy_version: str
    juvenile: bool = Field(description="One of them at least is a child's: both are shown by initials")
    registrations: list[Line]


class DuplicateHistoryLine(BaseModel):
    """What was thought or said of two registrations."""

    entry_id: UUID
    step: str
    from_state: State | None
    to_state: State
    level: Level
    score: int
    actor_kind: str
    actor_id: str
    actor_role: str | None
    unit: str | None
    reason: str | None
    recorded_at: datetime
    policy_version: str


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of the queue."""
    router = APIRouter(prefix="/v1", tags=["duplicates"])
    desk = _Desk(context)
    _add_reading(router, desk)
    _add_judging(router, desk)
    return (router,)


class _Desk:
    """The context, and who may say what of which two."""

    def __init__(self, context: ServiceContext) -> None:
        self.context = context

    async def pair(self, duplicate_id: UUID) -> tuple[Pair, Mapping[UUID, Registration]]:
        """The pair and its registrations, or 404."""
        pair = await duplicate_store.find(self.context.pool, duplicate_id)
        if pair is None:
            raise NotFound("suspected duplicate")
        return pair, await duplicate_store.cases_of(self.context.pool, [pair])

    async def judge(
        self,
        say: Callable[[OnPair, Transaction], Awaitable[DuplicateReceipt]],
        command: OnPair,
        caller: Principal,
        once: IdempotentRequest | None,
    ) -> DuplicateReceipt:
        """Record what a person says of two registrations."""
        actor = await self._judge_of(command.duplicate_id, caller)
        keys = [(duplicate_store.DUPLICATES, command.duplicate_id)]
        return await self.context.commands.run(say, command, actor=actor, keys=keys, idempotency=once)

    async def _judge_of(self, duplicate_id: UUID, caller: Principal) -> Actor:
        _, both = await self.pair(duplicate_id)
        wanted = OF_CHILDREN if _is_childs(both) else OF_ADULTS
        if not caller.roles & set(wanted):
            raise Forbidden("this belongs to the other section", roles=wanted)
        return actor_of(caller, *wanted)


def _add_reading(router: APIRouter, desk: _Desk) -> None:
    context = desk.context

    @router.get("/suspected-duplicates")
    async def read_suspected_duplicates(
        caller: Reader,
        page: AskedPage,
        state: Annotated[State, Query(description="The open ones wait for somebody to look")] = State.OPEN,
        level: Annotated[Level | None, Query()] = None,
        unit: Annotated[UnitCode | None, Query(description="The unit that receives or guides one of the two")] = None,
    ) -> Page[DuplicateLine]:
        """Pairs of registrations that may be of one human being, the oldest suspicion first."""
        wanted = duplicate_store.Queue(state=state, level=level, unit=unit)
        after = page.after(datetime, UUID)
        found = await duplicate_store.queue(
            context.pool, wanted, after=None if after is None else (after[0], after[1]), rows_max=page.fetch
        )
        cases = await duplicate_store.cases_of(context.pool, found)
        return page.page(
            found,
            item=lambda pair: _line_of(pair, cases),
            cursor=lambda pair: (pair.suspected_at, pair.duplicate_id),
        )

    @router.get("/suspected-duplicates/{duplicate_id}")
    async def read_suspected_duplicate(duplicate_id: UUID, caller: Reader) -> DuplicateLine:
        """One pair of registrations, and what speaks for it."""
        pair, both = await desk.pair(duplicate_id)
        return _line_of(pair, both)

    @router.get("/suspected-duplicates/{duplicate_id}/history")
    async def read_history_of_duplicate(
        duplicate_id: UUID, caller: Reader, page: AskedPage
    ) -> Page[DuplicateHistoryLine]:
        """Who thought or said what of the two, when and why, in order."""
        _, both = await desk.pair(duplicate_id)
        shows_words = not _is_childs(both) or views.may_know_children(caller, context.reference)
        after = page.after(UUID)
        rows = await duplicate_store.history(
            context.pool, duplicate_id, after=None if after is None else after[0], rows_max=page.fetch
        )
        return page.page(
            rows,
            item=lambda row: _history_line_of(row, shows_words=shows_words),
            cursor=lambda row: (row["entry_id"],),
        )


def _add_judging(router: APIRouter, desk: _Desk) -> None:
    @router.post("/suspected-duplicates/{duplicate_id}/link")
    async def link_clients(duplicate_id: UUID, act: Judgement, caller: Judge, once: Once) -> DuplicateReceipt:
        """Say that two clients are one human being; each keeps its id, its case and its clocks."""
        return await desk.judge(duplicate_handlers.link, OnPair(duplicate_id=duplicate_id, act=act), caller, once)

    @router.post("/suspected-duplicates/{duplicate_id}/dismissal")
    async def dismiss_duplicate(duplicate_id: UUID, act: Judgement, caller: Judge, once: Once) -> DuplicateReceipt:
        """Say that they are two; they are not suspected again unless what is known of one of them changes."""
        return await desk.judge(duplicate_handlers.dismiss, OnPair(duplicate_id=duplicate_id, act=act), caller, once)

    @router.post("/suspected-duplicates/{duplicate_id}/unlink")
    async def unlink_clients(duplicate_id: UUID, act: Judgement, caller: Judge, once: Once) -> DuplicateReceipt:
        """Take a link back: two clients are not one human being after all."""
        return await desk.judge(duplicate_handlers.unlink, OnPair(duplicate_id=duplicate_id, act=act), caller, once)


def _is_childs(cases: Mapping[UUID, Registration]) -> bool:
    return any(case.juvenile for case in cases.values())


def _line_of(pair: Pair, cases: Mapping[UUID, Registration]) -> DuplicateLine:
    both = [cases[each] for each in (pair.first, pair.second)]
    juvenile = any(case.juvenile for case in both)
    return DuplicateLine(
        duplicate_id=pair.duplicate_id,
        state=pair.state,
        level=pair.level,
        suspected_at=pair.suspected_at,
        score=pair.score,
        same_nik=pair.same_nik,
        name=pair.name,
        birth=pair.birth,
        facility=pair.facility,
        policy_version=pair.policy_version,
        juvenile=juvenile,
        registrations=[views.line_of(case, by_initials=juvenile) for case in both],
    )


def _history_line_of(row: Mapping[str, Any], *, shows_words: bool) -> DuplicateHistoryLine:
    fields = dict(row)
    if shows_words and fields["reason"] is not None:
        audit.saw("duplicate-entry", [fields["entry_id"]], ["reason"])
    return DuplicateHistoryLine(**(fields if shows_words else fields | {"reason": None}))
