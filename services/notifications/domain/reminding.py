"""What clients are reminded of: an appointment given in person, and the days of their first report. Pure.

Whoever holds the telephone reads along: a message says a day, and neither from whom it is, nor where, nor why.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.rules.refusal import Irrelevant
from contracts import registration
from contracts.reference import Reference
from contracts.registration import ClientDetails, FirstContactMade, RegistrationFact
from contracts.supervision import FirstCheckInScheduled
from services.notifications.domain.preference import QuietHours

_NO_DIGITS: Final = re.compile(r"[\s().-]")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
"""As E.164 writes it."""
COUNTRY: Final = "+62"

QUIET: Final = QuietHours(time(20), time(7))
"""When no client is written to (office rule; no statute names hours for messages of an authority)."""

_RECIPIENT: Final = "CLIENT-"


class Reminding(StrEnum):
    """Of what a client is reminded; the clock of each has the same name."""

    APPOINTMENT = "client-appointment"
    """Day and hour that were handed out at the first contact."""
    REPORT = "client-report"
    """The first days in which the client reports to the office that guides."""


TEMPLATES: Final[Mapping[Reminding, str]] = {
    Reminding.APPOINTMENT: "appointment",
    Reminding.REPORT: "appointment-days",
}

REFUSED_FOR_GOOD: Final = frozenset({"GATEWAY_OPTED_OUT", "GATEWAY_NUMBER_UNKNOWN"})
"""Answers of the gateway after which a number is left alone until another one is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """How a client is reached, and of what they are to be reminded; the number is all that is known of the person."""

    client_id: UUID
    registration_id: UUID | None = None
    juvenile: bool = False
    phone: str | None = field(default=None, repr=False)
    """Of a child the guarantor's."""
    refused: bool = False
    """Nothing more is wanted at this number, or nobody has it."""
    erased_at: datetime | None = None
    appointment_at: datetime | None = None
    appointment_due_at: datetime | None = None
    report_from: date | None = None
    report_until: date | None = None
    report_due_at: datetime | None = None
    came: bool = False
    """The appointment has served its purpose."""
    over: bool = False
    """The case has ended."""
    reminded: tuple[str, ...] = ()
    """What has been sent, or had its chance; nothing is ever said twice."""

    @property
    def recipient(self) -> str:
        """The name by which the ledger knows a client: an id, as in every ordinary event."""
        return f"{_RECIPIENT}{self.client_id.hex.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A message that is due."""

    what: Reminding
    words: Mapping[str, Any]
    held_until: datetime | None


def client_named(recipient: str) -> UUID | None:
    """The client whom a notice is for; none where it is for somebody of the office."""
    return UUID(recipient.removeprefix(_RECIPIENT)) if recipient.startswith(_RECIPIENT) else None


def number_of(details: ClientDetails) -> str | None:
    """The telephone number to write to, as E.164 has it; of a child only that of the guarantor."""
    written = details.phone
    if details.juvenile:
        written = details.guarantor.phone if details.guarantor is not None else None
    return international(written) if written else None


def international(written: str) -> str | None:
    """A number as people write it here, with the country before it; None where it is none."""
    bare = _NO_DIGITS.sub("", written)
    if bare.startswith("0"):
        bare = f"{COUNTRY}{bare[1:]}"
    elif bare.startswith(COUNTRY.removeprefix("+")):
        bare = f"+{bare}"
    return bare if _PHONE.fullmatch(bare) else None


# --- what is learnt ---------------------------------------------------------------------------------------------------


def with_details(client: Client, details: ClientDetails) -> Client:
    """The client as registration last described them; another number is asked anew."""
    phone = number_of(details)
    return replace(
        client,
        registration_id=details.registration_id,
        juvenile=details.juvenile,
        phone=phone,
        refused=client.refused and phone == client.phone,
        erased_at=None,
    )


def forgotten(client: Client, *, now: datetime) -> Client:
    """The client of whom nothing personal is kept any more."""
    return replace(client, phone=None, refused=False, erased_at=now)


def refused(client: Client) -> Client:
    """The client whose number is left alone from now on."""
    return replace(client, refused=True)


ENDS: Final[frozenset[type[RegistrationFact]]] = frozenset(
    {registration.RegistrationCancelled, registration.RegistrationClosed, registration.ClientHandedOn}
)
CAME: Final[frozenset[type[RegistrationFact]]] = frozenset(
    {registration.RegistrationSubmitted, registration.RegistrationRefused, registration.ClientRegistered}
)
CONCERNS: Final = frozenset({FirstContactMade, *ENDS, *CAME})
"""Facts about a registration that change of what its client is reminded."""


def after(client: Client, fact: RegistrationFact, *, reference: Reference) -> Client:
    """The client after a fact about the registration."""
    known = replace(client, registration_id=fact.registration_id, juvenile=client.juvenile or fact.juvenile)
    if isinstance(fact, FirstContactMade) and fact.visit_at is not None:
        due_at = _due_at(Reminding.APPOINTMENT, fact.visit_at.astimezone(reference.zone).date(), reference)
        # Whoever was told in person that very evening needs no message about the next morning.
        later = due_at if due_at > fact.contact_at else None
        return replace(known, appointment_at=fact.visit_at, appointment_due_at=later)
    if type(fact) in ENDS:
        return replace(known, over=True)
    return replace(known, came=known.came or type(fact) in CAME)


def to_report(client: Client, fact: FirstCheckInScheduled, *, reference: Reference) -> Client:
    """The client who knows in which days to report for the first time."""
    return replace(
        client,
        registration_id=fact.registration_id,
        juvenile=client.juvenile or fact.juvenile,
        report_from=fact.window_from,
        report_until=fact.window_until,
        report_due_at=_due_at(Reminding.REPORT, fact.window_from, reference),
    )


def _due_at(what: Reminding, day: date, reference: Reference) -> datetime:
    row = reference.reminders[what.upper()]
    return datetime.combine(day - timedelta(days=row.days_before), row.at, tzinfo=reference.zone)


# --- what is due ------------------------------------------------------------------------------------------------------


def clocks_of(client: Client) -> dict[Reminding, datetime | None]:
    """When each clock of a client rings; it stands still (None) while there is nobody to write to or nothing to say.

    Details that come after the hour let it ring at once.
    """
    due = {
        Reminding.APPOINTMENT: None if client.came else client.appointment_due_at,
        Reminding.REPORT: client.report_due_at,
    }
    silent = client.over or client.phone is None or client.refused
    return {what: None if silent or what in client.reminded else at for what, at in due.items()}


def due(client: Client, what: Reminding, *, now: datetime, zone: ZoneInfo) -> Reminder:
    """What a client is reminded of now; raises Irrelevant where the day has come or nothing is to be said."""
    if clocks_of(client)[what] is None:
        raise Irrelevant("there is nobody to remind, or nothing to be reminded of")
    held_until = QUIET.over_at(now, zone=zone)
    arrives_at = held_until or now
    if what is Reminding.APPOINTMENT:
        if client.appointment_at is None or arrives_at >= client.appointment_at:
            raise Irrelevant("the hour of the appointment has come")
        words: dict[str, Any] = {"at": client.appointment_at}
    else:
        if client.report_until is None or arrives_at.astimezone(zone).date() > client.report_until:
            raise Irrelevant("the days to report in are over")
        words = {"first": client.report_from, "last": client.report_until}
    return Reminder(what=what, words=words, held_until=held_until)


def having_reminded(client: Client, what: Reminding) -> Client:
    """The client who has been reminded of this."""
    return replace(client, reminded=tuple(dict.fromkeys((*client.reminded, what.value))))
