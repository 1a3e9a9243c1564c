"""Numbers out of measurements. Pure."""

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The smallest value that at least so many per cent of the values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * per_cent / 100) - 1)]


def interleaved(contenders: Sequence[T], rounds: int) -> list[list[T]]:
    """Everyone once a round, each round begun by the next one, so that nobody always runs first or after the same."""
    shifts = [number % len(contenders) for number in range(rounds)] if contenders else []
    return [[*contenders[shift:], *contenders[:shift]] for shift in shifts]


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours by theirs: what slows a whole round slows both."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))
