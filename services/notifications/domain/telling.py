"""Who is told what and when. Pure: the office's table as data, what is known of a case, and its clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from contracts import registration
from contracts.notifications import Channel
from contracts.operations import DeadLettered
from contracts.reference import Reference
from contracts.registration import RegistrationFact, Source
from services.notifications.domain import preference
from services.notifications.domain.audience import Audience, Contacts, Staff, Whereabouts, recipients
from services.notifications.domain.climb import OpenAlert
from services.notifications.domain.ledger import NOBODY, Addressee, Urgency

# --- who is told what -------------------------------------------------------------------------------------------------


class Occasion(StrEnum):
    """Something of which somebody is told."""

    ANNOUNCED = "announced"
    GATE_DAY_BEFORE = "gate-day-before"
    GATE_SAME_DAY = "gate-same-day"
    RELEASED = "released"
    RELEASED_AND_MET = "released-and-met"
    WALKED_IN = "walked-in"
    UNCONFIRMED = "unconfirmed"
    STILL_UNCONFIRMED = "still-unconfirmed"
    SET_ASIDE = "set-aside"
    STILL_SET_ASIDE = "still-set-aside"
    UNSEEN_24 = "unseen-24"
    UNSEEN_48 = "unseen-48"
    UNSEEN_72 = "unseen-72"
    TRACING_OVERDUE = "tracing-overdue"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    REFUSED = "refused"
    REGISTERED = "registered"
    SUBMISSION_OVERDUE = "submission-overdue"
    OFFER_OVERDUE = "offer-overdue"
    OFFER_ENDED = "offer-ended"
    ABSCONDED = "absconded"
    GLASS_BROKEN = "glass-broken"
    SEARCH_REVIEW = "search-review"
    FILES_MISSING = "files-missing"
    CONFLICT = "conflict"
    BREACH = "breach"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    HANDED_ON = "handed-on"
    UNREACHABLE = "unreachable"
    NOT_REACHED = "not-reached"
    FACILITY_SILENT = "facility-silent"
    ROSTER_GAP = "roster-gap"
    ROSTER_FILLED = "roster-filled"
    CLIMBED_TO_SECTION_HEAD = "climbed-to-section-head"
    CLIMBED_TO_HEAD = "climbed-to-head"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is told, in which words, how loudly."""

    audiences: tuple[Audience, ...]
    template: str
    urgency: Urgency


DUTY, OFFICER, TRACING = Audience.DUTY, Audience.OFFICER, Audience.TRACING_OFFICER
REGISTRAR, KASI, KABAPAS = Audience.REGISTRAR, Audience.SECTION_HEAD, Audience.HEAD
OPS, TOLD = Audience.OPERATIONS, Audience.TOLD_BEFORE
URGENT, NORMAL, QUIET = Urgency.URGENT, Urgency.NORMAL, Urgency.QUIET

