"""The life of an alert: raised, acknowledged by anybody who was told, else climbing rung by rung. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from chassis.rules.refusal import Irrelevant, Refused
from chassis.rules.transitions import Table
from services.notifications.domain.audience import Audience, Staff, Whereabouts, recipients
from services.notifications.domain.ledger import Matter

UNACKNOWLEDGED: Final = "unacknowledged"
"""The clock of an alert that nobody has acknowledged yet."""
UNACKNOWLEDGED_POLICY: Final = "ALERT-UNACKNOWLEDGED"

_ALERTS: Final = UUID("9f2b6d7c-51c6-5f0f-8b21-7a1e6c0d4e35")


class AlertState(StrEnum):
    """How far an alert has come."""

    OPEN = "open"  # -> open: climbed | unanswered | acknowledged | withdrawn
    UNANSWERED = "unanswered"  # -> acknowledged | withdrawn: it has climbed to the top, and still nobody took care
    ACKNOWLEDGED = "acknowledged"
    WITHDRAWN = "withdrawn"


class AlertStep(StrEnum):
    """What can happen to an alert."""

    RAISE = "raise"
    CLIMB = "climb"
    REACH_THE_TOP = "reach the top"
    ACKNOWLEDGE = "acknowledge"
    WITHDRAW = "withdraw"


ALERT_STATES: Final = Table(
    matter="alert",
    states=AlertState,
    steps=AlertStep,
    moves={
        (None, AlertStep.RAISE): AlertState.OPEN,
        (AlertState.OPEN, AlertStep.CLIMB): AlertState.OPEN,
        (AlertState.OPEN, AlertStep.REACH_THE_TOP): AlertState.UNANSWERED,
        (AlertState.OPEN, AlertStep.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
        (AlertState.OPEN, AlertStep.WITHDRAW): AlertState.WITHDRAWN,
        (AlertState.UNANSWERED, AlertStep.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
        (AlertState.UNANSWERED, AlertStep.WITHDRAW): AlertState.WITHDRAWN,
    },
)

LADDER: Final[Mapping[Audience, Audience | None]] = {
    Audience.DUTY: Audience.SECTION_HEAD,
    Audience.OFFICER: Audience.SECTION_HEAD,
    Audience.TRACING_OFFICER: Audience.SECTION_HEAD,
    Audience.REGISTRAR: Audience.SECTION_HEAD,
    Audience.OPERATIONS: Audience.SECTION_HEAD,
    Audience.SECTION_HEAD: Audience.HEAD,
    Audience.HEAD: None,
    Audience.TOLD_BEFORE: None,
}
"""To whom an alert climbs that the ones before have not acknowledged: duty, section head, head of the office."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that somebody must take care of; one, however many were told by however many channels."""

    alert_id: UUID
    about: UUID
    occasion: str
    juvenile: bool
    cause: str
    link: str
    receiving_unit: str
    guidance_unit: str | None
    officer: str | None
    rung: Audience
    state: AlertState
    raised_at: datetime
    climbs_at: datetime | None = None
    climbed: int = 0
    told: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    ended_at: datetime | None = None

    @property
    def whereabouts(self) -> Whereabouts:
        """Who has to do with it."""
        return Whereabouts(
            receiving_unit=self.receiving_unit,
            guidance_unit=self.guidance_unit,
            officer=self.officer,
            juvenile=self.juvenile,
        )

    @property
    def is_open(self) -> bool:
        """Whether somebody should still take care of it."""
        return ALERT_STATES.allows(self.state, AlertStep.ACKNOWLEDGE)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert as its case remembers it, to withdraw it when nothing is left to do."""

    occasion: str
    alert_id: UUID


class AlertUnknown(Refused):
    """There is no such alert for you."""


class TooEarly(Irrelevant):
    """The alert climbs later than this clock says: it was set anew meanwhile."""


class NobodyWaits(Irrelevant):
    """The alert was acknowledged or withdrawn, or has climbed to the top."""


def alert_id_of(*, occasion: str, cause: str) -> UUID:
    """The same cause raises the same alert once, however often it is delivered."""
    return uuid5(_ALERTS, f"{occasion}|{cause}")


def top_of(audiences: Sequence[Audience]) -> Audience:
    """The highest rung among those who are told: the alert climbs from there."""
    return min(audiences, key=_rungs_above)


def raised(
    matter: Matter,
    about: Whereabouts,
    *,
    audiences: Sequence[Audience],
    told: Sequence[str],
    link: str,
    now: datetime,
    climbs_at: datetime,
) -> Alert:
    """An alert, when its first ones are told."""
    return Alert(
        alert_id=alert_id_of(occasion=matter.occasion, cause=matter.cause),
        about=matter.about,
        occasion=matter.occasion,
        juvenile=matter.juvenile,
        cause=matter.cause,
        link=link,
        receiving_unit=about.receiving_unit,
        guidance_unit=about.guidance_unit,
        officer=about.officer,
        rung=top_of(audiences),
        state=ALERT_STATES.move(None, AlertStep.RAISE),
        raised_at=now,
        climbs_at=climbs_at,
        told=tuple(dict.fromkeys(told)),
    )


def climb(alert: Alert, staff: Staff, *, now: datetime, next_at: datetime) -> Alert:
    """The alert one rung higher; a rung on which all were told already is passed over, and after the last is the top.

    However late the clock rings, nobody is passed over who was not told. Raises TooEarly and NobodyWaits.
    """
    if not ALERT_STATES.allows(alert.state, AlertStep.CLIMB):
        raise NobodyWaits
    if alert.climbs_at is not None and alert.climbs_at > now:
        raise TooEarly
    rung = LADDER[alert.rung]
    while rung is not None and set(recipients((rung,), alert.whereabouts, staff)) <= set(alert.told):
        rung = LADDER[rung]
    if rung is None:
        return replace(alert, state=ALERT_STATES.move(alert.state, AlertStep.REACH_THE_TOP), climbs_at=None)
    state = ALERT_STATES.move(alert.state, AlertStep.CLIMB)
    return replace(alert, state=state, rung=rung, climbed=alert.climbed + 1, climbs_at=next_at)


def having_told(alert: Alert, officers: Sequence[str]) -> Alert:
    """The alert with those who were told of it, each once."""
    return replace(alert, told=tuple(dict.fromkeys((*alert.told, *officers))))


def acknowledge(alert: Alert, *, by: str, now: datetime) -> Alert:
    """Somebody takes care of it, and it climbs no more; the first one counts, and what is over stays as it is."""
    if not alert.is_open:
        return alert
    return replace(
        alert,
        state=ALERT_STATES.move(alert.state, AlertStep.ACKNOWLEDGE),
        climbs_at=None,
        acknowledged_at=now,
        acknowledged_by=by,
        ended_at=now,
    )


def withdraw(alert: Alert, *, now: datetime) -> Alert:
    """There is nothing left to take care of; what is over stays as it is."""
    if not alert.is_open:
        return alert
    state = ALERT_STATES.move(alert.state, AlertStep.WITHDRAW)
    return replace(alert, state=state, climbs_at=None, ended_at=now)


def cause_of_climb(alert_id: UUID, due_at: datetime) -> str:
    """What a notice names as its cause that was written because this clock rang."""
    return f"{UNACKNOWLEDGED}|{alert_id}|{due_at.isoformat()}"


def alert_named_by(cause: str) -> UUID | None:
    """The alert whose climb was the cause of a notice; none where another thing was."""
    kind, _, rest = cause.partition("|")
    return UUID(rest.partition("|")[0]) if kind == UNACKNOWLEDGED else None


def _rungs_above(audience: Audience) -> int:
    above = LADDER[audience]
    return 0 if above is None else 1 + _rungs_above(above)
