"""Tables out of results, and what has to hold. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from tests.bench.contenders import CONFLUENT, CONFLUENT_BATCHED, FASTSTREAM_OUTBOX, FLOOR, OURS, Contender
from tests.bench.drain import Drained
from tests.bench.figures import paired_ratio
from tests.bench.invariants import Verdict
from tests.bench.latency import IDLE_RATE, Latency

RATIOS_MIN: Final = ((FASTSTREAM_OUTBOX, 10.0), (CONFLUENT, 5.0), (CONFLUENT_BATCHED, 1.5), (FLOOR, 0.6))
"""How many times as fast as these ours has to be, with one trace in a hundred sampled."""
STEADY_RATE: Final = 500
STEADY_P99_MS: Final = 20.0
HALF_P99_MS: Final = 80.0
IDLE_P99_MS: Final = 10.0
NOT_MEASURED: Final = "-"


@dataclass(frozen=True)
class Bound:
    """Something that has to hold, and what was measured."""

    claim: str
    measured: float
    limit: float
    at_least: bool

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def as_row(self) -> dict[str, Any]:
        """For the file that machines read."""
        return {"claim": self.claim, "measured": self.measured, "limit": self.limit, "holds": self.holds}


@dataclass
class Results:
    """Everything that a run of the benchmark measured, in the order in which it was measured."""

    contenders: Sequence[Contender]
    drained: list[Drained] = field(default_factory=list)
    open_loop: list[Latency] = field(default_factory=list)
    idle: list[Latency] = field(default_factory=list)

    def rates(self, contender: Contender) -> list[float]:
        """Drained events a second, round by round."""
        return [one.rate for one in self.drained if one.contender == contender.name]

    def median_rate(self, contender: Contender) -> float:
        """The median of the rounds; nothing if it did not run."""
        rates = self.rates(contender)
        return median(rates) if rates else 0.0

    @property
    def half_rate(self) -> int:
        """Half of what ours drains, in whole hundreds."""
        return int(self.median_rate(OURS) / 2 // 100 * 100)

    def verdicts(self, contender: Contender) -> list[Verdict]:
        """What was lost or doubled, run by run."""
        runs: list[Drained | Latency] = [*self.drained, *self.open_loop, *self.idle]
        return [run.verdict for run in runs if run.contender == contender.name]

    def latency(self, contender: Contender, rate: int) -> Latency | None:
        """What was measured at a rate over all rounds, if it was."""
        found = [one for one in self.open_loop if (one.contender, one.rate) == (contender.name, rate)]
        return Latency.of_rounds(found) if found else None

    def when_idle(self, contender: Contender) -> Latency | None:
        """From commit to Kafka, if it was measured."""
        found = [one for one in self.idle if one.contender == contender.name]
        return Latency.of_rounds(found) if found else None


def bounds(results: Results) -> list[Bound]:
    """What has to hold, as far as it was measured."""
    found = []
    ours = results.rates(OURS)
    for other, limit in RATIOS_MIN:
        theirs = results.rates(other)
        if ours and theirs:
            found.append(
                Bound(f"{OURS.name} / {other.name}, drained events/s", paired_ratio(ours, theirs), limit, at_least=True)
            )
    for rate, limit in ((STEADY_RATE, STEADY_P99_MS), (results.half_rate, HALF_P99_MS)):
        if (one := results.latency(OURS, rate)) is not None:
            found.append(Bound(f"{OURS.name}, p99 at {rate} events/s, ms", one.p99_ms, limit, at_least=False))
    if (one := results.when_idle(OURS)) is not None:
        found.append(Bound(f"{OURS.name}, commit to Kafka when idle, p99, ms", one.p99_ms, IDLE_P99_MS, at_least=False))
    return found


def throughput_table(results: Results) -> list[str]:
    """Drained events a second and what they took, one line a contender."""
    lines = _head(
        "contender",
        "events/s, median (min-max)",
        "of floor",
        "ours-1 is",
        "CPU s/1,000",
        "of database and broker",
        "commits/event",
        "MiB",
        "lost or doubled",
    )
    for contender in results.contenders:
        own = [one for one in results.drained if one.contender == contender.name]
        if not own:
            continue
        rates = [one.rate for one in own]
        lines.append(
            _line(
                f"**{contender.name}** {contender.title}",
                f"{median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})",
                _ratio(rates, results.rates(FLOOR), "{:.2f}"),
                _ratio(results.rates(OURS), rates, "{:.1f}x"),
                f"{median(one.cpu_per_thousand for one in own):.3f}",
                f"{median(one.servers_cpu_per_thousand for one in own):.3f}",
                f"{median(one.commits_per_event for one in own):.2f}",
                f"{max(one.memory_mib for one in own):.0f}",
                _worst(results.verdicts(contender)),
            )
        )
    return lines


def latency_table(results: Results) -> list[str]:
    """Milliseconds from the intended send to the follow-up's place on its topic, one line a contender."""
    half = results.half_rate
    lines = _head(
        "contender, p50 / p99 / p99.9 ms", f"at {STEADY_RATE} events/s", f"at {half:,} events/s (half of ours)",
        f"commit to Kafka, idle ({IDLE_RATE}/s)",
    )  # fmt: skip
    for contender in results.contenders:
        cells = [_times(results.latency(contender, rate)) for rate in (STEADY_RATE, half)]
        cells.append(_times(results.when_idle(contender)))
        if any(cell != NOT_MEASURED for cell in cells):
            lines.append(_line(f"**{contender.name}**", *cells))
    return lines


def bounds_table(results: Results) -> list[str]:
    """What has to hold, what was measured and whether it does."""
    lines = _head("has to hold", "measured", "bound", "")
    for bound in bounds(results):
        sign = ">=" if bound.at_least else "<="
        lines.append(
            _line(bound.claim, f"{bound.measured:.2f}", f"{sign} {bound.limit:g}", "ok" if bound.holds else "MISSED")
        )
    return lines


def tables(results: Results) -> list[str]:
    """All three, as far as there is something in them."""
    parts = [throughput_table(results), latency_table(results), bounds_table(results)]
    return [line for part in parts if len(part) > HEAD_LINES for line in (*part, "")]


HEAD_LINES: Final = 2


def _head(*names: str) -> list[str]:
    return [_line(*names), _line("---", *("---:" for _ in names[1:]))]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(one: Sequence[float], other: Sequence[float], form: str) -> str:
    return form.format(paired_ratio(one, other)) if one and other else NOT_MEASURED


def _times(one: Latency | None) -> str:
    return NOT_MEASURED if one is None else f"{one.p50_ms:.1f} / {one.p99_ms:.1f} / {one.p999_ms:.1f}"


def _worst(verdicts: Sequence[Verdict]) -> str:
    """Nothing, or what broke in the first run that broke a rule."""
    broken = [verdict for verdict in verdicts if not verdict.holds]
    return f"{broken[0]} ({len(broken)} of {len(verdicts)} runs)" if broken else "nothing"
