"""HTTP for whoever faces somebody that no prison has reported: register at once, look for the release, bind the two."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from chassis.doors import AskedPage, Once
from chassis.paging import Page
from chassis.service import ServiceContext
from contracts.lapas import registration_id_of
from services.registration import store, views, walk_in_store
from services.registration.domain import binding, walk_ins
from services.registration.domain.acts import Binding, WalkIn
from services.registration.handlers import OnCase, Receipt, Slip
from services.registration.office import Duty, Office, Reader, on_duty
from services.registration.views import Line
from services.registration.walk_in_handlers import WalkedIn, bind_to_walk_in, register_walk_in

NO_KEY: Final = "WALK-IN"
"""How the id of a release begins whose papers name no business key; nobody but a person can bind it."""


class Matches(BaseModel):
    """Releases that may be that of a walk-in; a person looks, and binds one or none."""

    items: list[Line]


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors for walk-ins."""
    router = APIRouter(prefix="/v1", tags=["walk-ins"])
    office = Office(context)
    _add_registering(router, office)
    _add_looking(router, office)
    return (router,)


def _add_registering(router: APIRouter, office: Office) -> None:
    context = office.context

    @router.post("/walk-ins", status_code=201)
    async def register_somebody_who_walked_in(act: WalkIn, caller: Duty, once: Once) -> Slip:
        """Register and meet somebody whom no prison has reported; a release that is known already is met instead."""
        fresh = f"{NO_KEY}.{context.system_clock.new_id()}"
        command = WalkedIn(act=act, release_id=walk_ins.business_key_of(act) or fresh)
        return await context.commands.run(
            register_walk_in,
            command,
            actor=on_duty(caller),
            keys=[(store.REGISTRATIONS, registration_id_of(command.release_id))],
            idempotency=once,
        )

    @router.post("/registrations/{registration_id}/binding")
    async def bind_release_to_walk_in(registration_id: UUID, act: Binding, caller: Duty, once: Once) -> Receipt:
        """Say that a release which a prison reported is that of this walk-in; its own line is closed."""
        for each in (registration_id, act.release):
            await office.case(each)
        command = OnCase(registration_id, act)
        return await office.act(bind_to_walk_in, command, on_duty(caller), once, also=[act.release])


def _add_looking(router: APIRouter, office: Office) -> None:
    context = office.context

    @router.get("/walk-ins")
    async def read_unreported_walk_ins(caller: Reader, page: AskedPage) -> Page[Line]:
        """Walk-ins of whom no prison has said anything yet: each may have a release under another id."""
        after = page.after(UUID)
        rows = await walk_in_store.unreported(
            context.pool, after=None if after is None else after[0], rows_max=page.fetch
        )
        return page.page(rows, item=views.line_of, cursor=lambda case: (case.registration_id,))

    @router.get("/walk-ins/{registration_id}/matches")
    async def read_possible_matches(registration_id: UUID, caller: Reader) -> Matches:
        """Releases that may be that of this walk-in: nothing is ever merged unless a person says so."""
        walk_in = await office.case(registration_id)
        if not binding.awaits_its_report(walk_in):
            return Matches(items=[])
        found = await walk_in_store.possible_matches(context.pool, walk_in)
        return Matches(items=[views.line_of(case) for case in found if binding.can_be_bound(case)])
