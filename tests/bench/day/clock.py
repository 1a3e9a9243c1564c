"""Office time and real time of a day that runs faster than a day."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

AFTERWARDS: Final = 0.01
"""The pace of the office's clock when the span is over: nothing rings any more, and first and last are still apart."""


@dataclass(frozen=True)
class Day:
    """When the span began, by both clocks, how many times as fast the office's runs, and when that came to its end."""

    office: datetime
    real: float
    factor: float
    slowed_at: float | None = None

    def due(self, after: timedelta) -> float:
        """The real moment, in seconds since 1970, at which so much of the office's time is over."""
        return self.real + after.total_seconds() / self.factor

    def office_at(self, real: float) -> datetime:
        """What the office's clock shows at a real moment."""
        fast = real if self.slowed_at is None else min(real, self.slowed_at)
        return self.office + timedelta(seconds=(fast - self.real) * self.factor + (real - fast) * AFTERWARDS)

    def office_now(self) -> datetime:
        """What the office's clock shows."""
        return self.office_at(time.time())

    def real_of(self, office: datetime) -> float:
        """The real moment of something that the office noted."""
        if self.slowed_at is None or office <= (slowed := self.office_at(self.slowed_at)):
            return self.due(office - self.office)
        return self.slowed_at + (office - slowed).total_seconds() / AFTERWARDS
