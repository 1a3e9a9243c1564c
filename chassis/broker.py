"""How a process reaches Kafka: one place for addresses, security and the producer's guarantees."""

import ssl
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.helpers import create_ssl_context
from faststream.security import BaseSecurity, SASLScram512

from chassis.outbox import MESSAGE_BYTES_MAX
from chassis.settings import Settings

REQUEST_BYTES_MAX: Final = MESSAGE_BYTES_MAX + 64 * 1024
"""Above the largest message and below the broker's limit: a record that the broker refuses kills the producer."""
BATCH_BYTES_MAX: Final = REQUEST_BYTES_MAX


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


def new_producer(settings: Settings) -> AIOKafkaProducer:
    """An idempotent producer that counts a message as sent when all in-sync replicas have it."""
    return AIOKafkaProducer(
        **client_settings(settings),
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=10_000,
        retry_backoff_ms=100,
        linger_ms=0,
    )
