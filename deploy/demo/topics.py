"""The topics, read from outside with confluent-kafka: where they end, and everything that lies on them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from deploy.demo.rdkafka import config
from deploy.local.problem import Problem

ANSWER_SECONDS: Final = 15.0

Partition: TypeAlias = tuple[str, int]
"""A topic without the deployment's prefix, and the number of a partition of it."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record as it lies on a topic, with what its headers say."""

    topic: str
    partition: int
    offset: int
    key: str | None
    id: str
    source: str
    type: str
    subject: str | None
    sequence: int | None
    traceparent: str | None
    value: bytes | None = field(repr=False)

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object that it carries; empty where it carries none."""
        try:
            found = json.loads(self.value or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Topics:
    """The topics of one stack."""

    def __init__(self, bootstrap_servers: str, *, prefix: str, names: Sequence[str]) -> None:
        self._client = config(bootstrap_servers)
        self._prefix = prefix
        self._admin = AdminClient(self._client)
        self._partitions = self._find_partitions(names)

    def ends(self) -> dict[Partition, int]:
        """The next offset of each partition."""
        newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the library types only a part of itself
        asked = dict.fromkeys(self._partitions, newest)
        try:
            answers = self._admin.list_offsets(asked, request_timeout=ANSWER_SECONDS)
            return {self._place(each.topic, each.partition): answer.result().offset for each, answer in answers.items()}
        except KafkaException as failure:
            message = f"Kafka does not say where its topics end: {failure}"
            raise Problem(message) from failure

    def everything(self) -> list[Record]:
        """Every record that lies on the topics now, in order within each partition."""
        ends = {place: end for place, end in self.ends().items() if end > 0}
        # Without a group: what this reader has seen is nobody's business.
        consumer = Consumer(
            {**self._client, "group.id": "demo", "enable.auto.commit": False, "enable.partition.eof": True}
        )
        try:
            consumer.assign([TopicPartition(self._prefix + topic, number, 0) for topic, number in ends])
            return self._read(consumer, waiting=set(ends))
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, *, waiting: set[Partition]) -> list[Record]:
        found: list[Record] = []
        while waiting:
            message = consumer.poll(ANSWER_SECONDS)
            if message is None:
                message_text = f"Kafka did not give the records of {sorted(waiting)}"
                raise Problem(message_text)
            if message.error():
                waiting.discard(self._place(message.topic(), message.partition()))
            else:
                found.append(self._record(message))
        return sorted(found, key=lambda record: (record.topic, record.partition, record.offset))

    def _record(self, message: Any) -> Record:
        headers = {name: (raw or b"").decode(errors="replace") for name, raw in message.headers() or ()}
        sequence = headers.get("ce_sequence", "")
        return Record(
            topic=message.topic().removeprefix(self._prefix),
            partition=message.partition(),
            offset=message.offset(),
            key=None if message.key() is None else message.key().decode(errors="replace"),
            id=headers.get("ce_id", ""),
            source=headers.get("ce_source", ""),
            type=headers.get("ce_type", ""),
            subject=headers.get("ce_subject"),
            sequence=int(sequence) if sequence.isdigit() else None,
            traceparent=headers.get("traceparent"),
            value=message.value(),
        )

    def _place(self, topic: str | None, number: int | None) -> Partition:
        return str(topic).removeprefix(self._prefix), int(number or 0)

    def _find_partitions(self, names: Sequence[str]) -> list[TopicPartition]:
        found: Mapping[str, Any] = self._admin.list_topics(timeout=ANSWER_SECONDS).topics
        return [TopicPartition(name, number) for name in names for number in found[name].partitions]
