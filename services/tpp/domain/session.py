"""The session: how each case is called, discussed, voted on and decided."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from chassis.rules.refusal import Irrelevant, Refused
from contracts.reference import Reference
from contracts.tpp import (
    CaseCarriedOver,
    Decision,
    Outcome,
    SubjectKind,
    Tally,
    Way,
)
from services.tpp.domain.acts import Announcement, Ballot, Motion
from services.tpp.domain.agenda import (
    CaseStillOpen,
    DossierNotOpened,
    require_part,
)
from services.tpp.domain.attendance import entitled, require_quorum, took_part
from services.tpp.domain.decided import Decided
from services.tpp.domain.hearing import (
    LINE_TRANSITIONS,
    OPEN_LINES,
    CaseDecision,
    Choice,
    Heard,
    Hearing,
    Line,
    LineState,
    LineStep,
    Part,
    Step,
    Vote,
)
from services.tpp.domain.item import Item, ItemState, ItemStep

REHEAR: Final = "TPP-REHEAR"

FOR_LITMAS: Final = frozenset({Decision.APPROVE, Decision.APPROVE_WITH_REVISION, Decision.DEFER, Decision.REJECT})
DECISIONS: Final = {
    SubjectKind.LITMAS: FOR_LITMAS,
    SubjectKind.STAGE: frozenset({Decision.PROMOTE, Decision.STAY, Decision.DEMOTE, Decision.DEFER}),
    SubjectKind.PROGRAMME: frozenset({Decision.APPROVE, Decision.CHANGE, Decision.DEFER}),
    SubjectKind.VIOLATION: frozenset(
        {Decision.WARN, Decision.INTENSIFY, Decision.PROPOSE_REVOCATION, Decision.NO_ACTION, Decision.DEFER}
    ),
    SubjectKind.TERMINATION: frozenset({Decision.TERMINATE, Decision.EXTEND_REVIEW, Decision.DEFER}),
}
BY_CONSENT: Final = {
    SubjectKind.STAGE: Decision.PROMOTE,
    SubjectKind.PROGRAMME: Decision.APPROVE,
    SubjectKind.TERMINATION: Decision.TERMINATE,
}
"""What a block approval decides."""


class AbsentMember(Refused):
    """Only a member votes who signed the list in the room, or followed most of the discussion of the case."""


class VotedAlready(Refused):
    """A member votes once on a motion."""


class HeardInBlock(Refused):
    """The case is in the part that is approved in a block; a member may pull it out."""


class ProgrammesDiffer(Refused):
    """A decision names every programme of the case once, and no other."""


class NoSuchDecision(Refused):
    """Cases of this kind are not decided in this way."""


class DeferredInPart(Refused):
    """A case is deferred as a whole or not at all."""


class ConditionWithoutApproval(Refused):
    """Conditions belong to an approval."""


class DossiersUnread(Refused):
    """More than half of the members who decide a case by consensus must have opened its dossier."""


class NoMotion(Refused):
    """There is no motion to count votes on."""


class MotionDefeated(Refused):
    """More than half are against the motion: the chair puts another one."""


def call(hearing: Hearing, item: Item, *, by: str, now: datetime) -> Decided:
    """The chair opens the discussion of a case; what is heard is its revision of this moment."""
    hearing.require_chair(by)
    decided = Decided.of(hearing, Step.HEAR, at=now)
    line = hearing.line(item.subject_id)
    if item.hearing_id != hearing.hearing_id and line.state is LineState.LISTED:
        raise Irrelevant("the case was withdrawn")
    require_part(line, item, by)
    if line.part is Part.CONSENT:
        raise HeardInBlock
    called = line.moved(LineStep.CALL, heard=heard_of(item), discussed_from=now)
    return decided.with_line(called, step="call", at=now).with_cases(item.moved(ItemStep.HEAR).saying())


def heard_of(item: Item) -> Heard:
    """The case as it is now."""
    return Heard(
        item_id=item.item_id,
        kind=item.kind,
        revision=item.revision,
        report_hash=item.report_hash,
        author=item.author,
        programmes=item.programmes,
    )


def put_motion(hearing: Hearing, item: Item, act: Motion, *, by: str, now: datetime) -> Decided:
    """The chair ends the discussion and puts a decision to the vote; another motion takes the place of the first."""
    hearing.require_chair(by)
    line = _line_under_discussion(hearing, item)
    require_part(line, item, by)
    moved = line.moved(LineStep.PUT, motion=act.outcomes, votes=(), discussed_until=line.discussed_until or now)
    _check_outcomes(line, act.outcomes)
    return Decided.of(hearing, Step.HEAR, at=now).with_line(moved, step="motion", at=now)


def vote(
    hearing: Hearing, item: Item, act: Ballot, *, by: str, has_read: bool, now: datetime, reference: Reference
) -> Decided:
    """A member votes: one who was there, opened the dossier, and neither wrote the report nor has an interest."""
    hearing.require_member(by)
    line = _line_under_discussion(hearing, item)
    voted = line.moved(LineStep.VOTE, votes=(*line.votes, Vote(member=by, choice=act.choice, at=now)))
    require_part(line, item, by)
    if by not in took_part(hearing, line, until=line.discussed_until or now, reference=reference):
        raise AbsentMember
    if not has_read:
        raise DossierNotOpened
    if any(each.member == by for each in line.votes):
        raise VotedAlready
    return Decided.of(hearing, Step.HEAR, at=now).with_line(voted, step="vote", at=now)


def announce(
    hearing: Hearing, item: Item, act: Announcement, *, by: str, readers: Iterable[str], now: datetime,
    reference: Reference,
) -> Decided:  # fmt: skip
    """The secretary reads what was decided on a case, which it is once in a hearing."""
    hearing.require_secretary(by)
    line = _line_under_discussion(hearing, item)
    require_quorum(hearing, now)
    if act.consensus is not None:
        settled = _by_consensus(hearing, line, act.consensus, frozenset(readers), now=now, reference=reference)
    else:
        settled = _by_vote(hearing, line, now=now, reference=reference)
    return _settled(hearing, item, settled, step="decision", now=now)


def _settled(hearing: Hearing, item: Item, line: Line, *, step: str, now: datetime) -> Decided:
    deferred = line.state is LineState.DEFERRED
    rehear_by = None if line.decision is None else line.decision.rehear_by
    moved = item.moved(ItemStep.DEFER if deferred else ItemStep.DECIDE, rehear_by=rehear_by)
    return Decided.of(hearing, Step.HEAR, at=now).with_line(line, step=step, at=now).with_cases(moved.saying())


def _by_consensus(
    hearing: Hearing, line: Line, outcomes: tuple[Outcome, ...], readers: frozenset[str], *, now: datetime,
    reference: Reference,
) -> Line:  # fmt: skip
    deferred = is_deferral(outcomes)
    settled = line.moved(LineStep.DEFER if deferred else LineStep.DECIDE, discussed_until=now)
    _check_outcomes(line, outcomes)
    there = took_part(hearing, line, until=now, reference=reference)
    deciding = entitled(line, there)
    if not deferred and len(deciding & readers) * 2 <= len(deciding):
        raise DossiersUnread
    decision = CaseDecision(
        way=Way.CONSENSUS,
        outcomes=outcomes,
        present=len(there),
        rehear_by=_rehear_by(reference, now) if deferred else None,
        at=now,
    )
    return settled.model_copy(update={"decision": decision})


def _by_vote(hearing: Hearing, line: Line, *, now: datetime, reference: Reference) -> Line:
    if line.state is LineState.IN_DISCUSSION:
        raise NoMotion
    there = took_part(hearing, line, until=line.discussed_until or now, reference=reference)
    tally, passed = count(line, entitled(line, there))
    outcomes = line.motion if passed else _deferring(line)
    deferred = is_deferral(outcomes)
    decision = CaseDecision(
        way=Way.VOTE,
        outcomes=outcomes,
        tally=tally,
        present=len(there),
        dissents=tally.against,
        rehear_by=_rehear_by(reference, now) if deferred else None,
        at=now,
    )
    return line.moved(LineStep.DEFER if deferred else LineStep.COUNT, decision=decision)


def count(line: Line, voters: frozenset[str]) -> tuple[Tally, bool]:
    """How the vote ended and whether the motion passed: by more than half of those who may vote on the case.

    Neither more than half for it nor more than half against it is a tie, and the case is heard again; whoever may vote
    and does not, abstains. Raises MotionDefeated.
    """
    by_choice = {choice: sum(each.choice is choice for each in line.votes) for choice in Choice}
    in_favour, against = by_choice[Choice.IN_FAVOUR], by_choice[Choice.AGAINST]
    size = max(len(voters), len(line.votes))
    if against * 2 > size:
        raise MotionDefeated
    return Tally(in_favour=in_favour, against=against, abstained=size - in_favour - against), in_favour * 2 > size


def approve_in_block(hearing: Hearing, items: Sequence[Item], *, by: str, now: datetime) -> Decided:
    """A quorate meeting approves the routine cases that nobody has pulled out, all at once."""
    hearing.require_chair(by)
    present = require_quorum(hearing, now)
    decided = Decided.of(hearing, Step.HEAR, at=now)
    for item in items:
        line = decided.hearing.line(item.subject_id)
        if line.part is not Part.CONSENT or line.state is not LineState.LISTED or item.state is ItemState.WITHDRAWN:
            continue
        outcomes = _approving(item)
        decision = CaseDecision(way=Way.CONSENSUS, outcomes=outcomes, present=present, at=now)
        approved = line.moved(LineStep.APPROVE, heard=heard_of(item), decision=decision)
        decided = decided.with_line(approved, step="block", at=now).with_cases(item.moved(ItemStep.DECIDE).saying())
    return decided


def carry_over(hearing: Hearing, item: Item, *, by: str, reason: str, now: datetime) -> Decided:
    """The chair leaves a case to another hearing."""
    hearing.require_chair(by)
    decided = Decided.of(hearing, Step.HEAR, at=now, reason=reason)
    return _carried(decided, hearing.line(item.subject_id), item, now=now)


def conclude(hearing: Hearing, items: Sequence[Item], *, by: str, now: datetime) -> Decided:
    """The chair ends the session: what was not heard is carried over, what was withdrawn is dropped."""
    hearing.require_chair(by)
    decided = Decided.of(hearing, Step.CONCLUDE, at=now, concluded_at=now)
    if any(line.state in OPEN_LINES for line in hearing.lines):
        raise CaseStillOpen
    by_subject = {item.subject_id: item for item in items}
    for line in hearing.lines:
        if LINE_TRANSITIONS.allows(line.state, LineStep.CARRY_OVER):
            decided = _carried(decided, line, by_subject[line.subject_id], now=now)
    left = tuple(
        each if each.left_at is not None else each.model_copy(update={"left_at": now}) for each in hearing.presence
    )
    return replace(decided, hearing=replace(decided.hearing, presence=left))


def _carried(decided: Decided, line: Line, item: Item, *, now: datetime) -> Decided:
    hearing_id = decided.hearing.hearing_id
    if item.hearing_id != hearing_id or (line.heard is not None and line.heard.item_id != item.item_id):
        return decided.with_line(line.moved(LineStep.DROP), step="drop", at=now)
    carried = item.moved(ItemStep.CARRY_OVER, hearing_id=None)
    fact = CaseCarriedOver(**item.about(hearing_id), carried_over_at=now)
    moved = decided.with_line(line.moved(LineStep.CARRY_OVER), step="carry_over", at=now)
    return moved.with_cases(carried.saying(fact))


def _line_under_discussion(hearing: Hearing, item: Item) -> Line:
    """The line of a case that is discussed; a case that was withdrawn, or has a later revision, is none any more."""
    line = hearing.line(item.subject_id)
    if line.state in OPEN_LINES and line.heard is not None:
        if item.state is ItemState.WITHDRAWN:
            raise Irrelevant("the case was withdrawn")
        if line.heard.item_id != item.item_id:
            raise Irrelevant("a later revision of the report is known")
    return line


def is_deferral(outcomes: Iterable[Outcome]) -> bool:
    """Whether a case is to be heard again."""
    return any(each.decision is Decision.DEFER for each in outcomes)


def _check_outcomes(line: Line, outcomes: tuple[Outcome, ...]) -> None:
    heard = line.heard
    if heard is None or sorted(each.programme or "" for each in outcomes) != sorted(heard.programmes or ("",)):
        raise ProgrammesDiffer
    if not {each.decision for each in outcomes} <= DECISIONS[heard.kind]:
        raise NoSuchDecision
    if is_deferral(outcomes) and any(each.decision is not Decision.DEFER for each in outcomes):
        raise DeferredInPart
    if any(each.condition_codes and each.decision in (Decision.DEFER, Decision.REJECT) for each in outcomes):
        raise ConditionWithoutApproval


def _deferring(line: Line) -> tuple[Outcome, ...]:
    return tuple(Outcome(programme=each.programme, decision=Decision.DEFER) for each in line.motion)


def _approving(item: Item) -> tuple[Outcome, ...]:
    return tuple(Outcome(programme=each, decision=BY_CONSENT[item.kind]) for each in item.programmes or (None,))


def _rehear_by(reference: Reference, now: datetime) -> date:
    calendar = OfficeCalendar.of(reference)
    return calendar.local_date(due_at(reference.policies[REHEAR], now, calendar))
