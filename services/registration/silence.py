"""What registration does about prisons from which nothing comes: it looks every morning, and says so."""

from typing import Final

from prometheus_client import Gauge

from chassis.database import Connection
from chassis.inbox import Inbox, TimerDue
from chassis.rules.calendar import OfficeCalendar
from chassis.service import Measure, ServiceContext
from chassis.transaction import Transaction
from services.registration import silence_store
from services.registration.domain import silence
from services.registration.domain.silence import Watch

LISTEN: Final = "facility-silence"
"""The clock that rings every morning; the migration that makes its table sets it for the first time."""


def react(inbox: Inbox) -> None:
    """Listen when the clock says so."""
    inbox.when_due(LISTEN, of=silence_store.WATCHES)(listen)


async def listen(due: TimerDue, tx: Transaction) -> None:
    """A prison that has been silent for longer than its policy allows is made known."""
    watch = await tx.lock(silence_store.WATCHES, due.subject) or Watch(watch_id=due.subject)
    heard = await silence_store.last_heard(await tx.connection())
    looked, facts = silence.look(watch, heard, now=tx.now, reference=tx.reference)
    tx.save(silence_store.WATCHES, looked)
    tx.publish(facts, of=looked)
    tx.set_timer(due.subject, LISTEN, silence.next_look(tx.now, tx.reference))


def measure_of(context: ServiceContext) -> Measure:
    """Shows for how many days each prison has been silent beyond its policy."""
    gauge = Gauge(
        "bapas_facility_silent_days",
        "Days since the last word of a prison that is silent for longer than its policy allows; 0 of any other",
        ("facility",),
        registry=context.metrics.registry,
    )

    async def measure(connection: Connection) -> None:
        today = OfficeCalendar.of(context.reference).local_date(context.office_clock.now())
        silent = await silence_store.silent(connection)
        for facility in context.reference.facilities:
            gauge.labels(facility).set((today - silent.get(facility, today)).days)

    return measure
