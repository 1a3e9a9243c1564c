"""Reading and writing the envelope: nothing but a result or a Malformed ever comes out."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.outbox import source_of
from contracts.envelope import (
    EVENT_BYTES_MAX,
    OUR_SOURCES,
    Envelope,
    Erased,
    Malformed,
    NotForUs,
    Received,
    decode,
    encode,
    encode_headers,
    event_key,
    parse,
    record_hash,
)
from contracts.event import Event
from contracts.lapas import ClientReleased, ReleaseType
from contracts.registration import ClientDetails, FirstContactOverdue

KNOWN: dict[str, type[Event]] = {each.type: each for each in (ClientReleased, ClientDetails, FirstContactOverdue)}
RELEASE = "LP1-PLG.2026.0417"
PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""The machine may be busy with Kafka; slow is not wrong here."""
OURS = "0197192e-5a40-7c3e-8f6a-0d3c5b1e0001"

text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)
names = text.map(str.strip).filter(bool)
moments = st.integers(-(10**9), 5 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
releases = st.builds(
    ClientReleased,
    facility=st.sampled_from(["LP1-PLG", "LPKA-PLG", "ANYWHERE-9"]),
    name=names,
    alias=st.none() | names,
    released_at=moments,
    release_type=st.none() | st.sampled_from(ReleaseType),
    special_conditions=st.lists(st.from_regex(r"\A[A-Z][A-Z0-9-]{0,20}\Z"), max_size=5).map(tuple),
    release_id=st.from_regex(r"\A[A-Za-z0-9./-]{1,60}\Z"),
)
envelope_texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200)


def _released(**changes: Any) -> ClientReleased:
    facts = {
        "facility": "LP1-PLG",
        "name": "Budi",
        "released_at": datetime(2026, 5, 29, 9, 30, tzinfo=UTC),
        "release_id": RELEASE,
    }
    return ClientReleased.model_validate(facts | changes)


def _envelope(event: Event, **changes: Any) -> Envelope:
    facts: dict[str, Any] = {"id": "1", "source": "/sdp/lp1-plg", "type": event.type, "subject": event.subject}
    return Envelope(**(facts | changes))


@settings(**PATIENT)
@given(
    event=releases,
    event_id=envelope_texts,
    source=envelope_texts,
    time=st.none() | moments,
    sequence=st.none() | st.integers(0, 10**12),
    correlation_id=st.none() | envelope_texts,
    traceparent=st.none() | st.from_regex(r"\A00-[0-9a-f]{32}-[0-9a-f]{16}-01\Z"),
)
def test_what_is_written_is_read_again(
    event: ClientReleased,
    event_id: str,
    source: str,
    time: datetime | None,
    sequence: int | None,
    correlation_id: str | None,
    traceparent: str | None,
) -> None:
    envelope = _envelope(
        event,
        id=event_id,
        source=source,
        time=time,
        sequence=sequence,
        correlation_id=correlation_id,
        traceparent=traceparent,
    )

    received = decode(*encode(event, envelope), known=KNOWN)

    assert received == Received(envelope, event)


header_values = st.none() | st.binary(max_size=40) | text.map(str.encode) | st.just(b"x" * 400)
header_names = st.sampled_from(
    ["ce_id", "ce_source", "ce_subject", "ce_time", "ce_specversion", "ce_type", "traceparent"]
)


@settings(max_examples=400, **PATIENT)
@given(
    key=st.none() | st.binary(max_size=20) | st.just(RELEASE.encode()),
    changes=st.dictionaries(header_names, header_values, max_size=3),
    value=st.none() | st.binary(max_size=60) | st.just(_released().model_dump_json().encode()),
)
def test_a_record_of_any_bytes_has_a_result_or_a_reason(
    key: bytes | None, changes: dict[str, bytes | None], value: bytes | None
) -> None:
    headers: dict[str, bytes | None] = dict(encode_headers(_envelope(_released())))

    ended = _ended(key, list((headers | changes).items()), value)

    if isinstance(ended, Malformed):
        assert ended.reason.isprintable()
        assert len(ended.reason) < 400
        parts = ended.envelope_parts
        for part in (parts.id, parts.source, parts.type, parts.subject):
            assert part is None or (part and "\x00" not in part)


def _ended(
    key: bytes | None, headers: list[tuple[str, bytes | None]], value: bytes | None
) -> Received | Erased | NotForUs | Malformed:
    try:
        return decode(key, headers, value, known=KNOWN)
    except Malformed as malformed:
        return malformed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, **PATIENT)
@given(st.dictionaries(st.sampled_from(sorted(ClientReleased.model_fields)), json_values, max_size=6))
def test_data_of_any_shape_has_a_result_or_a_reason_without_its_values(data: dict[str, Any]) -> None:
    planted = {**data, "name": "Zulaikha" * 40}

    with pytest.raises(Malformed) as refusal:
        parse(ClientReleased, json.dumps(planted))

    assert "Zulaikha" not in str(refusal.value.problems)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_value_at_the_limit_is_read_and_one_byte_more_is_not() -> None:
    key, headers, value = encode(_released(), _envelope(_released()))
    at_limit = value[:-1] + b" " * (EVENT_BYTES_MAX - len(value)) + b"}"

    assert isinstance(decode(key, headers, at_limit, known=KNOWN), Received)
    with pytest.raises(Malformed, match=r"^value is over the limit$"):
        decode(key, headers, at_limit[:-1] + b" }", known=KNOWN)


