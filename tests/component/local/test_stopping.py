"""A signal stops asynchronous work between two steps of it, never inside one."""

import signal
import subprocess
import sys

import pytest

from deploy.local.settings import REPOSITORY
from deploy.local.stopping import SIGNALS

PROGRAM = """
import asyncio, sys, time
from deploy.local.stopping import run_until_stopped, stop_on_signals

async def work():
    try:
        print("begun", flush=True)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            pass
        print("whole", flush=True)
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        print("tidied", flush=True)

stop_on_signals()
try:
    run_until_stopped(work())
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_step_that_has_begun_is_whole_before_the_work_is_cancelled(number: signal.Signals) -> None:
    """A driver in C that is interrupted in the middle takes the process with it."""
    assert told(number) == ["begun", "whole", "tidied", "stopped"]


def test_the_second_signal_leaves_at_once() -> None:
    assert told(signal.SIGINT, signal.SIGTERM) == ["begun"]


def told(*signals: signal.Signals) -> list[str]:
    """What the program says when it is told to stop in the middle of a step."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        begun = running.stdout.readline()
        for number in signals:
            running.send_signal(number)
        rest = running.communicate(timeout=30)[0]
    return (begun + rest).split()
