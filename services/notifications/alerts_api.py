"""HTTP for alerts: who was told, how far each has climbed, and who takes care of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from chassis.access import Principal, allow
from chassis.audit import nothing_restricted
from chassis.doors import AskedPage, Once
from chassis.paging import Page
from chassis.problems import NotFound
from chassis.service import ServiceContext
from chassis.transaction import Actor, Transaction
from contracts.roles import Role
from services.notifications import alert_handlers, alert_store
from services.notifications.alert_handlers import Acknowledgement
from services.notifications.api import ANSWERABLE, MAY_KNOW_OF_CHILDREN, STAFF, mailboxes_of
from services.notifications.domain.audience import Audience
from services.notifications.domain.climb import Alert, AlertState, AlertUnknown

ANSWER_FOR_ALL: Final = frozenset({Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD, Role.HEAD, Role.OPS})
"""Who may say of any alert that somebody takes care of it, told or not."""

Reader = Annotated[Principal, Depends(allow(*STAFF))]
Supervisor = Annotated[Principal, Depends(allow(*ANSWERABLE))]


class AlertView(BaseModel):
    """Something that somebody must take care of; never what was said of it."""

    id: UUID
    about: UUID = Field(description="The registration, the dead letter, or the hole in the duty roster")
    occasion: str | None = Field(description="What gave occasion to it; not shown for a child")
    state: AlertState
    raised_at: datetime
    rung: Audience = Field(description="The highest who were told")
    climbed: int = Field(description="How often it has climbed")
    climbs_at: datetime | None = Field(description="When it climbs next; absent once it is over, or at the top")
    told: list[str] = Field(description="Everybody who was told, in order")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    ended_at: datetime | None


def alert_routes(context: ServiceContext) -> APIRouter:
    """The doors of alerts."""
    router = APIRouter(prefix="/v1", tags=["alerts"])

    @router.get("/alerts", dependencies=[Depends(nothing_restricted)])
    async def list_alerts(
        supervisor: Supervisor,
        page: AskedPage,
        about: Annotated[UUID | None, Query(description="A registration, a dead letter, a hole in the roster")] = None,
        state: Annotated[list[AlertState] | None, Query(description="Only those in one of these states")] = None,
    ) -> Page[AlertView]:
        """What somebody must take care of, or took care of, the newest first."""
        after = page.after(int)
        rows = await alert_store.alerts(
            context.pool,
            about=about,
            states=None if state is None else [each.value for each in state],
            juvenile=bool(supervisor.roles & MAY_KNOW_OF_CHILDREN),
            before=None if after is None else after[0],
            rows_max=page.fetch,
        )
        return page.page(rows, item=_view_of_row, cursor=lambda row: (row["seq"],))

    @router.post("/alerts/{alert_id}/acknowledgement")
    async def acknowledge_alert(reader: Reader, alert_id: UUID, once: Once) -> AlertView:
        """Note that the caller takes care of it: it climbs no more for anybody; the first time counts."""
        command = Acknowledgement(
            alert_id=alert_id,
            mailboxes=mailboxes_of(reader),
            answers_for_all=bool(reader.roles & ANSWER_FOR_ALL),
            knows_children=bool(reader.roles & MAY_KNOW_OF_CHILDREN),
        )
        actor = Actor("person", reader.subject, role=",".join(sorted(reader.roles)), unit=reader.unit)
        keys = [(alert_store.ALERTS, alert_id)]
        try:
            return await context.commands.run(_acknowledged, command, actor=actor, keys=keys, idempotency=once)
        except AlertUnknown:
            raise NotFound("alert") from None

    return router


async def _acknowledged(command: Acknowledgement, tx: Transaction) -> AlertView:
    return _view(await alert_handlers.acknowledge(command, tx))


def _view(alert: Alert) -> AlertView:
    shown = {name: getattr(alert, name) for name in AlertView.model_fields if name not in {"id", "occasion"}}
    return AlertView(id=alert.alert_id, occasion=None if alert.juvenile else alert.occasion, **shown)


def _view_of_row(row: Mapping[str, Any]) -> AlertView:
    shown = {name: row[name] for name in AlertView.model_fields if name not in {"id", "occasion"}}
    return AlertView(id=row["alert_id"], occasion=None if row["juvenile"] else row["occasion"], **shown)
