"""Which of a prison's reports stands, given all that it has said about one release.

A denial (not released, wrong person) says that something did not happen; a withdrawal (the decree revoked, a new case,
discipline) ends what is still to come and never undoes that somebody is outside.
"""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final

from chassis.rules.numbering import local_date
from contracts.lapas import (
    CancelReason,
    ClientReleased,
    ReleaseAnnounced,
    ReleaseCancelled,
    ReleasedPerson,
    TimePrecision,
)
from contracts.reference import Reference
from services.registration.domain.case import TRANSITIONS, Registration, Step

Report = ReleaseAnnounced | ClientReleased | ReleaseCancelled

DENIALS: Final = (CancelReason.NOT_RELEASED, CancelReason.WRONG_PERSON)
UNCOUNTED: Final = ("reported_at", "time_precision")
"""What differs from door to door without saying anything else about the release."""
A_DAY: Final = timedelta(days=1)


class Stands(Enum):
    """Which report counts, given all that is known."""

    RELEASE = auto()
    ANNOUNCEMENT = auto()
    NOTHING = auto()


def what_stands(case: Registration) -> Stands:
    """The release unless it was denied, else the announcement unless it was taken back."""
    release, announcement, last = case.release, case.announcement, case.taken_back_by
    if release is not None and not _denies(case.cancellation, release):
        return Stands.RELEASE
    if announcement is not None and (last is None or last.revision < announcement.revision):
        return Stands.ANNOUNCEMENT
    return Stands.NOTHING


def kind_of(event: Report) -> str:
    """Which of the kept reports this one is a newer edition of."""
    if isinstance(event, ReleaseAnnounced):
        return "announcement"
    if isinstance(event, ClientReleased):
        return "release"
    return "cancellation" if event.reason in DENIALS else "revocation"


def is_withdrawn_outside(case: Registration) -> bool:
    """Whether the release of somebody outside was withdrawn: a matter for a human, and never a cancellation.

    By time too, because a prison that counts no revisions may withdraw what it has corrected before. Whom it releases
    after a withdrawal is simply released, unless the decree itself is gone.
    """
    withdrawal, release = case.revocation, case.release
    outside = TRANSITIONS.allows(case.status, Step.REVOKE) and what_stands(case) is Stands.RELEASE
    if not outside or withdrawal is None or release is None:
        return False
    if withdrawal.reason is CancelReason.DECREE_REVOKED and withdrawal.revision >= release.revision:
        return True
    return withdrawal.revision > release.revision or withdrawal.cancelled_at >= release.released_at


def by_the_day(event: ClientReleased, reference: Reference) -> ClientReleased:
    """A release known by the day alone counts from the beginning of that day: the earliest moment that it can mean."""
    if event.time_precision is not TimePrecision.DAY:
        return event
    day = local_date(event.released_at, reference.zone)
    midnight = datetime.combine(day, datetime.min.time(), tzinfo=reference.zone)
    return ClientReleased.model_validate(event.model_dump() | {"released_at": midnight})


def says_nothing_new(event: Report, last: Report) -> bool:
    """Whether all that a report says stands in the last one too; another door may know fewer fields."""
    said = {name: getattr(event, name) for name in type(event).model_fields if name not in UNCOUNTED}
    if isinstance(event, ClientReleased) and isinstance(last, ClientReleased) and _is_its_day(event, last):
        del said["released_at"]
    return all(value in (None, (), getattr(last, name, None)) for name, value in said.items())


def is_another_person(event: Report, known: Registration, *, again: bool) -> bool:
    """Whether an id was given to two people: another name at another prison, or in one edition another number too."""
    person = known.reported
    if person is None or not isinstance(event, ReleasedPerson) or _folded(event.name) == _folded(person.name):
        return False
    if event.facility != person.facility:
        return True
    numbers = (event.prison_register_no, person.prison_register_no)
    return again and None not in numbers and numbers[0] != numbers[1]


def _denies(denial: ReleaseCancelled | None, release: ClientReleased) -> bool:
    """Whether a denial speaks of this release: it is the later word, by revision or, within one revision, by time.

    By time, because a prison that counts no revisions may cancel an announced release and release the person later.
    """
    if denial is None:
        return False
    later = (denial.revision, denial.cancelled_at) >= (release.revision, release.released_at)
    return later and denial.facility == release.facility


def _is_its_day(event: ClientReleased, last: ClientReleased) -> bool:
    apart = last.released_at - event.released_at
    return event.time_precision is TimePrecision.DAY and timedelta(0) <= apart < A_DAY


def _folded(name: Any) -> str:
    return " ".join(str(name).casefold().split())
