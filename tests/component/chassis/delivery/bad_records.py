"""Every way in which a record can be wrong, each with the outcome that it gets."""

import struct
from dataclasses import replace
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from chassis.consumer import HEADER_NAME_UNREADABLE
from chassis.delivery import Record
from contracts.envelope import EVENT_BYTES_MAX
from tests.component.chassis.delivery.harness import record_of, released

NAME_BYTES: Final = b"\xff\xfe\xfd\xfc"
CRC_AT: Final = 17
"""Where a batch of records keeps its check sum, over all that comes after it."""


def good(label: str, **changes: object) -> Record:
    """A good record about a release called as the case; what is given replaces what would be right."""
    return replace(record_of(released(label), 0, event_id=label), **changes)  # type: ignore[arg-type]


def with_header(label: str, name: str, value: bytes | None) -> Record:
    """The same with one header set, or with a header more."""
    record = good(label)
    headers = [(each, raw) for each, raw in record.headers if each != name]
    return replace(record, headers=(*headers, (name, value)))


def with_data(label: str, old: bytes, new: bytes) -> Record:
    """The same with a piece of its data replaced."""
    record = good(label)
    assert record.value is not None
    assert old in record.value
    return replace(record, value=record.value.replace(old, new))


CASES: Final[dict[str, tuple[Record, str]]] = {
    "not JSON": (good("not JSON", value=b"{not json"), "data is not JSON"),
    "an array": (good("an array", value=b"[]"), "data is not an object"),
    "half a character": (with_data("half a character", b'"Budi"', b'"\\ud800"'), "data is not JSON"),
    "wrong type": (with_data("wrong type", b'"Budi"', b"5"), "field name: string_type"),
    "NUL in a name": (with_data("NUL in a name", b'"Budi"', b'"Bu\\u0000di"'), "field name: string_pattern_mismatch"),
    "missing field": (with_data("missing field", b'"facility"', b'"facilities"'), "field facility: missing"),
    "unknown field": (with_data("unknown field", b"{", b'{"shoe_size": 42,'), "applied"),
    "unknown type": (with_header("unknown type", "ce_type", b"lapas.client-sneezed.v1"), "neither"),
    "unknown version": (
        with_header("unknown version", "ce_type", b"lapas.client-released.v9"),
        "type lapas.client-released.v9: the major version is unknown",
    ),
    "wrong key": (good("wrong key", key=b"other"), "key is not the subject"),
    "empty key": (good("empty key", key=b""), "key is empty"),
    "no key": (good("no key", key=None), "key is missing"),
    "key of no text": (good("key of no text", key=b"\xff\xfe"), "key is not UTF-8"),
    "empty value": (good("empty value", value=b""), "value is empty"),
    "no value": (good("no value", value=None), "value is empty"),
    "too large": (good("too large", value=b" " * (EVENT_BYTES_MAX + 1)), "value is over the limit"),
    "no headers": (good("no headers", headers=()), "header ce_type is missing"),
    "no id": (with_header("no id", "ce_id", None), "header ce_id is missing"),
    "source of no text": (with_header("source of no text", "ce_source", b"\xff\xfe"), "header ce_source is not UTF-8"),
    "NUL in an id": (with_header("NUL in an id", "ce_id", b"a\x00b"), "header ce_id has control characters"),
    "foreign header without a value": (with_header("foreign header without a value", "x-trace", None), "applied"),
    "foreign header of no text": (with_header("foreign header of no text", "x-trace", b"\xff\xfe"), "applied"),
    "structured mode": (
        good("structured mode", headers=(("content-type", b"application/cloudevents+json"),)),
        "the message is in structured mode; binary mode is read here",
    ),
    "id reused": (with_data("id reused", b'"Budi"', b'"Another"'), "event id reused with another body"),
    "the same again": (good("the same again"), "applied"),
}


async def send_with_unreadable_header_name(producer: AIOKafkaProducer, topic: str, *, partition: int) -> None:
    """Send what no client of good manners can: a header whose name is no text."""
    batch = producer.create_batch()
    record = good("header name of no text")
    batch.append(key=record.key, value=record.value, timestamp=None, headers=[("NAME", b"value"), *record.headers])
    batch.close()
    built = bytearray(bytes(batch._build()).replace(b"NAME", NAME_BYTES))  # noqa: SLF001  the bytes as they are sent
    struct.pack_into(">I", built, CRC_AT, calc_crc32c(bytes(built[CRC_AT + 4 :])))
    batch._buffer = built  # noqa: SLF001
    await (await producer.send_batch(batch, topic, partition=partition))


UNREADABLE_NAME: Final = HEADER_NAME_UNREADABLE
