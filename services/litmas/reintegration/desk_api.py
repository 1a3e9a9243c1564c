"""HTTP for the acts of the desks, in the order in which a report passes them. Translates; never decides."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from chassis.doors import IfMatch, Once, actor_of, version_of
from chassis.problems import MEDIA_TYPE, Problem
from chassis.service import ServiceContext
from contracts.roles import Role
from services.litmas.reintegration import desk_handlers, handlers
from services.litmas.reintegration.desk_handlers import Initialling, OnSection, Saved, Signing
from services.litmas.reintegration.domain import desks
from services.litmas.reintegration.domain.acts import (
    AddAddendum,
    Analyse,
    Archive,
    Assess,
    Assign,
    Cancel,
    Decide,
    Deliver,
    Depart,
    Dispose,
    Initial,
    Number,
    Prepare,
    RecordOutcome,
    Resubmit,
    ReturnDraft,
    SendBack,
    Session,
    Sign,
    SubmitDraft,
    WriteSection,
)
from services.litmas.reintegration.domain.sections import Section
from services.litmas.reintegration.handlers import NumberGiven, OnCase, Receipt
from services.litmas.reintegration.office import (
    COUNTER,
    DECIDERS,
    FIELD,
    REGISTRARS,
    Checker,
    Counter,
    Decider,
    Field,
    Head,
    Office,
    Officer,
    Registrar,
    SectionHead,
)
from services.litmas.reintegration.papers import Press

EDITION_NEEDED: Final[dict[int | str, dict[str, Any]]] = {
    428: {"description": "No edition was named: what is not read is not written over", "content": {MEDIA_TYPE: {}}}
}


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors of the desks."""
    router = APIRouter(prefix="/v1/litmas/{litmas_id}", tags=["desks"])
    office, press = Office(context), Press.of(context)
    _add_routing(router, office)
    _add_field(router, office)
    _add_writing(router, office)
    _add_checking(router, office, press)
    _add_after_hearing(router, office)
    _add_sending(router, office, press)
    _add_ending(router, office)
    return (router,)


