"""Numbers out of measurements."""

import pytest

from tests.bench.figures import interleaved, paired_ratio, percentile


@pytest.mark.parametrize(
    ("per_cent", "value"),
    [(0, 1.0), (50, 50.0), (99, 99.0), (99.1, 100.0), (99.9, 100.0), (100, 100.0)],
)
def test_a_percentile_is_a_value_that_was_measured(per_cent: float, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], per_cent) == value


def test_one_slow_event_in_a_thousand_is_seen_by_the_highest_percentile_alone() -> None:
    values = [1.0] * 998 + [500.0] * 2

    assert (percentile(values, 99), percentile(values, 99.9)) == (1.0, 500.0)


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_everyone_runs_once_a_round_and_each_begins_in_turn() -> None:
    rounds = interleaved("abc", 5)

    assert ["".join(each) for each in rounds] == ["abc", "bca", "cab", "abc", "bca"]


def test_a_slow_round_does_not_change_a_ratio() -> None:
    ours, theirs = [200.0, 20.0, 190.0], [100.0, 10.0, 100.0]

    assert paired_ratio(ours, theirs) == 2.0
