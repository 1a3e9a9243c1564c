"""The settings of confluent-kafka for at-least-once, and the relay as one writes it on psycopg, in a thread."""

import threading
import time
from typing import Any, Final

import psycopg
from confluent_kafka import KafkaException, Producer
from psycopg.rows import TupleRow

from tests.bench.contenders.follow_up import (
    DSN,
    GROUP,
    OUTBOX_LOCK,
    RELAY_POLL_SECONDS,
    RELAY_ROWS_MAX,
    SERVERS,
    FollowUp,
    read,
    sendable,
)

CONSUMER: Final = {
    "bootstrap.servers": SERVERS,
    "group.id": GROUP,
    "auto.offset.reset": "earliest",
    # What was handled is stored by hand and committed behind; what is read again is known to the inbox.
    "enable.auto.offset.store": False,
    "enable.auto.commit": True,
    "auto.commit.interval.ms": 1_000,
}
PRODUCER: Final = {"bootstrap.servers": SERVERS, "acks": "all", "enable.idempotence": True, "linger.ms": 2}

CLAIM: Final = "SELECT seq, topic, key, headers, payload FROM outbox ORDER BY seq LIMIT %s"
FORGET: Final = "DELETE FROM outbox WHERE seq = ANY(%s)"


def received(message: Any) -> FollowUp:
    """What follows from a message that is no error."""
    return read(message.headers(), message.value())


def relay(wake: threading.Event, linger_seconds: float = 0.0) -> None:
    """Empty the outbox for ever; look again when woken, and a moment has passed, or after a while."""
    producer = Producer(PRODUCER)
    with psycopg.connect(DSN, autocommit=True, prepare_threshold=0) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [OUTBOX_LOCK])
        while True:
            wake.clear()
            rows = connection.execute(CLAIM, [RELAY_ROWS_MAX], binary=True).fetchall()
            if rows:
                _send(producer, rows)
                connection.execute(FORGET, [[row[0] for row in rows]])
            if len(rows) < RELAY_ROWS_MAX:
                wake.wait(RELAY_POLL_SECONDS)
                time.sleep(linger_seconds)


def _send(producer: Producer, rows: list[TupleRow]) -> None:
    failures: list[Any] = []

    def sent(error: Any, _message: Any) -> None:
        if error is not None:
            failures.append(error)

    for _, topic, key, packed, payload in rows:
        headers: Any = sendable(packed)
        producer.produce(topic, payload, key, headers=headers, on_delivery=sent)
    producer.flush()
    if failures:
        raise KafkaException(failures[0])
