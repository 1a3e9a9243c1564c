"""Facts and cases for the tests of notifications, named by what is special about them."""

from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from contracts import registration
from contracts.lapas import CancelReason
from contracts.registration import (
    ClosingReason,
    ContactMethod,
    IdentityLevel,
    OfferOutcome,
    RefusalFollowUp,
    RegistrationFact,
    Source,
    TracingStep,
    WaiverReason,
)
from contracts.roles import Role

REGISTRATION: Final = UUID("0412aaaa-0000-5000-8000-000000000001")
CLIENT: Final = UUID("0412aaaa-0000-5000-8000-000000000002")
MOMENT: Final = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)
DAY: Final = date(2026, 5, 30)

PARTICULARS: Final[dict[type[RegistrationFact], dict[str, Any]]] = {
    registration.RegistrationAnnounced: {"releases_on": DAY, "facility": "LP-SKY"},
    registration.RegistrationOpened: {"released_at": MOMENT, "facility": "LP-SKY", "source": Source.UNANNOUNCED},
    registration.RegistrationCorrected: {"revision": 2},
    registration.FirstContactMade: {
        "contact_at": MOMENT,
        "method": ContactMethod.AT_GATE,
        "identity_level": IdentityLevel.L2,
        "by_role": Role.PROBATION_OFFICER,
    },
    registration.FirstContactOverdue: {"hours": 24, "due_at": MOMENT},
    registration.TracingStarted: {"started_at": MOMENT, "calls_due_at": MOMENT, "visit_due_at": MOMENT},
    registration.TracingOverdue: {"step": TracingStep.CALLS, "due_at": MOMENT},
    registration.ReleaseUnconfirmed: {"releases_on": DAY, "due_at": MOMENT},
    registration.RegistrationSubmitted: {"submitted_at": MOMENT},
    registration.RegistrationReturned: {"returned_at": MOMENT},
    registration.RegistrationRefused: {"then": RefusalFollowUp.TRANSFER, "refused_at": MOMENT},
    registration.SubmissionOverdue: {"due_at": MOMENT},
    registration.ClientRegistered: {
        "register_code": "KLD-PB",
        "register_no": "0001/KLD-PB/PLG-SKY/VI/2026",
        "registered_at": MOMENT,
    },
    registration.BiometricCaptured: {"captured_at": MOMENT},
    registration.BiometricWaived: {"reason": WaiverReason.DEVICE_DOWN},
    registration.ClientHandedOn: {"to_office": "BAPAS-LAHAT", "handed_on_at": MOMENT},
    registration.ClientTransferOffered: {
        "to_office": "BAPAS-LAHAT",
        "offered_at": MOMENT,
        "answer_due_at": MOMENT,
    },
    registration.TransferOfferEnded: {
        "to_office": "BAPAS-LAHAT",
        "outcome": OfferOutcome.DECLINED,
        "ended_at": MOMENT,
    },
    registration.TransferOfferOverdue: {"to_office": "BAPAS-LAHAT", "due_at": MOMENT},
    registration.AbscondingSuspected: {"suspected_at": MOMENT},
    registration.GlassBroken: {"by": "PO-HQ-03", "broken_at": MOMENT, "until": MOMENT},
    registration.SearchReviewDue: {"due_at": MOMENT},
    registration.FilesMissing: {"files": ("FILE_ORDER",), "due_at": MOMENT},
    registration.RegistrationCancelled: {
        "reason": CancelReason.NOT_RELEASED,
        "cancelled_at": MOMENT,
        "before_release": True,
    },
    registration.RegistrationConflict: {"reason": CancelReason.WRONG_PERSON},
    registration.ReleaseBreachReported: {"reported_at": MOMENT},
    registration.RegistrationClosed: {"reason": ClosingReason.DIED, "closed_at": MOMENT},
}
"""What each fact says beside the case that it belongs to."""


def a_fact(kind: type[RegistrationFact], **fields: Any) -> RegistrationFact:
    """A fact about the registration at Sekayu whose guidance is at head office."""
    base = {"registration_id": REGISTRATION, "client_id": CLIENT, "receiving_unit": "PLG-SKY"}
    return kind(**{**base, "guidance_unit": "PLG-HQ", "officer": "PO-HQ-02", **PARTICULARS[kind], **fields})
