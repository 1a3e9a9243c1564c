"""What a service process counts and measures: one registry a process, small setters for those who know the numbers.

Labels come from closed or bounded sets: a label that a stranger can choose would fill the memory of every dashboard.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

if TYPE_CHECKING:
    from chassis.settings import Settings

OUTCOMES: Final = frozenset({"applied", "duplicate", "not_for_us", "irrelevant", "held", "dead_lettered", "retried"})
LABEL_VALUES_MAX: Final = 200
OTHER: Final = "other"
SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_BUCKETS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500)
LATENESS_BUCKETS: Final = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)


class Bounded:
    """Lets only so many different values of a label through; the rest counts as `other`."""

    def __init__(self, values_max: int = LABEL_VALUES_MAX) -> None:
        """Start with nothing seen."""
        self._values_max = values_max
        self._seen: set[str] = set()

    def __call__(self, value: str | None) -> str:
        """The value itself, or `other` when there are too many already."""
        if not value or value in self._seen:
            return value or ""
        if len(self._seen) >= self._values_max:
            return OTHER
        self._seen.add(value)
        return value


class ConsumerMetrics:
    """Deliveries and their outcomes, lag, assignment, batches."""

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        """Register what a consumer shows."""
        self._monotonic = monotonic
        self._type, self._reason = Bounded(), Bounded()
        self._polled: dict[str, float] = {}
        self._deliveries = Counter(
            "bapas_deliveries",
            "Deliveries by the outcome that each of them ended in",
            ("consumer", "topic", "type", "outcome", "reason"),
            registry=registry,
        )
        self._lag_records = Gauge(
            "bapas_consumer_lag_records",
            "Records between the next one to handle and the end of the partition",
            ("consumer", "topic", "partition"),
            registry=registry,
        )
        self._lag_seconds = Gauge(
            "bapas_consumer_lag_seconds",
            "Age of the next record to handle; 0 when there is none",
            ("consumer", "topic", "partition"),
            registry=registry,
        )
        self._assigned = Gauge(
            "bapas_consumer_assigned_partitions", "Partitions in hand", ("consumer",), registry=registry
        )
        self._since_poll = Gauge(
            "bapas_consumer_last_poll_seconds",
            "Seconds since the broker was last asked",
            ("consumer",),
            registry=registry,
        )
        self._stopped = Gauge(
            "bapas_consumer_stopped", "1 while too many bugs in a row keep it stopped", ("consumer",), registry=registry
        )
        self._retention = Gauge(
            "bapas_topic_retention_seconds", "How long a record stays in a topic", ("topic",), registry=registry
        )
        self._positions: dict[str, set[tuple[str, int]]] = {}
        self._register_batches(registry)

    def _register_batches(self, registry: CollectorRegistry) -> None:
        self._rebalances = Counter(
            "bapas_consumer_rebalances", "Assignments received", ("consumer",), registry=registry
        )
        self._batch_records = Histogram(
            "bapas_batch_records", "Records in a batch", ("consumer",), buckets=BATCH_BUCKETS, registry=registry
        )
        self._batch_seconds = Histogram(
            "bapas_batch_seconds",
            "Time from taking a batch to its commit",
            ("consumer",),
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self._unknown_fields = Counter(
            "bapas_unknown_fields",
            "Fields that a producer sent and the contract does not know",
            ("type",),
            registry=registry,
        )

    def delivered(
        self,
        consumer: str,
        *,
        topic: str,
        event_type: str | None,
        outcome: str,
        reason: str | None = None,
        count: int = 1,
    ) -> None:
        """Count deliveries by their outcome; `reason` is the name of a rule or of a kind, never a sentence."""
        if outcome not in OUTCOMES:
            message = f"{outcome!r} is not an outcome of a delivery"
            raise ValueError(message)
        self._deliveries.labels(consumer, topic, self._type(event_type), outcome, self._reason(reason)).inc(count)

    def assigned(self, consumer: str, partitions: Iterable[tuple[str, int]]) -> None:
        """Show the partitions in hand, and forget the lag of those that went to somebody else."""
        now = set(partitions)
        for topic, partition in self._positions.get(consumer, set()) - now:
            for gauge in (self._lag_records, self._lag_seconds):
                gauge.remove(consumer, topic, str(partition))
        for topic, partition in now - self._positions.get(consumer, set()):
            self.lag(consumer, topic=topic, partition=partition, records=0, seconds=0.0)
        self._positions[consumer] = now
        self._assigned.labels(consumer).set(len(now))
        self._rebalances.labels(consumer).inc()

    def lag(self, consumer: str, *, topic: str, partition: int, records: int, seconds: float) -> None:
        """Show how far behind one partition is."""
        self._positions.setdefault(consumer, set()).add((topic, partition))
        self._lag_records.labels(consumer, topic, str(partition)).set(max(0, records))
        self._lag_seconds.labels(consumer, topic, str(partition)).set(max(0.0, seconds))

    def retention(self, topic: str, *, seconds: float) -> None:
        """Show how long a record of a topic that is read can wait before it is gone."""
        self._retention.labels(topic).set(seconds)

    def polled(self, consumer: str) -> None:
        """Remember that the broker was asked just now."""
        if consumer not in self._polled:
            self._since_poll.labels(consumer).set_function(lambda: self._monotonic() - self._polled[consumer])
        self._polled[consumer] = self._monotonic()

    def batch(self, consumer: str, *, records: int, seconds: float) -> None:
        """Measure a batch that is committed."""
        self._batch_records.labels(consumer).observe(records)
        self._batch_seconds.labels(consumer).observe(seconds)

    def stopped(self, consumer: str, *, stopped: bool) -> None:
        """Show whether the ceiling of bugs has stopped it."""
        self._stopped.labels(consumer).set(int(stopped))

    def unknown_fields(self, event_type: str, count: int) -> None:
        """Count fields that the contract does not know."""
        self._unknown_fields.labels(self._type(event_type)).inc(count)


class RelayMetrics:
    """The outbox and the relay that empties it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what the relay shows."""
        self._error = Bounded()
        self._depth = Gauge("bapas_outbox_rows", "Messages that wait to be sent", registry=registry)
        self._oldest = Gauge("bapas_outbox_oldest_seconds", "Age of the oldest message that waits", registry=registry)
        self._parked = Gauge("bapas_outbox_parked_rows", "Messages that the broker will not take", registry=registry)
        self._relayed = Counter("bapas_relayed", "Messages acknowledged by the broker", registry=registry)
        self._errors = Counter("bapas_relay_errors", "Interruptions of the relay", ("error",), registry=registry)
        self._leading = Gauge("bapas_relay_leading", "1 in the process that relays this database", registry=registry)
        self._waits = Counter(
            "bapas_relay_waits", "Times that the relay went on waiting for the broker", registry=registry
        )
        self._batch_rows = Histogram(
            "bapas_relay_batch_rows", "Messages per claim", buckets=BATCH_BUCKETS, registry=registry
        )

    def outbox(self, *, rows: int, oldest_seconds: float, parked: int = 0) -> None:
        """Show what waits in the outbox."""
        self._depth.set(rows)
        self._oldest.set(max(0.0, oldest_seconds))
        self._parked.set(parked)

    def claimed(self, rows: int) -> None:
        """Measure a claim that found something."""
        if rows:
            self._batch_rows.observe(rows)

    def relayed(self, messages: int) -> None:
        """Count acknowledged messages."""
        self._relayed.inc(messages)

    def failed(self, error: str) -> None:
        """Count an interruption by the kind of its error."""
        self._errors.labels(self._error(error)).inc()

    def leading(self, leads: bool) -> None:  # noqa: FBT001 - one word, one meaning
        """Show whether this process relays."""
        self._leading.set(int(leads))

    def waiting_for_broker(self) -> None:
        """Count one more while of waiting for an acknowledgement."""
        self._waits.inc()


class DeadLetterMetrics:
    """What could not be handled, and what waits behind it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what operations watches."""
        self._letters = Gauge("bapas_dead_letters", "Open dead letters", ("consumer", "kind"), registry=registry)
        self._held_keys = Gauge("bapas_held_keys", "Keys whose events wait", ("consumer",), registry=registry)
        self._oldest = Gauge(
            "bapas_held_key_oldest_seconds", "How long the longest held key waits", ("consumer",), registry=registry
        )

    def open(self, consumer: str, by_kind: Mapping[str, int]) -> None:
        """Show the open dead letters of a consumer by kind."""
        for kind in {"malformed", "refused", "bug"} | set(by_kind):
            self._letters.labels(consumer, kind).set(by_kind.get(kind, 0))

    def held(self, consumer: str, *, keys: int, oldest_seconds: float) -> None:
        """Show the held keys of a consumer."""
        self._held_keys.labels(consumer).set(keys)
        self._oldest.labels(consumer).set(max(0.0, oldest_seconds))


class TimerMetrics:
    """Clocks that run out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what the timers show."""
        self._due = Gauge("bapas_timers_due", "Timers that are due and have not fired", registry=registry)
        self._waiting = Gauge("bapas_timers_waiting", "Timers that are set", registry=registry)
        self._late = Gauge("bapas_timers_oldest_late_seconds", "How late the oldest due timer is", registry=registry)
        self._fired = Counter("bapas_timers_fired", "Timers that fired", ("kind", "outcome"), registry=registry)
        self._lateness = Histogram(
            "bapas_timer_lateness_seconds",
            "Office time between due and fired",
            ("kind",),
            buckets=LATENESS_BUCKETS,
            registry=registry,
        )

    def state(self, *, waiting: int, due: int, oldest_late_seconds: float) -> None:
        """Show the table of timers."""
        self._waiting.set(waiting)
        self._due.set(due)
        self._late.set(max(0.0, oldest_late_seconds))

    def fired(self, kind: str, *, outcome: str, late_seconds: float) -> None:
        """Count a timer that fired, and measure how late."""
        self._fired.labels(kind, outcome).inc()
        self._lateness.labels(kind).observe(max(0.0, late_seconds))


class SenderMetrics:
    """Effects outside the database."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what the senders show."""
        self._items = Gauge("bapas_sender_items", "Items by state", ("sender", "state"), registry=registry)
        self._oldest = Gauge(
            "bapas_sender_oldest_seconds", "Age of the oldest item that waits", ("sender",), registry=registry
        )
        self._sent = Counter("bapas_sends", "Attempts by result", ("sender", "result"), registry=registry)
        self._seconds = Histogram(
            "bapas_send_seconds", "Duration of an attempt", ("sender",), buckets=SECONDS_BUCKETS, registry=registry
        )

    def state(self, sender: str, *, pending: int, failed: int, oldest_seconds: float) -> None:
        """Show the ledger of a sender."""
        self._items.labels(sender, "pending").set(pending)
        self._items.labels(sender, "failed").set(failed)
        self._oldest.labels(sender).set(max(0.0, oldest_seconds))

    def attempted(self, sender: str, *, result: str, seconds: float) -> None:
        """Count and measure one attempt: `sent`, `retry` or `failed`."""
        self._sent.labels(sender, result).inc()
        self._seconds.labels(sender).observe(seconds)


