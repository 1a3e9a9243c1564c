"""HTTP for requests: prisons ask, take back and follow their own; the counter enters letters that came on paper."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import ConfigDict

from chassis.access import Principal, Scope, allow, require_facility
from chassis.audit import nothing_restricted
from chassis.doors import Once, actor_of
from chassis.idempotency import IdempotentRequest
from chassis.paging import CURSOR_CHARS_MAX, LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor
from chassis.problems import BadRequest, NotFound, Problem
from chassis.service import ServiceContext
from chassis.transaction import Transaction
from contracts.inquiries import DecreeOutcome, WithdrawalReason
from contracts.lapas import (
    DecreeIssued,
    Inquiry,
    LitmasRequested,
    LitmasRequestWithdrawn,
    ReleaseType,
    RequestId,
    litmas_id_of,
)
from contracts.personal import Day, DecreeNo, DocumentNo, Instant
from contracts.roles import Role
from services.litmas.reintegration import handlers, prison_store, store
from services.litmas.reintegration.domain.intake import AlreadyKnown
from services.litmas.reintegration.handlers import Receipt
from services.litmas.reintegration.office import COUNTER, Office
from services.litmas.reintegration.papers import PDF, Press
from services.litmas.reintegration.prison_store import Place
from services.litmas.reintegration.prison_views import Changes, OwnRequest, own_request_of

OTHER_HISTORY: Final = "the office's database was restored since: read once more from the beginning, without `since`"
PRISONS: Final = (Role.PRISON_SYSTEM, Role.PRISON_OFFICER)
EVENT_DOORS: Final = {
    LitmasRequested: handlers.receive_request,
    LitmasRequestWithdrawn: handlers.take_request_back,
    DecreeIssued: handlers.hear_decree,
}

Asking = Annotated[Principal, Depends(allow(*PRISONS, *COUNTER))]
Prison = Annotated[Principal, Depends(allow(*PRISONS, scope=Scope.FACILITY))]
Since = Annotated[
    str | None,
    Query(
        max_length=CURSOR_CHARS_MAX,
        description="`next_since` of the answer before; left out, everything is read from the beginning",
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"},
    ),
]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many requests at most")]


class RequestBody(LitmasRequested):
    """A request for a report; fields that are not known here are left aside."""

    model_config = ConfigDict(extra="ignore")


class WithdrawalBody(Inquiry):
    """A withdrawal of the request in the address; fields that are not known here are left aside."""

    model_config = ConfigDict(extra="ignore")

    reason: WithdrawalReason
    withdrawn_at: Instant
    letter_no: DocumentNo | None = None


class DecreeBody(Inquiry):
    """The decree that answers the proposal of the request in the address."""

    model_config = ConfigDict(extra="ignore")

    outcome: DecreeOutcome
    decree_no: DecreeNo
    decree_on: Day | None = None
    release_type: ReleaseType | None = None
    releases_on: Day | None = None
    litmas_no: DocumentNo | None = None


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors for requests."""
    router = APIRouter(prefix="/v1", tags=["requests"])
    _add_asking(router, Office(context))
    _add_following(router, context)
    return (router,)


def _add_asking(router: APIRouter, office: Office) -> None:
    known = {200: {"model": Receipt, "description": "Known already"}}

    @router.post("/requests", status_code=201, response_model=Receipt, responses=known)  # type: ignore[arg-type]
    async def request_report(body: RequestBody, caller: Asking, once: Once) -> Receipt | JSONResponse:
        """Ask for a report, or correct what was asked with a higher revision; the counter does so for a letter."""
        return await _answered(office, LitmasRequested.model_validate(body.model_dump()), caller, once)

    @router.post(
        "/requests/{request_id:path}/withdrawal",
        status_code=201,
        response_model=Receipt,
        responses=known,  # type: ignore[arg-type]
    )
    async def withdraw_request(
        request_id: RequestId, body: WithdrawalBody, caller: Asking, once: Once
    ) -> Receipt | JSONResponse:
        """Take a request back, at any time before the report is delivered."""
        said = body.model_dump() | {"request_id": request_id}
        return await _answered(office, LitmasRequestWithdrawn.model_validate(said), caller, once)

    @router.post(
        "/requests/{request_id:path}/decree",
        status_code=201,
        response_model=Receipt,
        responses=known,  # type: ignore[arg-type]
    )
    async def report_decree(
        request_id: RequestId, body: DecreeBody, caller: Asking, once: Once
    ) -> Receipt | JSONResponse:
        """Say what became of the proposal that the report was for."""
        said = body.model_dump() | {"request_id": request_id}
        return await _answered(office, DecreeIssued.model_validate(said), caller, once)


