"""People, reports and officers of the examples; times and ids are literals."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from chassis.rules.registers import enter
from contracts.lapas import CancelReason, ClientReleased, ReleaseAnnounced, ReleaseCancelled, ReleaseType
from contracts.reference import load_reference
from contracts.registration import ContactMethod, IdentityLevel
from contracts.roles import Role
from services.registration.domain import casework, intake, meeting, registers
from services.registration.domain.acts import Approval, FirstContact, Submission
from services.registration.domain.case import Acting, Registration
from services.registration.domain.decided import Decided

REFERENCE = load_reference()

FRIDAY_1630 = datetime(2026, 1, 30, 9, 30, tzinfo=UTC)
"""Friday 30 January 2026, 16:30 in Palembang."""
RELEASE_DAY = date(2026, 1, 30)

DUTY_OFFICER = Acting(id="PO-HQ-01", role=Role.PROBATION_OFFICER, unit="PLG-HQ")
REGISTRAR = Acting(id="REG-HQ-01", role=Role.REGISTRAR, unit="PLG-HQ")
HEAD = Acting(id="HEAD-HQ-01", role=Role.HEAD, unit="PLG-HQ")
SECTION_HEAD_ADULT = Acting(id="SHA-HQ-01", role=Role.SECTION_HEAD_ADULT, unit="PLG-HQ")
SECTION_HEAD_CHILD = Acting(id="SHC-HQ-01", role=Role.SECTION_HEAD_CHILD, unit="PLG-HQ")
PRISON_OFFICER = Acting(id="gate-7", role=Role.PRISON_OFFICER)


def hours_later(hours: float) -> datetime:
    """So many hours after the release of the examples."""
    return FRIDAY_1630 + timedelta(hours=hours)


def a_release(**said: Any) -> ClientReleased:
    """Somebody goes through the gate on Friday afternoon."""
    return ClientReleased.model_validate(
        {
            "release_id": "R-1",
            "facility": "LP1-PLG",
            "name": "Budi Santoso",
            "prison_register_no": "BI.123/2024",
            "decree_no": "PAS-77.PK.05.03",
            "release_type": ReleaseType.CONDITIONAL_RELEASE,
            "released_at": FRIDAY_1630,
        }
        | said
    )


def an_announcement(**said: Any) -> ReleaseAnnounced:
    """The same release, announced three days before."""
    return ReleaseAnnounced.model_validate(
        {
            "release_id": "R-1",
            "facility": "LP1-PLG",
            "name": "Budi Santoso",
            "prison_register_no": "BI.123/2024",
            "release_type": ReleaseType.CONDITIONAL_RELEASE,
            "releases_on": RELEASE_DAY,
        }
        | said
    )


def a_cancellation(**said: Any) -> ReleaseCancelled:
    """The prison takes the release back two hours later."""
    return ReleaseCancelled.model_validate(
        {
            "release_id": "R-1",
            "facility": "LP1-PLG",
            "reason": CancelReason.NOT_RELEASED,
            "cancelled_at": hours_later(2),
        }
        | said
    )


def a_contact(**said: Any) -> FirstContact:
    """An officer meets the person at the office, four hours after the release."""
    return FirstContact.model_validate(
        {
            "contact_at": hours_later(4),
            "method": ContactMethod.AT_OFFICE,
            "identity_level": IdentityLevel.L2,
        }
        | said
    )


def report(
    known: Registration | None,
    *events: ReleaseAnnounced | ClientReleased | ReleaseCancelled,
    now: datetime = FRIDAY_1630,
) -> Decided:
    """What the reports of a prison come to, one after the other."""
    decided: Decided | None = None
    for event in events:
        if isinstance(event, ReleaseAnnounced):
            decided = intake.announce(known, event, now=now, reference=REFERENCE)
        elif isinstance(event, ClientReleased):
            decided = intake.open_on_release(known, event, now=now, reference=REFERENCE)
        else:
            decided = intake.cancel(known, event, now=now, reference=REFERENCE)
        known = decided.case
    assert decided is not None
    return decided


def meet(case: Registration, *, now: datetime | None = None, by: Acting = DUTY_OFFICER, **said: Any) -> Decided:
    """An officer records a first contact."""
    act = a_contact(**said)
    return meeting.record_contact(
        case, act, by=by, slip_code="K7M2P9QX", now=now or act.contact_at, reference=REFERENCE
    )


def a_released_client(**said: Any) -> Registration:
    """Released and not met yet."""
    return report(None, a_release(**said)).case


def an_announced_client(**said: Any) -> Registration:
    """Announced, and still inside."""
    return report(None, an_announcement(**said), now=hours_later(-72)).case


def a_met_client(**said: Any) -> Registration:
    """Released and met four hours later."""
    return meet(a_released_client(**said)).case


def a_submitted_client(**said: Any) -> Registration:
    """Released, met, and entered for approval by the registrar."""
    return casework.submit(
        a_met_client(**said), Submission(), by=REGISTRAR, now=hours_later(5), reference=REFERENCE
    ).case


def a_registered_client(**said: Any) -> Registration:
    """Released, met, entered and approved."""
    case = a_submitted_client(**said)
    by = SECTION_HEAD_CHILD if case.juvenile else SECTION_HEAD_ADULT
    return approve(case, by=by).case


def approve(
    case: Registration, *, by: Acting = SECTION_HEAD_ADULT, seq: int = 1, now: datetime | None = None
) -> Decided:
    """The section head approves and the next number is given."""
    now = now or hours_later(6)
    act = Approval()
    register = casework.register_on_approval(case, act, by=by, reference=REFERENCE)
    entry = enter(registers.line_of(case, register), seq=seq, by=by.id, at=now, zone=REFERENCE.zone)
    return casework.approve(case, act, entry, by=by, now=now)


def said(decided: Decided) -> list[str]:
    """The names of the facts of a decision, in order."""
    return [type(fact).__name__ for fact in decided.facts]
