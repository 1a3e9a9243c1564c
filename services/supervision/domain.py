"""How guidance begins: the first stage, the first report, and who may know how to reach a client. Pure."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from chassis.rules.refusal import Irrelevant
from contracts.reference import CheckInRule, Officer, Reference
from contracts.registration import ClientDetails, ClientRegistered
from contracts.roles import Role
from contracts.supervision import (
    CheckInFrequency,
    CheckInMode,
    FirstCheckInScheduled,
    Stage,
    SupervisionFact,
    SupervisionOpened,
)

MONTHS_A_YEAR: Final = 12


class Risk(StrEnum):
    """How likely a client is to offend again, as assessed; not assessed yet counts as medium."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


GRID: Final[Mapping[tuple[Stage, Risk], CheckInFrequency]] = {
    (Stage.FIRST, Risk.LOW): CheckInFrequency.TWICE_MONTHLY,
    (Stage.FIRST, Risk.MEDIUM): CheckInFrequency.WEEKLY,
    (Stage.FIRST, Risk.HIGH): CheckInFrequency.WEEKLY,
    (Stage.CONTINUED, Risk.LOW): CheckInFrequency.MONTHLY,
    (Stage.CONTINUED, Risk.MEDIUM): CheckInFrequency.TWICE_MONTHLY,
    (Stage.CONTINUED, Risk.HIGH): CheckInFrequency.WEEKLY,
    (Stage.FINAL, Risk.LOW): CheckInFrequency.MONTHLY,
    (Stage.FINAL, Risk.MEDIUM): CheckInFrequency.MONTHLY,
    (Stage.FINAL, Risk.HIGH): CheckInFrequency.TWICE_MONTHLY,
}
"""The stricter policy, by stage and risk; practice is monthly for everybody, as the reference data say."""

GRID_IN_USE: Final = False

DAYS_BETWEEN: Final[Mapping[CheckInFrequency, int]] = {CheckInFrequency.WEEKLY: 7, CheckInFrequency.TWICE_MONTHLY: 15}
DAYS_EITHER_WAY: Final = 3
"""A report that is due on a day counts some days earlier and later; a monthly one counts on any day of its month."""


