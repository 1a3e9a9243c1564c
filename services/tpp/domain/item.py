"""What waits to be heard: a case of somebody else, in its latest revision, on its way through hearings."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from chassis.rules.refusal import Irrelevant
from chassis.rules.transitions import Table
from contracts.litmas import LitmasCancelled, LitmasSubmittedToBoard
from contracts.reference import Reference
from contracts.tpp import CaseFact, Panel, SubjectKind


class ItemState(StrEnum):
    """How far a case has come before the team."""

    QUEUED = "queued"
    ON_AGENDA = "on_agenda"
    HEARD = "heard"
    DECIDED = "decided"
    DEFERRED = "deferred"
    CARRIED_OVER = "carried_over"
    WITHDRAWN = "withdrawn"


class ItemStep(StrEnum):
    """What happens to a case, in the words of a refusal."""

    SUBMIT = "a submission"
    REPLACE = "a later submission"
    LIST = "a place on an agenda"
    UNLIST = "leaving an agenda"
    HEAR = "a discussion"
    DECIDE = "a decision"
    DEFER = "a deferral"
    CARRY_OVER = "carrying over"
    WITHDRAW = "a withdrawal"


WAITING: Final = (ItemState.QUEUED, ItemState.DEFERRED, ItemState.CARRIED_OVER)
"""Free to be put on an agenda."""

ITEM_MOVES: Final[dict[tuple[ItemState | None, ItemStep], ItemState]] = {
    (None, ItemStep.SUBMIT): ItemState.QUEUED,
    # Not heard yet: it keeps its place, and what is heard is the later revision.
    (ItemState.QUEUED, ItemStep.REPLACE): ItemState.QUEUED,
    (ItemState.ON_AGENDA, ItemStep.REPLACE): ItemState.ON_AGENDA,
    (ItemState.CARRIED_OVER, ItemStep.REPLACE): ItemState.CARRIED_OVER,
    # Heard: the later one waits for a hearing of its own.
    (ItemState.HEARD, ItemStep.REPLACE): ItemState.QUEUED,
    (ItemState.DECIDED, ItemStep.REPLACE): ItemState.QUEUED,
    (ItemState.DEFERRED, ItemStep.REPLACE): ItemState.QUEUED,
    **{(state, ItemStep.LIST): ItemState.ON_AGENDA for state in WAITING},
    (ItemState.ON_AGENDA, ItemStep.UNLIST): ItemState.QUEUED,
    (ItemState.ON_AGENDA, ItemStep.HEAR): ItemState.HEARD,
    (ItemState.HEARD, ItemStep.DECIDE): ItemState.DECIDED,
    (ItemState.ON_AGENDA, ItemStep.DECIDE): ItemState.DECIDED,  # in a block, by consent
    (ItemState.HEARD, ItemStep.DEFER): ItemState.DEFERRED,
    (ItemState.ON_AGENDA, ItemStep.CARRY_OVER): ItemState.CARRIED_OVER,
    (ItemState.HEARD, ItemStep.CARRY_OVER): ItemState.CARRIED_OVER,
    **{(state, ItemStep.WITHDRAW): ItemState.WITHDRAWN for state in ItemState if state is not ItemState.WITHDRAWN},
}

ITEM_TRANSITIONS: Final = Table(matter="case", states=ItemState, steps=ItemStep, moves=ITEM_MOVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A case before the team; the subject is that of its owner, the item is one submission of it."""

    subject_id: UUID
    item_id: UUID
    kind: SubjectKind
    state: ItemState
    submission: int
    revision: int
    report_reference: str
    report_hash: str
    author: str
    case_unit: str
    unit: str
    """The unit whose team hears it."""
    panel: Panel
    programmes: tuple[str, ...]
    risk_band: str
    express: bool = False
    refused_before: bool = False
    needed_on: date | None = None
    rehear_by: date | None = None
    submitted_at: datetime
    hearing_id: UUID | None = None
    told_at: datetime | None = None
    """When the decision on this submission was made known."""
    sequence: int = 0

    def about(self, hearing_id: UUID) -> dict[str, Any]:
        """What every fact about this case says."""
        return {
            "subject_kind": self.kind,
            "subject_id": self.subject_id,
            "item_id": self.item_id,
            "hearing_id": hearing_id,
            "revision": self.revision,
            "unit": self.unit,
            "panel": self.panel,
        }

    def moved(self, step: ItemStep, **changes: Any) -> "Item":
        """The case after this step; StepNotAllowed where the table has none."""
        return replace(self, state=ITEM_TRANSITIONS.move(self.state, step), **changes)

    def saying(self, *facts: CaseFact) -> "Case":
        """The case with facts about it, each with the next number."""
        return Case(replace(self, sequence=self.sequence + len(facts)), facts)


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is now, and what is made known of it."""

    item: Item
    facts: tuple[CaseFact, ...] = ()


def submit(known: Item | None, event: LitmasSubmittedToBoard, *, reference: Reference) -> Item:
    """A report waits to be heard; it takes the place of an earlier one of the same subject."""
    if known is None:
        return _item_of(event, state=ITEM_TRANSITIONS.move(None, ItemStep.SUBMIT), reference=reference)
    if known.state is ItemState.WITHDRAWN:
        raise Irrelevant("the case was withdrawn")
    if (event.submission, event.revision) <= (known.submission, known.revision):
        raise Irrelevant("a later revision is known")
    state = ITEM_TRANSITIONS.move(known.state, ItemStep.REPLACE)
    item = _item_of(event, state=state, reference=reference)
    hearing_id = known.hearing_id if state is ItemState.ON_AGENDA else None
    return replace(item, hearing_id=hearing_id, sequence=known.sequence)


def withdraw(known: Item | None, _event: LitmasCancelled) -> Item:
    """A report is no longer needed; what was decided on it, and not told yet, is not told any more."""
    if known is None:
        raise Irrelevant("the report was never before the team")
    if known.state is ItemState.WITHDRAWN:
        raise Irrelevant("the case was withdrawn before")
    if known.told_at is not None and known.state is ItemState.DECIDED:
        raise Irrelevant("the decision is made known already")
    return known.moved(ItemStep.WITHDRAW, hearing_id=None)


def _item_of(event: LitmasSubmittedToBoard, *, state: ItemState, reference: Reference) -> Item:
    return Item(
        subject_id=event.litmas_id,
        item_id=uuid5(event.litmas_id, f"submission {event.submission} revision {event.revision}"),
        kind=SubjectKind.LITMAS,
        state=state,
        submission=event.submission,
        revision=event.revision,
        report_reference=event.report_reference,
        report_hash=event.report_hash,
        author=event.author,
        case_unit=event.unit,
        unit=reference.head_office.code,
        panel=Panel.CHILD if event.is_juvenile else Panel.ADULT,
        programmes=tuple(programme.value for programme in event.programmes),
        risk_band=event.risk_band.value,
        express=event.track.value == "EXPRESS",
        refused_before=event.refused_before,
        needed_on=event.needed_on,
        submitted_at=event.submitted_at,
    )