RULES: Final[Mapping[Occasion, Rule]] = {
    Occasion.ANNOUNCED: Rule((REGISTRAR, OFFICER), "announced", NORMAL),
    Occasion.GATE_DAY_BEFORE: Rule((DUTY,), "gate-reminder", URGENT),
    Occasion.GATE_SAME_DAY: Rule((DUTY,), "gate-reminder", URGENT),
    Occasion.RELEASED: Rule((DUTY, OFFICER), "released", URGENT),
    Occasion.RELEASED_AND_MET: Rule((DUTY, OFFICER), "released-and-met", QUIET),
    Occasion.WALKED_IN: Rule((DUTY, OFFICER), "walked-in", URGENT),
    Occasion.UNCONFIRMED: Rule((DUTY, OPS), "unconfirmed", URGENT),
    Occasion.STILL_UNCONFIRMED: Rule((DUTY, OPS), "unconfirmed", URGENT),
    Occasion.SET_ASIDE: Rule((DUTY, OPS), "set-aside", URGENT),
    Occasion.STILL_SET_ASIDE: Rule((DUTY, OPS), "set-aside", URGENT),
    Occasion.UNSEEN_24: Rule((DUTY, OFFICER), "unseen", URGENT),
    Occasion.UNSEEN_48: Rule((KASI,), "unseen", URGENT),
    Occasion.UNSEEN_72: Rule((KABAPAS, TRACING), "unseen", URGENT),
    Occasion.TRACING_OVERDUE: Rule((KASI,), "tracing-overdue", URGENT),
    Occasion.SUBMITTED: Rule((KASI,), "submitted", NORMAL),
    Occasion.RETURNED: Rule((REGISTRAR,), "returned", NORMAL),
    Occasion.REFUSED: Rule((REGISTRAR,), "refused", NORMAL),
    Occasion.REGISTERED: Rule((OFFICER,), "registered", NORMAL),
    Occasion.SUBMISSION_OVERDUE: Rule((KASI,), "submission-overdue", URGENT),
    Occasion.OFFER_OVERDUE: Rule((KASI,), "offer-overdue", URGENT),
    Occasion.OFFER_ENDED: Rule((TOLD,), "offer-ended", QUIET),
    Occasion.ABSCONDED: Rule((KABAPAS, OFFICER), "absconded", URGENT),
    Occasion.GLASS_BROKEN: Rule((KABAPAS,), "glass-broken", URGENT),
    Occasion.SEARCH_REVIEW: Rule((KASI,), "search-review", URGENT),
    Occasion.FILES_MISSING: Rule((REGISTRAR,), "files-missing", NORMAL),
    Occasion.CONFLICT: Rule((KASI, KABAPAS), "conflict", URGENT),
    Occasion.BREACH: Rule((KASI, KABAPAS), "breach", URGENT),
    Occasion.CANCELLED: Rule((TOLD,), "cancelled", QUIET),
    Occasion.CLOSED: Rule((TOLD,), "closed", QUIET),
    Occasion.HANDED_ON: Rule((TOLD,), "handed-on", QUIET),
    Occasion.UNREACHABLE: Rule((OPS,), "unreachable", URGENT),
    Occasion.NOT_REACHED: Rule((OPS,), "not-reached", URGENT),
    Occasion.FACILITY_SILENT: Rule((DUTY, OPS), "facility-silent", NORMAL),
    Occasion.ROSTER_GAP: Rule((KASI,), "roster-gap", URGENT),
    Occasion.ROSTER_FILLED: Rule((TOLD,), "roster-filled", QUIET),
    Occasion.CLIMBED_TO_SECTION_HEAD: Rule((KASI,), "climbed", URGENT),
    Occasion.CLIMBED_TO_HEAD: Rule((KABAPAS,), "climbed", URGENT),
    Occasion.UNANSWERED: Rule((OPS,), "unanswered", URGENT),
}

RESTRICTED_TEMPLATE: Final = "restricted"
"""Of a child nothing is said by any channel, not even which institution: only that there is a task, and where."""

TOLD_AS: Final[Mapping[type[RegistrationFact], Occasion]] = {
    registration.RegistrationAnnounced: Occasion.ANNOUNCED,
    registration.RegistrationOpened: Occasion.RELEASED,
    registration.ReleaseUnconfirmed: Occasion.UNCONFIRMED,
    registration.FirstContactOverdue: Occasion.UNSEEN_24,
    registration.TracingOverdue: Occasion.TRACING_OVERDUE,
    registration.RegistrationSubmitted: Occasion.SUBMITTED,
    registration.RegistrationReturned: Occasion.RETURNED,
    registration.RegistrationRefused: Occasion.REFUSED,
    registration.SubmissionOverdue: Occasion.SUBMISSION_OVERDUE,
    registration.TransferOfferOverdue: Occasion.OFFER_OVERDUE,
    registration.TransferOfferEnded: Occasion.OFFER_ENDED,
    registration.AbscondingSuspected: Occasion.ABSCONDED,
    registration.GlassBroken: Occasion.GLASS_BROKEN,
    registration.SearchReviewDue: Occasion.SEARCH_REVIEW,
    registration.FilesMissing: Occasion.FILES_MISSING,
    registration.ClientRegistered: Occasion.REGISTERED,
    registration.RegistrationConflict: Occasion.CONFLICT,
    registration.ReleaseBreachReported: Occasion.BREACH,
    registration.RegistrationCancelled: Occasion.CANCELLED,
    registration.RegistrationClosed: Occasion.CLOSED,
    registration.ClientHandedOn: Occasion.HANDED_ON,
}

LEARNT: Final[frozenset[type[RegistrationFact]]] = frozenset(
    {registration.RegistrationCorrected, registration.FirstContactMade, registration.TracingStarted}
)
"""Facts that change what we know of a case and are nobody's task; TracingStarted is told as the rung of 72 hours."""

