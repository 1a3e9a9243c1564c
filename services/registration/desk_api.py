"""HTTP of what a section head keeps an eye on: offers, people not found, papers and fingerprints that are missing."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from chassis.audit import nothing_restricted
from chassis.doors import AskedPage, Once
from chassis.paging import Page
from chassis.problems import BadRequest
from chassis.service import ServiceContext
from contracts.personal import Day
from services.registration import desk_store, views
from services.registration.domain.acts import EndOfOffer, FilesReceived, OfferTransfer, Suspicion
from services.registration.handlers import OnCase, Receipt
from services.registration.office import Decider, Duty, Office, Reader, on_duty
from services.registration.transfer_handlers import end_offer, offer_transfer, receive_files, suspect_absconded
from services.registration.views import OfferedLine

PERIOD_DAYS_MAX: Final = 366


class Fingerprints(BaseModel):
    """First contacts at a unit, and how many of them are without a fingerprint, for which reason."""

    unit: str
    contacts: int
    with_fingerprint: int
    quality_low: int
    device_down: int
    refused: int
    exempt: int
    not_available: int
    to_follow_up: int = Field(description="Below level L3: a task remains")
    rate_without: float = Field(description="The share of contacts below level L3, between 0 and 1")


class FingerprintRates(BaseModel):
    """The rates of a period, by the unit that receives."""

    items: list[Fingerprints]


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of the desk."""
    router = APIRouter(prefix="/v1", tags=["desk"])
    _add_deciding(router, Office(context))
    _add_reading(router, context)
    return (router,)


def _add_deciding(router: APIRouter, office: Office) -> None:
    @router.post("/registrations/{registration_id}/transfer-offer")
    async def offer_client_to_another_office(
        registration_id: UUID, act: OfferTransfer, caller: Decider, once: Once
    ) -> Receipt:
        """Ask another office to take the client over; until it accepts the client is ours, and its clocks run."""
        actor = await office.decide(registration_id, caller)
        return await office.act(offer_transfer, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/transfer-offer/end")
    async def end_offer_to_another_office(
        registration_id: UUID, act: EndOfOffer, caller: Decider, once: Once
    ) -> Receipt:
        """Record that the other office declined, or take the offer back."""
        actor = await office.decide(registration_id, caller)
        return await office.act(end_offer, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/absconding")
    async def suspect_of_having_absconded(
        registration_id: UUID, act: Suspicion, caller: Decider, once: Once
    ) -> Receipt:
        """Say that somebody is suspected of having absconded, after calls and a visit came to nothing."""
        actor = await office.decide(registration_id, caller)
        return await office.act(suspect_absconded, OnCase(registration_id, act), actor, once)

    @router.post("/registrations/{registration_id}/files")
    async def receive_missing_files(registration_id: UUID, act: FilesReceived, caller: Duty, once: Once) -> Receipt:
        """Record papers that have come later than the submission."""
        await office.case(registration_id)
        return await office.act(receive_files, OnCase(registration_id, act), on_duty(caller), once)


def _add_reading(router: APIRouter, context: ServiceContext) -> None:
    @router.get("/transfer-offers")
    async def read_open_offers(caller: Reader, page: AskedPage) -> Page[OfferedLine]:
        """Clients who are offered to another office that has not answered yet, with the clocks that run here."""
        after = page.after(UUID)
        rows = await desk_store.offered(context.pool, after=None if after is None else after[0], rows_max=page.fetch)
        return page.page(
            rows,
            item=lambda case: views.offered_line_of(case, reference=context.reference),
            cursor=lambda case: (case.registration_id,),
        )

    @router.get("/fingerprint-rates", dependencies=[Depends(nothing_restricted)])
    async def read_fingerprint_rates(
        caller: Reader,
        begins_on: Annotated[Day, Query(alias="from", description="The first day of the period")],
        ends_on: Annotated[Day, Query(alias="until", description="Its last day; a year at most")],
    ) -> FingerprintRates:
        """How many first contacts had no fingerprint, by unit and reason."""
        if not begins_on <= ends_on < begins_on + timedelta(days=PERIOD_DAYS_MAX):
            raise BadRequest(where="until", what="not before `from`, and within a year of it")
        zone = context.reference.zone
        begins = datetime.combine(begins_on, time.min, tzinfo=zone)
        ends = datetime.combine(ends_on + timedelta(days=1), time.min, tzinfo=zone)
        rows = await desk_store.fingerprints(context.pool, begins=begins, ends=ends)
        return FingerprintRates(items=[_rate_of(dict(row)) for row in rows])


def _rate_of(row: dict[str, Any]) -> Fingerprints:
    return Fingerprints(**row, rate_without=round(row["to_follow_up"] / row["contacts"], 3))