def test_unknown_fields_are_dropped_after_they_were_counted() -> None:
    key, headers, value = encode(_released(), _envelope(_released()))
    more = value[:-1] + b',"cell":"C 4","guarantor":{"name":"Siti","hobby":"chess"}}'

    received = decode(key, headers, more, known=KNOWN)

    assert isinstance(received, Received)
    assert received.unknown_fields == 2
    assert b"cell" not in encode(received.event, received.envelope)[2]
    assert not received.event.model_extra


def test_a_tombstone_of_a_compacted_topic_erases_its_subject() -> None:
    client = "6a1d5f4e-4b7e-5b52-8f0c-7d1c7b2f9a10"
    envelope = Envelope(id=OURS, source="/bapas/registration", type=ClientDetails.type, subject=client)

    received = decode(client.encode(), encode_headers(envelope), None, known=KNOWN)

    assert received == Erased(envelope, ClientDetails)


def test_a_broken_trace_is_dropped_and_refuses_nothing() -> None:
    key, headers, value = encode(_released(), _envelope(_released()))

    received = decode(key, [*headers, ("traceparent", b"\xff\xfe"), ("ce_tracestate", b"x" * 5000)], value, known=KNOWN)

    assert isinstance(received, Received)
    assert received.envelope.traceparent is None
    assert received.envelope.tracestate is None


def test_trace_context_is_read_with_and_without_prefix() -> None:
    key, headers, value = encode(_released(), _envelope(_released()))
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    for name in ("traceparent", "ce_traceparent"):
        received = decode(key, [*headers, (name, trace)], value, known=KNOWN)

        assert isinstance(received, Received)
        assert received.envelope.traceparent == trace.decode()


def test_a_broken_message_shows_what_can_be_read_of_it() -> None:
    headers = [("ce_id", b"17"), ("ce_source", b"\xff"), ("ce_type", ClientReleased.type.encode())]

    with pytest.raises(Malformed) as refusal:
        decode(RELEASE.encode(), headers, b"{}", known=KNOWN)

    parts = refusal.value.envelope_parts
    assert (parts.id, parts.source, parts.type, parts.subject) == ("17", None, ClientReleased.type, RELEASE)


def test_a_broken_message_shows_in_which_trace_it_was_sent() -> None:
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    key, headers, _ = encode(_released(), _envelope(_released()))

    with pytest.raises(Malformed) as refusal:
        decode(key, [*headers, ("traceparent", trace)], b"not json", known=KNOWN)

    assert refusal.value.envelope_parts.traceparent == trace.decode()


def test_a_message_whose_key_and_header_disagree_has_no_readable_subject() -> None:
    headers = encode_headers(_envelope(_released()))

    with pytest.raises(Malformed) as refusal:
        decode(b"another", headers, b"{}", known=KNOWN)

    assert refusal.value.reason == "key is not the subject"
    assert refusal.value.envelope_parts.subject is None


def test_an_envelope_of_another_event_is_not_written() -> None:
    with pytest.raises(ValueError, match="the envelope of a "):
        encode(_released(), _envelope(_released(), subject="another"))


def test_our_own_ids_are_their_own_keys() -> None:
    assert event_key("/bapas/registration", OURS) == UUID(OURS)


@pytest.mark.parametrize(
    ("source", "event_id"),
    [
        ("/sdp/lp1-plg", OURS),
        ("/bapas/registration", "not a uuid"),
        ("/bapas/x", "9a7b0c1e-3c77-4d52-9f2a-1f0a5d6b7c8d"),
    ],
    ids=["a foreign source", "no uuid", "not version 7"],
)
def test_any_other_id_is_unique_only_with_its_source(source: str, event_id: str) -> None:
    assert event_key(source, event_id) == event_key(source, event_id)
    assert event_key(source, event_id) != event_key(f"{source}/2", event_id)
    assert event_key(source, event_id).version == 5


def test_source_and_id_cannot_be_shifted_into_each_other() -> None:
    assert event_key("/sdp/lp1", "2") != event_key("/sdp/lp", "12")


def test_the_fingerprint_of_a_record_does_not_depend_on_trace_or_order_of_headers() -> None:
    key, headers, value = encode(_released(), _envelope(_released()))
    again = [("traceparent", b"00-1"), *reversed(headers), ("ce_tracestate", b"a=b"), ("x-own", b"1")]

    assert record_hash(key, headers, value) == record_hash(key, again, value)


@pytest.mark.parametrize("part", ["key", "header", "value"])
def test_the_fingerprint_of_a_record_changes_with_what_it_says(part: str) -> None:
    key, headers, value = encode(_released(), _envelope(_released()))
    other: dict[str, tuple[bytes, list[tuple[str, bytes]], bytes | None]] = {
        "key": (key + b"1", headers, value),
        "header": (key, [("ce_id", b"2"), *headers], value),
        "value": (key, headers, value + b" "),
    }

    assert record_hash(key, headers, value) != record_hash(*other[part])


def test_no_value_and_an_empty_value_are_different_records() -> None:
    assert record_hash(b"k", [], None) != record_hash(b"k", [], b"")


def test_the_sources_of_our_services_are_known_as_ours() -> None:
    assert source_of("registration").startswith(OUR_SOURCES)


def test_times_are_kept_in_utc() -> None:
    jakarta = timezone(timedelta(hours=7))
    event = _released(released_at=datetime(2026, 5, 29, 16, 30, tzinfo=jakarta))

    assert event.released_at.tzinfo is UTC
    assert b'"released_at":"2026-05-29T09:30:00Z"' in encode(event, _envelope(event))[2]
