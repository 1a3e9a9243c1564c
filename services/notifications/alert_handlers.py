"""An alert that nobody acknowledges climbs when its clock rings; anybody who was told may acknowledge it."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from chassis.inbox import Inbox, TimerDue
from chassis.rules.refusal import Irrelevant
from chassis.transaction import Transaction
from services.notifications import alert_store, alerts
from services.notifications.domain import alerting, climb, telling
from services.notifications.domain.climb import Alert, AlertUnknown
from services.notifications.domain.ledger import Matter
from services.notifications.handlers import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody takes care of an alert: one who was told under one of these names, or one who answers for all."""

    alert_id: UUID
    mailboxes: Collection[str]
    answers_for_all: bool
    knows_children: bool


class AlertDesk:
    """Where it is seen to that somebody takes care."""

    def __init__(self, desk: Desk) -> None:
        """Tell the next ones at this desk."""
        self._desk = desk

    def react(self, inbox: Inbox) -> None:
        """Climb when the clock of an alert rings."""
        inbox.when_due(climb.UNACKNOWLEDGED, of=alert_store.ALERTS)(self.climb)

    async def climb(self, due: TimerDue, tx: Transaction) -> None:
        """The next rung is told; after the last, operations are."""
        alert = await tx.lock(alert_store.ALERTS, due.subject)
        if alert is None:
            raise Irrelevant("the alert is not known here")
        staff = await self._desk.at_hand.staff(alert.receiving_unit, tx.reading, reference=tx.reference, at=tx.now)
        higher = climb.climb(alert, staff, now=tx.now, next_at=alerts.climbs_at(tx))
        occasion = alerting.occasion_of_climb(higher)
        original = await alert_store.words_of(await tx.connection(), alert)
        matter = Matter(
            about=alert.about,
            occasion=occasion,
            urgency=telling.RULES[occasion].urgency,
            cause=climb.cause_of_climb(alert.alert_id, due.due_at),
            juvenile=alert.juvenile,
        )
        words = alerting.words_of_climb(occasion, higher, original=original)
        told = await self._desk.tell(occasion, matter, alert.whereabouts, words, tx)
        alerts.keep(climb.having_told(higher, told), tx)


async def acknowledge(command: Acknowledgement, tx: Transaction) -> Alert:
    """Somebody takes care of an alert, and it climbs no more for anybody."""
    alert = await tx.lock(alert_store.ALERTS, command.alert_id)
    if alert is None or not _may(command, alert):
        raise AlertUnknown
    acknowledged = climb.acknowledge(alert, by=tx.actor.id, now=tx.now)
    alerts.keep(acknowledged, tx)
    return acknowledged


def _may(command: Acknowledgement, alert: Alert) -> bool:
    was_told = not set(command.mailboxes).isdisjoint(alert.told)
    return was_told or (command.answers_for_all and (command.knows_children or not alert.juvenile))
