"""What the reports of prisons mean: announced, released, taken back; corrected, late, twice, and in any order.

The latest announcement, release and cancellation by revision are kept, each beside the others; which of them stands
is decided from all three, so that the same reports give the same case in whatever order they come.
"""

from dataclasses import replace
from datetime import datetime, timedelta
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
from services.registration.domain.case import ANNOUNCED, ENDED, TRANSITIONS, Closure, Registration, Status, Step
from services.registration.domain.decided import Decided
from services.registration.domain.standing import (
    DENIALS,
    Report,
    Stands,
    by_the_day,
    is_another_person,
    is_withdrawn_outside,
    kind_of,
    says_nothing_new,
    what_stands,
)
from services.registration.domain.whereabouts import placed, seen_outside, stands_for_first_contact

AHEAD_OF_TIME_MAX: Final = timedelta(hours=24)
REVIVED: Final = (ClosingReason.RELEASED_IN_ERROR, ClosingReason.FULL_TERM)
"""Closures that a later report of the prison undoes; the others are the office's word about a person's fate."""
BY_PRISON: Final = "PRISON_REPORT"
"""The evidence of a closure that follows from the prison's own report."""


class ReleasedInTheFuture(Refused):
    """A release more than 24 hours ahead is an announcement: report it as announced, with its date."""


class CancelledElsewhere(Refused):
    """Another prison reported this release; only that one can take it back."""


class AnotherPersonUnderThisId(Refused):
    """This release_id was used for another person before; report this one under an id of its own."""


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


def announce(known: Registration | None, event: ReleaseAnnounced, *, now: datetime, reference: Reference) -> Decided:
    """A release is announced: the office prepares; a later revision moves the day."""
    if event.release_type is ReleaseType.FULL_TERM:
        raise NobodyToGuide
    if known is None:
        return _announced(Decided.begun(first(event, Step.ANNOUNCE, reference), Step.ANNOUNCE, at=now))
    _check_news(known, event)
    asked = known.unconfirmed_on if known.announcement and known.announcement.releases_on == event.releases_on else None
    case = placed(replace(known, announcement=event, unconfirmed_on=asked), reference)
    decided = Decided(case=case)
    stands = what_stands(case)
    if stands is Stands.ANNOUNCEMENT and known.status in ENDED:
        return _announced(decided.moved(Step.ANNOUNCE, at=now, **_afresh()))
    if stands is Stands.ANNOUNCEMENT and known.walked_in and known.status is Status.CONFLICT:
        return _told_corrected(decided.moved(Step.ANNOUNCE, at=now), known, event)
    if stands is Stands.NOTHING:
        decided = decided.moved(Step.CORRECT, at=now, reason="cancelled before it was announced")
        return _told_cancelled(decided) if known.person is None else decided
    return _corrected(decided, known, event, now=now)


def open_on_release(
    known: Registration | None, event: ClientReleased, *, now: datetime, reference: Reference
) -> Decided:
    """Somebody has left prison: the clocks run from the true moment, however late or often it is reported."""
    event = by_the_day(event, reference)
    if event.released_at > now + AHEAD_OF_TIME_MAX:
        raise ReleasedInTheFuture
    if known is None:
        if event.release_type is ReleaseType.FULL_TERM:
            raise NobodyToGuide
        case = first(event, Step.RELEASE, reference)
        return _opened(Decided.begun(case, Step.RELEASE, at=event.released_at), now=now, reference=reference)
    _check_news(known, event)
    decided = Decided(case=placed(_with(known, event), reference))
    stands = what_stands(decided.case)
    if stands is Stands.RELEASE:
        return _released(decided, known, event, now=now, reference=reference)
    if stands is Stands.NOTHING and known.status is Status.CANCELLED:
        return _undone(decided, at=now)
    return decided.moved(Step.CORRECT, at=now, reason="taken back by a cancellation that came first")


def cancel(known: Registration | None, event: ReleaseCancelled, *, now: datetime, reference: Reference) -> Decided:
    """The prison takes a release back: before it, after it, against what an officer saw, or before we heard of it."""
    if known is None:
        case = first(event, Step.CANCEL, reference)
        return replace(Decided.begun(case, Step.CANCEL, at=event.cancelled_at), note="remembered for its release")
    _check_news(known, event)
    said_before = known.reported or known.taken_back_by
    if said_before is not None and said_before.facility != event.facility:
        raise CancelledElsewhere
    decided = Decided(case=placed(_with(known, event), reference))
    if known.walked_in:
        return _against_a_walk_in(decided, known, event, now=now)
    return _taken_back(decided, known, event, now=now, reference=reference)


def _taken_back(
    decided: Decided, known: Registration, event: ReleaseCancelled, *, now: datetime, reference: Reference
) -> Decided:
    stood, stands = what_stands(known), what_stands(decided.case)
    if is_withdrawn_outside(decided.case) and not is_withdrawn_outside(known):
        return _told_withdrawn(decided, now=now)
    if stood is stands or known.status in (*ENDED, Status.CONFLICT):
        note = "nothing stood that it could take back" if stood is Stands.NOTHING else "a later report stands"
        return replace(decided.moved(Step.CORRECT, at=now), note=note)
    if known.status is Status.REGISTERED:
        raise RegisteredClientIsNotUnmade
    if known.status is Status.SUBMITTED or seen_outside(known, reference):
        return _disputed(decided, known, event, now=now)
    if stood is Stands.ANNOUNCEMENT:
        return _told_cancelled(decided.moved(Step.CANCEL, at=event.cancelled_at, reason=event.reason))
    decided = _undone(decided, at=now)
    return _announced(decided.moved(Step.ANNOUNCE, at=now, **_afresh())) if stands is Stands.ANNOUNCEMENT else decided


