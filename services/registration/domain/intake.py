"""What the reports of prisons mean: announced, released, taken back; corrected, late, twice, and in any order.

The latest announcement, release and cancellation by revision are kept, each beside the others; which of them stands
is decided from all three, so that the same reports give the same case in whatever order they come.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final

from chassis.rules.refusal import Irrelevant, Refused
from contracts.lapas import (
    CancelReason,
    ClientReleased,
    ReleaseAnnounced,
    ReleaseCancelled,
    ReleasedPerson,
    ReleaseType,
    registration_id_of,
)
from contracts.reference import Reference
from contracts.registration import (
    ClosingReason,
    RegistrationAnnounced,
    RegistrationCancelled,
    RegistrationClosed,
    RegistrationConflict,
    RegistrationCorrected,
    RegistrationOpened,
    ReleaseBreachReported,
    Source,
)
from services.registration.domain import clocks
from services.registration.domain.case import (
    ANNOUNCED,
    ENDED,
    TRANSITIONS,
    Closure,
    Decided,
    Registration,
    Status,
    Step,
)
from services.registration.domain.whereabouts import placed, seen_outside

AHEAD_OF_TIME_MAX: Final = timedelta(hours=24)
REVIVED: Final = (ClosingReason.RELEASED_IN_ERROR, ClosingReason.FULL_TERM)
"""Closures that a later report of the prison undoes; the others are the office's word about a person's fate."""
UNCOUNTED: Final = ("reported_at", "time_precision")
"""What differs from door to door without saying anything else about the release."""
BY_PRISON: Final = "PRISON_REPORT"
"""The evidence of a closure that follows from the prison's own report."""


Report = ReleaseAnnounced | ClientReleased | ReleaseCancelled


class ReleasedInTheFuture(Refused):
    """A release more than 24 hours ahead is an announcement: report it as announced, with its date."""


class CancelledElsewhere(Refused):
    """Another prison reported this release; only that one can take it back."""


class RegisteredClientIsNotUnmade(Refused):
    """This person has a register number: only the section head ends the case, by a closure with evidence."""


class AlreadyKnown(Irrelevant):
    """This revision of the report is known already."""


class OtherContentOfAKnownRevision(Irrelevant):
    """This revision was reported before with other content; a correction carries a higher revision."""


class OlderRevision(Irrelevant):
    """A later revision of this report is known already."""


class NobodyToGuide(Irrelevant):
    """The full term is served and no announcement is open: nobody is to be guided."""


class CaseIsOver(Irrelevant):
    """The office has ended this case; the report changes nothing in it."""


class _Stands(Enum):
    """Which report counts, given all that is known."""

    RELEASE = auto()
    ANNOUNCEMENT = auto()
    NOTHING = auto()


def announce(known: Registration | None, event: ReleaseAnnounced, *, now: datetime, reference: Reference) -> Decided:
    """A release is announced: the office prepares; a later revision moves the day."""
    if event.release_type is ReleaseType.FULL_TERM:
        raise NobodyToGuide
    if known is None:
        return _announced(Decided.begun(_first(event, Step.ANNOUNCE, reference), Step.ANNOUNCE, at=now))
    _check_news(known, event)
    asked = known.unconfirmed_on if known.announcement and known.announcement.releases_on == event.releases_on else None
    case = placed(replace(known, announcement=event, unconfirmed_on=asked), reference)
    decided = Decided(case=case)
    stands = _stands(case)
    if stands is _Stands.ANNOUNCEMENT and known.status in ENDED:
        return _announced(decided.moved(Step.ANNOUNCE, at=now, **_afresh()))
    if stands is _Stands.NOTHING:
        decided = decided.moved(Step.CORRECT, at=now, reason="cancelled before it was announced")
        return _told_cancelled(decided) if known.person is None else decided
    return _corrected(decided, known, event, now=now)


