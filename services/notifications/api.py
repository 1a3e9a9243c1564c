"""HTTP for officers: their inbox, and the ledger for those who answer for it. Translates; never decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from chassis.access import Principal, allow
from chassis.audit import nothing_restricted
from chassis.doors import AskedPage
from chassis.paging import Page, PageRequest
from chassis.problems import NotFound
from chassis.service import ServiceContext
from chassis.transaction import Actor
from contracts.notifications import Channel
from contracts.roles import Role
from services.notifications import handlers, store
from services.notifications.domain.ledger import Notice, NoticeUnknown, State, Urgency
from services.notifications.handlers import Seen

STAFF: Final = (
    Role.HEAD,
    Role.SECTION_HEAD_ADULT,
    Role.SECTION_HEAD_CHILD,
    Role.REGISTRAR_HEAD,
    Role.REGISTRAR,
    Role.PROBATION_OFFICER,
    Role.ASSISTANT_OFFICER,
    Role.SERVICE_COUNTER,
    Role.TPP_CHAIR,
    Role.TPP_SECRETARY,
    Role.TPP_MEMBER,
    Role.OPS,
)
ANSWERABLE: Final = (
    Role.OPS,
    Role.REGISTRAR,
    Role.REGISTRAR_HEAD,
    Role.SECTION_HEAD_ADULT,
    Role.SECTION_HEAD_CHILD,
    Role.HEAD,
)
MAY_KNOW_OF_CHILDREN: Final = frozenset({Role.SECTION_HEAD_CHILD, Role.HEAD, Role.OPS})
"""Who sees that somebody was told about a child; the row itself says no more than that."""

Reader = Annotated[Principal, Depends(allow(*STAFF))]
Supervisor = Annotated[Principal, Depends(allow(*ANSWERABLE))]


class InboxItem(BaseModel):
    """What somebody was told in the application."""

    id: UUID
    about: UUID = Field(description="The registration, or the dead letter, of which it tells")
    urgency: Urgency
    template: str
    template_version: int
    subject: str
    body: str
    told_at: datetime | None
    read_at: datetime | None
    acknowledged_at: datetime | None


class UnreadCount(BaseModel):
    """How much waits in an inbox."""

    unread: int


class LedgerLine(BaseModel):
    """Who was told, by which channel, and what became of it; never what was said."""

    id: UUID
    recipient: str
    channel: Channel
    about: UUID
    occasion: str | None = Field(description="What gave occasion to tell; not shown for a child")
    urgency: Urgency
    template: str
    template_version: int
    digest_version: int | None = Field(description="Of the template that bound it with others into one message")
    status: State
    attempts: int
    next_attempt_at: datetime | None
    maybe_doubled: bool
    message_id: str | None
    parcel: UUID | None = Field(description="The message in which it left: the gateway's idempotency key")
    instead_of: UUID | None = Field(description="The notice by another channel whose place it took")
    reason: str | None
    created_at: datetime
    held_until: datetime | None = Field(description="The end of the quiet hours for which it waited")
    accepted_at: datetime | None = Field(description="When the carrier had it")
    settled_at: datetime | None
    read_at: datetime | None
    acknowledged_at: datetime | None


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of this service."""
    router = APIRouter(prefix="/v1", tags=["notifications"])
    _add_reading(router, context)
    _add_answering(router, context)
    _add_ledger(router, context)
    return (router,)


def _add_reading(router: APIRouter, context: ServiceContext) -> None:
    @router.get("/inbox", dependencies=[Depends(nothing_restricted)])
    async def read_inbox(
        reader: Reader,
        page: AskedPage,
        unread: Annotated[bool | None, Query(description="Only what is unread, or only what was read")] = None,
    ) -> Page[InboxItem]:
        """What the caller was told, the newest first."""
        rows = await store.inbox(
            context.pool, mailboxes=mailboxes_of(reader), unread=unread, before=_before(page), rows_max=page.fetch
        )
        return page.page(rows, item=_item_of_row, cursor=_place)

    @router.get("/inbox/unread-count", dependencies=[Depends(nothing_restricted)])
    async def count_unread(reader: Reader) -> UnreadCount:
        """How much of it the caller has not read."""
        return UnreadCount(unread=await store.unread_count(context.pool, mailboxes=mailboxes_of(reader)))


def _add_answering(router: APIRouter, context: ServiceContext) -> None:
    @router.post("/inbox/{notification_id}/read")
    async def mark_read(reader: Reader, notification_id: UUID) -> InboxItem:
        """Note that the caller has read it; the first time counts."""
        return await _answered(handlers.mark_read, reader, notification_id)

    @router.post("/inbox/{notification_id}/acknowledgement")
    async def acknowledge(reader: Reader, notification_id: UUID) -> InboxItem:
        """Note that the caller takes care of it; the first time counts."""
        return await _answered(handlers.acknowledge, reader, notification_id)

    async def _answered(handle: Any, reader: Principal, notification_id: UUID) -> InboxItem:
        command = Seen(notification_id=notification_id, mailboxes=mailboxes_of(reader))
        try:
            notice: Notice = await context.commands.run(
                handle, command, actor=_actor(reader), keys=[(store.NOTICES, notification_id)]
            )
        except NoticeUnknown:
            raise NotFound("notification") from None
        return _item(notice)


def _add_ledger(router: APIRouter, context: ServiceContext) -> None:
    @router.get("/notifications", dependencies=[Depends(nothing_restricted)])
    async def list_notifications(
        supervisor: Supervisor,
        page: AskedPage,
        about: Annotated[UUID | None, Query(description="A registration, or a dead letter")] = None,
        status: Annotated[State | None, Query()] = None,
    ) -> Page[LedgerLine]:
        """Who was told what by which channel, the newest first; failures too."""
        rows = await store.ledger(
            context.pool,
            about=about,
            state=status,
            juvenile=bool(supervisor.roles & MAY_KNOW_OF_CHILDREN),
            before=_before(page),
            rows_max=page.fetch,
        )
        return page.page(rows, item=_line, cursor=_place)


def mailboxes_of(reader: Principal) -> list[str]:
    """The names under which the caller is told: an officer's code, and the role whose inbox a team shares."""
    return [reader.subject, *([Role.OPS.value] if Role.OPS in reader.roles else [])]


def _actor(reader: Principal) -> Actor:
    return Actor("person", reader.subject, role=",".join(sorted(reader.roles)), unit=reader.unit)


def _before(page: PageRequest) -> int | None:
    after = page.after(int)
    return None if after is None else int(after[0])


def _place(row: Mapping[str, Any]) -> list[object]:
    return [row["seq"]]


def _item_of_row(row: Mapping[str, Any]) -> InboxItem:
    shown = {name: row[name] for name in InboxItem.model_fields if name not in {"id", "told_at"}}
    return InboxItem(id=row["notification_id"], told_at=row["settled_at"], **shown)


def _item(notice: Notice) -> InboxItem:
    return InboxItem(
        id=notice.notification_id,
        about=notice.about,
        urgency=notice.urgency,
        template=notice.template,
        template_version=notice.template_version,
        subject=notice.subject,
        body=notice.body,
        told_at=notice.settled_at,
        read_at=notice.read_at,
        acknowledged_at=notice.acknowledged_at,
    )


def _line(row: Mapping[str, Any]) -> LedgerLine:
    shown = {name: row[name] for name in LedgerLine.model_fields if name not in {"id", "status", "occasion"}}
    occasion = None if row["juvenile"] else row["occasion"]
    return LedgerLine(id=row["notification_id"], status=row["state"], occasion=occasion, **shown)
