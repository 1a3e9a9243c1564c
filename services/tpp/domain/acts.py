"""What chair, secretary and members enter, in the words of the form: the bodies of the HTTP routes as they stand."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from contracts.event import Fact
from contracts.personal import Instant, Note, OfficerCode, Sha256
from contracts.tpp import PROGRAMMES_MAX, AdjournReason, HearingKind, HearingMode, Outcome, Panel
from services.tpp.domain.hearing import LINES_MAX, Choice, Part, PresenceMethod

MINUTES_CHARS_MAX: Final = 40_000

Words = Annotated[
    str, StringConstraints(min_length=3, max_length=5_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
Record = Annotated[
    str, StringConstraints(min_length=3, max_length=MINUTES_CHARS_MAX, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Outcomes = Annotated[tuple[Outcome, ...], Field(min_length=1, max_length=PROGRAMMES_MAX)]
FormOnly = Literal["FORM_ONLY"]
"""Voting by a form without meeting: it can be asked for, so that it is refused with its rule."""


class Drafting(Fact):
    """A hearing is prepared."""

    panel: Panel
    kind: HearingKind = HearingKind.ROUTINE
    mode: HearingMode | FormOnly
    starts_at: Instant
    room: Note | None = None
    """Where, or the link of the video conference."""


class Listing(Fact):
    """Cases are put on the agenda."""

    subjects: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=LINES_MAX)]
    part: Part = Part.FULL


class Unlisting(Fact):
    """A case is taken off the agenda."""

    reason: Reason


class StandIn(Fact):
    """Somebody presides, or keeps the minutes, in the place of who was appointed to."""

    chair: OfficerCode | None = None
    secretary: OfficerCode | None = None
    reason: Reason


class Arrival(Fact):
    """A member came."""

    member: OfficerCode
    method: PresenceMethod | Literal["FORM"]
    joined_at: Instant


class Departure(Fact):
    """A member left."""

    left_at: Instant


class Adjourning(Fact):
    """A hearing is put off."""

    reason: AdjournReason


class Rescheduling(Fact):
    """A hearing that was put off gets another date."""

    starts_at: Instant
    mode: HearingMode | FormOnly | None = None
    room: Note | None = None


class WrittenOpinion(Fact):
    """What a member thinks of a case before it is discussed."""

    text: Words


class Conflict(Fact):
    """A member declares an interest in a case and neither presides nor votes in it."""

    reason: Reason


class Motion(Fact):
    """What the chair puts to the vote: a decision for every programme of the case."""

    outcomes: Outcomes


class Ballot(Fact):
    """A member votes on the motion; whoever votes against may say why."""

    choice: Choice
    dissent: Words | None = None


class Announcement(Fact):
    """The secretary reads the decision: what all agreed on, or what the vote came to."""

    consensus: Outcomes | None = None
    """Left out where a vote is counted."""


class MinutesDraft(Fact):
    """The secretary's notes of the whole session, and the summary for the head (*risalah*)."""

    notes: Record
    summary: Record


class Signing(Fact):
    """A member signs the minutes that have this hash."""

    minutes_hash: Sha256


class Excuse(Fact):
    """The chair notes that a member has not signed."""

    member: OfficerCode
    reason: Note
