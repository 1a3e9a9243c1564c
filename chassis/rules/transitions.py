"""A state machine as a table: what is listed moves, what is absent is refused."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from itertools import product
from typing import Generic, TypeVar

from chassis.rules.refusal import Refused

S = TypeVar("S", bound=Enum)
T = TypeVar("T", bound=Enum)


class StepNotAllowed(Refused):
    """The step is not possible in this state."""


class Table(Generic[S, T]):
    """The moves of one kind of matter; `None` stands for a matter that does not exist yet."""

    def __init__(self, *, matter: str, states: type[S], steps: type[T], moves: Mapping[tuple[S | None, T], S]) -> None:
        """Take the name of the matter for the words of a refusal, and every move that is allowed."""
        self.matter = matter
        self._states = states
        self._steps = steps
        self._moves = dict(moves)

    def move(self, state: S | None, step: T) -> S:
        """The state after this step."""
        after = self._moves.get((state, step))
        if after is None:
            raise StepNotAllowed(self._refusal(state, step))
        return after

    def allows(self, state: S | None, step: T) -> bool:
        """Whether this step is possible in this state."""
        return (state, step) in self._moves

    def steps_from(self, state: S | None) -> tuple[T, ...]:
        """Every step that is possible in this state."""
        return tuple(step for step in self._steps if self.allows(state, step))

    def product(self) -> Iterator[tuple[S | None, T, S | None]]:
        """Every pair of state and step with the state after it, or `None` where it is refused."""
        for state, step in product(self._all_states(), self._steps):
            yield state, step, self._moves.get((state, step))

    def unreachable(self) -> frozenset[S]:
        """The states to which no sequence of steps leads: a sign of a forgotten row."""
        reached: set[S | None] = {None}
        while True:
            found = {after for (before, _), after in self._moves.items() if before in reached} - reached
            if not found:
                return frozenset(set(self._states) - reached)
            reached |= found

    def _all_states(self) -> Iterable[S | None]:
        return (None, *self._states)

    def _refusal(self, state: S | None, step: T) -> str:
        where = f"the {self.matter} is {state.value}" if state is not None else f"there is no {self.matter} yet"
        return f"{step.value} is not possible while {where}"
