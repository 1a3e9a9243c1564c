"""A whole stack starts from nothing, is found from another terminal, and leaves nothing behind however it ends."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.identity import Identity
from deploy.local.settings import REPOSITORY
from deploy.local.waiting import wait_until

READY_SECONDS = 60
GONE_SECONDS = 20


class Terminal:
    """Somebody's `up` in a state folder."""

    def __init__(self, state: Path, **env: str) -> None:
        self.state = state
        self.output = state.parent / "output"
        command = [sys.executable, "-m", "deploy.local", "--state", str(state), "up", "--free-ports"]
        with self.output.open("wb") as output:
            self.up = subprocess.Popen(
                [*command, "--without-services"],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**os.environ, "TRACES": "0", **env},
            )

    def wait_ready(self) -> list[Identity]:
        ready = wait_until(lambda: "Ready after" in self.text() or self.up.poll() is not None, seconds=READY_SECONDS)
        assert ready, self.text()
        assert self.up.poll() is None, self.text()
        endpoints = json.loads((self.state / "endpoints.json").read_text())
        found = [Identity.of(process["pid"]) for process in endpoints["processes"].values()]
        return [member for identity in found if identity for member in identity.family()]

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def end(self) -> None:
        if self.up.poll() is None:
            self.up.kill()
        self.up.wait()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    # As of a clone that nobody else may enter.
    tmp_path.chmod(0o700)
    return tmp_path / "state"


def test_a_stack_that_is_stopped_from_elsewhere_keeps_its_data_until_clean(state: Path) -> None:
    terminal = Terminal(state)
    try:
        family = terminal.wait_ready()
        endpoints = state / "endpoints.json"
        assert stat.S_IMODE(endpoints.stat().st_mode) == 0o600
        assert {"kafka", "postgres", "mailbox"} <= set(json.loads(endpoints.read_text())["processes"])
        assert run(state, "status").returncode == 0

        assert run(state, "down").returncode == 0

        assert terminal.up.wait(timeout=5) == 0
        assert not any(member.alive for member in family)
        assert not endpoints.exists()
        assert run(state, "status").returncode == 1
        assert (state / "kafka" / "data" / "meta.properties").exists()
        assert run(state, "clean").returncode == 0
        assert not state.exists()
    finally:
        terminal.end()


def test_a_second_stack_is_refused_and_does_not_claim_to_stop_anything(state: Path) -> None:
    terminal = Terminal(state)
    try:
        family = terminal.wait_ready()

        second = run(state, "up")

        assert second.returncode == 1
        assert "already runs" in second.stderr.decode()
        assert second.stdout == b""
        assert all(member.alive for member in family)
        assert run(state, "down").returncode == 0
    finally:
        terminal.end()


def test_a_stack_that_is_killed_leaves_no_process(state: Path) -> None:
    terminal = Terminal(state)
    try:
        family = terminal.wait_ready()

        terminal.up.kill()
        terminal.up.wait()

        assert len(family) >= 3
        assert wait_until(lambda: not any(member.alive for member in family), seconds=GONE_SECONDS)
        assert run(state, "clean").returncode == 0
    finally:
        terminal.end()


def test_a_stack_that_is_interrupted_while_it_starts_leaves_no_process(state: Path) -> None:
    terminal = Terminal(state)
    try:
        assert wait_until((state / "processes.json").exists, seconds=READY_SECONDS)
        terminal.up.send_signal(signal.SIGINT)

        terminal.up.wait(timeout=30)

        assert not (state / "processes.json").exists()
        assert "Traceback" not in terminal.text()
    finally:
        terminal.end()


def run(state: Path, command: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", "--state", str(state), command],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        timeout=60,
    )
