"""What a decision comes to: the hearing and its cases as they are now, the facts, and the lines of the timeline."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.tpp import HearingFact
from services.tpp.domain.hearing import TRANSITIONS, Hearing, Line, LineState, Status, Step
from services.tpp.domain.item import Case


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One line of the timeline: of a hearing, or of a case in it."""

    step: str
    before: Status | LineState | None
    after: Status | LineState
    occurred_at: datetime
    subject_id: UUID | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A hearing after an act, the cases that moved with it, and what is made known of both."""

    hearing: Hearing
    facts: tuple[HearingFact, ...] = ()
    cases: tuple[Case, ...] = ()
    trail: tuple[Transition, ...] = ()

    @classmethod
    def begun(cls, hearing: Hearing, *, at: datetime) -> "Decided":
        """A hearing that did not exist before."""
        after = TRANSITIONS.move(None, Step.DRAFT)
        line = Transition(step=Step.DRAFT.name.lower(), before=None, after=after, occurred_at=at)
        return cls(hearing=hearing, trail=(line,))

    @classmethod
    def of(cls, hearing: Hearing, step: Step, *, at: datetime, reason: str | None = None, **changes: Any) -> "Decided":
        """Take a step, if the table allows it, and change what the hearing knows."""
        after = TRANSITIONS.move(hearing.status, step)
        line = Transition(step=step.name.lower(), before=hearing.status, after=after, occurred_at=at, reason=reason)
        return cls(hearing=replace(hearing, status=after, **changes), trail=(line,))

    def said(self, *facts: HearingFact) -> "Decided":
        """Make facts about the hearing known, each with the next number."""
        counted = replace(self.hearing, sequence=self.hearing.sequence + len(facts))
        return replace(self, hearing=counted, facts=(*self.facts, *facts))

    def with_cases(self, *cases: Case) -> "Decided":
        """The same, with cases that moved too."""
        return replace(self, cases=(*self.cases, *cases))

    def with_line(self, line: Line, *, step: str, at: datetime) -> "Decided":
        """The same, with a case of the agenda that moved."""
        before = self.hearing.line(line.subject_id).state
        entry = Transition(step=step, before=before, after=line.state, occurred_at=at, subject_id=line.subject_id)
        return replace(self, hearing=self.hearing.with_line(line), trail=(*self.trail, entry))