async def _answered(
    office: Office,
    event: LitmasRequested | LitmasRequestWithdrawn | DecreeIssued,
    caller: Principal,
    once: IdempotentRequest | None,
) -> Receipt | JSONResponse:
    """Take what a prison says through the same door as Kafka's; a prison's principal speaks for that prison alone."""
    litmas_id = litmas_id_of(event.request_id)
    own = not caller.roles & frozenset(COUNTER)
    if own:
        require_facility(caller, event.facility)

    async def door(said: Inquiry, tx: Transaction) -> Receipt:
        # Behind the lock: whoever says the same id for another prison at this moment comes before or after.
        known = await tx.lock(store.REPORTS, litmas_id)
        if own and known is not None:
            require_facility(caller, known.facility)
        receipt: Receipt = await EVENT_DOORS[type(said)](said, tx)  # type: ignore[operator]  # its own event
        return receipt

    try:
        return await office.run(door, event, litmas_id, actor_of(caller, *PRISONS, *COUNTER), once)
    except AlreadyKnown:
        case = await office.case(litmas_id)
        content = {"outcome": "duplicate", "litmas_id": str(litmas_id), "status": case.status, "edition": case.edition}
        return JSONResponse(content | {"note": None})


def _add_following(router: APIRouter, context: ServiceContext) -> None:
    press = Press.of(context)

    @router.get("/requests/changes", dependencies=[Depends(nothing_restricted)])
    async def read_request_changes(caller: Prison, since: Since = None, limit: Limit = LIMIT_DEFAULT) -> Changes:
        """The own facility's requests that changed, each once and as it stands now; none is ever passed over."""
        place = await _place_of(since, context)
        found = await prison_store.changed_after(context.pool, place, facility=str(caller.facility), rows_max=limit + 1)
        shown = found[:limit]
        last = shown[-1].place if shown else place
        return Changes(
            items=[own_request_of(each.case) for each in shown],
            next_since=encode_cursor(last.history, last.changed_by, last.litmas_id),
            more=len(found) > limit,
        )

    @router.get("/requests/{request_id:path}/report", response_class=Response, responses=PDF)
    async def read_own_report(request_id: RequestId, caller: Prison) -> Response:
        """The signed report that was asked for, as a PDF; of another facility it is answered as if there were none."""
        case = await prison_store.find_own(context.pool, litmas_id_of(request_id), facility=str(caller.facility))
        if case is None:
            raise NotFound("request")
        return await press.copy_of(case)

    # After the ones above: a request whose id is `changes` is only found among the changes.
    @router.get("/requests/{request_id:path}")
    async def read_request(request_id: RequestId, caller: Prison) -> OwnRequest:
        """How far a request has come; one of another facility is answered like one that does not exist."""
        case = await prison_store.find_own(context.pool, litmas_id_of(request_id), facility=str(caller.facility))
        if case is None:
            raise NotFound("request")
        return own_request_of(case)


async def _place_of(since: str | None, context: ServiceContext) -> Place:
    """The place that a caller has read up to; raises Problem for one that no answer of this database has given."""
    beginning = await prison_store.beginning(context.pool)
    if not since:
        return beginning
    try:
        place = Place(*decode_cursor(since, str, int, UUID))
    except BadRequest:
        raise BadRequest(where="query.since", what="it must be the next_since of an answer") from None
    if place.changed_by < 0:
        raise BadRequest(where="query.since", what="it must be the next_since of an answer")
    if place.history != beginning.history:
        raise Problem(400, kind="other-history", detail=OTHER_HISTORY)
    return place