class CheckInState(StrEnum):
    """What became of a report."""

    DUE = "due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The days on which a report counts, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """One report that a client owes."""

    check_in_id: UUID
    client_id: UUID
    unit: str
    juvenile: bool
    window_from: date
    window_until: date
    frequency: CheckInFrequency
    mode: CheckInMode
    state: CheckInState = CheckInState.DUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """The guidance of one client."""

    client_id: UUID
    registration_id: UUID
    unit: str
    officer: str | None
    juvenile: bool
    stage: Stage
    opened_at: datetime
    guidance_until: date | None
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How a client is reached: from the restricted topic; nothing once it was erased."""

    client_id: UUID
    details: ClientDetails | None
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a supervision makes: the supervision, its first report if there is time for one, and the facts."""

    supervision: Supervision
    check_in: CheckIn | None
    facts: tuple[SupervisionFact, ...]


def open_supervision(known: Supervision | None, client: ClientRegistered, *, reference: Reference) -> Opened:
    """A registered client is guided from the first stage on and knows when to report for the first time."""
    if known is not None:
        raise Irrelevant("the supervision of this client is open already")
    supervision = Supervision(
        client_id=client.client_id,
        registration_id=client.registration_id,
        unit=client.guidance_unit or client.receiving_unit,
        officer=client.officer,
        juvenile=client.juvenile,
        stage=Stage.FIRST,
        opened_at=client.registered_at,
        guidance_until=client.guidance_until,
    )
    check_in = first_check_in(supervision, reference=reference)
    facts = _opening_facts(supervision, check_in)
    return Opened(replace(supervision, sequence=len(facts)), check_in, facts)


def _opening_facts(supervision: Supervision, check_in: CheckIn | None) -> tuple[SupervisionFact, ...]:
    said: dict[str, Any] = {
        "client_id": supervision.client_id,
        "registration_id": supervision.registration_id,
        "unit": supervision.unit,
        "juvenile": supervision.juvenile,
    }
    opened = SupervisionOpened(
        **said,
        stage=supervision.stage,
        officer=supervision.officer,
        opened_at=supervision.opened_at,
        guidance_until=supervision.guidance_until,
    )
    if check_in is None:
        return (opened,)
    scheduled = FirstCheckInScheduled(
        **said,
        window_from=check_in.window_from,
        window_until=check_in.window_until,
        frequency=check_in.frequency,
        mode=check_in.mode,
    )
    return (opened, scheduled)


def first_check_in(supervision: Supervision, *, reference: Reference) -> CheckIn | None:
    """The first report of a client; none where guidance is over before one could be due."""
    rule = reference.check_in_rule(supervision.stage)
    frequency = frequency_of(rule, risk=None)
    window = first_window(
        frequency,
        supervision.opened_at.astimezone(reference.zone).date(),
        until=supervision.guidance_until,
        months_later=rule.first_window_months_later,
    )
    if window is None:
        return None
    return CheckIn(
        check_in_id=uuid5(supervision.client_id, f"check-in {window.first.isoformat()}"),
        client_id=supervision.client_id,
        unit=supervision.unit,
        juvenile=supervision.juvenile,
        window_from=window.first,
        window_until=window.last,
        frequency=frequency,
        mode=rule.mode,
    )


def frequency_of(rule: CheckInRule, *, risk: Risk | None, grid: bool = GRID_IN_USE) -> CheckInFrequency:
    """How often a client of this stage reports, by the policy in use."""
    return GRID[rule.stage, risk or Risk.MEDIUM] if grid else rule.frequency


def first_window(
    frequency: CheckInFrequency, registered_on: date, *, until: date | None, months_later: int
) -> Window | None:
    """The days on which the first report counts: registering in person was the report of its own month.

    A window is never longer than guidance; one that would begin after its end takes the days that are left.
    """
    if until is not None and until <= registered_on:
        return None
    if frequency is CheckInFrequency.MONTHLY:
        window = month_window(registered_on, months_later=months_later)
    else:
        due_on = registered_on + timedelta(days=DAYS_BETWEEN[frequency])
        window = Window(first=due_on - timedelta(days=DAYS_EITHER_WAY), last=due_on + timedelta(days=DAYS_EITHER_WAY))
    if until is None or window.last <= until:
        return window
    first = window.first if window.first <= until else registered_on + timedelta(days=1)
    return Window(first=first, last=until)


def month_window(day: date, *, months_later: int = 0) -> Window:
    """A calendar month: the one of this day, or one so many months later."""
    years, month = divmod(day.month - 1 + months_later, MONTHS_A_YEAR)
    first = date(day.year + years, month + 1, 1)
    return Window(first=first, last=first.replace(day=monthrange(first.year, first.month)[1]))


KNOW_CHILDREN: Final = frozenset({Role.HEAD, Role.SECTION_HEAD_CHILD})
REGISTRARS: Final = frozenset({Role.REGISTRAR, Role.REGISTRAR_HEAD})


def may_see_children(roles: frozenset[Role], officer: Officer | None) -> bool:
    """Children are known to the head, to their section's head, and to officers who are certified for them."""
    return bool(roles & KNOW_CHILDREN) or _is_certified(officer, roles)


def _is_certified(officer: Officer | None, roles: frozenset[Role]) -> bool:
    """A certificate counts in the office for which it was given."""
    return officer is not None and officer.child_certified and officer.role in roles


def may_see_contact(supervision: Supervision, roles: frozenset[Role], officer: Officer | None, *, subject: str) -> bool:
    """How to reach a client is known to the officer in charge, the heads, and for adults the registrar."""
    in_charge = supervision.officer is not None and supervision.officer == subject
    if supervision.juvenile:
        return bool(roles & KNOW_CHILDREN) or (in_charge and _is_certified(officer, roles))
    return in_charge or bool(roles & (REGISTRARS | {Role.HEAD, Role.SECTION_HEAD_ADULT}))
