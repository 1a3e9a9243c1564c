"""What time does: a panel that holds no routine hearing, and a recommendation that is not handed over."""

from dataclasses import replace
from datetime import date, datetime
from typing import Final

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at, warnings_at
from chassis.rules.refusal import Irrelevant
from contracts.event import Event
from contracts.reference import DeadlinePolicy, Reference, ReferenceInvalid
from contracts.tpp import HandOverDueSoon, HandOverOverdue, RoutineHearingDueSoon, RoutineHearingOverdue
from services.tpp.domain.agenda import ADJOURN, DOSSIER, DOSSIER_EXPRESS
from services.tpp.domain.decided import Decided
from services.tpp.domain.hearing import Hearing
from services.tpp.domain.minutes import HAND_OVER, SIGN, SIGN_EXPRESS
from services.tpp.domain.session import REHEAR
from services.tpp.domain.teams import Bench

ROUTINE: Final = "D40"
POLICIES: Final = (ROUTINE, HAND_OVER, DOSSIER, DOSSIER_EXPRESS, ADJOURN, SIGN, SIGN_EXPRESS, REHEAR)

ROUTINE_HEARING: Final = "routine-hearing"
RECOMMENDATION: Final = "recommendation"


class ClockStopped(Irrelevant):
    """The state has gone on; this clock no longer counts."""


def check_policies(reference: Reference) -> None:
    """Raise ReferenceInvalid where a row is missing without which a rule or a clock has no time."""
    missing = sorted(set(POLICIES) - reference.policies.keys())
    if missing:
        raise ReferenceInvalid(f"deadline_policies.toml: tpp needs {', '.join(missing)}")


def recommendation_due(hearing: Hearing, reference: Reference) -> datetime | None:
    """When somebody is next told that the head waits for a recommendation; nothing when all is told or handed over."""
    if hearing.concluded_at is None or hearing.handed_over_at is not None or hearing.overdue:
        return None
    return _next(reference.policies[HAND_OVER], hearing.concluded_at, hearing.warnings_given, reference)


def hand_over_by(hearing: Hearing, reference: Reference) -> datetime | None:
    """Until when the recommendation must be with the head; nothing before the session has ended."""
    if hearing.concluded_at is None:
        return None
    return due_at(reference.policies[HAND_OVER], hearing.concluded_at, OfficeCalendar.of(reference))


def miss_recommendation(hearing: Hearing, *, now: datetime, reference: Reference) -> Decided:
    """The time to the hand-over passes: a warning, another one, and then it is over."""
    if recommendation_due(hearing, reference) is None or hearing.concluded_at is None:
        raise ClockStopped
    policy, calendar = reference.policies[HAND_OVER], OfficeCalendar.of(reference)
    due = due_at(policy, hearing.concluded_at, calendar)
    if now >= due:
        late = replace(hearing, overdue=True, warnings_given=len(policy.warn_at))
        return Decided(hearing=late).said(HandOverOverdue(**hearing.about(), due_at=due))
    given = _reached(policy, hearing.concluded_at, now, reference)
    warned = replace(hearing, warnings_given=given)
    return Decided(hearing=warned).said(HandOverDueSoon(**hearing.about(), due_at=due))


def routine_due(bench: Bench, today: date, reference: Reference) -> datetime | None:
    """When somebody is next told that this panel should meet; nothing where its last term is over."""
    if bench.counted_from is None or all(team.valid_until < today for team in bench.teams):
        return None
    return _next(reference.policies[ROUTINE], bench.counted_from, bench.warnings_given, reference)


def miss_routine(bench: Bench, *, now: datetime, reference: Reference) -> tuple[Bench, tuple[Event, ...]]:
    """The time to the next routine hearing passes; once it is over the next one is counted from there."""
    today = OfficeCalendar.of(reference).local_date(now)
    if bench.counted_from is None or routine_due(bench, today, reference) is None:
        raise ClockStopped
    policy = reference.policies[ROUTINE]
    due = due_at(policy, bench.counted_from, OfficeCalendar.of(reference))
    said = {"bench_id": bench.bench_id, "unit": bench.unit, "panel": bench.panel, "last_held_at": bench.last_held_at}
    counted = replace(bench, sequence=bench.sequence + 1)
    if now >= due:
        # Counted from now where nobody looked for longer than a whole period: one alert, not one for each.
        start = due if now < due_at(policy, due, OfficeCalendar.of(reference)) else now
        fact: Event = RoutineHearingOverdue.model_validate(said | {"due_at": due})
        return replace(counted, counted_from=start, warnings_given=0), (fact,)
    given = _reached(policy, bench.counted_from, now, reference)
    return replace(counted, warnings_given=given), (RoutineHearingDueSoon.model_validate(said | {"due_at": due}),)


def held(bench: Bench, at: datetime) -> Bench:
    """A routine hearing was opened: the time to the next one counts from there."""
    return replace(bench, last_held_at=at, counted_from=at, warnings_given=0)


def _next(policy: DeadlinePolicy, start: datetime, given: int, reference: Reference) -> datetime:
    calendar = OfficeCalendar.of(reference)
    ahead = warnings_at(policy, start, calendar)[given:]
    return ahead[0] if ahead else due_at(policy, start, calendar)


def _reached(policy: DeadlinePolicy, start: datetime, now: datetime, reference: Reference) -> int:
    return max(1, sum(at <= now for at in warnings_at(policy, start, OfficeCalendar.of(reference))))
