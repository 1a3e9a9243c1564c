"""How often one broken source may call people: a flood of unreadable messages is one piece of news, not thousands."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

NOTICES_MAX: Final = 20
WINDOW_SECONDS: Final = 600.0
SOURCES_MAX: Final = 1_000


@dataclass
class NoticeLimit:
    """Counts notices by source over a sliding window; what is over the limit is kept all the same, only not told."""

    monotonic: Callable[[], float] = time.monotonic
    _told: dict[str, deque[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many sources are being counted."""
        return len(self._told)

    def allows(self, source: str) -> bool:
        """Whether one more notice about this source may go out now; if so it is counted."""
        now = self.monotonic()
        if source not in self._told and len(self._told) >= SOURCES_MAX:
            self._told.pop(next(iter(self._told)))
        told = self._told.setdefault(source, deque())
        while told and told[0] <= now - WINDOW_SECONDS:
            told.popleft()
        if len(told) >= NOTICES_MAX:
            return False
        told.append(now)
        return True
