"""What people and traces are told of the letters that are set aside."""

from dataclasses import replace
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from tests.component.chassis.delivery.harness import House, record_of, released
from tests.component.chassis.delivery.tally import FRIDAY


async def test_a_letter_of_an_upstream_topic_is_told_again_after_an_hour_once(house: House) -> None:
    """By the office's clock, and only while it is open."""
    await house.a_bug_with_followers("B")

    told = []
    for minutes in (59, 61, 200):
        house.office_clock.stepped.set(FRIDAY + timedelta(minutes=minutes))
        await house.desk.remind()
        told.append([fact["reminder"] for fact in await house.announced()])

    assert told == [[False], [False, True], [False, True]]


@pytest.mark.parametrize(
    ("topic", "facts"),
    [
        pytest.param("test.lapas.events", [("lapas.events", True, False), ("lapas.events", True, True)], id="upstream"),
        pytest.param("test.supervision.events", [("supervision.events", False, False)], id="our own"),
    ],
)
async def test_under_a_prefix_upstream_is_still_told_from_our_own(
    house: House, topic: str, facts: list[tuple[str, bool, bool]]
) -> None:
    """A letter of our own is for operations alone, who are told once."""
    prefixed = House(house.pool, prefix="test.")
    await prefixed.deliver(replace(record_of(released("r-1", "REFUSED"), 0), topic=topic))

    prefixed.office_clock.stepped.set(FRIDAY + timedelta(hours=2))
    await prefixed.desk.remind()

    announced = await prefixed.announced()
    assert [(fact["source_topic"], fact["upstream"], fact["reminder"]) for fact in announced] == facts


async def test_a_settled_letter_is_not_told_again(house: House) -> None:
    """Its hour passes in silence."""
    letter = await house.a_bug_with_followers()
    await house.desk.retry(letter.id, actor="ops")

    house.office_clock.stepped.set(FRIDAY + timedelta(hours=2))
    await house.desk.remind()

    assert len(await house.announced()) == 1


async def test_a_dead_letter_is_told_in_codes_alone(house: House) -> None:
    """Which and why, never what it says: no name, no id of a release."""
    await house.a_bug_with_followers("B")

    (fact,) = await house.announced()

    assert fact.pop("dead_letter_id") == str((await house.letters_in("parked"))[0].id)
    assert fact.pop("dead_lettered_at") == "2026-05-29T09:30:00Z"
    assert fact == {
        "consumer": "registration",
        "source_topic": "lapas.events",
        "partition": 0,
        "offset": 0,
        "event_type": "lapas.client-released.v1",
        "reason_kind": "bug",
        "holds_key": True,
        "upstream": True,
        "reminder": False,
    }


async def test_a_refusal_is_told_with_its_rule(house: House) -> None:
    """The rule's name is a word of ours."""
    await house.deliver(record_of(released("r-1", "REFUSED"), 0))

    (fact,) = await house.announced()

    assert (fact["reason_kind"], fact["rule"], fact["holds_key"]) == ("refused", "name-refused", False)


async def test_what_becomes_of_a_letter_is_traced_from_the_prison_to_every_message(house: House) -> None:
    """A retry, a reminder and a letter that had waited: each message has its span, and each span its parent."""
    trace, origin = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    memory = InMemorySpanExporter()
    house = House(house.pool, spans=SimpleSpanProcessor(memory))
    house.wrong.bugs |= {"BUG", "B"}
    records = [record_of(released("r-1", name), place) for place, name in enumerate(["BUG", "B"])]
    sent = ("traceparent", f"00-{trace}-{origin}-01".encode())
    await house.deliver(*(replace(record, headers=(*record.headers, sent)) for record in records))
    memory.clear()

    house.office_clock.stepped.set(FRIDAY + timedelta(hours=2))
    await house.desk.remind()
    house.wrong.bugs.remove("BUG")
    await house.desk.retry((await house.letters_in("parked"))[0].id, actor="ops")
    await house.follow()

    spans = memory.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context is not None} == {trace}
    ends = [(span.attributes or {})["bapas.outcome"] for span in spans if span.name.endswith("process")]
    assert sorted(map(str, ends)) == ["applied", "dead_lettered"]
    created = [span for span in spans if span.name.endswith("create")]
    rows = await house.pool.fetch("SELECT headers FROM outbox ORDER BY seq OFFSET 1")
    assert {row["headers"].decode().split(trace)[1][1:17] for row in rows} == {_id_of(span.context) for span in created}
    letters = await house.pool.fetch("SELECT traceparent FROM dead_letter WHERE seq = 1")
    known = {_id_of(span.context) for span in spans} | {row["traceparent"].split("-")[2] for row in letters}
    assert {_id_of(span.parent) for span in created} <= known


def _id_of(context: SpanContext | None) -> str:
    return "" if context is None else f"{context.span_id:016x}"