def _add_routing(router: APIRouter, office: Office) -> None:
    @router.post("/incomplete")
    async def return_request(
        litmas_id: UUID, act: SendBack, caller: Counter, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Return a request to the prison, naming the papers that are missing."""
        command, actor = OnCase(litmas_id, act, version_of(if_match)), actor_of(caller, *COUNTER)
        return await office.act(handlers.send_back, command, actor, once)

    @router.post("/disposition")
    async def dispose_request(
        litmas_id: UUID, act: Dispose, caller: Head, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Send the request to the section for adults."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(handlers.dispose, command, actor_of(caller, Role.HEAD), once)

    @router.post("/assignment")
    async def assign_report(
        litmas_id: UUID, act: Assign, caller: SectionHead, once: Once, if_match: IfMatch = None
    ) -> NumberGiven:
        """Issue a letter of assignment; for another officer than before it names the one who has the report now."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(handlers.assign, command, actor_of(caller, Role.SECTION_HEAD_ADULT), once)


def _add_field(router: APIRouter, office: Office) -> None:
    @router.post("/preparation")
    async def prepare_visit(
        litmas_id: UUID, act: Prepare, caller: Officer, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Everything of the checklist is at hand, and the prison agreed to a visit."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(handlers.prepare, command, actor_of(caller, *FIELD), once)

    @router.post("/departure")
    async def depart_for_prison(
        litmas_id: UUID, act: Depart, caller: Officer, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Set out for the prison."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(handlers.depart, command, actor_of(caller, *FIELD), once)

    @router.post("/sessions")
    async def record_session(
        litmas_id: UUID, act: Session, caller: Field, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Record a session in which data were collected, or that was refused; an assistant may too."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(handlers.collect, command, actor_of(caller, *FIELD), once)

    @router.post("/assessments")
    async def record_assessment(
        litmas_id: UUID, act: Assess, caller: Officer, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Answer the instruments; the scores are summed by the system."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(handlers.assess, command, actor_of(caller, *FIELD), once)

    @router.post("/analysis")
    async def begin_analysis(
        litmas_id: UUID, act: Analyse, caller: Officer, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """End the collection of data and begin to analyse and write."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(handlers.analyse, command, actor_of(caller, *FIELD), once)


def _add_writing(router: APIRouter, office: Office) -> None:
    @router.put("/sections/{section}")
    async def save_section(
        litmas_id: UUID,
        section: Section,
        act: WriteSection,
        caller: Officer,
        response: Response,
        if_match: IfMatch = None,
    ) -> Saved:
        """Save a section whole, naming the edition that was read: `"0"` for one that nobody has written."""
        edition = version_of(if_match)
        if edition is None:
            raise Problem(428, kind="edition-needed", detail="name the edition that you read in If-Match")
        await office.case(litmas_id)
        command = OnSection(litmas_id, section, act, edition)
        saved = await office.run(desk_handlers.write_section, command, litmas_id, actor_of(caller, *FIELD), None)
        response.headers["ETag"] = f'"{saved.edition}"'
        return saved

    @router.post("/draft")
    async def submit_report(
        litmas_id: UUID, act: SubmitDraft, caller: Officer, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Submit the report: complete, and with an assessment."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.submit_draft, command, actor_of(caller, *FIELD), once)


def _add_checking(router: APIRouter, office: Office, press: Press) -> None:
    @router.post("/number")
    async def number_report(
        litmas_id: UUID, act: Number, caller: Registrar, once: Once, if_match: IfMatch = None
    ) -> NumberGiven:
        """Number the report once its administration is in order; one that came back keeps its number."""
        command = OnCase(litmas_id, act, version_of(if_match))
        actor = actor_of(caller, Role.REGISTRAR_HEAD, Role.REGISTRAR)
        return await office.act(desk_handlers.number, command, actor, once)

    @router.post("/return")
    async def return_report(
        litmas_id: UUID, act: ReturnDraft, caller: Checker, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Give the report back to its author from the desk that has it: the registrar's or the section head's."""
        command = OnCase(litmas_id, act, version_of(if_match))
        actor = actor_of(caller, Role.SECTION_HEAD_ADULT, *REGISTRARS)
        return await office.act(desk_handlers.return_draft, command, actor, once)

    @router.post("/initials")
    async def initial_report(
        litmas_id: UUID, act: Initial, caller: SectionHead, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Initial the report: it is set as a file, and as that goes before the assessment team."""
        case, read = await office.case(litmas_id), version_of(if_match)
        is_ready = desks.may_be_initialed(case) and read in {None, case.edition}
        file = await press.set_copy(case) if is_ready else None
        command = OnCase(litmas_id, Initialling(act, file), case.edition if is_ready else read)
        return await office.act(desk_handlers.initial, command, actor_of(caller, Role.SECTION_HEAD_ADULT), once)


def _add_after_hearing(router: APIRouter, office: Office) -> None:
    @router.post("/resubmission")
    async def resubmit_report(
        litmas_id: UUID, act: Resubmit, caller: SectionHead, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Bring a deferred report before the team again."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.resubmit, command, actor_of(caller, Role.SECTION_HEAD_ADULT), once)

    @router.post("/rework")
    async def rework_report(
        litmas_id: UUID, act: Decide, caller: Decider, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Have a rejected report written anew."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.rework, command, actor_of(caller, *DECIDERS), once)

    @router.post("/closure")
    async def close_rejected_report(
        litmas_id: UUID, act: Decide, caller: Decider, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Close a rejected report; the prison is answered that there is none."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.close_rejected, command, actor_of(caller, *DECIDERS), once)

    @router.post("/decision-return")
    async def return_board_decision(
        litmas_id: UUID, act: Decide, caller: Head, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Return the team's decision to it, once and in writing."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.return_decision, command, actor_of(caller, Role.HEAD), once)


def _add_sending(router: APIRouter, office: Office, press: Press) -> None:
    @router.post("/signature")
    async def sign_report(litmas_id: UUID, act: Sign, caller: Head, once: Once, if_match: IfMatch = None) -> Receipt:
        """Sign the revision that was read: it is set as a file, and from then on neither can change."""
        case, read = await office.case(litmas_id), version_of(if_match)
        is_ready = desks.may_be_signed(case, act) and read in {None, case.edition}
        report = await press.set_report(case, signed_by=caller.subject) if is_ready else None
        command = OnCase(litmas_id, Signing(act, report), case.edition if is_ready else read)
        return await office.act(desk_handlers.sign, command, actor_of(caller, Role.HEAD), once)

    @router.post("/delivery")
    async def deliver_report(
        litmas_id: UUID, act: Deliver, caller: Registrar, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Record that the prison received the signed report."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.deliver, command, actor_of(caller, *REGISTRARS), once)

    @router.post("/archive")
    async def archive_report(
        litmas_id: UUID, act: Archive, caller: Registrar, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Put the report into the archive, under its code."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.archive, command, actor_of(caller, *REGISTRARS), once)

    @router.post("/addenda")
    async def add_report_addendum(
        litmas_id: UUID, act: AddAddendum, caller: Head, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Add something to a report that is out."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.add_addendum, command, actor_of(caller, Role.HEAD), once)


def _add_ending(router: APIRouter, office: Office) -> None:
    @router.post("/cancellation")
    async def cancel_report(
        litmas_id: UUID, act: Cancel, caller: Decider, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Cancel a report that is no longer needed, at any time before it is delivered."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.cancel, command, actor_of(caller, *DECIDERS), once)

    @router.post("/outcome")
    async def record_report_outcome(
        litmas_id: UUID, act: RecordOutcome, caller: Registrar, once: Once, if_match: IfMatch = None
    ) -> Receipt:
        """Record what became of the proposal."""
        command = OnCase(litmas_id, act, version_of(if_match))
        return await office.act(desk_handlers.record_outcome, command, actor_of(caller, *REGISTRARS), once)
