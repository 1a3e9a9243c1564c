"""What the doors of tpp share: who comes in, which hearing they mean, and how an act on it is run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import Depends

from chassis import audit
from chassis.access import Principal, allow
from chassis.doors import actor_of, version_of
from chassis.idempotency import IdempotentRequest
from chassis.problems import NotFound, Problem
from chassis.service import ServiceContext
from chassis.transaction import Actor, Transaction
from chassis.work import AggregateKey
from contracts.roles import Role
from contracts.tpp import Panel
from services.tpp import reading, store
from services.tpp.domain.hearing import Hearing
from services.tpp.handlers import OnCase, OnHearing, VersionPassed

A = TypeVar("A")
C = TypeVar("C")
R = TypeVar("R")

PRESIDING: Final = (Role.TPP_CHAIR, Role.TPP_MEMBER)
"""Who may preside: the chair, or a member who stands in; which of them does, the hearing knows."""
RECORDING: Final = (Role.TPP_SECRETARY, Role.TPP_MEMBER)
SITTING: Final = (Role.TPP_CHAIR, Role.TPP_SECRETARY, Role.TPP_MEMBER)
READING: Final = (
    Role.HEAD,
    Role.SECTION_HEAD_ADULT,
    Role.SECTION_HEAD_CHILD,
    Role.REGISTRAR_HEAD,
    Role.REGISTRAR,
    *SITTING,
)
KNOW_CHILDREN: Final = frozenset({Role.HEAD, Role.SECTION_HEAD_CHILD})

Head = Annotated[Principal, Depends(allow(Role.HEAD))]
Chair = Annotated[Principal, Depends(allow(*PRESIDING))]
Secretary = Annotated[Principal, Depends(allow(*RECORDING))]
Member = Annotated[Principal, Depends(allow(*SITTING))]
Reader = Annotated[Principal, Depends(allow(*READING))]
Participant = Annotated[Principal, Depends(allow(Role.HEAD, *SITTING))]


@dataclass(frozen=True)
class Office:
    """The context, and who may touch which hearing."""

    context: ServiceContext

    def panels(self, caller: Principal) -> tuple[Panel, ...]:
        """The panels whose hearings the caller may know of."""
        return (Panel.ADULT, Panel.CHILD) if self._knows_children(caller) else (Panel.ADULT,)

    async def hearing(self, hearing_id: UUID, caller: Principal) -> Hearing:
        """The hearing, or 404; for who may not know of children, those of their panel do not exist."""
        hearing = await reading.hearing(self.context.pool, hearing_id)
        if hearing is None or not self._may_see(hearing, caller):
            raise NotFound("hearing")
        if hearing.panel is Panel.CHILD:
            audit.saw("hearing", [hearing.hearing_id], ["panel"])
        return hearing

    async def on_hearing(
        self,
        door: Callable[[OnHearing[A], Transaction], Awaitable[R]],
        hearing_id: UUID,
        act: A,
        caller: Principal,
        *,
        roles: tuple[Role, ...],
        once: IdempotentRequest | None,
        if_match: str | None,
        touches: tuple[UUID, ...] = (),
    ) -> R:
        """Run an act on a hearing; `touches` are cases that are not on its agenda yet."""
        hearing = await self.hearing(hearing_id, caller)
        subjects = {*touches, *(line.subject_id for line in hearing.lines)}
        command = OnHearing(hearing_id, act, version_of(if_match))
        return await self._run(door, command, hearing, subjects, actor_of(caller, *roles), once)

    async def on_case(
        self,
        door: Callable[[OnCase[A], Transaction], Awaitable[R]],
        place: tuple[UUID, UUID],
        act: A,
        caller: Principal,
        *,
        roles: tuple[Role, ...],
        once: IdempotentRequest | None,
        if_match: str | None = None,
    ) -> R:
        """Run an act on a case in a hearing, given as the ids of both."""
        hearing_id, subject_id = place
        hearing = await self.hearing(hearing_id, caller)
        command = OnCase(hearing_id, subject_id, act, version_of(if_match))
        return await self._run(door, command, hearing, {subject_id}, actor_of(caller, *roles), once)

    async def _run(
        self,
        door: Callable[[C, Transaction], Awaitable[R]],
        command: C,
        hearing: Hearing,
        subjects: set[UUID],
        actor: Actor,
        once: IdempotentRequest | None,
    ) -> R:
        reason = getattr(getattr(command, "act", None), "reason", None)
        if isinstance(reason, StrEnum):  # a code; what somebody wrote stays in the timeline
            audit.because(reason)
        keys: list[AggregateKey] = [(store.HEARINGS, hearing.hearing_id), *((store.ITEMS, each) for each in subjects)]
        try:
            return await self.context.commands.run(door, command, actor=actor, keys=keys, idempotency=once)
        except VersionPassed as passed:
            raise Problem(412, kind="version-passed", detail=passed.reason) from None

    def _may_see(self, hearing: Hearing, caller: Principal) -> bool:
        sits = caller.subject in {*hearing.team.members, hearing.chair, hearing.secretary}
        return hearing.panel is Panel.ADULT or sits or self._knows_children(caller)

    def _knows_children(self, caller: Principal) -> bool:
        officer = self.context.reference.officers.get(caller.subject)
        return bool(caller.roles & KNOW_CHILDREN) or (officer is not None and officer.child_certified)
