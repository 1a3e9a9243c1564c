"""One check and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PROBLEMS_SHOWN_MAX: Final = 5


@dataclass(frozen=True)
class Verdict:
    """What was checked, the numbers that show it, and every fact that contradicts it."""

    name: str
    numbers: str
    problems: tuple[str, ...] = ()

    @classmethod
    def on(cls, name: str, *, numbers: str, problems: Iterable[str]) -> "Verdict":
        """The verdict with the problems in a fixed order."""
        return cls(name, numbers, tuple(sorted(problems)))

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts it."""
        return not self.problems

    @property
    def shown_problems(self) -> tuple[str, ...]:
        """The first problems, and how many more there are."""
        left = len(self.problems) - PROBLEMS_SHOWN_MAX
        return (*self.problems[:PROBLEMS_SHOWN_MAX], *([f"and {left} more"] if left > 0 else []))
