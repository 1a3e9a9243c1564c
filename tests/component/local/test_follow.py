"""The logs of all parts are one stream of whole lines."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.follow import Follower
from deploy.local.waiting import wait_until


@pytest.fixture
def written() -> list[str]:
    return []


@pytest.fixture
def logs(tmp_path: Path, written: list[str]) -> Iterator[Path]:
    (tmp_path / "kafka.log").write_text("of an earlier run\n")
    os.utime(tmp_path / "kafka.log", (0, 0))
    follower = Follower(tmp_path, write=written.append, colour=False)
    follower.start()
    yield tmp_path
    follower.close()


def test_lines_come_whole_and_under_the_name_of_their_part(logs: Path, written: list[str]) -> None:
    with (logs / "registration.log").open("w") as log:
        log.write("first\nsecond, ")
        log.flush()
        assert wait_until(lambda: written == ["registration  | first"], seconds=5)

        log.write("to its end\n")
        log.flush()

        assert wait_until(lambda: written[1:] == ["registration  | second, to its end"], seconds=5)


def test_a_log_of_an_earlier_run_is_not_shown(logs: Path, written: list[str]) -> None:
    (logs / "postgres.log").write_text("now\n")

    assert wait_until(lambda: written == ["postgres      | now"], seconds=5)
