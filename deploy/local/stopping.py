"""How a running stack is told to stop: Ctrl-C, the end of the terminal, a signal, or the end of make."""

import ctypes
import os
import signal
import sys
from types import FrameType
from typing import Final

from deploy.local.launch import PR_SET_PDEATHSIG

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED: Final = 130


def stop_on_signals() -> None:
    """The first signal interrupts the main thread, which stops in order; the second leaves at once.

    What runs is then ended by the watchdog.
    """
    told: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        if len(told) > 1:
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, stop)
    if sys.platform == "linux" and "MAKELEVEL" in os.environ:
        # A make that is killed does not tell its children.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
