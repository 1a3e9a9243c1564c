"""Which stack runs in a state folder: at most one, found again from another terminal."""

import fcntl
import json
import os
import signal
from pathlib import Path
from typing import IO, Final

from deploy.local import watchdog
from deploy.local.identity import Identity
from deploy.local.problem import Problem
from deploy.local.processes import RECORD_NAME, write_whole
from deploy.local.waiting import wait_until

LOCK_NAME: Final = "lock"
FILE_NAME: Final = "stack.json"
STOP_SECONDS: Final = 90.0
CLEANED_SECONDS: Final = 2 * watchdog.GRACE_SECONDS


def claim(state: Path) -> IO[str]:
    """Take the state folder for this process until the given file is closed, and end what an earlier one left."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    lock = (state / LOCK_NAME).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        other = find(state)
        message = (
            f"A stack already runs in {state}" + (f" (process {other.pid})" if other else "") + ": make down stops it."
        )
        raise Problem(message) from None
    end_leftovers(state)
    me = Identity.of(os.getpid())
    write_whole(state / FILE_NAME, json.dumps({"pid": os.getpid(), "born": me.born if me else ""}))
    return lock


def release(state: Path, lock: IO[str]) -> None:
    """Give the state folder back."""
    (state / FILE_NAME).unlink(missing_ok=True)
    lock.close()


def find(state: Path) -> Identity | None:
    """The process of the stack that runs in this folder, and no other that got its number since."""
    try:
        found = json.loads((state / FILE_NAME).read_text())
    except FileNotFoundError:
        return None
    stack = Identity(int(found["pid"]), str(found["born"]))
    return stack if stack.alive else None


def stop(state: Path) -> bool:
    """Stop the stack that runs in this folder and wait until nothing of it is left; False if there was none."""
    stack = find(state)
    if stack is not None:
        stack.signal(signal.SIGTERM)
        if not wait_until(lambda: not stack.alive, seconds=STOP_SECONDS):
            stack.signal(signal.SIGKILL)
    # A stack that was killed has its watchdog clean up; where that was killed too, this does.
    wait_until(lambda: not (state / RECORD_NAME).exists(), seconds=0 if stack is None else CLEANED_SECONDS)
    left = end_leftovers(state)
    return stack is not None or left


def end_leftovers(state: Path) -> bool:
    """End recorded processes whose stack is gone; True if there were any."""
    record = watchdog.Record.read(state / RECORD_NAME)
    left = any(child.identity.alive for child in record.children)
    watchdog.end_all(record)
    (state / RECORD_NAME).unlink(missing_ok=True)
    (state / FILE_NAME).unlink(missing_ok=True)
    return left
