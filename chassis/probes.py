"""Named points of the delivery machinery at which a test may watch or break a process.

The product wires `NO_PROBES`; only a test's own entry point passes something else. There is no switch for it.
"""

from typing import Final, Protocol


class Probes(Protocol):
    """Something that wants to know when a named point is reached."""

    async def reach(self, point: str) -> None:
        """Be told that the process stands at `point`."""


class _NoProbes:
    async def reach(self, point: str) -> None:
        """Nobody watches."""


NO_PROBES: Final[Probes] = _NoProbes()