NOT_OURS: Final[frozenset[type[RegistrationFact]]] = frozenset(
    {
        registration.BiometricCaptured,
        registration.BiometricWaived,
        registration.ClientTransferOffered,
    }
)
"""Facts that nobody is told and that change nothing here."""

RUNGS: Final = {24: Occasion.UNSEEN_24, 48: Occasion.UNSEEN_48, 72: Occasion.UNSEEN_72}


def occasion_of(fact: RegistrationFact, *, known: "Case | None" = None) -> Occasion | None:
    """What a fact gives occasion to tell, if anything, of a case as it was known before."""
    if isinstance(fact, registration.FirstContactOverdue):
        return RUNGS[fact.hours] if fact.escalate else None
    if isinstance(fact, registration.RegistrationOpened) and fact.source is Source.WALK_IN:
        return Occasion.WALKED_IN
    if isinstance(fact, registration.RegistrationOpened) and known is not None and known.met:
        return Occasion.RELEASED_AND_MET
    return TOLD_AS.get(type(fact))


def occasion_of_letter(letter: DeadLettered) -> Occasion:
    """A message of a prison that could not be handled is told at once, and once more an hour later."""
    return Occasion.STILL_SET_ASIDE if letter.reminder else Occasion.SET_ASIDE


# --- what we know of a case -------------------------------------------------------------------------------------------


class Standing(StrEnum):
    """How far a case has come, as far as telling depends on it."""

    ANNOUNCED = "announced"
    UNCONFIRMED = "unconfirmed"
    OPEN = "open"
    ENDED = "ended"


STANDING_AFTER: Final[Mapping[type[RegistrationFact], Standing]] = {
    registration.RegistrationAnnounced: Standing.ANNOUNCED,
    registration.ReleaseUnconfirmed: Standing.UNCONFIRMED,
    registration.RegistrationOpened: Standing.OPEN,
    registration.RegistrationCancelled: Standing.ENDED,
    registration.RegistrationClosed: Standing.ENDED,
    registration.ClientHandedOn: Standing.ENDED,
}

