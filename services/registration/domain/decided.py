"""What a decision comes to: the case as it is now, what is made known of it, and the lines of its timeline."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts.event import Event
from contracts.registration import ClientDetails
from services.registration.domain.case import ENDED, TRANSITIONS, Registration, Status, Step


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

    case: Registration
    facts: tuple[Event, ...] = ()
    trail: tuple[Transition, ...] = ()
    erased_as: tuple[bool, ...] = ()
    """Whose details are taken back from the restricted topic: of an adult (False), of a child (True)."""
    note: str | None = None

    @classmethod
    def begun(cls, case: Registration, step: Step, *, at: datetime) -> "Decided":
        """A case that did not exist before."""
        begin = Transition(step=step, before=None, after=TRANSITIONS.move(None, step), occurred_at=at)
        return cls(case=case, trail=(begin,))

    def moved(
        self, step: Step, *, at: datetime, reason: str | None = None, documents: tuple[str, ...] = (), **changes: Any
    ) -> "Decided":
        """Take a step, if the table allows it, and change what the case knows."""
        after = TRANSITIONS.move(self.case.status, step)
        if after in ENDED:
            changes = {"offer": None, "files_chased_at": None} | changes
        line = Transition(
            step=step,
            before=self.case.status,
            after=after,
            occurred_at=at,
            reason=reason,
            document_ids=documents,
        )
        return replace(self, case=replace(self.case, status=after, **changes), trail=(*self.trail, line))

    def with_changes(self, **changes: Any) -> "Decided":
        """Change what the case knows, and not its state."""
        return replace(self, case=replace(self.case, **changes))

    def then(self, later: "Decided") -> "Decided":
        """What this and a later decision on its case come to together."""
        return replace(later, facts=(*self.facts, *later.facts), trail=(*self.trail, *later.trail))

    def said(self, *facts: Event) -> "Decided":
        """Make facts known, each with the next number of this case."""
        counted = replace(self.case, sequence=self.case.sequence + len(facts))
        return replace(self, case=counted, facts=(*self.facts, *facts))


def concluded(before: Registration | None, decided: Decided) -> Decided:
    """Tell those who guide who the client is, when that is new or changed, and take it back when nobody needs it."""
    case = decided.case
    told = details_of(before) if before is not None and before.is_client else None
    if case.is_client:
        details = details_of(case)
        if details is not None and details != told:
            decided = decided.said(details)
        moved_topic = told is not None and told.juvenile is not case.juvenile
        return replace(decided, erased_as=(told.juvenile,)) if told is not None and moved_topic else decided
    # Whoever has a register number belongs to supervision, which decides how long it needs the details.
    if told is not None and before is not None and before.status is not Status.REGISTERED:
        return replace(decided, erased_as=(told.juvenile,))
    return decided


def details_of(case: Registration) -> ClientDetails | None:
    """Who the client is and how to reach them, for the restricted topic."""
    person = case.person
    if person is None:
        return None
    return ClientDetails(
        client_id=case.client_id,
        registration_id=case.registration_id,
        name=person.name,
        alias=person.alias,
        birth_on=person.birth_on,
        birth_year=person.birth_year,
        sex=person.sex,
        phone=person.phone,
        domicile=person.domicile,
        guarantor=person.guarantor,
        juvenile=case.juvenile,
    )