def _against_a_walk_in(decided: Decided, known: Registration, event: ReleaseCancelled, *, now: datetime) -> Decided:
    """The prison takes somebody back who was seen outside: a human decides, unless a later report stands."""
    if is_withdrawn_outside(decided.case) and not is_withdrawn_outside(known):
        return _told_withdrawn(decided, now=now)
    if what_stands(decided.case) is not Stands.NOTHING:
        return replace(decided.moved(Step.CORRECT, at=now), note="a later report stands")
    if known.status is Status.REGISTERED:
        if event.reason in DENIALS:
            raise RegisteredClientIsNotUnmade
        return _told_withdrawn(decided, now=now)
    if not TRANSITIONS.allows(known.status, Step.DISPUTE):
        return decided.moved(Step.CORRECT, at=now)
    return _disputed(decided, known, event, now=now)


def _disputed(decided: Decided, known: Registration, event: ReleaseCancelled, *, now: datetime) -> Decided:
    start = known.submission_from or now
    disputed = decided.moved(Step.DISPUTE, at=now, reason=event.reason, submission_from=start)
    return disputed.said(RegistrationConflict.model_validate(disputed.case.about() | {"reason": event.reason}))


def may_end_another_announcement(known: Registration | None, event: ClientReleased) -> bool:
    """Whether the person may have been announced under another id: a full term was served, and this one is unknown."""
    return known is None and event.release_type is ReleaseType.FULL_TERM


def close_for_full_term(announced: Registration, *, now: datetime) -> Decided:
    """Somebody whose release was announced has served the full term instead: nobody is to be guided."""
    return _ended(Decided(case=announced), Step.CLOSE, ClosingReason.FULL_TERM, at=now)


def first(event: Report, step: Step, reference: Reference) -> Registration:
    """The registration that a report opens, or leaves behind, by this step."""
    head_office = reference.head_office.code
    case = Registration(
        registration_id=registration_id_of(event.release_id),
        release_id=event.release_id,
        status=TRANSITIONS.move(None, step),
        receiving_unit=head_office,
        holder_unit=head_office,
    )
    return placed(_with(case, event), reference)


def _with(case: Registration, event: Report) -> Registration:
    """The case with this edition of one of the kept reports."""
    changed: dict[str, Any] = {kind_of(event): event}
    return replace(case, **changed)


def _check_news(known: Registration, event: Report) -> None:
    """Stop at what is known already, and at cases that no report of a prison can change."""
    last: Report | None = getattr(known, kind_of(event))
    if is_another_person(event, known, again=last is None or event.revision == last.revision):
        raise AnotherPersonUnderThisId
    if last is not None and event.revision < last.revision:
        raise OlderRevision
    if last is not None and event.revision == last.revision:
        raise AlreadyKnown if says_nothing_new(event, last) else OtherContentOfAKnownRevision
    closed = known.closure.reason if known.closure is not None else None
    # Whoever had a register number and has served the full term is known to the office for good.
    served = closed is ClosingReason.FULL_TERM and known.registered is not None
    over = served or (closed is not None and closed not in REVIVED)
    if known.status is Status.HANDED_ON or over:
        raise CaseIsOver


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
        "registered": None,
        "offer": None,
        "files_chased_at": None,
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
        if not stands_for_first_contact(known.contact, decided.case):
            decided = decided.moved(Step.RELEASE_UNSEEN, at=event.released_at, **_afresh())
            return _opened(decided, now=now, reference=reference)
        start = known.submission_from or max(now if known.contact is None else known.contact.at, event.released_at)
        decided = decided.moved(Step.RELEASE, at=event.released_at, submission_from=start)
        if known.release is None and not known.walked_in:
            return _opened(decided, now=now, reference=reference)
        return _found_again(decided, known, event, now=now)
    decided = _corrected(decided, known, event, now=now)
    decided = clocks.move_submission(decided, known)
    return clocks.move_start(decided, now=now, reference=reference)


def _found_again(decided: Decided, known: Registration, event: ClientReleased, *, now: datetime) -> Decided:
    """The prison reports whom we had met all the same: nobody is alarmed once more, but of a decree that is gone."""
    decided = clocks.move_submission(_told_corrected(decided, known, event), known)
    if known.release is not None:
        return decided
    revoked = known.revocation is not None and known.revocation.reason is CancelReason.DECREE_REVOKED
    return _told_withdrawn(decided, now=now) if revoked and is_withdrawn_outside(decided.case) else decided


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
    return _told_withdrawn(decided, now=now) if is_withdrawn_outside(decided.case) else decided


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


def _told_withdrawn(decided: Decided, *, now: datetime) -> Decided:
    """A revoked decree is a breach for supervision; any other word is put before a human; no clock stops for either."""
    if decided.case.revocation is None:
        message = "withdrawn without a withdrawal"
        raise AssertionError(message)
    reason = decided.case.revocation.reason
    decided = decided.moved(Step.REVOKE, at=now, reason=reason)
    about = decided.case.about()
    if reason is CancelReason.DECREE_REVOKED:
        return decided.said(ReleaseBreachReported.model_validate(about | {"reported_at": now}))
    return decided.said(RegistrationConflict.model_validate(about | {"reason": reason}))


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
