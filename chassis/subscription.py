"""How batches come from FastStream: raw, not acknowledged, and by a reader of our own.

The subscription is made here and nowhere else: FastStream's default acknowledges before the handler ran, its parser
loses a batch for one odd header, and it moves on after an exception. So it hands over raw records, acknowledges
nothing, and no exception may leave the handler.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, cast

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from chassis.broker import security_of
from chassis.kafka_reader import KafkaReader
from chassis.settings import Settings

HEARTBEAT_MILLISECONDS: Final = 1_000
METADATA_MILLISECONDS: Final = 5_000
"""A topic that is made, or made anew, after the consumer started is found within this time."""
GRACE_SECONDS: Final = 10.0

Consume = Callable[[Sequence[ConsumerRecord[Any, Any]]], Awaitable[None]]


def subscribe(
    settings: Settings,
    topics: Sequence[str],
    *,
    group_id: str,
    listener: ConsumerRebalanceListener,
    consume: Consume,
    session_milliseconds: int,
    records_max: int,
    wait_milliseconds: int,
) -> tuple[KafkaBroker, Any]:
    """A broker that is not connected yet, and its one subscriber."""
    broker = KafkaBroker(
        settings.kafka_bootstrap_servers,
        client_id=settings.instance,
        security=security_of(settings),
        allow_auto_create_topics=False,
        metadata_max_age_ms=METADATA_MILLISECONDS,
        consumer_only=True,
        apply_types=False,
        graceful_timeout=GRACE_SECONDS,
        logger=None,
    )
    subscriber = broker.subscriber(
        *topics,
        batch=True,
        group_id=group_id,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        max_records=records_max,
        batch_timeout_ms=wait_milliseconds,
        session_timeout_ms=session_milliseconds,
        heartbeat_interval_ms=HEARTBEAT_MILLISECONDS,
        isolation_level="read_committed",
        listener=listener,
        parser=_as_it_is,
        decoder=_raw_records,
    )
    subscriber(consume)
    return broker, subscriber


def read_with_ours(broker: KafkaBroker, *, rewind: Callable[[], Iterable[TopicPartition]]) -> None:
    """Let FastStream build our reader in place of aiokafka's consumer; it has no setting for that."""
    config = broker.config.broker_config
    options = cast("partial[Any]", config.builder).keywords

    def build(**more: Any) -> KafkaReader:
        reader = KafkaReader(**{**options, **more})
        reader.rewind = rewind
        return reader

    config.builder = build


async def _as_it_is(records: tuple[ConsumerRecord[Any, Any], ...]) -> KafkaMessage:
    """Wrap a batch without looking at it: what cannot fail cannot lose it."""
    return KafkaMessage(
        body=b"", headers={}, raw_message=records, consumer=FAKE_CONSUMER, message_id="batch", correlation_id="batch"
    )


async def _raw_records(message: KafkaMessage) -> Any:
    return message.raw_message