class HttpMetrics:
    """Requests by route template, never by path: a path holds ids and could hold names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what the HTTP door shows."""
        self._seconds = Histogram(
            "bapas_http_request_seconds",
            "Duration of a request",
            ("method", "route", "status"),
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Measure one answered request."""
        self._seconds.labels(method, route, str(status)).observe(seconds)


class AuditMetrics:
    """The audit trail: what waits for its place in the chain, and what could not be entered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what operations watches."""
        self._waiting = Gauge(
            "bapas_audit_unsealed_entries", "Entries that are not in the chain yet", registry=registry
        )
        self._oldest = Gauge(
            "bapas_audit_unsealed_oldest_seconds", "Age of the oldest entry that is not in the chain", registry=registry
        )
        self._lost = Counter("bapas_audit_lost_entries", "Entries that could not be written", registry=registry)
        self._sealed = Counter("bapas_audit_sealed_entries", "Entries put into the chain", registry=registry)
        self._position = Gauge("bapas_audit_position", "Entries in the chain, where it is sealed", registry=registry)
        self._leading = Gauge("bapas_audit_leading", "1 in the process that seals this database", registry=registry)
        self._errors = Counter("bapas_audit_errors", "Interruptions of the sealer", ("error",), registry=registry)
        self._error = Bounded()
        self.lost_entries = 0
        """How many could not be written since this process began."""

    def unsealed(self, *, entries: int, oldest_seconds: float) -> None:
        """Show what waits for its place in the chain."""
        self._waiting.set(entries)
        self._oldest.set(max(0.0, oldest_seconds))

    def lost(self, entries: int) -> None:
        """Count what could not be written."""
        self._lost.inc(entries)
        self.lost_entries += entries

    def sealed(self, entries: int, *, position: int) -> None:
        """Count what was put into the chain, and show how long it is."""
        self._sealed.inc(entries)
        self._position.set(position)

    def leading(self, leads: bool) -> None:  # noqa: FBT001 - one word, one meaning
        """Show whether this process seals."""
        self._leading.set(int(leads))

    def failed(self, error: str) -> None:
        """Count an interruption by the kind of its error."""
        self._errors.labels(self._error(error)).inc()


class DatabaseMetrics:
    """The pool of connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what the pool shows."""
        self._connections = Gauge("bapas_database_connections", "Connections by state", ("state",), registry=registry)

    def pool(self, *, size: Callable[[], int], idle: Callable[[], int], most: int) -> None:
        """Read the pool whenever somebody asks; `most` is how many connections it opens at the most."""
        self._connections.labels("open").set_function(size)
        self._connections.labels("idle").set_function(idle)
        self._connections.labels("most").set(most)


class Metrics:
    """Everything that one process measures."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Make a registry of its own, so that two services in one test do not meet."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.consumer = ConsumerMetrics(self.registry, monotonic)
        self.relay = RelayMetrics(self.registry)
        self.dead_letters = DeadLetterMetrics(self.registry)
        self.timers = TimerMetrics(self.registry)
        self.senders = SenderMetrics(self.registry)
        self.http = HttpMetrics(self.registry)
        self.database = DatabaseMetrics(self.registry)
        self.audit = AuditMetrics(self.registry)

    def identify(self, settings: "Settings", version: str) -> None:
        """Show who this is."""
        Gauge("bapas_service_info", "Always 1", ("service", "instance", "version"), registry=self.registry).labels(
            settings.service, settings.instance, version
        ).set(1)

    def text(self) -> bytes:
        """The whole registry in Prometheus' text format."""
        return generate_latest(self.registry)
