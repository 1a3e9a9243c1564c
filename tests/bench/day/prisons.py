"""The prisons' own systems: each message is published at its moment, whatever became of those before it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from cloudevents.core.bindings.kafka import KafkaMessage, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

from contracts.lapas import Release
from deploy.demo.rdkafka import config
from tests.bench.day.clock import Day
from tests.bench.day.plan import Told
from tests.bench.stage import Stalled

FLUSH_SECONDS: Final = 30.0
SERVED_EVERY: Final = 100


@dataclass
class Prisons:
    """Producers of confluent-kafka that speak CloudEvents by the SDK, as the systems of prisons would."""

    bootstrap_servers: str
    prefix: str
    late_ms: float = 0.0
    """How late a message was handed over at worst."""
    acknowledged: int = 0
    _failures: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Connect."""
        self._producer = Producer({**config(self.bootstrap_servers), "acks": "all", "enable.idempotence": True})

    def publish_at_once(self, events: Sequence[Release]) -> None:
        """Publish all of them now and wait until the broker has them."""
        for number, event in enumerate(events):
            self._produce(event, _message(event))
            if number % SERVED_EVERY == 0:
                self._producer.poll(0)
        self._flush()

    async def publish(self, told: Sequence[Told], day: Day) -> None:
        """Publish each at its moment, and wait until the broker has all of them."""
        ready = [(day.due(each.due), each.event, _message(each.event)) for each in told]
        for due, event, message in ready:
            await asyncio.sleep(max(0.0, due - time.time()))
            self.late_ms = max(self.late_ms, (time.time() - due) * 1000)
            self._produce(event, message)
            self._producer.poll(0)
        await asyncio.to_thread(self._flush)

    def _produce(self, event: Release, message: KafkaMessage) -> None:
        topic = "lapas.juvenile.events" if event.is_juvenile else "lapas.events"
        self._producer.produce(
            self.prefix + topic,
            key=message.key,
            value=message.value,
            headers=list(message.headers.items()),
            on_delivery=self._delivered,
        )

    def _delivered(self, failure: Any, _message: Any) -> None:
        if failure is not None:
            self._failures.append(failure)
        else:
            self.acknowledged += 1

    def _flush(self) -> None:
        if self._producer.flush(FLUSH_SECONDS) or self._failures:
            raise Stalled(f"Kafka did not take the messages of the prisons: {self._failures or 'no answer'}")


def _message(event: Release) -> KafkaMessage:
    source, data = f"/sdp/{event.facility.lower()}", event.model_dump(mode="json", exclude_none=True)
    attributes = {
        "id": str(uuid5(NAMESPACE_URL, f"{source}|{event.type}|{event.subject}|{event.revision}")),
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": datetime.now(UTC),
        "datacontenttype": "application/json",
    }
    return to_binary(CloudEvent(attributes, data), JSONFormat(), key_mapper=lambda each: each.get_subject())
