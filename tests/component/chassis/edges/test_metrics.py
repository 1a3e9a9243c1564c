"""The numbers as Prometheus reads them."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis.clock import SteppedClock
from chassis.metrics import LABEL_VALUES_MAX, Metrics


def values(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of the exposition by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample."""
    return values(metrics).get((name, tuple(sorted(labels.items()))))


def test_deliveries_are_counted_by_outcome() -> None:
    metrics = Metrics()

    metrics.consumer.delivered("registration", topic="lapas.events", event_type="x.v1", outcome="applied", count=3)
    metrics.consumer.delivered(
        "registration", topic="lapas.events", event_type="x.v1", outcome="dead_lettered", reason="malformed"
    )

    labels = {"consumer": "registration", "topic": "lapas.events", "type": "x.v1"}
    assert value(metrics, "bapas_deliveries_total", **labels, outcome="applied", reason="") == 3
    assert value(metrics, "bapas_deliveries_total", **labels, outcome="dead_lettered", reason="malformed") == 1


def test_an_outcome_outside_the_closed_set_is_a_bug() -> None:
    with pytest.raises(ValueError, match="handled"):
        Metrics().consumer.delivered("c", topic="t", event_type="e", outcome="handled")


def test_a_stranger_cannot_fill_the_memory_with_labels() -> None:
    metrics = Metrics()

    for number in range(LABEL_VALUES_MAX + 50):
        metrics.consumer.delivered("c", topic="t", event_type=f"type-{number}", outcome="not_for_us")

    types = {dict(labels)["type"] for name, labels in values(metrics) if name == "bapas_deliveries_total"}
    assert len(types) == LABEL_VALUES_MAX + 1
    assert (
        value(metrics, "bapas_deliveries_total", consumer="c", topic="t", type="other", outcome="not_for_us", reason="")
        == 50
    )


def test_lag_of_a_partition_that_went_to_somebody_else_is_forgotten() -> None:
    metrics = Metrics()
    metrics.consumer.assigned("c", [("t", 0), ("t", 1)])
    metrics.consumer.lag("c", topic="t", partition=0, records=7, seconds=1.5)
    metrics.consumer.lag("c", topic="t", partition=1, records=9, seconds=2.5)

    metrics.consumer.assigned("c", [("t", 1)])

    assert value(metrics, "bapas_consumer_lag_records", consumer="c", topic="t", partition="0") is None
    assert value(metrics, "bapas_consumer_lag_records", consumer="c", topic="t", partition="1") == 9
    assert value(metrics, "bapas_consumer_lag_seconds", consumer="c", topic="t", partition="1") == 2.5
    assert value(metrics, "bapas_consumer_assigned_partitions", consumer="c") == 1


def test_seconds_since_the_last_poll_grow_by_themselves() -> None:
    clock = SteppedClock(datetime(2026, 1, 5, tzinfo=UTC))
    metrics = Metrics(monotonic=clock.monotonic)
    metrics.consumer.polled("c")

    clock.step(timedelta(seconds=42))

    assert value(metrics, "bapas_consumer_last_poll_seconds", consumer="c") == 42


def test_kinds_without_an_open_letter_show_zero() -> None:
    metrics = Metrics()

    metrics.dead_letters.open("c", {"malformed": 2})
    metrics.dead_letters.open("c", {"bug": 1})

    assert value(metrics, "bapas_dead_letters", consumer="c", kind="malformed") == 0
    assert value(metrics, "bapas_dead_letters", consumer="c", kind="bug") == 1


def test_every_gauge_of_operations_is_exported() -> None:
    metrics, leads = Metrics(), True
    metrics.relay.outbox(rows=3, oldest_seconds=1.5, parked=1)
    metrics.relay.relayed(5)
    metrics.relay.failed("KafkaConnectionError")
    metrics.relay.leading(leads)
    metrics.dead_letters.held("c", keys=2, oldest_seconds=60)
    metrics.timers.state(waiting=10, due=2, oldest_late_seconds=4)
    metrics.timers.fired("first-contact", outcome="applied", late_seconds=0.2)
    metrics.senders.state("mail", pending=1, failed=0, oldest_seconds=3)
    metrics.senders.attempted("mail", result="sent", seconds=0.01)
    metrics.consumer.unknown_fields("lapas.client-released.v1", 2)
    metrics.consumer.batch("c", records=100, seconds=0.02)
    metrics.consumer.stopped("c", stopped=True)
    metrics.http.answered(method="GET", route="/v1/board", status=200, seconds=0.01)
    metrics.database.pool(size=lambda: 5, idle=lambda: 3, most=10)

    expected = {
        ("bapas_outbox_rows",): 3,
        ("bapas_outbox_oldest_seconds",): 1.5,
        ("bapas_outbox_parked_rows",): 1,
        ("bapas_relayed_total",): 5,
        ("bapas_relay_errors_total", "error", "KafkaConnectionError"): 1,
        ("bapas_relay_leading",): 1,
        ("bapas_held_keys", "consumer", "c"): 2,
        ("bapas_held_key_oldest_seconds", "consumer", "c"): 60,
        ("bapas_timers_due",): 2,
        ("bapas_timers_waiting",): 10,
        ("bapas_sender_oldest_seconds", "sender", "mail"): 3,
        ("bapas_unknown_fields_total", "type", "lapas.client-released.v1"): 2,
        ("bapas_consumer_stopped", "consumer", "c"): 1,
        ("bapas_database_connections", "state", "idle"): 3,
        ("bapas_database_connections", "state", "most"): 10,
    }
    shown = {key: value(metrics, key[0], **({key[1]: key[2]} if len(key) > 1 else {})) for key in expected}
    assert shown == expected


def test_two_services_in_one_process_do_not_meet() -> None:
    one, other = Metrics(), Metrics()

    one.relay.relayed(1)

    assert value(other, "bapas_relayed_total") == 0
