"""Office time and real time of a day that runs faster than a day."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.bench.day.plan import SPAN


@dataclass(frozen=True)
class Day:
    """When the span began, by both clocks, and how many times as fast the office's runs until the span is over."""

    office: datetime
    real: float
    factor: float

    def due(self, after: timedelta) -> float:
        """The real moment, in seconds since 1970, at which so much of the office's time is over."""
        return self.real + after.total_seconds() / self.factor

    def office_now(self) -> datetime:
        """What the office's clock shows."""
        now, ends = time.time(), self.due(SPAN)
        if now > ends:
            return self.office + SPAN + timedelta(seconds=now - ends)
        return self.office + timedelta(seconds=(now - self.real) * self.factor)

    def real_of(self, office: datetime) -> float:
        """The real moment of something that the office noted: after the span its clock runs as fast as any."""
        passed = office - self.office
        return self.due(passed) if passed <= SPAN else self.due(SPAN) + (passed - SPAN).total_seconds()