def open_on_release(
    known: Registration | None, event: ClientReleased, *, now: datetime, reference: Reference
) -> Decided:
    """Somebody has left prison: the clocks run from the true moment, however late or often it is reported."""
    if event.released_at > now + AHEAD_OF_TIME_MAX:
        raise ReleasedInTheFuture
    if known is None:
        if event.release_type is ReleaseType.FULL_TERM:
            raise NobodyToGuide
        case = _first(event, Step.RELEASE, reference)
        return _opened(Decided.begun(case, Step.RELEASE, at=event.released_at), now=now, reference=reference)
    _check_news(known, event)
    decided = Decided(case=placed(_with(known, event), reference))
    stands = _stands(decided.case)
    if stands is _Stands.RELEASE:
        return _released(decided, known, event, now=now, reference=reference)
    if stands is _Stands.NOTHING and known.status is Status.CANCELLED:
        return _undone(decided, at=now)
    return decided.moved(Step.CORRECT, at=now, reason="taken back by a cancellation that came first")


def cancel(known: Registration | None, event: ReleaseCancelled, *, now: datetime, reference: Reference) -> Decided:
    """The prison takes a release back: before it, after it, against what an officer saw, or before we heard of it."""
    if known is None:
        case = _first(event, Step.CANCEL, reference)
        return replace(Decided.begun(case, Step.CANCEL, at=event.cancelled_at), note="remembered for its release")
    _check_news(known, event)
    if known.facility != event.facility:
        raise CancelledElsewhere
    decided = Decided(case=placed(_with(known, event), reference))
    stood, stands = _stands(known), _stands(decided.case)
    if _is_breach(decided.case) and not _is_breach(known):
        return _told_breach(decided, now=now)
    if stood is stands or known.status in (*ENDED, Status.CONFLICT):
        note = "nothing stood that it could take back" if stood is _Stands.NOTHING else "a later report stands"
        return replace(decided.moved(Step.CORRECT, at=now), note=note)
    if known.status is Status.REGISTERED:
        raise RegisteredClientIsNotUnmade
    if known.status is Status.SUBMITTED or seen_outside(known, reference):
        disputed = decided.moved(Step.DISPUTE, at=now, reason=event.reason)
        return disputed.said(RegistrationConflict.model_validate(disputed.case.about() | {"reason": event.reason}))
    if stood is _Stands.ANNOUNCEMENT:
        return _told_cancelled(decided.moved(Step.CANCEL, at=event.cancelled_at, reason=event.reason))
    decided = _undone(decided, at=now)
    return _announced(decided.moved(Step.ANNOUNCE, at=now, **_afresh())) if stands is _Stands.ANNOUNCEMENT else decided


def may_end_another_announcement(known: Registration | None, event: ClientReleased) -> bool:
    """Whether the person may have been announced under another id: a full term was served, and this one is unknown."""
    return known is None and event.release_type is ReleaseType.FULL_TERM


def close_for_full_term(announced: Registration, *, now: datetime) -> Decided:
    """Somebody whose release was announced has served the full term instead: nobody is to be guided."""
    return _ended(Decided(case=announced), Step.CLOSE, ClosingReason.FULL_TERM, at=now)


def _first(event: Report, step: Step, reference: Reference) -> Registration:
    statuses = {
        Step.ANNOUNCE: Status.RELEASE_ANNOUNCED,
        Step.RELEASE: Status.RELEASED,
        Step.CANCEL: Status.CANCELLED,
    }
    head_office = reference.head_office.code
    case = Registration(
        registration_id=registration_id_of(event.release_id),
        release_id=event.release_id,
        status=statuses[step],
        receiving_unit=head_office,
        holder_unit=head_office,
    )
    return placed(_with(case, event), reference)


def _with(case: Registration, event: Report) -> Registration:
    """The case with this edition of one of the kept reports."""
    changed: dict[str, Any] = {_kind_of(event): event}
    return replace(case, **changed)


