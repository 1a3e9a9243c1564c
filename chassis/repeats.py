"""Lines that are said again and again: one of them in a while, and how many it stands for."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

PERIOD_SECONDS: Final = 10.0
KINDS_MAX: Final = 200
"""Of further kinds every line passes, so that memory stays bounded and nothing is lost."""

L = TypeVar("L")


@dataclass
class _Kind(Generic[L]):
    """Equal lines since the last one that passed."""

    until: float
    times: int = 0
    last: L | None = None


@dataclass
class RepeatLimit(Generic[L]):
    """Lets the first of equal lines pass; of those of each period that follows the last, with their number."""

    monotonic: Callable[[], float]
    _kinds: dict[Hashable, _Kind[L]] = field(default_factory=dict)

    def passes(self, kind: Hashable, line: L) -> bool:
        """Whether this line is written now; else it is counted."""
        known = self._kinds.get(kind)
        if known is not None:
            known.times += 1
            known.last = line
            return False
        if len(self._kinds) < KINDS_MAX:
            self._kinds[kind] = _Kind(self.monotonic() + PERIOD_SECONDS)
        return True

    def due(self, *, at_the_end: bool = False) -> Iterator[tuple[L, int]]:
        """The last of the lines held back in each period that is over, and how many they were."""
        now = self.monotonic()
        for name, kind in list(self._kinds.items()):
            if not at_the_end and now < kind.until:
                continue
            if kind.last is None:
                del self._kinds[name]
                continue
            self._kinds[name] = _Kind(now + PERIOD_SECONDS)
            yield kind.last, kind.times
