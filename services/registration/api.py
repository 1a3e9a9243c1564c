"""HTTP for officers: acts are recorded, boards are read. Translates; never decides."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis import audit
from chassis.access import Principal, allow, require_facility
from chassis.doors import AskedPage, Once, actor_of
from chassis.paging import Page
from chassis.service import ServiceContext
from contracts.personal import FacilityCode, UnitCode
from contracts.roles import DUTY_ROLES, Role
from services.registration import duplicate_store, glass_store, handlers, store, views
from services.registration.domain.acts import (
    Approval,
    Biometrics,
    Closing,
    FirstContact,
    HandOn,
    Refusal,
    Return,
    Submission,
    TraceEntry,
)
from services.registration.domain.case import Registration, Status
from services.registration.handlers import NumberGiven, OnCase, Receipt, Slip
from services.registration.office import ON_BEHALF, ON_DUTY, SECTION_HEADS, Decider, Duty, Office, Reader, on_duty
from services.registration.views import BoardLine, CaseView, Line, TimelineLine

GLASS_BROKEN: Final = "GLASS-BROKEN"
"""Why a read is on record that the caller's role alone would not show."""

Meeting = Annotated[Principal, Depends(allow(*ON_DUTY, Role.PRISON_OFFICER))]
Registrar = Annotated[Principal, Depends(allow(*ON_BEHALF))]
SectionHead = Annotated[Principal, Depends(allow(*SECTION_HEADS))]


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of this service."""
    router = APIRouter(prefix="/v1", tags=["registration"])
    office = Office(context)
    _add_reading(router, office)
    _add_meeting(router, office)
    _add_deciding(router, office)
    return (router,)


def _add_reading(router: APIRouter, office: Office) -> None:
    context = office.context

    @router.get("/registrations/board")
    async def read_board(
        caller: Reader,
        page: AskedPage,
        unit: Annotated[
            UnitCode | None, Query(description="The unit that receives or guides; all when left out")
        ] = None,
    ) -> Page[BoardLine]:
        """Whoever is released and not yet seen, the longest out first, with the clocks that run."""
        now = context.office_clock.now()
        after = page.after(datetime, UUID)
        rows = await store.board(
            context.pool, unit=unit, after=None if after is None else (after[0], after[1]), rows_max=page.fetch
        )
        return page.page(
            rows,
            item=lambda case: views.board_line_of(case, now=now, reference=context.reference),
            cursor=lambda case: (case.released_at, case.registration_id),
        )

    @router.get("/registrations")
    async def search_registrations(
        caller: Reader,
        page: AskedPage,
        status: Annotated[Status | None, Query()] = None,
        unit: Annotated[UnitCode | None, Query(description="The unit that receives or guides")] = None,
        facility: Annotated[FacilityCode | None, Query()] = None,
        q: Annotated[str | None, Query(min_length=2, max_length=100, description="How the name begins")] = None,
    ) -> Page[Line]:
        """Registrations in the order of names; children are found by name only by those who may know them."""
        wanted = store.Search(
            status=status,
            unit=unit,
            facility=facility,
            name_begins=q,
            children_by_name=views.may_know_children(caller, context.reference),
        )
        after = page.after(UUID)
        # Whoever may not know a child by name reads the cursor too: it names the last case and not the person.
        rows = await store.search(context.pool, wanted, after=None if after is None else after[0], rows_max=page.fetch)
        return page.page(rows, item=views.line_of, cursor=lambda case: (case.registration_id,))

    @router.get("/registrations/{registration_id}")
    async def read_registration(registration_id: UUID, caller: Reader) -> CaseView:
        """One registration, with the person where the caller may know it."""
        case = await office.case(registration_id)
        shown = await _is_shown(case, caller, context)
        linked = await duplicate_store.linked_to(context.pool, registration_id)
        knows_children = views.may_know_children(caller, context.reference)
        # That an adult was here as a child is told to those alone who may know it.
        known = [each for each, juvenile in linked.items() if shown and (knows_children or not juvenile)]
        return views.case_view_of(case, also_known_as=known, shows_person=shown, reference=context.reference)

    @router.get("/registrations/{registration_id}/timeline")
    async def read_timeline(registration_id: UUID, caller: Reader, page: AskedPage) -> Page[TimelineLine]:
        """Everything that happened to a registration, in order."""
        case = await office.case(registration_id)
        shows_words = await _is_shown(case, caller, context)
        after = page.after(UUID)
        rows = await store.timeline(
            context.pool, registration_id, after=None if after is None else after[0], rows_max=page.fetch
        )
        return page.page(
            rows,
            item=lambda row: views.timeline_line_of(row, shows_words=shows_words),
            cursor=lambda row: (row["entry_id"],),
        )


async def _is_shown(case: Registration, caller: Principal, context: ServiceContext) -> bool:
    """Whether the caller is shown whom a case is about: by the role, or because they broke its glass."""
    if not case.juvenile or views.may_know_children(caller, context.reference):
        return True
    now = context.office_clock.now()
    opened = await glass_store.is_open(context.pool, case.registration_id, caller.subject, now=now)
    if opened:
        audit.because(GLASS_BROKEN)
    return opened


def _add_meeting(router: APIRouter, office: Office) -> None:
    @router.post("/registrations/{registration_id}/contacts")
    async def record_contact(registration_id: UUID, act: FirstContact, caller: Meeting, once: Once) -> Slip:
        """Record the first contact, at any hour; a prison officer does so at level L1 for the own prison."""
        case = await office.case(registration_id)
        if not caller.roles & DUTY_ROLES:
            require_facility(caller, case.facility)
        actor = actor_of(caller, *ON_DUTY, Role.PRISON_OFFICER)
        return await office.act(handlers.record_first_contact, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/trace-entries")
    async def record_trace_entry(registration_id: UUID, act: TraceEntry, caller: Duty, once: Once) -> Receipt:
        """Note how somebody was looked for."""
        await office.case(registration_id)
        return await office.act(handlers.record_trace_entry, OnCase(registration_id, act), on_duty(caller), once)

    @router.post("/registrations/{registration_id}/biometrics")
    async def record_biometrics(registration_id: UUID, act: Biometrics, caller: Duty, once: Once) -> Receipt:
        """Record a fingerprint, or why there is none."""
        await office.case(registration_id)
        return await office.act(handlers.record_biometrics, OnCase(registration_id, act), on_duty(caller), once)

    @router.post("/registrations/{registration_id}/pre-registration")
    async def confirm_pre_registration(registration_id: UUID, caller: Registrar, once: Once) -> Receipt:
        """Confirm what the prison announced."""
        await office.case(registration_id)
        actor = actor_of(caller, *ON_BEHALF)
        return await office.act(handlers.confirm_pre_registration, OnCase(registration_id, None), actor, once)

    @router.post("/registrations/{registration_id}/submission")
    async def submit_registration(registration_id: UUID, act: Submission, caller: Duty, once: Once) -> Receipt:
        """Enter the registration for the section head's approval."""
        await office.case(registration_id)
        return await office.act(handlers.submit, OnCase(registration_id, act), on_duty(caller), once)


