"""The command of the demonstration: it says 0 only when everything holds, and leaves nothing behind."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
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


def sheets(folder: Path, *, ends: dict[str, str], cases: Collection[str] = TINY) -> Path:
    """The sheets cut down to a few cases, with other ends where the test wants them."""
    folder.mkdir()
    for name in ("weekend.csv", "weekend_acts.csv", "weekend_ends.csv"):
        with (SAMPLES / name).open(newline="") as whole, (folder / name).open("w", newline="") as part:
            rows = csv.DictReader(whole)
            writer = csv.DictWriter(part, rows.fieldnames or ())
            writer.writeheader()
            for row in rows:
                if row["case"] in cases:
                    changed = {"ends_as": ends[row["case"]]} if "ends_as" in row and row["case"] in ends else {}
                    writer.writerow(row | changed)
    return folder


@pytest.mark.timeout(PLAY_SECONDS + 10)
def test_the_whole_weekend_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    state = tmp_path / "state"

    code, shown = played(state)

    assert code == 0, shown
    assert shown.count("holds ") == 16
    assert "FAILS" not in shown
    assert "found at hour 80" in shown
    assert not state.exists()
    assert re.search(r"\b[1-9]\d* messages to telephones", shown), "somebody at Prabumulih has a telephone"
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    for told in (
        "Thu 28 May 07:00 roster-gap SHA-HQ-01 (section head adult) app 07:00, mail 07:00",
        "Sat 30 May 21:00 case 29: walked-in AO-TJR-01 (assistant officer) app 21:00, message 21:00",
        "Sun 31 May 00:05 case 31: climbed-to-head HEAD-HQ-01 (head) app 00:05, mail 00:05",
        "Tue 02 Jun 16:30 case 30: offer-overdue SHA-HQ-01 (section head adult) app 16:30, mail 16:30",
    ):
        assert told in lines
    assert any("LP-TJR reported 36.2 h later" in line for line in lines)


@pytest.mark.timeout(PLAY_SECONDS + 10)
def test_a_night_that_does_not_show_what_the_sheets_promise_fails(tmp_path: Path) -> None:
    folder = sheets(tmp_path / "sheets", ends={}, cases=("31",))
    with (folder / "weekend_acts.csv").open("a") as acts:
        acts.write("2026-05-30T21:00:00+07:00,AO-SRG-01,31,acknowledge,,,,,,\n")

    code, shown = played(tmp_path / "state", "--sheets", str(folder))

    assert code == 1, shown
    assert "FAILS an alert climbs until somebody answers" in " ".join(shown.split())
    assert "case 31: climbed-to-head was told to []" in shown


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
