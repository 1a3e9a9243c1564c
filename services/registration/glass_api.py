"""HTTP of the glass: who must see at once what their role does not show breaks it, says why, and is answered for."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.access import Principal, allow
from chassis.doors import Once, actor_of
from chassis.service import ServiceContext
from contracts.roles import Role
from services.registration import store, views
from services.registration.domain.acts import BreakGlass
from services.registration.glass_handlers import Breaking, Opened, break_glass
from services.registration.office import ON_BEHALF, Office

MAY_BREAK: Final = (Role.SECTION_HEAD_ADULT, Role.PROBATION_OFFICER, Role.ASSISTANT_OFFICER, *ON_BEHALF)
"""Whose work may need it at night; the counter's does not, and the others are shown everything anyway."""

Breaker = Annotated[Principal, Depends(allow(*MAY_BREAK))]


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The door behind the glass."""
    router = APIRouter(prefix="/v1", tags=["break-glass"])
    office = Office(context)

    @router.post("/registrations/{registration_id}/break-glass")
    async def break_glass_of_registration(
        registration_id: UUID, act: BreakGlass, caller: Breaker, once: Once
    ) -> Opened:
        """Open a child's case for an hour to an officer whose role shows it closed; the head is alerted at once."""
        await office.case(registration_id)
        knows = views.may_know_children(caller, context.reference)
        return await context.commands.run(
            break_glass,
            Breaking(registration_id=registration_id, act=act, knows_children=knows),
            actor=actor_of(caller, *MAY_BREAK),
            keys=[(store.REGISTRATIONS, registration_id)],
            idempotency=once,
        )

    return (router,)
