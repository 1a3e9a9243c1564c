"""What a reader is told of results."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.bench.contenders import CONFLUENT, FLOOR, OURS, Contender
from tests.bench.drain import Drained
from tests.bench.invariants import Verdict
from tests.bench.latency import Latency
from tests.bench.pipeline import able
from tests.bench.report import Bound, Results, bounds, tables

GOOD = Verdict()


def drained(contender: Contender, rate: float, verdict: Verdict = GOOD) -> Drained:
    """A run of a thousand events at this rate."""
    return Drained(contender.name, 1_000, 1_000 / rate, 0.1, 0.2, 0.02, 100.0, verdict)


def latency(contender: Contender, rate: int, milliseconds: Sequence[float]) -> Latency:
    """A run at a fixed rate."""
    return Latency.of(contender, rate, milliseconds, sender_late_ms=0.0, verdict=GOOD)


def results(ours: float = 6_000.0, p99: float = 9.0) -> Results:
    """Two rounds of three contenders, the second on a machine that is busy, and ours at fixed rates."""
    rates = {OURS: ours, CONFLUENT: 1_000.0, FLOOR: 8_000.0}
    found = Results(list(rates))
    found.drained = [drained(contender, rate / slower) for slower in (1, 2) for contender, rate in rates.items()]
    found.open_loop = [latency(OURS, 500, [p99 - 1.0]), latency(OURS, found.half_rate, [50.0])]
    found.idle = [latency(OURS, 50, [4.0])]
    return found


def test_a_bound_holds_at_its_limit() -> None:
    assert Bound("x", 5.0, 5.0, at_least=True).holds
    assert Bound("x", 5.0, 5.0, at_least=False).holds
    assert not Bound("x", 4.99, 5.0, at_least=True).holds
    assert not Bound("x", 5.01, 5.0, at_least=False).holds


def test_ratios_are_those_of_the_same_round() -> None:
    measured = {bound.claim: bound.measured for bound in bounds(results())}

    assert measured["ours-1 / confluent, drained events/s"] == pytest.approx(6.0)
    assert measured["ours-1 / floor, drained events/s"] == pytest.approx(0.75)


def test_a_figure_at_a_rate_is_the_median_of_its_rounds() -> None:
    found = results()
    found.open_loop += [latency(OURS, 500, [11.0]), latency(OURS, 500, [400.0])]

    one = found.latency(OURS, 500)

    assert one is not None
    assert (one.p99_ms, one.max_ms, one.events) == (12.0, 401.0, 3)


def test_half_of_ours_is_half_of_the_median_in_whole_hundreds() -> None:
    assert results().half_rate == 2_200


def test_a_contender_that_did_not_run_bounds_nothing() -> None:
    assert not any("fs-outbox" in bound.claim for bound in bounds(results()))


def test_what_holds_is_ok_and_what_does_not_is_missed() -> None:
    lines = tables(results(ours=4_000.0, p99=21.0))
    told = {line.split(" | ")[0]: line for line in lines if line.endswith(("ok |", "MISSED |"))}

    assert told["| ours-1 / confluent, drained events/s"].endswith("| 4.00 | >= 5 | MISSED |")
    assert told["| ours-1, p99 at 500 events/s, ms"].endswith("| 21.00 | <= 20 | MISSED |")
    assert told["| ours-1, commit to Kafka when idle, p99, ms"].endswith("| 5.00 | <= 10 | ok |")


def test_whoever_lost_something_is_marked() -> None:
    found = results()
    found.drained = [
        replace(one, verdict=Verdict(lost=3)) if one.contender == CONFLUENT.name and one.rate > 900 else one
        for one in found.drained
    ]
    (line,) = [line for line in tables(found) if line.startswith("| **confluent**")]

    assert line.endswith("| 3 lost (1 of 2 runs) |")


def test_the_millisecond_that_the_broker_cuts_off_is_added() -> None:
    assert latency(OURS, 500, [2.0]).p99_ms == 3.0


def test_who_cannot_keep_up_is_not_measured_at_a_rate_but_ours_always_is() -> None:
    assert [one.name for one in able(results(), 700)] == [OURS.name, FLOOR.name]
    assert [one.name for one in able(results(ours=300.0), 700)] == [OURS.name, FLOOR.name]
    assert [one.name for one in able(results(), 600)] == [OURS.name, CONFLUENT.name, FLOOR.name]
