"""What a decision comes to: the case as it is now, what is made known of it, and the lines of its timeline."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts.event import Event
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.states import TRANSITIONS, Status, Step


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One line of the timeline."""

    step: Step
    before: Status | None
    after: Status
    occurred_at: datetime
    reason: str | None = None
    document_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a decision comes to: the case as it is now, what is made known, and the lines of the timeline."""

    case: Litmas
    facts: tuple[Event, ...] = ()
    trail: tuple[Transition, ...] = ()
    note: str | None = None

    @classmethod
    def begun(cls, case: Litmas, step: Step, *, at: datetime, reason: str | None = None) -> "Decided":
        """A case that did not exist before."""
        after = TRANSITIONS.move(None, step)
        line = Transition(step=step, before=None, after=after, occurred_at=at, reason=reason)
        return cls(case=replace(case, status=after), trail=(line,))

    def moved(
        self, step: Step, *, at: datetime, reason: str | None = None, documents: tuple[str, ...] = (), **changes: Any
    ) -> "Decided":
        """Take a step, if the table allows it, and change what the case knows."""
        after = TRANSITIONS.move(self.case.status, step)
        line = Transition(
            step=step,
            before=self.case.status,
            after=after,
            occurred_at=at,
            reason=reason,
            document_ids=documents,
        )
        return replace(self, case=replace(self.case, status=after, **changes), trail=(*self.trail, line))

    def said(self, fact: type[Event], **fields: Any) -> "Decided":
        """Make a fact about this case known, with the next number of this case."""
        counted = replace(self.case, sequence=self.case.sequence + 1)
        told = fact.model_validate({**self.case.about(), **fields})
        return replace(self, case=counted, facts=(*self.facts, told))
