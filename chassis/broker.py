"""How a process reaches Kafka: one place for addresses, security and the producer's guarantees."""

import asyncio
import itertools
import ssl
from functools import lru_cache
from struct import unpack_from
from typing import Any, Final, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed
from aiokafka.helpers import create_ssl_context
from faststream.security import BaseSecurity, SASLScram512

from chassis.outbox import MESSAGE_BYTES_MAX
from chassis.settings import Settings
from contracts.catalogue import HEADER_BYTES_ROOM

REQUEST_BYTES_MAX: Final = MESSAGE_BYTES_MAX + HEADER_BYTES_ROOM
"""The broker's limit: what is larger is refused here, since a record that the broker refuses kills the producer."""
BATCH_BYTES_MAX: Final = MESSAGE_BYTES_MAX
"""Kafka holds whole batches against the limit of a topic, so a batch of small messages must stay below it too."""
HASHED_KEYS_MAX: Final = 16_384

_MURMUR_SEED: Final = 0x9747B28C
_MURMUR: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_NOT_NEGATIVE: Final = 0x7FFFFFFF


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.kafka_security_protocol == "PLAINTEXT":
        return None
    context: ssl.SSLContext = create_ssl_context(cafile=settings.kafka_ca_file and str(settings.kafka_ca_file))
    return context


def security_of(settings: Settings) -> BaseSecurity | None:
    """The security of a FastStream broker; a login without TLS was refused when the settings were read."""
    context = _tls(settings)
    if context is None:
        return None
    if settings.kafka_security_protocol == "SASL_SSL":
        return SASLScram512(
            settings.kafka_sasl_username or "", settings.kafka_sasl_password or "", ssl_context=context, use_ssl=True
        )
    return BaseSecurity(ssl_context=context, use_ssl=True)


def client_settings(settings: Settings) -> dict[str, Any]:
    """The same for a raw aiokafka client."""
    given: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": settings.instance,
        "security_protocol": settings.kafka_security_protocol,
    }
    if (context := _tls(settings)) is not None:
        given["ssl_context"] = context
    if settings.kafka_security_protocol == "SASL_SSL":
        given |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password,
        }
    return given


class Producer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's producer, which can also be thrown away with what it holds; by itself it can only stop in order."""

    def __init__(self, **options: Any) -> None:
        """Watch the requests on their way."""
        super().__init__(**options)
        self._on_their_way: set[asyncio.Task[Any]] = set()
        self._produce = self._sender._send_produce_req  # noqa: SLF001  it keeps its tasks to itself
        self._sender._send_produce_req = self._produce_watched  # noqa: SLF001

    async def abandon(self) -> None:
        """Stop sending at once, and forget what was not acknowledged."""
        tasks = {self._sender.sender_task, *self._on_their_way} - {None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        accumulator = self._message_accumulator
        held = [*itertools.chain.from_iterable(accumulator._batches.values()), *accumulator._pending_batches]  # noqa: SLF001
        accumulator.fail_all(ProducerClosed())
        for batch in held:
            for future in (batch.future, batch._drain_waiter, *(each for each, _ in batch._msg_futures)):  # noqa: SLF001
                if future.done() and not future.cancelled():
                    future.exception()  # seen: whoever waited for it has given up
        await self.stop()

    async def _produce_watched(self, node_id: int, batches: Any) -> None:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)
        await self._produce(node_id, batches)


@lru_cache(maxsize=HASHED_KEYS_MAX)
def key_hash(key: bytes) -> int:
    """What Kafka's clients spread keys over partitions by: murmur2, without its sign.

    aiokafka has the same, byte by byte, at three times the time.
    """
    words, rest = divmod(len(key), 4)
    hashed = _MURMUR_SEED ^ len(key)
    for word in unpack_from(f"<{words}I", key):
        mixed = word * _MURMUR & _WORD
        hashed = (hashed * _MURMUR ^ (mixed ^ mixed >> 24) * _MURMUR) & _WORD
    if rest:
        hashed = (hashed ^ int.from_bytes(key[-rest:], "little")) * _MURMUR & _WORD
    hashed = (hashed ^ hashed >> 13) * _MURMUR & _WORD
    return (hashed ^ hashed >> 15) & _NOT_NEGATIVE


def new_producer(settings: Settings) -> Producer:
    """An idempotent producer that counts a message as sent when all in-sync replicas have it."""
    return Producer(
        **client_settings(settings),
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=10_000,
        retry_backoff_ms=100,
        linger_ms=0,
    )
