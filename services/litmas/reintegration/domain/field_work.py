"""What the officer does: prepare, travel, collect data in sessions, assess, and begin to write."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from chassis.rules.refusal import Refused
from contracts.litmas import DataCollectionCompleted, DataCollectionStarted
from services.litmas.reintegration.domain import instruments
from services.litmas.reintegration.domain.acts import (
    Analyse,
    Assess,
    Depart,
    Prepare,
    Ready,
    Session,
    SessionOutcome,
)
from services.litmas.reintegration.domain.case import Acting, Assessed, Collection, Litmas
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.states import TRANSITIONS, Step

AHEAD_MAX: Final = timedelta(minutes=10)
"""How far the clock of whoever enters it may go before ours."""


class AnotherOfficersReport(Refused):
    """This report is another officer's: only who is assigned works on it."""


class NotReady(Refused):
    """Before the journey everything of the checklist is at hand."""


class NotYet(Refused):
    """This has not happened yet: enter it when it has."""


class RefusalUnexplained(Refused):
    """A session that was refused says what kind of refusal it was, and only such a one does."""


class NothingCollected(Refused):
    """Without a single session there is nothing to analyse."""


def prepare(case: Litmas, act: Prepare, *, by: Acting, now: datetime) -> Decided:
    """Documents and equipment are complete and the visit is agreed."""
    of_the_officer(case, by)
    decided = Decided(case=case).moved(Step.PREPARE, at=now, reason=f"visit {act.visit_at.isoformat()}")
    missing = sorted(set(Ready) - act.ready)
    if missing:
        raise NotReady(f"before the journey everything is at hand; missing: {', '.join(missing)}")
    return decided


def depart(case: Litmas, act: Depart, *, by: Acting, now: datetime) -> Decided:
    """The officer sets out."""
    of_the_officer(case, by)
    _past(act.departed_at, now)
    return Decided(case=case).moved(Step.DEPART, at=act.departed_at, reason=act.transport)


def collect(case: Litmas, act: Session, *, by: Acting, now: datetime) -> Decided:
    """A session was held or refused; a refusal is a result too."""
    of_the_officer(case, by, assistant=True)
    _past(act.held_at, now)
    refused = act.outcome is SessionOutcome.REFUSED
    if refused != (act.refusal_kind is not None):
        raise RefusalUnexplained
    before = case.collection or Collection(started_at=act.held_at)
    collection = Collection(
        started_at=min(before.started_at, act.held_at),
        sessions=before.sessions + 1,
        refused=before.refused + refused,
    )
    decided = Decided(case=case).moved(
        Step.COLLECT, at=act.held_at, reason=f"{act.method} {act.informant} {act.outcome}", collection=collection
    )
    return decided if case.collection else decided.said(DataCollectionStarted, started_at=act.held_at)


def assess(case: Litmas, act: Assess, *, by: Acting, now: datetime) -> Decided:
    """The instruments are answered; the sums are made here."""
    of_the_officer(case, by)
    TRANSITIONS.move(case.status, Step.ASSESS)
    person = case.letter
    scores = instruments.scored(act.answers, sex=person.sex, offence_group=person.offence_group)
    assessed = Assessed(by=by.id, at=now, version=instruments.VERSION, **asdict(scores))
    return Decided(case=case).moved(Step.ASSESS, at=now, reason=instruments.VERSION, assessed=assessed)


def analyse(case: Litmas, act: Analyse, *, by: Acting, now: datetime) -> Decided:
    """What can be collected was collected; the officer analyses it and writes."""
    of_the_officer(case, by)
    TRANSITIONS.move(case.status, Step.ANALYSE)
    collection = case.collection
    if collection is None or collection.sessions == 0:
        raise NothingCollected
    done = collection.model_copy(update={"completed_at": now})
    decided = Decided(case=case).moved(Step.ANALYSE, at=now, reason=act.reason, collection=done)
    return decided.said(DataCollectionCompleted, sessions=done.sessions, refused=done.refused, completed_at=now)


def of_the_officer(case: Litmas, by: Acting, *, assistant: bool = False) -> None:
    """Refuse whoever is not assigned; an assistant supports the collection of data."""
    assignment = case.assignment
    if assignment is not None and by.id == assignment.officer:
        return
    if assistant and assignment is not None and by.id == assignment.assistant:
        return
    if assignment is not None:
        raise AnotherOfficersReport


def _past(moment: datetime, now: datetime) -> None:
    if moment > now + AHEAD_MAX:
        raise NotYet
