"""HTTP for a session: the roll, the cases, the votes, the decisions. Translates; never decides."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter

from chassis.doors import IfMatch, Once
from chassis.service import ServiceContext
from contracts.personal import OfficerCode
from services.tpp import session_handlers
from services.tpp.domain.acts import Announcement, Arrival, Ballot, Departure, Motion, Unlisting
from services.tpp.handlers import Receipt
from services.tpp.office import PRESIDING, RECORDING, SITTING, Chair, Member, Office, Secretary


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of this service that are used in a session."""
    router = APIRouter(prefix="/v1", tags=["session"])
    office = Office(context)
    _add_attendance(router, office)
    _add_cases(router, office)
    _add_deciding(router, office)
    return (router,)


def _add_attendance(router: APIRouter, office: Office) -> None:
    @router.post("/hearings/{hearing_id}/roll-call")
    async def call_roll(hearing_id: UUID, caller: Secretary, once: Once, if_match: IfMatch = None) -> Receipt:
        """Begin to record who is there."""
        return await office.on_hearing(
            session_handlers.call_roll, hearing_id, None, caller, roles=RECORDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/presence")
    async def record_arrival(
        hearing_id: UUID, act: Arrival, caller: Secretary, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Record that a member came, how, and when; by a form nobody is present."""
        return await office.on_hearing(
            session_handlers.record_arrival, hearing_id, act, caller, roles=RECORDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/presence/{member}/departure")
    async def record_departure(
        hearing_id: UUID, member: OfficerCode, act: Departure, caller: Secretary, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Record that a member left."""
        left = (member, act)
        return await office.on_hearing(
            session_handlers.record_departure, hearing_id, left, caller, roles=RECORDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/opening")
    async def open_session(hearing_id: UUID, caller: Chair, once: Once, if_match: IfMatch = None) -> Receipt:
        """Open the session: more than two thirds of the members are there."""
        return await office.on_hearing(
            session_handlers.open_session, hearing_id, None, caller, roles=PRESIDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/conclusion")
    async def conclude_session(hearing_id: UUID, caller: Chair, once: Once, if_match: IfMatch = None) -> Receipt:
        """End the session: what was not heard is carried over."""
        return await office.on_hearing(
            session_handlers.conclude, hearing_id, None, caller, roles=PRESIDING, once=once, if_match=if_match
        )


def _add_cases(router: APIRouter, office: Office) -> None:
    @router.post("/hearings/{hearing_id}/cases/{subject_id}/discussion")
    async def call_case(
        hearing_id: UUID, subject_id: UUID, caller: Chair, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Open the discussion of a case."""
        place = (hearing_id, subject_id)
        return await office.on_case(
            session_handlers.call_case, place, None, caller, roles=PRESIDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/motion")
    async def put_motion(
        hearing_id: UUID, subject_id: UUID, act: Motion, caller: Chair, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Put a decision to the vote; another motion takes the place of the first, and its votes are void."""
        place = (hearing_id, subject_id)
        return await office.on_case(
            session_handlers.put_motion, place, act, caller, roles=PRESIDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/carry-over")
    async def carry_case_over(
        hearing_id: UUID, subject_id: UUID, act: Unlisting, caller: Chair, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Leave a case to another hearing."""
        place = (hearing_id, subject_id)
        return await office.on_case(
            session_handlers.carry_case_over, place, act, caller, roles=PRESIDING, once=once, if_match=if_match
        )


def _add_deciding(router: APIRouter, office: Office) -> None:
    @router.post("/hearings/{hearing_id}/cases/{subject_id}/votes")
    async def cast_vote(hearing_id: UUID, subject_id: UUID, act: Ballot, caller: Member, once: Once) -> Receipt:
        """Vote on the motion: who was there, opened the dossier, and neither wrote the report nor has an interest."""
        place = (hearing_id, subject_id)
        return await office.on_case(session_handlers.cast_vote, place, act, caller, roles=SITTING, once=once)

    @router.post("/hearings/{hearing_id}/cases/{subject_id}/decision")
    async def announce_decision(
        hearing_id: UUID, subject_id: UUID, act: Announcement, caller: Secretary, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Read the decision: what all agreed on, or what the vote came to; once for each case in a hearing."""
        place = (hearing_id, subject_id)
        return await office.on_case(
            session_handlers.announce_decision, place, act, caller, roles=RECORDING, once=once, if_match=if_match
        )

    @router.post("/hearings/{hearing_id}/block-approval")
    async def approve_in_block(hearing_id: UUID, caller: Chair, once: Once, if_match: IfMatch = None) -> Receipt:
        """Approve the routine cases that nobody has pulled out, all at once."""
        return await office.on_hearing(
            session_handlers.approve_in_block, hearing_id, None, caller, roles=PRESIDING, once=once, if_match=if_match
        )
