"""A trace in the terminal: each span below its cause, idle time cut out."""

from rich.console import Console

from deploy.demo.waterfall import CUT, Axis, Span, drawn, duration_words, lines_of, spans_of

SECOND = 1_000_000


def a_span(
    span_id: str, *, parent: str | None = None, start: int = 0, duration: int = 1000, service: str = "a"
) -> Span:
    return Span(id=span_id, parent=parent, service=service, name=span_id, start=start, duration=duration, tags={})


def test_a_span_lies_below_the_one_that_caused_it() -> None:
    spans = [
        a_span("mail", parent="told", start=30),
        a_span("request", start=0),
        a_span("told", parent="request", start=20),
        a_span("orphan", parent="elsewhere", start=40),
    ]

    lines = lines_of(spans, Axis.of(spans, columns=40))

    assert [(line.span.id, line.depth) for line in lines] == [("request", 0), ("told", 1), ("mail", 2), ("orphan", 0)]


def test_a_day_of_waiting_takes_one_column() -> None:
    spans = [a_span("first", duration=SECOND), a_span("clock", start=86_400 * SECOND, duration=SECOND)]

    axis = Axis.of(spans, columns=12)

    assert axis.cuts == [5]
    assert [axis.column(instant) for instant in (0, SECOND // 2, 86_400 * SECOND, 86_401 * SECOND)] == [0, 2, 6, 11]


def test_bars_stay_inside_their_columns() -> None:
    spans = [a_span(str(n), start=n * 2 * SECOND, duration=SECOND // 10) for n in range(9)]
    axis = Axis.of(spans, columns=30)

    for line in lines_of(spans, axis):
        assert 0 <= line.first <= line.last < 30


def test_a_trace_is_drawn_with_its_services_and_cuts() -> None:
    spans = spans_of(
        [
            {"id": "1", "name": "POST /v1/releases", "timestamp": 0, "duration": 2000, "kind": "SERVER",
             "localEndpoint": {"serviceName": "registration"}, "tags": {}},
            {"id": "2", "parentId": "1", "name": "timer first-contact", "timestamp": 60 * SECOND, "duration": 900,
             "localEndpoint": {"serviceName": "registration"}, "tags": {"bapas.outcome": "applied"}},
            {"id": "3", "parentId": "2", "name": "registration.events create", "timestamp": 60 * SECOND,
             "localEndpoint": {"serviceName": "registration"},
             "tags": {"bapas.event.type": "registration.first-contact-overdue.v1"}},
        ]
    )  # fmt: skip
    console = Console(width=160, record=True, file=None, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        console.print(drawn(spans, width=140))
    text = capture.get()

    assert "create first-contact-overdue" in text
    assert CUT in text
    assert "60.0 s" in text


def test_durations_are_short() -> None:
    assert [duration_words(n) for n in (1, 1500, 2 * SECOND)] == ["0.0 ms", "1.5 ms", "2.0 s"]
