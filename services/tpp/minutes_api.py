"""HTTP for what follows a session: minutes, signatures, hand-over. Translates; never decides."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from chassis import audit
from chassis.access import Principal
from chassis.doors import IfMatch, Once
from chassis.problems import NotFound
from chassis.service import ServiceContext
from contracts.roles import Role
from services.tpp import minutes_handlers, reading
from services.tpp.domain.acts import Excuse, MinutesDraft, Signing
from services.tpp.domain.hearing import Hearing, Minutes
from services.tpp.handlers import Receipt
from services.tpp.minutes_handlers import Drafted
from services.tpp.office import PRESIDING, RECORDING, SITTING, Chair, Head, Member, Office, Participant, Secretary
from services.tpp.papers import PDF, press_of
from services.tpp.views import MinutesView, minutes_view


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of this service that are used after a session."""
    router = APIRouter(prefix="/v1", tags=["minutes"])
    office = Office(context)
    _add_reading(router, office)
    _add_drafting(router, office)
    _add_signing(router, office)
    _add_handing_over(router, office)
    return (router,)


def _add_reading(router: APIRouter, office: Office) -> None:
    context = office.context
    press = press_of(context.reference, context.settings.reference_dir)

    async def found(hearing_id: UUID, caller: Principal) -> tuple[Hearing, Minutes, Mapping[str, Any]]:
        hearing = await office.hearing(hearing_id, caller)
        if hearing.minutes is None:
            raise NotFound("minutes")
        words = await reading.minutes(context.pool, hearing_id=hearing_id, digest=hearing.minutes.digest)
        if words is None:
            raise NotFound("minutes")
        audit.saw("hearing", [hearing_id], ["notes", "summary"])
        return hearing, hearing.minutes, words

    @router.get("/hearings/{hearing_id}/minutes")
    async def read_minutes(hearing_id: UUID, caller: Participant) -> MinutesView:
        """The minutes as they are to be signed: record, notes, summary, and the hash of it all."""
        _, minutes, words = await found(hearing_id, caller)
        return minutes_view(minutes, words)

    @router.get("/hearings/{hearing_id}/minutes/document", response_class=Response, responses=PDF)
    async def read_minutes_document(hearing_id: UUID, caller: Participant) -> Response:
        """The minutes as a PDF, with whoever has signed by now."""
        hearing, minutes, words = await found(hearing_id, caller)
        return await press.set_minutes(hearing, minutes, words, await reading.dissents(context.pool, hearing_id))


def _add_drafting(router: APIRouter, office: Office) -> None:

    @router.post("/hearings/{hearing_id}/minutes")
    async def draft_minutes(
        hearing_id: UUID, act: MinutesDraft, caller: Secretary, once: Once, if_match: IfMatch = None
    ) -> Drafted:
        """Draft the minutes under the next number of the year; drafted again they keep it and lose their signatures."""
        return await office.on_hearing(
            minutes_handlers.draft_minutes, hearing_id, act, caller, roles=RECORDING, once=once, if_match=if_match
        )


def _add_signing(router: APIRouter, office: Office) -> None:
    @router.post("/hearings/{hearing_id}/minutes/signatures")
    async def sign_minutes(hearing_id: UUID, act: Signing, caller: Member, once: Once) -> Receipt:
        """Sign the minutes that have this hash."""
        return await office.on_hearing(
            minutes_handlers.sign_minutes, hearing_id, act, caller, roles=SITTING, once=once, if_match=None
        )

    @router.post("/hearings/{hearing_id}/minutes/missing-signatures")
    async def excuse_signature(
        hearing_id: UUID, act: Excuse, caller: Chair, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Note why a member has not signed, once the time to sign is over."""
        return await office.on_hearing(
            minutes_handlers.excuse_signature, hearing_id, act, caller, roles=PRESIDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/minutes/ratification")
    async def ratify_minutes(hearing_id: UUID, caller: Chair, once: Once, if_match: IfMatch = None) -> Receipt:
        """Ratify minutes that bear the signatures they need."""
        return await office.on_hearing(
            minutes_handlers.ratify_minutes, hearing_id, None, caller, roles=PRESIDING, once=once, if_match=if_match
        )


def _add_handing_over(router: APIRouter, office: Office) -> None:
    @router.post("/hearings/{hearing_id}/hand-over")
    async def hand_over(hearing_id: UUID, caller: Secretary, once: Once, if_match: IfMatch = None) -> Receipt:
        """Hand recommendation and summary to the head of the office; each decision is made known."""
        return await office.on_hearing(
            minutes_handlers.hand_over, hearing_id, None, caller, roles=RECORDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/receipt")
    async def receive_recommendation(hearing_id: UUID, caller: Head, once: Once, if_match: IfMatch = None) -> Receipt:
        """Confirm that the recommendation is received; the hearing is closed."""
        return await office.on_hearing(
            minutes_handlers.receive_recommendation, hearing_id, None, caller, roles=(Role.HEAD,), once=once,
            if_match=if_match,
        )  # fmt: skip
