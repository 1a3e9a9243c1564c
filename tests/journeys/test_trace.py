"""One trace from the prison's request or message to the officer's mail, across outbox and broker."""

import secrets
from collections.abc import Callable, Sequence

import pytest

from contracts.roles import Role
from tests.journeys.cases import Case, a_release
from tests.journeys.house import House, eventually
from tests.journeys.span_sink import Span

OPERATION = "messaging.operation.type"


async def by_http(case: Case, traceparent: str) -> None:
    """The prison's system calls."""
    assert (await case.posted(headers={"traceparent": traceparent})).status_code == 201


async def by_kafka(case: Case, traceparent: str) -> None:
    """The prison's system publishes."""
    case.published(traceparent=traceparent)


@pytest.mark.parametrize(
    ("door", "first"),
    [(by_http, "POST /v1/releases"), (by_kafka, "lapas.events process")],
    ids=["from a request", "from a message"],
)
async def test_one_trace_runs_from_the_prison_to_the_mail(
    house: House, door: Callable[..., object], first: str
) -> None:
    trace_id, origin = secrets.token_hex(16), secrets.token_hex(8)
    case = Case(house, a_release())

    await door(case, f"00-{trace_id}-{origin}-01")  # type: ignore[misc]  # both doors are coroutines

    spans = await trace(house, trace_id, origin, mails=1)
    assert {(span.service, span.name) for span in spans} >= {
        ("registration", first),
        ("registration", "registration.events create"),
        ("notifications", "registration.events process"),
        ("notifications", "notifications.events create"),
        ("notifications", "smtp send"),
    }
    assert path_to_root(the(spans, "smtp send"), spans) == [
        "smtp send", "registration.events process", "registration.events create", first,
    ]  # fmt: skip
    assert the(spans, first).parent_id == origin


async def test_a_message_and_the_batch_that_sent_it_are_linked(house: House) -> None:
    """The relay sends messages of many traces at once: its span stands outside of them and names each."""
    trace_id, origin = secrets.token_hex(16), secrets.token_hex(8)
    Case(house).published(traceparent=f"00-{trace_id}-{origin}-01")

    spans = await trace(house, trace_id, origin, mails=1)

    created = the(spans, "registration.events create")

    async def sends() -> bool:
        linked = [span for span in house.sink.spans() if (trace_id, created.span_id) in span.links]
        return ("registration", "send") in {(span.service, span.attributes[OPERATION]) for span in linked}

    await eventually(sends, "the span of the batch")
    processed = the(spans, "registration.events process")
    assert (trace_id, created.span_id) in processed.links
    assert processed.attributes["messaging.system"] == "kafka"
    assert processed.attributes[OPERATION] == "process"
    assert processed.attributes["messaging.destination.name"] == "registration.events"
    assert processed.attributes["messaging.consumer.group.name"] == "notifications"
    assert processed.attributes["bapas.outcome"] == "applied"


async def test_a_clock_that_rings_belongs_to_the_trace_of_the_release(house: House) -> None:
    """The mail of the 24th hour is found from the prison's message of the day before."""
    trace_id, origin = secrets.token_hex(16), secrets.token_hex(8)
    case = Case(house).published(traceparent=f"00-{trace_id}-{origin}-01")
    await case.reaches("released")
    await house.quiet()
    at_once = await mails_owed(case)
    await trace(house, trace_id, origin, mails=at_once)

    ringing = [
        "smtp send",
        "registration.events process",
        "registration.events create",
        "timer first-contact",
        "lapas.events process",
    ]

    async def rings() -> bool:
        spans = house.sink.spans(trace_id)
        return ringing in [path_to_root(span, spans) for span in spans if span.name == "smtp send"]

    with house.clock_moves():
        house.step_to(house.office.replace(day=30))
        await eventually(rings, "the mail of the clock, hung up on the release")
        await house.quiet()

    assert [fact.data["hours"] for fact in case.facts("first-contact-overdue")] == [24]


async def test_a_trace_that_is_not_sampled_leaves_no_span(house: House) -> None:
    trace_id, sampled, origin = secrets.token_hex(16), secrets.token_hex(16), secrets.token_hex(8)
    Case(house).published(traceparent=f"00-{trace_id}-{origin}-00")
    Case(house).published(traceparent=f"00-{sampled}-{origin}-01")

    await trace(house, sampled, origin, mails=1)

    assert house.sink.spans(trace_id) == []


async def test_a_log_line_is_found_by_the_trace(house: House) -> None:
    """Of a request that was refused, by the trace id that its answer names."""
    answer = await house.prison("LP1-PLG").post("registration", "/v1/releases", a_release(facility="LP-KAG"))

    log = (house.stack.logs / "registration.log").read_text()
    assert answer.status_code == 403
    assert answer.json()["trace_id"] in log


async def mails_owed(case: Case) -> int:
    """How many mails the ledger has about a case."""
    operations = case.house.somebody(Role.OPS, unit="PLG-HQ")
    ledger = await operations.pages("notifications", "/v1/notifications", about=str(case.id))
    return sum(line["channel"] == "EMAIL" for line in ledger)


async def trace(house: House, trace_id: str, origin: str, *, mails: int) -> Sequence[Span]:
    """The spans of a trace, as soon as so many mails are among them and all of them hang together."""

    async def look() -> Sequence[Span]:
        spans = house.sink.spans(trace_id)
        sent = sum(span.name == "smtp send" for span in spans)
        return spans if sent >= mails and connected(spans, origin) else []

    return await eventually(look, f"the trace {trace_id}")


def the(spans: Sequence[Span], name: str) -> Span:
    """The first span of this name."""
    return next(span for span in spans if span.name == name)


def path_to_root(span: Span, spans: Sequence[Span]) -> list[str]:
    """The names from a span up to the first one in our house."""
    by_id = {each.span_id: each for each in spans}
    found = [span.name]
    while (parent := by_id.get(span.parent_id)) is not None:
        found.append(parent.name)
        span = parent
    return found


def connected(spans: Sequence[Span], origin: str) -> bool:
    """Whether every span has its parent in the trace, or is the child of what the prison did."""
    known = {span.span_id for span in spans} | {origin}
    return all(span.parent_id in known for span in spans)
