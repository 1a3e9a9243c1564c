"""The release that a prison reports of somebody who walked in before, by the business key or by a person's word.

Both are one matter under the registration of the walk-in. What the prison's release had of its own is closed and points
there, so that whatever is said of it later finds its way.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from chassis.rules.refusal import Irrelevant, Refused
from contracts.lapas import ClientReleased, ReleaseAnnounced
from contracts.reference import Reference
from contracts.registration import ClosingReason, RegistrationClosed
from services.registration.domain import intake
from services.registration.domain.case import ENDED, TRANSITIONS, Closure, Registration, Status, Step
from services.registration.domain.decided import Decided
from services.registration.domain.standing import Report

BINDS: Final = (Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED, Status.REGISTERED)
"""Walk-ins that a report can still be meant for; with any other state its release opens on its own, and clocks run."""
EVIDENCE: Final = "WALK_IN"
BY_KEY: Final = "the same prison, register number and decree"


class NotAWalkIn(Refused):
    """Only somebody who walked in and whom no prison has reported yet is bound to a prison's release."""


class HasAContactOfItsOwn(Refused):
    """This release has a contact or a number of its own: the section head closes one of the two as a duplicate."""


def awaits_its_report(walk_in: Registration | None) -> bool:
    """Whether somebody walked in here and no prison has said anything of it."""
    return walk_in is not None and walk_in.is_unreported and walk_in.status in BINDS


def can_be_bound(release: Registration | None) -> bool:
    """Whether nothing was done about this release that a person must look at first."""
    if release is None:
        return True
    ended_by_office = release.closure is not None and not release.closure.by_prison
    alone = release.bound_to is None and release.walk_in is None and release.contact is None
    return alone and not ended_by_office and TRANSITIONS.allows(release.status, Step.BIND)


def point(
    release: Registration | None,
    walk_in: Registration,
    *,
    by: Report | None = None,
    reason: str = BY_KEY,
    now: datetime,
    reference: Reference,
) -> Decided:
    """The release, closed as a duplicate, says under which registration it counts; `by` is its first report."""
    closure = Closure(reason=ClosingReason.DUPLICATE, at=now, evidence=EVIDENCE)
    changes: dict[str, Any] = {"bound_to": walk_in.registration_id, "closure": closure}
    if release is None:
        if by is None:
            raise NotAWalkIn
        return Decided.begun(intake.first(by, Step.BIND, reference), Step.BIND, at=now).with_changes(**changes)
    decided = Decided(case=release).moved(Step.BIND, at=now, reason=reason, **changes)
    if release.status in ENDED:
        return decided
    said = {"reason": ClosingReason.DUPLICATE, "closed_at": now, "evidence": EVIDENCE}
    return decided.said(RegistrationClosed.model_validate(decided.case.about() | said))


def carry_over(walk_in: Registration, release: Registration | None, *, now: datetime, reference: Reference) -> Decided:
    """The walk-in, with all that the prison had reported of its release."""
    decided = Decided(case=walk_in)
    for report in _reports_of(release):
        try:
            decided = decided.then(_heard(decided.case, report, now=now, reference=reference))
        except Irrelevant:
            continue
    return decided


def bind(
    walk_in: Registration, release: Registration, reason: str, *, now: datetime, reference: Reference
) -> tuple[Decided, Decided]:
    """A person says that the two are one: the walk-in with the prison's reports, and the release that points to it."""
    if not awaits_its_report(walk_in):
        raise NotAWalkIn
    if not can_be_bound(release):
        raise HasAContactOfItsOwn
    return (
        carry_over(walk_in, release, now=now, reference=reference),
        point(release, walk_in, reason=reason, now=now, reference=reference),
    )


def _reports_of(release: Registration | None) -> Sequence[Report]:
    if release is None:
        return ()
    kept = (release.announcement, release.release, release.cancellation, release.revocation)
    return sorted((report for report in kept if report is not None), key=lambda report: report.revision)


def _heard(known: Registration, report: Report, *, now: datetime, reference: Reference) -> Decided:
    if isinstance(report, ReleaseAnnounced):
        return intake.announce(known, report, now=now, reference=reference)
    if isinstance(report, ClientReleased):
        return intake.open_on_release(known, report, now=now, reference=reference)
    return intake.cancel(known, report, now=now, reference=reference)
