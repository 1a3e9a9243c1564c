"""What is made of the runs with years behind them."""

import pytest

from tests.bench import machine
from tests.bench.contenders import FLOOR, OURS, Contender
from tests.bench.invariants import Verdict
from tests.bench.years import __main__ as years
from tests.bench.years import growth, workers
from tests.bench.years.backlog import PARTS, part_ends
from tests.bench.years.explained import Explained
from tests.bench.years.growth import Growth
from tests.bench.years.workers import Workers


def drained(rows: int, seconds: float) -> growth.Run:
    return growth.Run(rows, 1_000, seconds, cpu_seconds=1.0, wal_bytes=5_000_000, memory_mib=100.0)


def worked(contender: Contender, processes: int, rate: float, *, lost: int = 0) -> workers.Run:
    return workers.Run(contender.name, processes, rate, 1.0, Verdict(lost=lost))


def test_a_size_is_compared_with_the_smallest_of_the_same_round() -> None:
    """The machine was slow in the second round: that says nothing of the size."""
    runs = [drained(10, 1.0), drained(1_000, 1.25), drained(1_000, 2.5), drained(10, 2.0)]
    found = Growth(runs, {10: {"inbox": 1}, 1_000: {"inbox": 2}}, [])

    assert found.ratio(1_000) == pytest.approx(0.8)
    assert found.as_rows()["ratio_to_smallest"] == {10: 1.0, 1_000: pytest.approx(0.8)}
    assert "| 1,000 | 600 (400-800) | 0.80 | 5,000 |" in "\n".join(found.table())


def test_a_statement_that_reads_a_table_whole_is_shown_as_such() -> None:
    row = Explained("a list", "", reads_whole=True, sorts=True, pages=1_000, milliseconds=4_000.0)

    assert Explained.table([row])[-1] == "| a list |  | yes | 1,000 | 4000.00 |"


def test_two_workers_are_compared_with_one_and_no_loss_is_passed_over() -> None:
    runs = [
        worked(OURS, 1, 100.0), worked(OURS, 2, 150.0), worked(FLOOR, 1, 200.0), worked(FLOOR, 2, 240.0, lost=1),
    ]  # fmt: skip
    found = Workers(runs)

    assert found.as_rows()["two_by_one"] == {OURS.name: 1.5, FLOOR.name: 1.2}
    assert (found.holds(OURS), found.holds(FLOOR)) == (True, False)


def test_the_readme_shows_of_each_the_last_result_and_where_it_comes_from() -> None:
    about = {
        "measured_at": "2026-11-24T10:00:00+00:00", "commit": "abc", "python": "3.11", "kafka": "4", "postgresql": "18",
        "machine": {"processor": "P", "cores": 2, "memory_gib": 8}, "settings": dict.fromkeys(machine.SHOWN, "on"),
    }  # fmt: skip
    parts = {"pipeline": {}, "years growth": {**about, "table": ["| growth |"]}}

    lines = years.section(parts)

    assert lines[0] == "| growth |"
    assert lines[-1].startswith("(growth: 2026-11-24, commit abc: P, 2 cores")


@pytest.mark.parametrize(
    ("handled", "ends"),
    [
        pytest.param(0, 0, id="nothing yet"),
        pytest.param(99, 0, id="not quite a tenth"),
        pytest.param(350, 3, id="three tenths between two looks"),
        pytest.param(1_010, PARTS, id="the last batch was longer than asked"),
    ],
)
def test_a_backlog_is_timed_by_its_tenths(handled: int, ends: int) -> None:
    assert part_ends(handled, events=1_000) == ends