NOT_RELEASED_YET: Final = frozenset({Standing.ANNOUNCED, Standing.UNCONFIRMED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What notifications knows of a registration: where it is, how far it has come, who was told. Nothing personal."""

    registration_id: UUID
    receiving_unit: str
    guidance_unit: str | None = None
    officer: str | None = None
    juvenile: bool = False
    standing: Standing = Standing.OPEN
    facility: str | None = None
    releases_on: date | None = None
    released_at: datetime | None = None
    met: bool = False
    """An officer has met the client, be it before the gate."""
    told: tuple[str, ...] = ()
    alerts: tuple[OpenAlert, ...] = ()

    @property
    def whereabouts(self) -> Whereabouts:
        """Who has to do with this case."""
        return Whereabouts(
            receiving_unit=self.receiving_unit,
            guidance_unit=self.guidance_unit,
            officer=self.officer,
            juvenile=self.juvenile,
            told=self.told,
        )


def learn(case: Case | None, fact: RegistrationFact) -> Case:
    """The case as it is known after a fact; what a fact does not say stays as it was."""
    known = case or Case(registration_id=fact.registration_id, receiving_unit=fact.receiving_unit)
    standing = Standing.ANNOUNCED if is_redated(known, fact) else known.standing
    said = {name: getattr(fact, name, None) for name in ("facility", "releases_on", "released_at")}
    return replace(
        known,
        receiving_unit=fact.receiving_unit,
        guidance_unit=fact.guidance_unit or known.guidance_unit,
        officer=fact.officer or known.officer,
        juvenile=fact.juvenile,
        standing=STANDING_AFTER.get(type(fact), standing),
        facility=said["facility"] or known.facility,
        releases_on=said["releases_on"] or known.releases_on,
        released_at=said["released_at"] or known.released_at,
        met=known.met or isinstance(fact, registration.FirstContactMade),
    )


def is_redated(known: Case, fact: RegistrationFact) -> bool:
    """Whether a prison named another day for a release that has not happened: it is announced once more."""
    return (
        isinstance(fact, registration.RegistrationCorrected)
        and known.standing in NOT_RELEASED_YET
        and fact.releases_on not in {None, known.releases_on}
    )


def having_told(case: Case, officers: Sequence[str]) -> Case:
    """The case with those who were told, each once."""
    return replace(case, told=tuple(dict.fromkeys((*case.told, *officers))))


# --- clocks -----------------------------------------------------------------------------------------------------------

GATE_DAY_BEFORE: Final = "gate-day-before"
GATE_SAME_DAY: Final = "gate-same-day"
STILL_UNCONFIRMED: Final = "still-unconfirmed"
GATE_CLOCKS: Final = (GATE_DAY_BEFORE, GATE_SAME_DAY)
"""Of somebody who was met before the gate nobody is reminded."""
CLOCKS: Final = (*GATE_CLOCKS, STILL_UNCONFIRMED)

UNCONFIRMED_AGAIN_POLICY: Final = "UNCONFIRMED-AGAIN"


def clocks_after(
    case: Case, fact: RegistrationFact, *, now: datetime, reference: Reference
) -> dict[str, datetime | None]:
    """The clocks that a fact sets, moves or stops (None); a clock that it does not name goes on as it was."""
    if case.standing not in NOT_RELEASED_YET:
        return dict.fromkeys(CLOCKS)
    if isinstance(fact, registration.FirstContactMade):
        return dict.fromkeys(GATE_CLOCKS)
    if isinstance(fact, registration.ReleaseUnconfirmed):
        again = reference.policies[UNCONFIRMED_AGAIN_POLICY]
        return {STILL_UNCONFIRMED: due_at(again, now, OfficeCalendar.of(reference))}
    if case.standing is Standing.ANNOUNCED and getattr(fact, "releases_on", None) is not None:
        return {STILL_UNCONFIRMED: None, **_gate_clocks(case, now=now, reference=reference)}
    return {}


def _gate_clocks(case: Case, *, now: datetime, reference: Reference) -> dict[str, datetime | None]:
    """A reminder whose time has passed rings at once, unless a later one has passed too or the day is over."""
    if case.met or case.releases_on is None or _is_over(case.releases_on, now, reference):
        return dict.fromkeys(GATE_CLOCKS)
    eve, morning = gate_times(case.releases_on, reference)
    return {GATE_DAY_BEFORE: eve if now < morning else None, GATE_SAME_DAY: morning}


def gate_times(releases_on: date, reference: Reference) -> tuple[datetime, datetime]:
    """When the duty officer is reminded of an announced release: the day before, and on the day."""
    rows = (reference.reminders[kind.upper()] for kind in (GATE_DAY_BEFORE, GATE_SAME_DAY))
    eve, morning = (
        datetime.combine(releases_on - timedelta(days=row.days_before), row.at, tzinfo=reference.zone) for row in rows
    )
    return eve, morning


def occasion_of_clock(kind: str, case: Case, *, now: datetime, reference: Reference) -> Occasion | None:
    """What a clock that rang gives occasion to tell; one that rang far too late is overtaken by the next."""
    if case.standing not in NOT_RELEASED_YET or case.releases_on is None:
        return None
    if kind == STILL_UNCONFIRMED:
        return Occasion.STILL_UNCONFIRMED
    _, morning = gate_times(case.releases_on, reference)
    if kind == GATE_DAY_BEFORE:
        return Occasion.GATE_DAY_BEFORE if now < morning else None
    return None if _is_over(case.releases_on, now, reference) else Occasion.GATE_SAME_DAY


def _is_over(day: date, now: datetime, reference: Reference) -> bool:
    return now.astimezone(reference.zone).date() > day


# --- a plan -----------------------------------------------------------------------------------------------------------


def addressees(occasion: Occasion, about: Whereabouts, *, staff: Staff, contacts: Contacts) -> tuple[Addressee, ...]:
    """Everybody who is told, by the inbox and the way out preferred most; nobody, and no way, are in the ledger too."""
    rule = RULES[occasion]
    officers = recipients(rule.audiences, about, staff)
    if not officers:
        return () if Audience.TOLD_BEFORE in rule.audiences else (Addressee(NOBODY, None),)
    return tuple(
        Addressee(officer, channel)
        for officer in officers
        for channel in _channels(contacts.of(officer).channels, rule.urgency)
    )


def _channels(reachable_by: Sequence[Channel], urgency: Urgency) -> tuple[Channel | None, ...]:
    return preference.first_ways(reachable_by, urgency) if reachable_by else (None,)


def template_of(occasion: Occasion, *, juvenile: bool) -> str:
    """The template that says it."""
    return RESTRICTED_TEMPLATE if juvenile else RULES[occasion].template
