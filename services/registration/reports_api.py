"""HTTP for whoever reports: a prison itself, or an officer who enters what it said. One report at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import ConfigDict

from chassis.access import Principal, allow, require_facility
from chassis.doors import Once, actor_of
from chassis.idempotency import IdempotentRequest
from chassis.service import ServiceContext
from chassis.transaction import Transaction
from contracts.lapas import (
    CancelReason,
    ClientReleased,
    Release,
    ReleaseAnnounced,
    ReleaseCancelled,
    ReleaseId,
    registration_id_of,
)
from contracts.personal import Day, Instant
from contracts.roles import DUTY_ROLES, Role
from services.registration import handlers, store
from services.registration.domain.intake import AlreadyKnown
from services.registration.domain.standing import Report
from services.registration.handlers import Receipt
from services.registration.office import ON_BEHALF, ON_DUTY, Office

PRISONS: Final = (Role.PRISON_SYSTEM, Role.PRISON_OFFICER)
EVENT_DOORS: Final = {
    ReleaseAnnounced: handlers.prepare_for_release,
    ClientReleased: handlers.open_registration,
    ReleaseCancelled: handlers.take_release_back,
}

Telling = Annotated[Principal, Depends(allow(*PRISONS, *ON_DUTY))]
Reporter = Annotated[Principal, Depends(allow(*PRISONS, *ON_BEHALF))]


class AnnouncementBody(ReleaseAnnounced):
    """An announced release; fields that are not known here are left aside."""

    model_config = ConfigDict(extra="ignore")


class ReleaseBody(ClientReleased):
    """A release; fields that are not known here are left aside."""

    model_config = ConfigDict(extra="ignore")


class CancellationBody(Release):
    """A cancellation of the release in the address; fields that are not known here are left aside."""

    model_config = ConfigDict(extra="ignore")

    reason: CancelReason
    cancelled_at: Instant
    releases_on: Day | None = None
    reported_at: Instant | None = None


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors for reports."""
    router = APIRouter(prefix="/v1", tags=["reports"])
    _add_reports(router, Intake(context), Office(context))
    return (router,)


def own_facility_of(caller: Principal) -> str | None:
    """The only facility that a prison's principal may speak for, and learn of; None for the office's own people."""
    return None if caller.roles & DUTY_ROLES else caller.facility or ""


@dataclass(frozen=True)
class Intake:
    """Where reports are taken, whoever brings them: a principal of a prison may speak for that prison alone."""

    context: ServiceContext

    async def take(self, event: Report, caller: Principal, once: IdempotentRequest | None = None) -> Receipt:
        """Take a report through the same door as Kafka's."""
        keys, own = handlers.keys_of(event), own_facility_of(caller)
        if own is not None:
            require_facility(caller, event.facility)

        async def door(report: Report, tx: Transaction) -> Receipt:
            # Behind the lock: whoever reports the same id for another prison at this moment comes before or after.
            known = await tx.lock(store.REGISTRATIONS, keys[0])
            if own is not None and known is not None:
                require_facility(caller, known.facility)
            receipt: Receipt = await EVENT_DOORS[type(report)](report, tx)  # type: ignore[operator]  # its own event
            return receipt

        return await self.context.commands.run(
            door,
            event,
            actor=actor_of(caller, *PRISONS, *ON_BEHALF, *ON_DUTY),
            keys=[(store.REGISTRATIONS, key) for key in keys],
            idempotency=once,
        )


def _add_reports(router: APIRouter, intake: Intake, office: Office) -> None:
    known = {200: {"model": Receipt, "description": "Known already"}}

    async def answer(event: Report, caller: Principal, once: IdempotentRequest | None) -> Receipt | JSONResponse:
        try:
            return await intake.take(event, caller, once)
        except AlreadyKnown:
            case = await office.case(registration_id_of(event.release_id))
            if case.bound_to is not None:
                case = await office.case(case.bound_to)
            content = {"outcome": "duplicate", "registration_id": str(case.registration_id), "status": case.status}
            return JSONResponse(content | {"note": None})

    @router.post("/announcements", status_code=201, response_model=Receipt, responses=known)  # type: ignore[arg-type]
    async def announce_release(body: AnnouncementBody, caller: Telling, once: Once) -> Receipt | JSONResponse:
        """Announce a release; a higher revision of the same release_id corrects it."""
        return await answer(ReleaseAnnounced.model_validate(body.model_dump()), caller, once)

    @router.post("/releases", status_code=201, response_model=Receipt, responses=known)  # type: ignore[arg-type]
    async def report_release(body: ReleaseBody, caller: Telling, once: Once) -> Receipt | JSONResponse:
        """Report a release; a higher revision of the same release_id corrects it."""
        return await answer(ClientReleased.model_validate(body.model_dump()), caller, once)

    @router.post(
        "/releases/{release_id:path}/cancellation",
        status_code=201,
        response_model=Receipt,
        responses=known,  # type: ignore[arg-type]
    )
    async def cancel_release(
        release_id: ReleaseId, body: CancellationBody, caller: Reporter, once: Once
    ) -> Receipt | JSONResponse:
        """Take a release back, before or after it happened, or before it was reported."""
        said = body.model_dump() | {"release_id": release_id}
        return await answer(ReleaseCancelled.model_validate(said), caller, once)
