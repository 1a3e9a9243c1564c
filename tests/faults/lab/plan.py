"""A run as it is drawn before it begins: the same seed draws the same people, the same faults and the same moments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.faults.lab.people import LOAD_SECONDS, Person, draw_people

OFFICE_STEPS: Final = (1.1, 5.0, 25.0, 49.0, 73.0, 78.0, 101.0)
"""Hours after Friday evening at which clocks of releases, searches and letters have rung."""


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


def draw(seed: int) -> Plan:
    """Draw the run of a seed."""
    random = Random(seed)  # noqa: S311 - a run can be told again, which is the opposite of a secret
    people = draw_people(random, seed)
    hours = sorted(random.sample(OFFICE_STEPS, random.randrange(2, 5)))
    moments = sorted(random.uniform(2.0, LOAD_SECONDS + 1.0) for _ in hours)
    return Plan(
        seed=seed,
        people=people,
        faults=(),
        office_steps=list(zip(moments, hours, strict=True)),
        restart_seconds=random.choice((0.1, 0.5, 1.0)),
        operator_seconds=random.choice((0.0, 0.3, 1.0)),
    )
