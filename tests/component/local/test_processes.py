"""Nothing outlives its stack, and nobody else's process is ever ended."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from deploy.local import running, watchdog
from deploy.local.identity import Identity
from deploy.local.problem import Problem
from deploy.local.processes import RECORD_NAME, Processes, Program
from deploy.local.settings import REPOSITORY
from deploy.local.waiting import wait_until

# Starts two children as a stack does, says their ids, and waits to be killed. The second child, and its own child,
# hear neither SIGTERM nor the kernel: only the watchdog can end them.
PARENT = """
import signal, sys, time
from pathlib import Path
from deploy.local.processes import Processes, Program
state = Path(sys.argv[1])
processes = Processes(state, remove_when_killed=[state / "left"])
(state / "left").mkdir()
deaf = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); time.sleep(600)"
for name, code, death in (("plain", "import time; time.sleep(600)", signal.SIGKILL), ("deaf", deaf, signal.SIGCONT)):
    command = [sys.executable, "-c", code]
    process = processes.start(Program(name=name, command=command, log=state / f"{name}.log", death_signal=death))
    print(process.pid, flush=True)
time.sleep(600)
"""


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert parent.stdout is not None
    children = [found for _ in range(2) if (found := Identity.of(int(parent.stdout.readline())))]
    assert wait_until(lambda: len(children[1].family()) == 2, seconds=10)
    family = [member for child in children for member in child.family()]

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert len(family) == 3
    assert wait_until(lambda: not any(member.alive for member in family), seconds=watchdog.GRACE_SECONDS + 5)
    assert wait_until(lambda: not (tmp_path / "left").exists(), seconds=5)


def test_a_process_that_does_not_stop_in_time_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    log = tmp_path / "deaf.log"
    processes = Processes(tmp_path)
    process = processes.start(Program(name="deaf", command=[sys.executable, "-c", code], log=log, stop_seconds=0.5))
    assert wait_until(lambda: log.exists() and "deaf" in log.read_text(), seconds=10)

    processes.stop_all()

    assert process.popen.returncode == -signal.SIGKILL
    assert not (tmp_path / RECORD_NAME).exists()


def test_nothing_is_started_once_the_stack_is_being_stopped(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.stop_all()

    with pytest.raises(Problem, match="being stopped"):
        processes.start(Program(name="late", command=[sys.executable, "-c", ""], log=tmp_path / "late.log"))


def test_a_number_that_belongs_to_another_process_by_now_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    stale = Identity(other.pid, "an earlier birth")
    (tmp_path / running.FILE_NAME).write_text(f'{{"pid": {other.pid}, "born": "an earlier birth"}}')
    child = watchdog.Child(name="x", pid=other.pid, born=stale.born, death_signal=signal.SIGKILL, log="")
    (tmp_path / RECORD_NAME).write_text(json.dumps(asdict(watchdog.Record(children=[child], remove=[]))))

    stopped = running.stop(tmp_path)
    stale.signal(signal.SIGKILL)

    assert not stopped
    assert other.poll() is None
    other.kill()
    other.wait()


def test_one_state_folder_holds_one_stack(tmp_path: Path) -> None:
    lock = running.claim(tmp_path)

    with pytest.raises(Problem, match=rf"already runs .*process {os.getpid()}"):
        running.claim(tmp_path)

    running.release(tmp_path, lock)
    assert running.find(tmp_path) is None
    running.release(tmp_path, running.claim(tmp_path))
