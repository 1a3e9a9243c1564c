"""How a running stack is told to stop: Ctrl-C, the end of the terminal, a signal, or the end of make."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

from deploy.local.launch import PR_SET_PDEATHSIG

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED: Final = 130

T = TypeVar("T")

_told: Final[list[int]] = []
_at_work: Final[list[asyncio.Task[Any]]] = []


def stop_on_signals() -> None:
    """The first signal interrupts the main thread, which stops in order; the second leaves at once.

    What runs is then ended by the watchdog.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        _told.append(number)
        if len(_told) > 1:
            os._exit(INTERRUPTED)
        if not _at_work:
            raise KeyboardInterrupt
        [task] = _at_work
        task.cancel()
        # Wakes the loop, which may wait for something else.
        task.get_loop().call_soon_threadsafe(lambda: None)

    for number in SIGNALS:
        signal.signal(number, stop)
    if sys.platform == "linux" and "MAKELEVEL" in os.environ:
        # A make that is killed does not tell its children.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def run_until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work in the main thread; the first signal cancels it, then raises KeyboardInterrupt.

    Raised wherever the loop happens to be, it would pass through a driver that is written in C and crash it.
    """

    async def cancellable() -> T:
        task = asyncio.ensure_future(work)
        _at_work.append(task)
        try:
            return await task
        finally:
            _at_work.clear()

    try:
        return asyncio.run(cancellable())
    finally:
        if _told:
            # Whatever the cancelled work made of it.
            raise KeyboardInterrupt
