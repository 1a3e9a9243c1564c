"""What a day came to, and whether what has to hold holds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.bench.figures import percentile

P99_MS: Final = 2_000.0
PERCENTILES: Final = (50, 95, 99)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Two hours of the office's time; what was waited for is in milliseconds from the intended moment of a message."""

    releases: int
    behind: int
    minutes: float
    factor: float
    messages: int
    sender_late_ms: float
    feed_ms: Sequence[float]
    board_ms: Sequence[float]
    looks_a_second: float
    boards_ms: Sequence[float]
    contacts_ms: Sequence[float]
    told_ms: Mapping[str, Sequence[float]]
    untold: int
    mails: int
    rest_seconds: float
    broken: Sequence[str]

    @property
    def rate(self) -> float:
        """Messages of prisons a second of real time."""
        return self.messages / (self.minutes * 60)

    def as_row(self) -> dict[str, Any]:
        """For the file that machines read: percentiles in place of what was measured one by one."""
        measured = ("feed_ms", "board_ms", "boards_ms", "contacts_ms")
        row = {name: value for name, value in asdict(self).items() if name not in {*measured, "told_ms"}}
        row |= {name: _figures(getattr(self, name)) for name in measured}
        row["told_ms"] = {channel: _figures(times) for channel, times in self.told_ms.items()}
        return row | {"rate": self.rate, "holds": bounds_hold(self)}


def bounds_hold(run: Run) -> bool:
    """Whether everybody was on the board in time and told, and nothing is lost or doubled."""
    return in_time(run) and not run.broken and not run.untold


def in_time(run: Run) -> bool:
    """Whether the way to the board keeps the bound."""
    return percentile(run.board_ms, 99) < P99_MS


def table(runs: Sequence[Run]) -> list[str]:
    """For a reader: a column for each run."""
    rows: list[tuple[str, list[str]]] = [
        ("releases (messages of prisons), older cases behind", [_load(run) for run in runs]),
        ("pace: real minutes for two hours of office time", [f"{run.minutes:g} (x{run.factor:g})" for run in runs]),
        ("messages a second; sent at most so late, ms", [f"{run.rate:.1f}; {run.sender_late_ms:.0f}" for run in runs]),
        ("message to feed, each of them, p50 / p95 / p99 / max ms", [_times(run.feed_ms) for run in runs]),
        ("message to board, one in five, p50 / p95 / p99 / max ms", [_sampled(run) for run in runs]),
        ("looks a second for this", [f"{run.looks_a_second:.1f}" for run in runs]),
        ("a unit's board read by its officers, ms", [_times(run.boards_ms) for run in runs]),
        ("first contacts entered; answered after, ms", [_counted(run.contacts_ms) for run in runs]),
        *(
            (f"message to told by {channel}, notices; ms", [_counted(run.told_ms.get(channel, ())) for run in runs])
            for channel in sorted({channel for run in runs for channel in run.told_ms})
        ),
        ("mails that arrived", [f"{run.mails:,}" for run in runs]),
        ("after the two hours, everything done within s", [f"{run.rest_seconds:.0f}" for run in runs]),
        ("releases of which nobody was told", [f"{run.untold}" for run in runs]),
        ("lost or doubled", ["; ".join(run.broken) or "nothing" for run in runs]),
        (f"p99 to the board < {P99_MS / 1000:g} s", ["**holds**" if in_time(run) else "**MISSED**" for run in runs]),
    ]
    return [
        "| remission day | " + " | ".join(f"{run.rate:.1f} messages/s" for run in runs) + " |",
        "| --- |" + " ---: |" * len(runs),
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
    ]


def _load(run: Run) -> str:
    return f"{run.releases:,} ({run.messages:,}), {run.behind:,}"


def _sampled(run: Run) -> str:
    return f"{_times(run.board_ms)} (of {len(run.board_ms)})"


def _counted(times: Sequence[float]) -> str:
    return f"{len(times):,}; {_times(times)}" if times else "0"


def _times(times: Sequence[float]) -> str:
    if not times:
        return "-"
    return " / ".join(f"{value:,.0f}" for value in (*(percentile(times, each) for each in PERCENTILES), max(times)))


def _figures(times: Sequence[float]) -> dict[str, float]:
    if not times:
        return {"count": 0}
    named = {f"p{each}": percentile(times, each) for each in PERCENTILES}
    return {"count": len(times), **named, "max": max(times)}
