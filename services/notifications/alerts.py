"""What becomes of an alert beside what is told of it: raised, acknowledged, withdrawn."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from chassis.transaction import Transaction
from services.notifications import alert_store
from services.notifications.domain import alerting, climb, telling
from services.notifications.domain.audience import Whereabouts
from services.notifications.domain.climb import Alert
from services.notifications.domain.ledger import Matter, Notice
from services.notifications.domain.telling import Occasion


def climbs_at(tx: Transaction) -> datetime:
    """When an alert climbs that nobody acknowledges from now on."""
    return due_at(tx.reference.policies[climb.UNACKNOWLEDGED_POLICY], tx.now, OfficeCalendar.of(tx.reference))


async def raise_alert(
    occasion: Occasion,
    matter: Matter,
    about: Whereabouts,
    words: Mapping[str, Any],
    told: Sequence[str],
    tx: Transaction,
) -> None:
    """What is urgent wants somebody who takes care of it; an alert that is there already stays as it is."""
    if occasion not in alerting.ALERTING:
        return
    alert = climb.raised(
        matter,
        about,
        audiences=telling.RULES[occasion].audiences,
        told=told,
        link=words["link"],
        now=tx.now,
        climbs_at=climbs_at(tx),
    )
    if await tx.lock_late(alert_store.ALERTS, alert.alert_id) is None:
        keep(alert, tx)


async def acknowledge_told(notice: Notice, tx: Transaction) -> None:
    """Whoever acknowledges what they were told takes care of the alert, for all who were told."""
    reminds_of = alerting.REMINDS.get(Occasion(notice.occasion))
    named = climb.alert_named_by(notice.cause)
    if reminds_of is not None:
        connection = await tx.connection()
        ids = await alert_store.open_alerts(connection, about=notice.about, occasion=reminds_of)
    else:
        ids = [named or climb.alert_id_of(occasion=notice.occasion, cause=notice.cause)]
    for alert_id in ids:
        alert = await tx.lock_late(alert_store.ALERTS, alert_id)
        if alert is not None:
            keep(climb.acknowledge(alert, by=tx.actor.id, now=tx.now), tx)


async def withdraw(alert_ids: Iterable[UUID], tx: Transaction) -> tuple[str, ...]:
    """There is nothing left to take care of; who was told that there was, each once."""
    told: list[str] = []
    for alert_id in sorted(alert_ids):
        alert = await tx.lock_late(alert_store.ALERTS, alert_id)
        if alert is not None:
            keep(climb.withdraw(alert, now=tx.now), tx)
            told += alert.told
    return tuple(dict.fromkeys(told))


def keep(alert: Alert, tx: Transaction) -> None:
    """Save an alert, and let its clock run as the alert says."""
    tx.save(alert_store.ALERTS, alert)
    if alert.climbs_at is None:
        tx.cancel_timer(alert.alert_id, climb.UNACKNOWLEDGED)
    else:
        tx.set_timer(alert.alert_id, climb.UNACKNOWLEDGED, alert.climbs_at)
