"""What the doors of litmas share: who comes in, which report they mean, and how an act on it is run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import Depends

from chassis.access import Principal, allow
from chassis.idempotency import IdempotentRequest
from chassis.problems import NotFound, Problem
from chassis.service import ServiceContext
from chassis.transaction import Actor, Transaction
from contracts.roles import Role
from services.litmas.reintegration import store
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.sections import TextChangedMeanwhile
from services.litmas.reintegration.handlers import CaseChangedMeanwhile, OnCase, Receipt

A = TypeVar("A")
C = TypeVar("C")
R = TypeVar("R")
K = TypeVar("K", bound=Receipt)

COUNTER: Final = (Role.SERVICE_COUNTER, Role.REGISTRAR, Role.REGISTRAR_HEAD)
"""Who enters a letter that came on paper, and looks whether its papers are complete."""
REGISTRARS: Final = (Role.REGISTRAR, Role.REGISTRAR_HEAD)
OFFICERS: Final = (Role.PROBATION_OFFICER,)
FIELD: Final = (Role.PROBATION_OFFICER, Role.ASSISTANT_OFFICER)
DECIDERS: Final = (Role.SECTION_HEAD_ADULT, Role.HEAD)
STAFF: Final = (*COUNTER, *FIELD, *DECIDERS)

Counter = Annotated[Principal, Depends(allow(*COUNTER))]
Registrar = Annotated[Principal, Depends(allow(*REGISTRARS))]
Officer = Annotated[Principal, Depends(allow(*OFFICERS))]
Field = Annotated[Principal, Depends(allow(*FIELD))]
Checker = Annotated[Principal, Depends(allow(*REGISTRARS, Role.SECTION_HEAD_ADULT))]
SectionHead = Annotated[Principal, Depends(allow(Role.SECTION_HEAD_ADULT))]
Head = Annotated[Principal, Depends(allow(Role.HEAD))]
Decider = Annotated[Principal, Depends(allow(*DECIDERS))]
Staff = Annotated[Principal, Depends(allow(*STAFF))]


@dataclass(frozen=True)
class Office:
    """The context, and how an act on a report is run."""

    context: ServiceContext

    async def case(self, litmas_id: UUID) -> Litmas:
        """The report, or 404."""
        case = await store.find(self.context.pool, litmas_id)
        if case is None:
            raise NotFound("report")
        return case

    async def act(
        self,
        door: Callable[[OnCase[A], Transaction], Awaitable[K]],
        command: OnCase[A],
        actor: Actor,
        once: IdempotentRequest | None,
    ) -> K:
        """Record what somebody does with a report."""
        await self.case(command.litmas_id)
        return await self.run(door, command, command.litmas_id, actor, once)

    async def run(
        self,
        door: Callable[[C, Transaction], Awaitable[R]],
        command: C,
        litmas_id: UUID,
        actor: Actor,
        once: IdempotentRequest | None,
    ) -> R:
        """Run a command; who read what is no longer so is told with 412."""
        keys = [(store.REPORTS, litmas_id)]
        try:
            return await self.context.commands.run(door, command, actor=actor, keys=keys, idempotency=once)
        except (CaseChangedMeanwhile, TextChangedMeanwhile) as changed:
            raise Problem(412, kind="changed-meanwhile", detail=changed.reason, rule=changed.rule) from None
