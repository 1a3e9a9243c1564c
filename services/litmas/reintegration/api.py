"""HTTP that only reads: the inbox of each role, a report, its timeline, its text, and who could make it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from chassis.access import Forbidden, Principal, allow
from chassis.doors import AskedPage
from chassis.paging import Page
from chassis.service import ServiceContext
from contracts.litmas import Desk
from contracts.personal import UnitCode
from contracts.roles import Role
from services.litmas.reintegration import store, views
from services.litmas.reintegration.domain import assigning
from services.litmas.reintegration.office import Office, SectionHead, Staff
from services.litmas.reintegration.papers import PDF, Press
from services.litmas.reintegration.views import DESK_OF_ROLE, CaseView, Line, ReportText, TimelineLine

AtADesk = Annotated[Principal, Depends(allow(*DESK_OF_ROLE))]


class CandidateView(BaseModel):
    """An officer who could make the report, as the system ranks them; whoever assigns chooses."""

    officer: str
    unit: str
    grade: str | None
    open_reports: int
    distance: int


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors for readers."""
    router = APIRouter(prefix="/v1", tags=["litmas"])
    _add_inbox(router, context)
    _add_reading(router, Office(context))
    return (router,)


def _add_inbox(router: APIRouter, context: ServiceContext) -> None:
    @router.get("/inbox")
    async def read_inbox(
        caller: AtADesk,
        page: AskedPage,
        desk: Annotated[Desk | None, Query(description="One of the own desks; left out, the first of them")] = None,
        unit: Annotated[UnitCode | None, Query(description="The unit that makes the report")] = None,
    ) -> Page[Line]:
        """What waits on the own desk, the longest there first, each with its clock; an officer sees the own reports."""
        chosen = _own_desk(caller, desk)
        after = page.after(datetime, UUID)
        rows = await store.inbox(
            context.pool,
            chosen,
            officer=caller.subject if chosen is Desk.OFFICER else None,
            unit=unit,
            after=None if after is None else (after[0], after[1]),
            rows_max=page.fetch,
        )
        now = context.office_clock.now()
        return page.page(
            rows,
            item=lambda case: views.line_of(case, now=now, reference=context.reference),
            cursor=lambda case: (case.waits_since, case.litmas_id),
        )


def _add_reading(router: APIRouter, office: Office) -> None:
    context, press = office.context, Press.of(office.context)

    @router.get("/litmas/{litmas_id}")
    async def read_report(litmas_id: UUID, caller: Staff, response: Response) -> CaseView:
        """One report, with the person where the caller works on it; its edition is the ETag."""
        case = await office.case(litmas_id)
        response.headers["ETag"] = f'"{case.edition}"'
        return views.case_view_of(case, caller, now=context.office_clock.now(), reference=context.reference)

    @router.get("/litmas/{litmas_id}/timeline")
    async def read_report_timeline(litmas_id: UUID, caller: Staff, page: AskedPage) -> Page[TimelineLine]:
        """Everything that happened to a report, in order."""
        shows_words = views.works_on(caller, await office.case(litmas_id))
        after = page.after(UUID)
        rows = await store.timeline(
            context.pool, litmas_id, after=None if after is None else after[0], rows_max=page.fetch
        )
        return page.page(
            rows,
            item=lambda row: views.timeline_line_of(row, shows_words=shows_words),
            cursor=lambda row: (row["entry_id"],),
        )

    @router.get("/litmas/{litmas_id}/sections")
    async def read_report_text(litmas_id: UUID, caller: Staff) -> ReportText:
        """The sections of a report, each with the edition that the next save must name."""
        case = await office.case(litmas_id)
        if not views.may_read_text(caller, case):
            raise Forbidden("what the report says is for its author, the desk that checks it and the head")
        return views.report_text_of(case, await store.read_sections(context.pool, litmas_id))

    @router.get("/litmas/{litmas_id}/report", response_class=Response, responses=PDF)
    async def read_signed_report(litmas_id: UUID, caller: Staff) -> Response:
        """The signed report as a PDF, byte for byte as it was signed."""
        case = await office.case(litmas_id)
        if not views.may_read_text(caller, case):
            raise Forbidden("what the report says is for its author, the desk that checks it and the head")
        return await press.copy_of(case)

    @router.get("/litmas/{litmas_id}/candidates")
    async def propose_officers(litmas_id: UUID, caller: SectionHead) -> list[CandidateView]:
        """Who could make the report, best first: at the place, with the fewest open reports, the senior of equals."""
        case = await office.case(litmas_id)
        loads = await store.open_reports(context.pool)
        return [
            CandidateView(
                officer=each.officer,
                unit=each.unit,
                grade=each.grade,
                open_reports=each.open_reports,
                distance=each.distance,
            )
            for each in assigning.proposed(case, loads, reference=context.reference)
        ]


def _own_desk(caller: Principal, desk: Desk | None) -> Desk:
    """The desk that is asked for, if it is one of the caller's."""
    own = [DESK_OF_ROLE[role] for role in Role if role in caller.roles and role in DESK_OF_ROLE]
    if desk is None and own:
        return own[0]
    if desk is None or desk not in own:
        raise Forbidden("this is another role's desk")
    return desk
