"""HTTP for teams, queue and agenda: what comes before a session. Translates; never decides."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis import audit
from chassis.doors import AskedPage, IfMatch, Once, actor_of
from chassis.paging import Page
from chassis.problems import NotFound
from chassis.service import ServiceContext
from chassis.work import AggregateKey
from contracts.roles import Role
from contracts.tpp import Panel
from services.tpp import handlers, reading, store
from services.tpp.domain import clocks
from services.tpp.domain.acts import (
    Adjourning,
    Conflict,
    Drafting,
    Listing,
    Rescheduling,
    StandIn,
    Unlisting,
    WrittenOpinion,
)
from services.tpp.domain.hearing import Status
from services.tpp.domain.item import Item, ItemState
from services.tpp.domain.teams import Appointment, bench_id_of
from services.tpp.handlers import Appointed, Dossier, Link, Receipt
from services.tpp.office import (
    PRESIDING,
    RECORDING,
    SITTING,
    Chair,
    Head,
    Member,
    Office,
    Participant,
    Reader,
    Secretary,
)
from services.tpp.views import (
    BenchView,
    HearingLine,
    HearingView,
    ItemLine,
    OpinionView,
    TimelineLine,
    bench_view,
    hearing_line,
    hearing_view,
    item_line,
)


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of this service that are used before a session."""
    router = APIRouter(prefix="/v1", tags=["hearings"])
    office = Office(context)
    _add_teams(router, office)
    _add_reading(router, office)
    _add_agenda(router, office)
    _add_dates(router, office)
    _add_preparing(router, office)
    _add_dossiers(router, office)
    return (router,)


def _add_teams(router: APIRouter, office: Office) -> None:
    context = office.context

    @router.get("/teams")
    async def list_teams(caller: Reader) -> list[BenchView]:
        """The panels, and the teams that were appointed to them."""
        return [bench_view(bench) for bench in await reading.benches(context.pool, office.panels(caller))]

    @router.post("/teams", status_code=201)
    async def appoint_team(act: Appointment, caller: Head, once: Once) -> Appointed:
        """Appoint a team by decree, for a time in which no other is appointed."""
        keys = [(store.BENCHES, bench_id_of(act.unit, act.panel))]
        actor = actor_of(caller, Role.HEAD)
        return await context.commands.run(handlers.appoint_team, act, actor=actor, keys=keys, idempotency=once)


def _add_reading(router: APIRouter, office: Office) -> None:
    context = office.context

    @router.get("/items")
    async def list_items(
        caller: Reader, page: AskedPage, state: Annotated[list[ItemState] | None, Query(max_length=7)] = None
    ) -> Page[ItemLine]:
        """Cases before the team, those first that have waited longest."""
        after = page.after(datetime, UUID)
        rows = await reading.items(
            context.pool,
            states=state,
            panels=office.panels(caller),
            after=None if after is None else (after[0], after[1]),
            rows_max=page.fetch,
        )
        _note_children(rows)
        return page.page(rows, item=item_line, cursor=lambda item: [item.submitted_at, item.subject_id])

    @router.get("/hearings")
    async def list_hearings(
        caller: Reader, page: AskedPage, status: Annotated[Status | None, Query()] = None
    ) -> Page[HearingLine]:
        """Hearings, the latest first."""
        after = page.after(datetime, UUID)
        rows = await reading.hearings(
            context.pool,
            status=status,
            panels=office.panels(caller),
            after=None if after is None else (after[0], after[1]),
            rows_max=page.fetch,
        )
        audit.saw("hearing", [each.hearing_id for each in rows if each.panel is Panel.CHILD], ["panel"])
        return page.page(rows, item=hearing_line, cursor=lambda hearing: [hearing.starts_at, hearing.hearing_id])

    @router.get("/hearings/{hearing_id}")
    async def read_hearing(caller: Reader, hearing_id: UUID) -> HearingView:
        """One hearing: who sits, who is there, its cases and how far each has come."""
        hearing = await office.hearing(hearing_id, caller)
        return hearing_view(
            hearing,
            await reading.items_of(context.pool, [line.subject_id for line in hearing.lines]),
            await reading.receipts(context.pool, hearing_id),
            now=context.office_clock.now(),
            hand_over_due_at=clocks.hand_over_by(hearing, context.reference),
        )

    @router.get("/hearings/{hearing_id}/timeline")
    async def read_timeline(caller: Reader, hearing_id: UUID, page: AskedPage) -> Page[TimelineLine]:
        """What happened in a hearing, in order."""
        await office.hearing(hearing_id, caller)
        after = page.after(UUID)
        rows = await reading.timeline(
            context.pool, hearing_id, after=None if after is None else after[0], rows_max=page.fetch
        )
        return page.page(rows, item=lambda row: TimelineLine(**row), cursor=lambda row: [row["entry_id"]])


def _note_children(items: Sequence[Item]) -> None:
    """Whoever sees that a child's case is heard has seen something restricted (UU 11/2012 art. 19)."""
    audit.saw("case", [item.subject_id for item in items if item.panel is Panel.CHILD], ["panel"])


