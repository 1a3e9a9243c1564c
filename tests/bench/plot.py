"""The picture: throughput and latency of all contenders side by side."""

from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from tests.bench.report import STEADY_RATE, Results

OURS_COLOUR: Final = "#1b6ca8"
OTHERS_COLOUR: Final = "#b8bfc6"


def draw(results: Results, file: Path) -> None:
    """Write a PNG with a bar for each contender: events a second, and p99 at the steady rate."""
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    rates, times = figure.subplots(1, 2)
    _draw_rates(rates, results)
    _draw_times(times, results)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def _draw_rates(axes: Any, results: Results) -> None:
    shown = [contender for contender in results.contenders if results.rates(contender)]
    names = [contender.name for contender in shown]
    medians = [results.median_rate(contender) for contender in shown]
    spread = [
        [value - min(results.rates(contender)) for value, contender in zip(medians, shown, strict=True)],
        [max(results.rates(contender)) - value for value, contender in zip(medians, shown, strict=True)],
    ]
    colours = [OURS_COLOUR if contender.is_ours else OTHERS_COLOUR for contender in shown]
    bars = axes.barh(names, medians, xerr=spread, color=colours, capsize=3)
    axes.bar_label(bars, labels=[f"{value:,.0f}" for value in medians], padding=6)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_title("Drained events per second (median, min-max)")


def _draw_times(axes: Any, results: Results) -> None:
    found = [one for contender in results.contenders if (one := results.latency(contender, STEADY_RATE))]
    ours = {contender.name for contender in results.contenders if contender.is_ours}
    bars = axes.barh(
        [one.contender for one in found],
        [one.p99_ms for one in found],
        color=[OURS_COLOUR if one.contender in ours else OTHERS_COLOUR for one in found],
    )
    axes.bar_label(bars, labels=[f"{one.p50_ms:.0f} / {one.p99_ms:.0f}" for one in found], padding=6)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_title(f"At {STEADY_RATE} events per second: p99, ms (p50 / p99)")
    axes.set_xlim(1, max((one.p99_ms for one in found), default=1) * 8)
