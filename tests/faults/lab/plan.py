"""The plan of a run: who is released and what is said about them, what goes wrong, and when the office clock moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.lab.people import Person


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong, from when and for how long, in seconds after the beginning of the load."""

    at: float
    kind: str
    target: str
    seconds: float = 0.0
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything about a run that is drawn."""

    seed: int
    people: Sequence[Person]
    faults: Sequence[Fault]
    office_steps: Sequence[tuple[float, float]]
    """When the office clock is stepped, and to how many hours after Friday evening."""
    restart_seconds: float
    operator_seconds: float