def _kind_of(event: Report) -> str:
    """Which of the kept reports this one is a newer edition of."""
    if isinstance(event, ReleaseAnnounced):
        return "announcement"
    if isinstance(event, ClientReleased):
        return "release"
    return "revocation" if event.reason is CancelReason.DECREE_REVOKED else "cancellation"


def _check_news(known: Registration, event: Report) -> None:
    """Stop at what is known already, and at cases that no report of a prison can change."""
    last: Report | None = getattr(known, _kind_of(event))
    if last is not None and event.revision < last.revision:
        raise OlderRevision
    if last is not None and event.revision == last.revision:
        raise AlreadyKnown if _says_nothing_new(event, last) else OtherContentOfAKnownRevision
    over = known.closure is not None and known.closure.reason not in REVIVED
    if known.status is Status.HANDED_ON or over:
        raise CaseIsOver


def _says_nothing_new(event: Report, last: Report) -> bool:
    """Whether all that a report says stands in the last one too; another door may know fewer fields."""
    said = {name: getattr(event, name) for name in type(event).model_fields if name not in UNCOUNTED}
    return all(value in (None, (), getattr(last, name, None)) for name, value in said.items())


def _stands(case: Registration) -> _Stands:
    release, announcement, last = case.release, case.announcement, case.taken_back_by
    if release is not None and not _takes_back(case.cancellation, release):
        return _Stands.RELEASE
    if announcement is not None and (last is None or last.revision < announcement.revision):
        return _Stands.ANNOUNCEMENT
    return _Stands.NOTHING


def _takes_back(cancellation: ReleaseCancelled | None, release: ClientReleased) -> bool:
    """Whether a cancellation denies a release: it is the later word, by revision or, within one revision, by time.

    By time, because a prison that counts no revisions may cancel an announced release and release the person later.
    """
    if cancellation is None:
        return False
    later = (cancellation.revision, cancellation.cancelled_at) >= (release.revision, release.released_at)
    return later and cancellation.facility == release.facility


def _afresh() -> dict[str, Any]:
    """What is forgotten when a case that had ended begins anew."""
    return {
        "closure": None,
        "contact": None,
        "identity_level": None,
        "biometric_status": None,
        "submission_from": None,
        "submission_overdue": False,
        "submitted": None,
        "tracing": None,
        "rungs_recorded": 0,
        "unconfirmed_on": None,
    }


def _announced(decided: Decided) -> Decided:
    case = decided.case
    if case.announcement is None or case.person is None:
        message = "announced without an announcement"
        raise AssertionError(message)
    said = {
        "releases_on": case.announcement.releases_on,
        "release_type": case.person.release_type,
        "facility": case.facility,
    }
    return decided.said(RegistrationAnnounced.model_validate(case.about() | said))


def _released(
    decided: Decided, known: Registration, event: ClientReleased, *, now: datetime, reference: Reference
) -> Decided:
    person = decided.case.person
    if person is not None and person.release_type is ReleaseType.FULL_TERM:
        return _full_term_served(decided, known, now=now)
    if known.status in (*ANNOUNCED, *ENDED):
        changes = _afresh() if known.status in ENDED else {}
        decided = decided.moved(Step.RELEASE, at=event.released_at, **changes)
        return _opened(decided, now=now, reference=reference)
    if known.release is None or known.status is Status.CONFLICT:
        start = known.submission_from or max(now if known.contact is None else known.contact.at, event.released_at)
        decided = decided.moved(Step.RELEASE, at=event.released_at, submission_from=start)
        if known.release is None:
            return _opened(decided, now=now, reference=reference)
        return _told_corrected(decided, known, event)
    decided = _corrected(decided, known, event, now=now)
    return clocks.move_start(decided, now=now, reference=reference)


