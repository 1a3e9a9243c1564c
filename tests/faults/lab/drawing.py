"""A run is drawn before it begins: the same seed draws the same people, the same faults and the same moments."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from tests.faults.lab import breaking_processes, breaking_stores, breaking_wires
from tests.faults.lab.people import LOAD_SECONDS, draw_people
from tests.faults.lab.plan import Fault, Plan
from tests.faults.lab.scene import Kind

KINDS: Final[Mapping[str, Kind]] = {**breaking_processes.KINDS, **breaking_stores.KINDS, **breaking_wires.KINDS}
OFFICE_STEPS: Final = (1.1, 5.0, 25.0, 49.0, 73.0, 78.0, 101.0)
"""Hours after Friday evening at which clocks of releases, searches and letters have rung."""
HOW_MANY: Final = (1, 2, 3, 4)
HOW_OFTEN: Final = (30, 30, 25, 15)


def draw(seed: int, *, kinds: Sequence[str] | None = None) -> Plan:
    """Draw the run of a seed; with `kinds` named, these faults happen instead of drawn ones, each once."""
    random = Random(seed)  # noqa: S311 - a run can be told again, which is the opposite of a secret
    people = draw_people(random, seed)
    hours = sorted(random.sample(OFFICE_STEPS, random.randrange(1, 4)))
    moments = sorted(random.uniform(2.0, LOAD_SECONDS + 1.0) for _ in hours)
    restart_seconds, operator_seconds = random.choice((0.1, 0.5, 1.0)), random.choice((0.0, 0.3, 1.0))
    if kinds is None:
        weights = [kind.weight for kind in KINDS.values()]
        kinds = random.choices(list(KINDS), weights, k=random.choices(HOW_MANY, HOW_OFTEN)[0])
    return Plan(
        seed=seed,
        people=people,
        faults=sorted((_drawn(random, kind) for kind in kinds), key=lambda fault: fault.at),
        office_steps=list(zip(moments, hours, strict=True)),
        restart_seconds=restart_seconds,
        operator_seconds=operator_seconds,
    )


def _drawn(random: Random, kind: str) -> Fault:
    at = round(random.uniform(0.8, LOAD_SECONDS - 0.5), 3)
    target, seconds, detail = KINDS[kind].draw(random)
    return Fault(at=at, kind=kind, target=target, seconds=round(seconds, 3), detail=detail)
