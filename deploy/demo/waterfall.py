"""One trace as a waterfall in the terminal. Idle time is cut out: an office waits for days, a trace viewer cannot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table
from rich.text import Text

CUT_MICROSECONDS: Final = 500_000
"""Where nothing happens for longer than this, time is cut."""
BAR_COLUMNS_MIN: Final = 16
NAME_COLUMNS_MAX: Final = 64
OTHER_COLUMNS: Final = 36
"""What the services and the two times take."""
COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue")
CUT: Final = "┊"
MILLISECOND: Final = 1_000
SECOND: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of work in a trace; times in microseconds."""

    id: str
    parent: str | None
    service: str
    name: str
    start: int
    duration: int
    tags: Mapping[str, str]

    @property
    def end(self) -> int:
        """When it was done."""
        return self.start + self.duration

    @property
    def title(self) -> str:
        """What it is; where it is about an event, this event in place of its topic."""
        event = self.tags.get("bapas.event.type", "").partition(".")[2].removesuffix(".v1")
        name = f"{self.name.rpartition(' ')[2]} {event}" if event else self.name
        outcome = self.tags.get("bapas.outcome", "applied")
        return name if outcome == "applied" else f"{name} ({outcome})"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A span in its place: how deep it lies, and the columns of its bar."""

    span: Span
    depth: int
    first: int
    last: int


def spans_of(zipkin: Sequence[Mapping[str, Any]]) -> list[Span]:
    """The spans of a trace as Zipkin tells them."""
    return [
        Span(
            id=span["id"],
            parent=span.get("parentId"),
            service=span.get("localEndpoint", {}).get("serviceName", "?"),
            name=span.get("name", "?"),
            start=span["timestamp"],
            duration=span.get("duration", 1),
            tags=span.get("tags", {}),
        )
        for span in zipkin
    ]


@dataclass(frozen=True)
class Axis:
    """Time with the idle parts cut out, on a row of columns."""

    busy: Sequence[tuple[int, int]]
    columns: int

    @classmethod
    def of(cls, spans: Sequence[Span], *, columns: int) -> "Axis":
        """The axis on which these spans lie."""
        busy: list[tuple[int, int]] = []
        for span in sorted(spans, key=lambda span: span.start):
            if busy and span.start - busy[-1][1] <= CUT_MICROSECONDS:
                busy[-1] = (busy[-1][0], max(busy[-1][1], span.end))
            else:
                busy.append((span.start, span.end))
        return cls(busy, columns)

    def column(self, instant: int) -> int:
        """The column of an instant; each cut takes a column of its own."""
        passed, cuts = 0, 0
        for number, (start, end) in enumerate(self.busy):
            if instant < start:
                break
            passed += min(instant, end) - start
            cuts = number
        room = self.columns - len(self.busy)
        return min(self.columns - 1, cuts + int(passed * room / self._total))

    @property
    def cuts(self) -> list[int]:
        """The columns in which time is cut."""
        return [self.column(start) - 1 for start, _ in self.busy[1:]]

    @property
    def _total(self) -> int:
        return max(1, sum(end - start for start, end in self.busy))


def lines_of(spans: Sequence[Span], axis: Axis) -> list[Line]:
    """The spans as lines, each below the one that caused it, in the order of their start."""
    known = {span.id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.start, span.id)):
        children.setdefault(span.parent if span.parent in known else None, []).append(span)

    def below(parent: str | None, depth: int) -> Iterator[Line]:
        for span in children.get(parent, ()):
            yield Line(span=span, depth=depth, first=axis.column(span.start), last=axis.column(span.end))
            yield from below(span.id, depth + 1)

    return list(below(None, 0))


def drawn(spans: Sequence[Span], *, width: int) -> Table:
    """The trace as a table: who, what, when; as wide as there is room."""
    room = width - OTHER_COLUMNS
    name_columns = min(NAME_COLUMNS_MAX, max(room * 3 // 5, room - 60))
    axis = Axis.of(spans, columns=max(BAR_COLUMNS_MIN, room - name_columns))
    services = sorted({span.service for span in spans})
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("service", no_wrap=True)
    table.add_column("what happens", no_wrap=True, max_width=name_columns)
    table.add_column(f"when ({CUT} idle)", no_wrap=True, min_width=axis.columns)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    begun = min(span.start for span in spans)
    for line in lines_of(spans, axis):
        colour = COLOURS[services.index(line.span.service) % len(COLOURS)]
        table.add_row(
            Text(line.span.service, style=colour),
            Text("  " * line.depth + line.span.title),
            _bar(line, axis, colour),
            duration_words(line.span.start - begun),
            duration_words(line.span.duration),
        )
    return table


def _bar(line: Line, axis: Axis, colour: str) -> Text:
    cells = [" "] * axis.columns
    for cut in axis.cuts:
        cells[cut] = CUT
    bar = Text("".join(cells[: line.first]), style="dim")
    bar.append("█" * max(1, line.last - line.first), style=colour)
    return bar.append("".join(cells[max(line.last, line.first + 1) :]), style="dim")


def duration_words(microseconds: int) -> str:
    """A duration as short as it can be said."""
    if microseconds < SECOND:
        return f"{microseconds / MILLISECOND:.1f} ms"
    return f"{microseconds / SECOND:.1f} s"