def _opened(decided: Decided, *, now: datetime, reference: Reference) -> Decided:
    case = decided.case
    if case.release is None or case.person is None:
        message = "opened without a release"
        raise AssertionError(message)
    late = case.contact is None and clocks.reported_late(case.release.released_at, now=now, reference=reference)
    said = {
        "released_at": case.release.released_at,
        "release_type": case.person.release_type,
        "facility": case.facility,
        "source": Source.UNANNOUNCED if case.announcement is None else Source.ANNOUNCED,
        "reported_late": late,
        "missing": case.missing,
    }
    decided = decided.said(RegistrationOpened.model_validate(case.about() | said))
    decided = clocks.pass_rungs(decided, now=now, reference=reference)
    return _told_breach(decided, now=now) if _is_breach(decided.case) else decided


def _corrected(
    decided: Decided, known: Registration, event: ReleaseAnnounced | ClientReleased, *, now: datetime
) -> Decided:
    return _told_corrected(decided.moved(Step.CORRECT, at=now), known, event)


def _told_corrected(decided: Decided, known: Registration, event: ReleaseAnnounced | ClientReleased) -> Decided:
    """Say which fields changed, never to what: the values are personal."""
    case = decided.case
    changed = _changed(known.person, case.person)
    said: dict[str, object] = {"revision": event.revision}
    if isinstance(event, ClientReleased) and case.released_at != known.released_at:
        said["released_at"] = case.released_at
        changed = (*changed, "RELEASED_AT")
    if isinstance(event, ReleaseAnnounced) and event.releases_on != getattr(known.announcement, "releases_on", None):
        said["releases_on"] = event.releases_on
        changed = (*changed, "RELEASES_ON")
    return decided.said(RegistrationCorrected.model_validate(case.about() | said | {"changed": changed}))


def _changed(before: ReleasedPerson | None, after: ReleasedPerson | None) -> tuple[str, ...]:
    names = (name for name in ReleasedPerson.model_fields if name not in {"revision", "reported_at"})
    return tuple(name.upper() for name in names if getattr(before, name, None) != getattr(after, name, None))


def _full_term_served(decided: Decided, known: Registration, *, now: datetime) -> Decided:
    if known.status is Status.REGISTERED:
        raise RegisteredClientIsNotUnmade
    if known.status in ENDED:
        return decided.moved(Step.CORRECT, at=now)
    return _ended(decided, Step.CLOSE, ClosingReason.FULL_TERM, at=now)


def _undone(decided: Decided, *, at: datetime) -> Decided:
    return _ended(decided, Step.UNDO, ClosingReason.RELEASED_IN_ERROR, at=at)


def _ended(decided: Decided, step: Step, reason: ClosingReason, *, at: datetime) -> Decided:
    closure = Closure(reason=reason, at=at, evidence=BY_PRISON, by_prison=True)
    decided = decided.moved(step, at=at, reason=reason, closure=closure)
    said = {"reason": reason, "closed_at": at, "evidence": BY_PRISON}
    return decided.said(RegistrationClosed.model_validate(decided.case.about() | said))


def _is_breach(case: Registration) -> bool:
    """Whether the decree of somebody outside was revoked: a matter for supervision, and never a cancellation."""
    outside = TRANSITIONS.allows(case.status, Step.REVOKE) and _stands(case) is _Stands.RELEASE
    revocation, release = case.revocation, case.release
    return outside and release is not None and revocation is not None and revocation.revision >= release.revision


def _told_breach(decided: Decided, *, now: datetime) -> Decided:
    decided = decided.moved(Step.REVOKE, at=now, reason=CancelReason.DECREE_REVOKED)
    return decided.said(ReleaseBreachReported.model_validate(decided.case.about() | {"reported_at": now}))


def _told_cancelled(decided: Decided) -> Decided:
    case = decided.case
    if case.taken_back_by is None:
        message = "cancelled without a cancellation"
        raise AssertionError(message)
    said = {
        "reason": case.taken_back_by.reason,
        "cancelled_at": case.taken_back_by.cancelled_at,
        "before_release": True,
    }
    return decided.said(RegistrationCancelled.model_validate(case.about() | said))