def _add_deciding(router: APIRouter, office: Office) -> None:
    @router.post("/registrations/{registration_id}/approval")
    async def approve_registration(
        registration_id: UUID, act: Approval, caller: SectionHead, once: Once
    ) -> NumberGiven:
        """Approve: the client is registered under the next number of the register."""
        actor = await office.decide(registration_id, caller)
        return await office.act(handlers.approve, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/return")
    async def return_registration(registration_id: UUID, act: Return, caller: SectionHead, once: Once) -> Receipt:
        """Return a registration with the reason; in a conflict, believe the officer who met the person."""
        actor = await office.decide(registration_id, caller)
        return await office.act(handlers.give_back, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/refusal")
    async def refuse_registration(registration_id: UUID, act: Refusal, caller: SectionHead, once: Once) -> Receipt:
        """Refuse a registration, naming the transfer or the closure that follows."""
        actor = await office.decide(registration_id, caller)
        return await office.act(handlers.refuse, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/closure")
    async def close_registration(registration_id: UUID, act: Closing, caller: Decider, once: Once) -> Receipt:
        """Close a registration for good, on evidence."""
        actor = await office.decide(registration_id, caller)
        return await office.act(handlers.close, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/hand-on")
    async def hand_registration_on(registration_id: UUID, act: HandOn, caller: Decider, once: Once) -> Receipt:
        """Record that another office has accepted the client."""
        actor = await office.decide(registration_id, caller)
        return await office.act(handlers.hand_on, OnCase(registration_id, act), actor, once)
