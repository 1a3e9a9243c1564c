"""Which occasions are alerts, what leaves nothing to take care of, and what is said when one climbs. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from contracts import registration
from contracts.reference import Reference
from contracts.registration import RegistrationFact
from services.notifications.domain.audience import Audience
from services.notifications.domain.climb import Alert, AlertState, OpenAlert
from services.notifications.domain.gaps import ToldGap
from services.notifications.domain.ledger import Urgency
from services.notifications.domain.saying import mark_of
from services.notifications.domain.telling import RULES, Case, Occasion, is_redated

REMINDS: Final[Mapping[Occasion, Occasion]] = {
    Occasion.STILL_UNCONFIRMED: Occasion.UNCONFIRMED,
    Occasion.STILL_SET_ASIDE: Occasion.SET_ASIDE,
}
"""Occasions that say once more what was said before: to acknowledge them is to acknowledge that alert."""

CLIMBED: Final[Mapping[Audience, Occasion]] = {
    Audience.SECTION_HEAD: Occasion.CLIMBED_TO_SECTION_HEAD,
    Audience.HEAD: Occasion.CLIMBED_TO_HEAD,
}
"""What the next rung is told."""

ALERTING: Final = frozenset(
    occasion
    for occasion, rule in RULES.items()
    if rule.urgency is Urgency.URGENT
    and occasion not in {*REMINDS, *CLIMBED.values(), Occasion.UNANSWERED, Occasion.UNREACHABLE, Occasion.NOT_REACHED}
)
"""What is urgent wants somebody who takes care of it. Who could not be told acknowledges nothing, so that alert climbs
by itself, and what operations are told of it is none of its own."""

_UNTIL_RELEASED: Final = frozenset({Occasion.GATE_DAY_BEFORE, Occasion.GATE_SAME_DAY, Occasion.UNCONFIRMED})
_UNTIL_SEEN: Final = _UNTIL_RELEASED | {
    Occasion.RELEASED,
    Occasion.WALKED_IN,
    Occasion.UNSEEN_24,
    Occasion.UNSEEN_48,
    Occasion.UNSEEN_72,
    Occasion.TRACING_OVERDUE,
    Occasion.ABSCONDED,
    Occasion.SEARCH_REVIEW,
}
_UNTIL_SUBMITTED: Final = _UNTIL_SEEN | {Occasion.SUBMISSION_OVERDUE}

_UNTIL_ENDED: Final = ALERTING - {Occasion.GLASS_BROKEN}
"""Whoever looked behind the glass has looked, whatever becomes of the case: that alert is the head's to answer."""

SETTLED_BY: Final[Mapping[type[RegistrationFact], frozenset[Occasion]]] = {
    registration.RegistrationOpened: _UNTIL_RELEASED,
    registration.FirstContactMade: _UNTIL_SEEN,
    registration.RegistrationSubmitted: _UNTIL_SUBMITTED,
    registration.RegistrationReturned: _UNTIL_SUBMITTED | {Occasion.CONFLICT},
    registration.ClientRegistered: _UNTIL_SUBMITTED | {Occasion.CONFLICT},
    registration.RegistrationRefused: _UNTIL_SUBMITTED | {Occasion.CONFLICT},
    registration.TransferOfferEnded: frozenset({Occasion.OFFER_OVERDUE}),
    registration.RegistrationCancelled: _UNTIL_ENDED,
    registration.RegistrationClosed: _UNTIL_ENDED,
    registration.ClientHandedOn: _UNTIL_ENDED,
}
"""After which fact nobody has to take care any more of an alert of this case, acknowledged or not."""


def settled_by(known: Case | None, fact: RegistrationFact) -> frozenset[Occasion]:
    """The occasions of which nothing is left to do after a fact; another day leaves nothing of the day before."""
    if known is not None and is_redated(known, fact):
        return _UNTIL_RELEASED
    return SETTLED_BY.get(type(fact), frozenset())


def settle(case: Case, occasions: frozenset[Occasion]) -> tuple[Case, tuple[UUID, ...]]:
    """The case without the alerts of these occasions, and those alerts."""
    done = tuple(each.alert_id for each in case.alerts if each.occasion in occasions)
    return replace(case, alerts=tuple(each for each in case.alerts if each.alert_id not in done)), done


def having_raised(case: Case, occasion: Occasion, alert_id: UUID) -> Case:
    """The case with an alert that is to be withdrawn when nothing is left to do."""
    if occasion not in ALERTING:
        return case
    return replace(case, alerts=tuple(dict.fromkeys((*case.alerts, OpenAlert(occasion.value, alert_id)))))


def occasion_of_climb(alert: Alert) -> Occasion:
    """What is told when an alert has climbed, or cannot climb any higher."""
    return Occasion.UNANSWERED if alert.state is AlertState.UNANSWERED else CLIMBED[alert.rung]


def words_of_climb(occasion: Occasion, alert: Alert, *, original: str) -> dict[str, Any]:
    """What a template may say about an alert that nobody has acknowledged; of a child nothing but where to look."""
    words = {"mark": mark_of(alert.about), "link": alert.link, "urgency": RULES[occasion].urgency.value}
    if alert.juvenile:
        return words
    return {
        **words,
        "occasion": occasion.value,
        "raised_at": alert.raised_at,
        "told": alert.told,
        "original": original.strip(),
    }


def words_of_gap(occasion: Occasion, told: ToldGap, *, reference: Reference) -> dict[str, Any]:
    """What a template may say about a hole in the duty roster."""
    unit = reference.units.get(told.gap.unit)
    return {
        "mark": mark_of(told.gap_id),
        "link": f"/v1/roster/gaps?unit={told.gap.unit}",
        "urgency": RULES[occasion].urgency.value,
        "occasion": occasion.value,
        "unit": unit.name if unit else told.gap.unit,
        "starts_at": told.gap.starts_at,
        "ends_at": told.gap.ends_at,
    }
