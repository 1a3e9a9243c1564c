"""HTTP for officers: who is guided, and who has to report when. Translates; never decides."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from chassis import audit
from chassis.access import Principal, allow
from chassis.doors import AskedPage
from chassis.paging import Page
from chassis.problems import NotFound
from chassis.service import ServiceContext
from chassis.sight import Seen, Sight
from contracts.lapas import Address, Guarantor, Sex
from contracts.personal import UnitCode
from contracts.roles import Role
from contracts.supervision import CheckInFrequency, CheckInMode, Stage
from services.supervision import domain, store
from services.supervision.domain import CheckInState, Supervision

GUIDING: Final = (
    Role.HEAD,
    Role.SECTION_HEAD_ADULT,
    Role.SECTION_HEAD_CHILD,
    Role.REGISTRAR_HEAD,
    Role.REGISTRAR,
    Role.PROBATION_OFFICER,
    Role.ASSISTANT_OFFICER,
)
AT_THE_COUNTER: Final = (*GUIDING, Role.SERVICE_COUNTER)

Officer = Annotated[Principal, Depends(allow(*GUIDING))]
Counter = Annotated[Principal, Depends(allow(*AT_THE_COUNTER))]
AskedUnit = Annotated[UnitCode | None, Query()]
Month = Annotated[str, Query(pattern=r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$", description="As in 2026-06")]


class SupervisionLine(BaseModel):
    """A supervised client in a list: ids, places and dates, nobody's name."""

    client_id: UUID
    registration_id: UUID
    unit: str
    officer: str | None
    juvenile: bool
    stage: Stage
    opened_at: datetime
    guidance_until: date | None
    next_window_from: date | None
    next_window_until: date | None


class CheckInLine(BaseModel):
    """A report that a client owes."""

    check_in_id: UUID
    client_id: UUID
    unit: str
    juvenile: bool
    window_from: date
    window_until: date
    frequency: CheckInFrequency
    mode: CheckInMode
    state: CheckInState


class ContactView(BaseModel):
    """How a client is reached."""

    name: str
    alias: str | None
    birth_on: date | None
    birth_year: int | None
    sex: Sex | None
    phone: str | None
    domicile: Address | None
    guarantor: Guarantor | None


class SupervisionView(BaseModel):
    """A supervised client."""

    client_id: UUID
    registration_id: UUID
    unit: str
    officer: str | None
    juvenile: bool
    stage: Stage
    opened_at: datetime
    guidance_until: date | None
    check_ins: list[CheckInLine]
    contact: ContactView | None = Field(description="Only for who may know it, and as long as it is kept")


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of this service."""
    router = APIRouter(prefix="/v1", tags=["supervision"])
    _add_supervisions(router, context)
    _add_check_ins(router, context)
    return (router,)


def _add_supervisions(router: APIRouter, context: ServiceContext) -> None:
    @router.get("/supervisions")
    async def list_supervisions(
        officer: Officer,
        page: AskedPage,
        unit: AskedUnit = None,
        stage: Annotated[Stage | None, Query()] = None,
    ) -> Page[SupervisionLine]:
        """Supervised clients, the newest first."""
        after = page.after(datetime, UUID)
        rows = await store.page(
            _seen_by(context, officer),
            unit=unit,
            stage=stage,
            juvenile=_sees_children(context, officer),
            after=None if after is None else (after[0], after[1]),
            rows_max=page.fetch,
        )
        return page.page(rows, item=_line, cursor=lambda row: [row["opened_at"], row["client_id"]])

    @router.get("/supervisions/{client_id}")
    async def read_supervision(officer: Officer, client_id: UUID) -> SupervisionView:
        """One supervised client; who may not know of a child finds nothing here."""
        seen = _seen_by(context, officer)
        supervision = await store.supervision(seen, client_id)
        if supervision is None or (supervision.juvenile and not _sees_children(context, officer)):
            raise NotFound("supervision")
        return SupervisionView(
            **{name: getattr(supervision, name) for name in SupervisionView.model_fields if hasattr(supervision, name)},
            check_ins=[_check_in(row) for row in await store.check_ins_of(seen, client_id)],
            contact=await _contact(context, officer, supervision),
        )


def _add_check_ins(router: APIRouter, context: ServiceContext) -> None:
    @router.get("/check-ins")
    async def list_check_ins(
        counter: Counter, page: AskedPage, month: Month, unit: AskedUnit = None
    ) -> Page[CheckInLine]:
        """Who has to report in a month, the earliest first."""
        window = domain.month_window(date.fromisoformat(f"{month}-01"))
        after = page.after(date, UUID)
        rows = await store.check_ins(
            _seen_by(context, counter),
            first=window.first,
            last=window.last,
            unit=unit,
            juvenile=_sees_children(context, counter),
            after=None if after is None else (after[0], after[1]),
            rows_max=page.fetch,
        )
        return page.page(rows, item=_check_in, cursor=lambda row: [row["window_from"], row["check_in_id"]])


def _sees_children(context: ServiceContext, caller: Principal) -> bool:
    return domain.may_see_children(caller.roles, context.reference.officers.get(caller.subject))


def _seen_by(context: ServiceContext, caller: Principal) -> Seen:
    return Seen(context.pool, Sight(children=_sees_children(context, caller)))


async def _contact(context: ServiceContext, caller: Principal, supervision: Supervision) -> ContactView | None:
    officer = context.reference.officers.get(caller.subject)
    if not domain.may_see_contact(supervision, caller.roles, officer, subject=caller.subject):
        return None
    kept = await store.contact(_seen_by(context, caller), supervision.client_id)
    if kept is None or kept.details is None:
        return None
    audit.saw(
        "client", [supervision.client_id], (name for name in ContactView.model_fields if getattr(kept.details, name))
    )
    return ContactView(**{name: getattr(kept.details, name) for name in ContactView.model_fields})


def _line(row: Mapping[str, Any]) -> SupervisionLine:
    _note_child(row)
    return SupervisionLine(**row)


def _check_in(row: Mapping[str, Any]) -> CheckInLine:
    _note_child(row)
    return CheckInLine(**row)


def _note_child(row: Mapping[str, Any]) -> None:
    """Whoever sees that a child is guided has seen something restricted (UU 11/2012 art. 19)."""
    if row["juvenile"]:
        audit.saw("client", [row["client_id"]], ["juvenile"])
