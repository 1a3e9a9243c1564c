"""How often and how patiently a notice is tried, and what came of each attempt. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}")

INTERRUPTED: Final = frozenset({"SMTP_INTERRUPTED", "TIME-OUT"})
"""Attempts that broke off when the other side may already have had everything: the next one may be the second copy."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently an effect outside the house is tried."""

    first_wait: timedelta = timedelta(seconds=15)
    factor: int = 2
    wait_max: timedelta = timedelta(hours=1)
    attempts_max: int = 12

    def wait_after(self, attempts: int) -> timedelta:
        """How long to wait after so many attempts."""
        wait = self.first_wait
        for _ in range(1, attempts):
            wait = min(wait * self.factor, self.wait_max)
        return wait


RETRIES: Final = RetryPolicy()

TOO_MUCH: Final = RetryPolicy(first_wait=timedelta(minutes=1))
NOT_LET_IN: Final = RetryPolicy(first_wait=timedelta(minutes=5))
RETRIES_AFTER: Final[Mapping[str, RetryPolicy]] = {
    "GATEWAY_429": TOO_MUCH,
    "GATEWAY_401": NOT_LET_IN,
    "GATEWAY_403": NOT_LET_IN,
}
"""Answers after which it is no use to ask again as soon as after others: the carrier has too much to do, or a person
must mend our key first."""


def code_of(reason: str) -> str:
    """A reason as a code; whatever else somebody said could name a person."""
    word = reason.upper()
    return word if _CODE.fullmatch(word) else "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one attempt: its number, and the system's time at its end."""

    number: int
    sent: bool
    retryable: bool = True
    reason: str = ""
    at: datetime

    @property
    def code(self) -> str:
        """Why it failed, as a code."""
        return code_of(self.reason)
