"""The topics as a foreign program reads and writes them: confluent-kafka, nothing of this house."""

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from deploy.demo import topics as demo
from deploy.local.problem import Problem

ANSWER_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.1
ANY_PARTITION: Final = -1
"""The one that the key decides."""

Headers = Sequence[tuple[str, bytes | str | None]] | Mapping[str, bytes | str | None]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record as it lies on a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None = field(repr=False)

    def header(self, name: str) -> str:
        """The text of a header, empty if there is none."""
        return next((raw or b"" for found, raw in self.headers if found == name), b"").decode(errors="replace")

    @property
    def type(self) -> str:
        """The event's type."""
        return self.header("ce_type")

    @property
    def data(self) -> dict[str, Any]:
        """The event's data."""
        return dict(json.loads(self.value or b"{}"))


class PatientTopics(demo.Topics):
    """Where the topics end, also as soon as a broker that was killed is back."""

    def __init__(self, bootstrap_servers: str, *, names: Sequence[str]) -> None:
        super().__init__(bootstrap_servers, prefix="", names=names)
        self._bootstrap_servers, self._names = bootstrap_servers, names

    def ends(self) -> dict[demo.Partition, int]:
        """The next offset of each partition."""
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                return super().ends()
            except Problem:
                if time.monotonic() > until:
                    raise
            time.sleep(PAUSE_SECONDS)
            # The library asks with the leader epochs that it knew before, and never learns the new ones.
            with contextlib.suppress(Problem, KafkaException):
                super().__init__(self._bootstrap_servers, prefix="", names=self._names)


class Topics:
    """Reads every record of these topics, each once, and writes whatever it is given."""

    def __init__(self, bootstrap_servers: str, names: Sequence[str]) -> None:
        self.ends = PatientTopics(bootstrap_servers, names=names)
        # Kafka is stopped and killed in some journeys; the library need not tell the terminal.
        servers: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap_servers,
            "log_level": 0,
            "reconnect.backoff.max.ms": 500,
        }
        self._producer = Producer({**servers, "acks": "all", "message.max.bytes": 2_000_000, "linger.ms": 0})
        self._consumer = Consumer({**servers, "group.id": "journeys", "enable.auto.commit": False})
        self._next = dict.fromkeys(self.ends.ends(), 0)
        self._records: list[Record] = []
        self._by_key: dict[bytes | None, list[Record]] = {}
        self._consumer.assign([TopicPartition(topic, number, 0) for topic, number in self._next])

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()

    def produce(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int = ANY_PARTITION,
    ) -> tuple[str, int, int]:
        """Write a record and say where it lies; raises AssertionError if the broker does not take it."""
        answers: list[tuple[KafkaError | None, Message]] = []
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        self._producer.produce(
            topic,
            key=key,
            value=value,
            headers=pairs,
            partition=partition,
            on_delivery=lambda error, message: answers.append((error, message)),
        )
        assert self._producer.flush(ANSWER_SECONDS) == 0, "Kafka does not answer"
        [(error, message)] = answers
        assert error is None, error
        return str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)

    def of(self, key: object, *topics: str) -> list[Record]:
        """Everything that lies on these topics now under this key, in order."""
        self.read()
        return [record for record in self._by_key.get(str(key).encode(), []) if record.topic in topics]

    def read(self, *topics: str) -> list[Record]:
        """Everything that lies on these topics now, or on all of them, in order within each partition."""
        ends = self.ends.ends()
        while any(self._next[place] < end for place, end in ends.items()):
            for message in self._consumer.consume(num_messages=500, timeout=0.2):
                if message.error() is None:
                    self._take(message)
        return [record for record in self._records if not topics or record.topic in topics]

    def _take(self, message: Message) -> None:
        record = Record(
            topic=str(message.topic()),
            partition=int(message.partition() or 0),
            offset=int(message.offset() or 0),
            key=_bytes(message.key()),
            headers=[(name, _bytes(raw)) for name, raw in _pairs(message.headers())],
            value=_bytes(message.value()),
        )
        self._next[record.topic, record.partition] = record.offset + 1
        self._records.append(record)
        self._by_key.setdefault(record.key, []).append(record)


def _pairs(headers: Any) -> list[tuple[str, Any]]:
    return list(headers or ())


def _bytes(raw: Any) -> bytes | None:
    return raw.encode() if isinstance(raw, str) else raw
