"""The command of the demonstration: it says 0 only when everything holds, and leaves nothing behind."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

from deploy.demo.scenario import SAMPLES
from deploy.local.settings import REPOSITORY

TINY: Final = ("01", "16")
"""Two cases are enough to see how it ends: one is registered on Friday, one is found on Monday."""
PLAY_SECONDS: Final = 170


@contextmanager
def demo(state: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "deploy.demo", "--state", str(state), "--free-ports", *arguments]
    environment = {**os.environ, "TRACES": "0", "KEEP": ""}
    # From make it would also end with make; here it is on its own.
    environment.pop("MAKELEVEL", None)
    running = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def played(state: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and what was shown."""
    with demo(state, *arguments) as running:
        shown, _ = running.communicate(timeout=PLAY_SECONDS)
        return running.returncode, shown


def sheets(folder: Path, *, ends: dict[str, str]) -> Path:
    """The sheets cut down to two cases, with other ends where the test wants them."""
    folder.mkdir()
    for name in ("weekend.csv", "weekend_acts.csv", "weekend_ends.csv"):
        with (SAMPLES / name).open(newline="") as whole, (folder / name).open("w", newline="") as part:
            rows = csv.DictReader(whole)
            writer = csv.DictWriter(part, rows.fieldnames or ())
            writer.writeheader()
            for row in rows:
                if row["case"] in TINY:
                    changed = {"ends_as": ends[row["case"]]} if "ends_as" in row and row["case"] in ends else {}
                    writer.writerow(row | changed)
    return folder


@pytest.mark.timeout(PLAY_SECONDS + 10)
def test_the_whole_weekend_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    state = tmp_path / "state"

    code, shown = played(state)

    assert code == 0, shown
    assert shown.count("holds ") == 11
    assert "FAILS" not in shown
    assert "found at hour 80" in shown
    assert not state.exists()
    assert re.search(r"\b[1-9]\d* messages to telephones", shown), "somebody at Prabumulih has a telephone"


@pytest.mark.timeout(PLAY_SECONDS + 10)
def test_a_weekend_that_ends_otherwise_than_expected_fails_and_says_where_to_look(tmp_path: Path) -> None:
    folder = sheets(tmp_path / "sheets", ends={"16": "tracing"})

    code, shown = played(tmp_path / "state", "--sheets", str(folder))

    assert code == 1, shown
    assert "FAILS every client is registered, waited for or a named exception" in " ".join(shown.split())
    assert "case 16 is registered, not tracing" in shown
    assert str(tmp_path / "state" / "logs" / "registration.log") in shown.replace("\n", "")


def test_a_sheet_that_cannot_be_read_is_named_before_anything_starts(tmp_path: Path) -> None:
    folder = sheets(tmp_path / "sheets", ends={})
    (folder / "weekend.csv").write_text("row,at\n1\n")

    code, shown = played(tmp_path / "state", "--sheets", str(folder))

    assert code == 1
    assert "weekend.csv, line 2" in " ".join(shown.split())
    assert not (tmp_path / "state").exists()


@pytest.mark.timeout(PLAY_SECONDS + 10)
def test_ctrl_c_stops_every_part(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with demo(state) as running:
        _read_until(running, "The weekend")
        parts = [part["pid"] for part in json.loads((state / "endpoints.json").read_text())["processes"].values()]
        assert len(parts) >= 6

        running.send_signal(signal.SIGINT)
        shown, _ = running.communicate(timeout=60)

        assert running.returncode == 130, shown
        assert not [pid for pid in parts if psutil.pid_exists(pid)]
        assert not (state / "endpoints.json").exists()


def _read_until(running: "subprocess.Popen[str]", words: str) -> None:
    deadline = time.monotonic() + PLAY_SECONDS
    assert running.stdout is not None
    for line in running.stdout:
        if words in line:
            return
        assert time.monotonic() < deadline
    message = f"it ended before it said {words!r}"
    raise AssertionError(message)