def _add_agenda(router: APIRouter, office: Office) -> None:
    @router.post("/hearings", status_code=201)
    async def draft_hearing(act: Drafting, caller: Secretary, once: Once) -> Receipt:
        """Prepare a hearing of the team that sits on its day; by a form alone is refused."""
        keys = [(store.BENCHES, bench_id_of(office.context.reference.head_office.code, act.panel))]
        actor = actor_of(caller, *RECORDING)
        run = office.context.commands.run
        return await run(handlers.draft_hearing, act, actor=actor, keys=keys, idempotency=once)

    @router.post("/hearings/{hearing_id}/cases")
    async def put_on_agenda(
        hearing_id: UUID, act: Listing, caller: Secretary, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Put cases on the agenda."""
        return await office.on_hearing(
            handlers.put_on_agenda, hearing_id, act, caller, roles=RECORDING, once=once, if_match=if_match,
            touches=act.subjects,
        )  # fmt: skip

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/removal")
    async def take_off_agenda(
        hearing_id: UUID, subject_id: UUID, act: Unlisting, caller: Secretary, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Take a case off a draft agenda."""
        place = (hearing_id, subject_id)
        return await office.on_case(
            handlers.take_off_agenda, place, act, caller, roles=RECORDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/schedule")
    async def schedule_hearing(hearing_id: UUID, caller: Chair, once: Once, if_match: IfMatch = None) -> Receipt:
        """Approve the agenda: members are invited, and the dossiers are open to them from now on."""
        return await office.on_hearing(
            handlers.schedule, hearing_id, None, caller, roles=PRESIDING, once=once, if_match=if_match
        )


def _add_dates(router: APIRouter, office: Office) -> None:
    @router.post("/hearings/{hearing_id}/stand-in")
    async def appoint_stand_in(
        hearing_id: UUID, act: StandIn, caller: Head, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Let somebody preside, or keep the minutes, in the place of who was appointed to."""
        return await office.on_hearing(
            handlers.appoint_stand_in, hearing_id, act, caller, roles=(Role.HEAD,), once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/adjournment")
    async def adjourn_hearing(
        hearing_id: UUID, act: Adjourning, caller: Member, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Put a hearing off, for want of a quorum or of somebody who presides; chair or secretary do."""
        return await office.on_hearing(
            handlers.adjourn, hearing_id, act, caller, roles=SITTING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/new-date")
    async def reschedule_hearing(
        hearing_id: UUID, act: Rescheduling, caller: Chair, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Set another date, within three working days of the adjournment."""
        return await office.on_hearing(
            handlers.reschedule, hearing_id, act, caller, roles=PRESIDING, once=once, if_match=if_match
        )


def _add_preparing(router: APIRouter, office: Office) -> None:
    context = office.context

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/opinions")
    async def lodge_opinion(
        hearing_id: UUID, subject_id: UUID, act: WrittenOpinion, caller: Member, once: Once
    ) -> Receipt:
        """Lodge a written opinion on a case before it is discussed."""
        place = (hearing_id, subject_id)
        return await office.on_case(handlers.lodge_opinion, place, act, caller, roles=SITTING, once=once)

    @router.get("/hearings/{hearing_id}/cases/{subject_id}/opinions")
    async def read_opinions(hearing_id: UUID, subject_id: UUID, caller: Participant) -> list[OpinionView]:
        """What members wrote on a case, before its discussion and against its decision."""
        await office.hearing(hearing_id, caller)
        rows = await reading.opinions(context.pool, hearing_id=hearing_id, subject_id=subject_id)
        audit.saw("case", [subject_id], ["opinions"])
        return [OpinionView(**row) for row in rows]

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/pull-out")
    async def pull_case_out(hearing_id: UUID, subject_id: UUID, caller: Member, once: Once) -> Receipt:
        """Have a case heard on its own that was to be approved in a block."""
        place = (hearing_id, subject_id)
        return await office.on_case(handlers.pull_out, place, None, caller, roles=SITTING, once=once)

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/conflict")
    async def declare_conflict(
        hearing_id: UUID, subject_id: UUID, act: Conflict, caller: Member, once: Once
    ) -> Receipt:
        """Declare an interest in a case, and neither preside nor vote in it."""
        place = (hearing_id, subject_id)
        return await office.on_case(handlers.declare_conflict, place, act, caller, roles=SITTING, once=once)


def _add_dossiers(router: APIRouter, office: Office) -> None:
    context = office.context

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/dossier-link")
    async def issue_dossier_link(hearing_id: UUID, subject_id: UUID, caller: Member, once: Once) -> Link:
        """Ask for a personal link to a dossier, while the window of the hearing is open."""
        place = (hearing_id, subject_id)
        return await office.on_case(handlers.issue_dossier_link, place, None, caller, roles=SITTING, once=once)

    @router.post("/dossiers/{link_id}")
    async def open_dossier(link_id: UUID, caller: Member, once: Once) -> Dossier:
        """Open a dossier by one's own link; that it was opened is on record."""
        link = await store.link(context.pool, link_id)
        if link is None or link.member != caller.subject:
            raise NotFound("dossier")
        audit.saw("case", [link.subject_id], ["dossier"])
        keys: list[AggregateKey] = [(store.HEARINGS, link.hearing_id), (store.ITEMS, link.subject_id)]
        actor = actor_of(caller, *SITTING)
        return await context.commands.run(handlers.open_dossier, link, actor=actor, keys=keys, idempotency=once)
