"""What the doors of registration share: who comes in, which case they mean, and how an act on it is run."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import Depends

from chassis import audit
from chassis.access import Forbidden, Principal, allow
from chassis.doors import actor_of
from chassis.idempotency import IdempotentRequest
from chassis.problems import NotFound
from chassis.service import ServiceContext
from chassis.transaction import Actor, Transaction
from contracts.roles import DUTY_ROLES, Role
from services.registration import store
from services.registration.domain.case import Registration
from services.registration.handlers import OnCase, Receipt

A = TypeVar("A")
R = TypeVar("R", bound=Receipt)

SECTION_HEADS: Final = (Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD)
ON_BEHALF: Final = (Role.REGISTRAR, Role.REGISTRAR_HEAD)
"""Who may enter whatever a prison said by telephone or on paper, a cancellation and a whole list too."""
ON_DUTY: Final = tuple(sorted(DUTY_ROLES))
"""Who asks a prison at night may enter that somebody is out, or another day; to take back is for registrars."""
STAFF: Final = (*ON_DUTY, *SECTION_HEADS, Role.HEAD)

Duty = Annotated[Principal, Depends(allow(*ON_DUTY))]
Decider = Annotated[Principal, Depends(allow(*SECTION_HEADS, Role.HEAD))]
Reader = Annotated[Principal, Depends(allow(*STAFF))]


@dataclass(frozen=True)
class Office:
    """The context, and who may touch which case."""

    context: ServiceContext

    async def case(self, registration_id: UUID) -> Registration:
        """The registration, or 404."""
        case = await store.find(self.context.pool, registration_id)
        if case is None:
            raise NotFound("registration")
        return case

    async def act(
        self,
        door: Callable[[OnCase[A], Transaction], Awaitable[R]],
        command: OnCase[A],
        actor: Actor,
        once: IdempotentRequest | None,
        *,
        also: Sequence[UUID] = (),
    ) -> R:
        """Record what an officer does to a case; `also` names others that it touches."""
        reason = getattr(command.act, "reason", None)
        if isinstance(reason, StrEnum):  # a code; what an officer wrote stays in the case's history
            audit.because(reason)
        keys = [(store.REGISTRATIONS, each) for each in (command.registration_id, *also)]
        return await self.context.commands.run(door, command, actor=actor, keys=keys, idempotency=once)

    async def decide(self, registration_id: UUID, caller: Principal) -> Actor:
        """The caller as the head of the section whose matter this is; a matter of the other section is forbidden."""
        case = await self.case(registration_id)
        wanted = Role.SECTION_HEAD_CHILD if case.juvenile else Role.SECTION_HEAD_ADULT
        if not caller.roles & {wanted, Role.HEAD}:
            raise Forbidden("this belongs to the other section", roles=(wanted,))
        return actor_of(caller, wanted, Role.HEAD)


def on_duty(caller: Principal) -> Actor:
    """The caller in the first of the duty roles that it has."""
    return actor_of(caller, *ON_DUTY)
