"""Before the session: the agenda, its approval, what members prepare, and another date where there must be one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from chassis.rules.refusal import Refused
from contracts.reference import Reference
from contracts.tpp import (
    AdjournReason,
    CaseScheduled,
    HearingAdjourned,
    HearingKind,
    HearingMode,
    HearingScheduled,
    QuorumNotReached,
    SubjectKind,
)
from services.tpp.domain.acts import Adjourning, Conflict, Drafting, Listing, Rescheduling, StandIn, WrittenOpinion
from services.tpp.domain.decided import Decided
from services.tpp.domain.hearing import (
    LINES_MAX,
    OPEN_LINES,
    Adjournment,
    Hearing,
    Line,
    LineState,
    LineStep,
    Part,
    Status,
    Step,
)
from services.tpp.domain.item import Item, ItemState, ItemStep
from services.tpp.domain.teams import Bench, NobodyAppointed

DOSSIER: Final = "TPP-DOSSIER"
DOSSIER_EXPRESS: Final = "TPP-DOSSIER-EXPRESS"
ADJOURN: Final = "TPP-ADJOURN"


class FormOnlyHearing(Refused):
    """A hearing by a form alone is no hearing: the members meet in the room, by video, or both."""


class DossierTooShort(Refused):
    """The members must be able to read the dossiers for the time that the office set before a hearing begins."""


class NothingOnAgenda(Refused):
    """A hearing without a case cannot be scheduled."""


class AgendaFull(Refused):
    """The agenda holds no more cases."""


class OtherPanel(Refused):
    """The case belongs before another panel."""


class NotExpress(Refused):
    """An express hearing is for cases that were asked for as express."""


class ConsentPartOff(Refused):
    """This office approves nothing in a block: every case is heard on its own."""


class NeedsFullHearing(Refused):
    """A litmas, a violation and a case of high risk are always heard on their own."""


class DeferralNotTold(Refused):
    """The deferral of the case has not been handed over: it gets its next hearing after that."""


class ListedAlready(Refused):
    """The case is on this agenda."""


class HeardAlready(Refused):
    """The case was heard in this hearing and stays on its agenda."""


class NotInConsentPart(Refused):
    """The case is heard on its own already."""


class AuthorStandsApart(Refused):
    """The author of a report neither presides, judges nor votes on it."""


class ConflictStandsApart(Refused):
    """A member with a declared interest in a case neither presides nor votes on it."""


class DossierNotOpened(Refused):
    """A member speaks and votes on a case only after opening its dossier."""


class NobodyStandsIn(Refused):
    """A stand-in names a chair, a secretary, or both; the two are not the same person, and a chair is a member."""


class CaseStillOpen(Refused):
    """A case is being discussed: it is decided, deferred or carried over before the hearing ends or is put off."""


class TooLate(Refused):
    """A hearing that was put off goes on within three working days (office rule TPP-ADJOURN)."""


class InThePast(Refused):
    """A hearing begins later than now."""


def mode_of(wanted: str) -> HearingMode:
    """How the members meet; raises FormOnlyHearing where they would not."""
    if wanted not in HearingMode.__members__:
        raise FormOnlyHearing
    return HearingMode(wanted)


def draft(bench: Bench, act: Drafting, *, hearing_id: UUID, by: str, now: datetime, reference: Reference) -> Decided:
    """The secretary prepares a hearing of the team that sits on its day."""
    mode = mode_of(act.mode)
    if act.starts_at <= now:
        raise InThePast
    team = bench.team_on(OfficeCalendar.of(reference).local_date(act.starts_at))
    hearing = Hearing(
        hearing_id=hearing_id,
        unit=bench.unit,
        panel=act.panel,
        kind=act.kind,
        mode=mode,
        status=Status.DRAFT_AGENDA,
        starts_at=act.starts_at,
        room=act.room,
        team=team,
        chair=team.chair,
        secretary=team.secretary,
    )
    hearing.require_secretary(by)
    return Decided.begun(hearing, at=now)


def put_on(
    hearing: Hearing, items: Sequence[Item], act: Listing, *, by: str, now: datetime, reference: Reference
) -> Decided:
    """The secretary puts cases on the agenda, each at its end."""
    hearing.require_secretary(by)
    decided = Decided.of(hearing, Step.PUT_ON, at=now)
    for item in items:
        _may_be_listed(decided.hearing, item, act.part, reference)
        lines = (*decided.hearing.lines, Line(subject_id=item.subject_id, part=act.part))
        decided = replace(decided, hearing=replace(decided.hearing, lines=lines))
        listed = item.moved(ItemStep.LIST, hearing_id=hearing.hearing_id, told_at=None)
        decided = decided.with_cases(listed.saying())
    return decided


def _may_be_listed(hearing: Hearing, item: Item, part: Part, reference: Reference) -> None:
    if any(line.subject_id == item.subject_id for line in hearing.lines):
        raise ListedAlready
    if len(hearing.lines) >= LINES_MAX:
        raise AgendaFull
    if (item.unit, item.panel) != (hearing.unit, hearing.panel):
        raise OtherPanel
    if item.state is ItemState.DEFERRED and item.told_at is None:
        raise DeferralNotTold
    if hearing.kind is HearingKind.EXPRESS and not item.express:
        raise NotExpress
    if part is Part.CONSENT:
        if not reference.board.consent_part:
            raise ConsentPartOff
        if item.kind in (SubjectKind.LITMAS, SubjectKind.VIOLATION) or item.risk_band in ("HIGH", "VERY_HIGH"):
            raise NeedsFullHearing


def take_off(hearing: Hearing, item: Item, *, by: str, reason: str, now: datetime) -> Decided:
    """The secretary takes a case off the agenda; it waits for another hearing."""
    hearing.require_secretary(by)
    decided = Decided.of(hearing, Step.TAKE_OFF, at=now, reason=reason)
    gone = hearing.line(item.subject_id)
    if gone.state is not LineState.LISTED:
        raise HeardAlready
    lines = tuple(line for line in hearing.lines if line is not gone)
    decided = replace(decided, hearing=replace(decided.hearing, lines=lines))
    if item.hearing_id != hearing.hearing_id:
        return decided
    return decided.with_cases(item.moved(ItemStep.UNLIST, hearing_id=None).saying())


def schedule(hearing: Hearing, items: Sequence[Item], *, by: str, now: datetime, reference: Reference) -> Decided:
    """The chair approves the agenda: the members are invited, and the dossiers are open to them from now on."""
    hearing.require_chair(by)
    decided = Decided.of(hearing, Step.SCHEDULE, at=now)
    if all(item.hearing_id != hearing.hearing_id for item in items):
        raise NothingOnAgenda
    policy = DOSSIER_EXPRESS if hearing.kind is HearingKind.EXPRESS else DOSSIER
    if due_at(reference.policies[policy], now, OfficeCalendar.of(reference)) > hearing.starts_at:
        raise DossierTooShort
    return _announced(decided, items)


def _announced(decided: Decided, items: Sequence[Item]) -> Decided:
    hearing = decided.hearing
    still_here = [item for item in items if item.hearing_id == hearing.hearing_id]
    fact = HearingScheduled(
        **hearing.about(),
        kind=hearing.kind,
        mode=hearing.mode,
        starts_at=hearing.starts_at,
        cases=len(hearing.lines),
        chair=hearing.chair,
        secretary=hearing.secretary,
        members=hearing.team.members,
    )
    cases = [
        item.saying(CaseScheduled(**item.about(hearing.hearing_id), starts_at=hearing.starts_at)) for item in still_here
    ]
    return decided.said(fact).with_cases(*cases)


def stand_in(hearing: Hearing, act: StandIn, *, now: datetime) -> Decided:
    """The head of the office lets somebody preside or keep the minutes who was not appointed to."""
    chair, secretary = act.chair or hearing.chair, act.secretary or hearing.secretary
    if (act.chair, act.secretary) == (None, None) or chair == secretary or chair not in hearing.team.members:
        raise NobodyStandsIn
    return Decided.of(hearing, Step.APPOINT_STAND_IN, at=now, reason=act.reason, chair=chair, secretary=secretary)


def require_part(line: Line, item: Item, member: str) -> None:
    """Raise where the member wrote the report, or declared an interest in the case."""
    author = item.author if line.heard is None else line.heard.author
    if member == author:
        raise AuthorStandsApart
    if member in line.conflicts:
        raise ConflictStandsApart


def may_open(hearing: Hearing, item: Item, *, by: str, now: datetime) -> None:
    """Raise unless this member may read the dossier of this case now: while the window of the hearing is open."""
    hearing.require_member(by)
    Decided.of(hearing, Step.PREPARE, at=now)
    require_part(hearing.line(item.subject_id), item, by)


def note_opinion(
    hearing: Hearing, item: Item, _act: WrittenOpinion, *, by: str, has_read: bool, now: datetime
) -> Decided:
    """A member lodges a written opinion (*pendapat tertulis*) before the case is discussed."""
    may_open(hearing, item, by=by, now=now)
    if not has_read:
        raise DossierNotOpened
    line = hearing.line(item.subject_id).moved(LineStep.PREPARE)
    return Decided.of(hearing, Step.PREPARE, at=now).with_line(line, step="opinion", at=now)


def pull_out(hearing: Hearing, subject_id: UUID, *, by: str, now: datetime) -> Decided:
    """Any member may have a case heard on its own that was to be approved in a block."""
    hearing.require_member(by)
    line = hearing.line(subject_id)
    if line.part is not Part.CONSENT:
        raise NotInConsentPart
    pulled = line.moved(LineStep.PREPARE, part=Part.FULL)
    return Decided.of(hearing, Step.PREPARE, at=now).with_line(pulled, step="pull_out", at=now)


def declare_conflict(hearing: Hearing, subject_id: UUID, act: Conflict, *, by: str, now: datetime) -> Decided:
    """A member declares an interest in a case, before it comes to a vote."""
    hearing.require_member(by)
    line = hearing.line(subject_id)
    conflicts = line.conflicts if by in line.conflicts else (*line.conflicts, by)
    declared = line.moved(LineStep.DECLARE, conflicts=conflicts)
    return Decided.of(hearing, Step.PREPARE, at=now, reason=act.reason).with_line(declared, step="conflict", at=now)


def adjourn(hearing: Hearing, act: Adjourning, *, by: str, now: datetime, reference: Reference) -> Decided:
    """A hearing is put off: who is there goes home, and what was not heard waits for the other date."""
    if by != hearing.chair:
        hearing.require_secretary(by)
    if any(line.state in OPEN_LINES for line in hearing.lines):
        raise CaseStillOpen
    resume_by = due_at(reference.policies[ADJOURN], now, OfficeCalendar.of(reference))
    came = hearing.there_at(now)
    closed = tuple(
        each if each.left_at is not None else each.model_copy(update={"left_at": now}) for each in hearing.presence
    )
    decided = Decided.of(
        hearing,
        Step.ADJOURN,
        at=now,
        reason=act.reason,
        presence=closed if hearing.opened_at is not None else (),
        adjournment=Adjournment(reason=act.reason, at=now, resume_by=resume_by),
    )
    if act.reason is AdjournReason.QUORUM and hearing.status is not Status.SCHEDULED:
        counted = {"members": len(hearing.team.members), "present": len(came), "checked_at": now}
        decided = decided.said(QuorumNotReached.model_validate(hearing.about() | counted))
    return decided.said(HearingAdjourned(**hearing.about(), reason=act.reason, adjourned_at=now, resume_by=resume_by))


def reschedule(
    hearing: Hearing, items: Sequence[Item], act: Rescheduling, *, bench: Bench, by: str, now: datetime,
    reference: Reference,
) -> Decided:  # fmt: skip
    """The chair sets another date for what was put off, within the days that the office allows."""
    hearing.require_chair(by)
    mode = hearing.mode if act.mode is None else mode_of(act.mode)
    decided = Decided.of(
        hearing, Step.RESCHEDULE, at=now, starts_at=act.starts_at, mode=mode, room=act.room or hearing.room
    )
    if act.starts_at <= now:
        raise InThePast
    if hearing.adjournment is not None and act.starts_at > hearing.adjournment.resume_by:
        raise TooLate
    team = bench.team_on(OfficeCalendar.of(reference).local_date(act.starts_at))
    if team.team_id != hearing.team.team_id:
        raise NobodyAppointed("the term of this hearing's team is over on that day")
    unheard = [line.subject_id for line in hearing.lines if line.state is LineState.LISTED]
    return _announced(decided, [item for item in items if item.subject_id in unheard])
