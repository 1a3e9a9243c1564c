"""What every pipeline written by hand needs, whatever it is written with: places, and the follow-up of an event."""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from contracts.lapas import ClientReleased, client_id_of, registration_id_of
from contracts.registration import RegistrationOpened, Source
from tests.bench.service.domain import RECEIVING_UNIT

DSN: Final = os.environ.get("DATABASE_URL", "")
SERVERS: Final = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
PREFIX: Final = os.environ.get("KAFKA_TOPIC_PREFIX", "")
INTAKE: Final = f"{PREFIX}lapas.events"
FACTS: Final = f"{PREFIX}registration.events"
GROUP: Final = f"{PREFIX}bench"
_TO_JSON: Final = json.JSONEncoder(separators=(",", ":")).encode
WORKERS: Final = 6
"""A worker a partition, where the tool has workers: the order of a release is the order of its partition."""
OUTBOX_LOCK: Final = 4_711
RELAY_ROWS_MAX: Final = 500
RELAY_POLL_SECONDS: Final = 0.2
RELAY_LINGER_SECONDS: Final = 0.005
"""Where every message is committed alone, the relay waits a moment for more before it looks."""


class FollowUp(NamedTuple):
    """An event read, and the row of the message that follows from it."""

    event_key: UUID
    registration_id: UUID
    revision: int
    event_id: UUID
    key: str
    headers: bytes
    payload: bytes


def read(raw_headers: Iterable[tuple[str, bytes]], value: bytes) -> FollowUp:
    """Read and validate an event; make what follows from it."""
    headers = {name: value.decode() for name, value in raw_headers}
    return follow_up(ClientReleased.model_validate_json(value), headers)


def follow_up(event: ClientReleased, headers: Mapping[str, str]) -> FollowUp:
    """The follow-up of a validated event."""
    registration_id, event_id = registration_id_of(event.release_id), uuid4()
    key = str(registration_id)
    fact = RegistrationOpened(
        registration_id=registration_id,
        client_id=client_id_of(registration_id),
        receiving_unit=RECEIVING_UNIT,
        released_at=event.released_at,
        release_type=event.release_type,
        facility=event.facility,
        source=Source.UNANNOUNCED,
    )
    return FollowUp(
        UUID(headers["ce_id"]),
        registration_id,
        event.revision,
        event_id,
        key,
        _TO_JSON(headers_of(event, headers, key, event_id)).encode(),
        fact.model_dump_json(exclude_none=True).encode(),
    )


def headers_of(event: ClientReleased, headers: Mapping[str, str], key: str, event_id: UUID) -> dict[str, str]:
    """The headers of the follow-up; the trace is handed on."""
    return {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_source": "/bapas/registration",
        "ce_type": RegistrationOpened.type,
        "ce_subject": key,
        "ce_time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "ce_correlationid": headers["ce_correlationid"],
        "ce_causationid": headers["ce_id"],
        "ce_sequence": str(event.revision),
        "traceparent": headers["traceparent"],
    }


def sendable(packed: bytes) -> list[tuple[str, bytes]]:
    """The headers as a Kafka client takes them."""
    return [(name, value.encode()) for name, value in json.loads(packed).items()]
