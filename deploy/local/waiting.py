"""Waiting with a bound."""

import time
from collections.abc import Callable
from typing import Final

POLL_SECONDS: Final = 0.05


def wait_until(condition: Callable[[], bool], *, seconds: float, poll_seconds: float = POLL_SECONDS) -> bool:
    """Whether the condition came true within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(poll_seconds)
    return True
