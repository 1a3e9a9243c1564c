"""A run can be told again from its seed, and over many seeds everything that can go wrong does."""

from collections import Counter

from tests.faults.lab.breaking_processes import POINTS
from tests.faults.lab.drawing import KINDS, draw
from tests.faults.lab.people import POISONS, Report

SEEDS = range(1000)


def test_the_same_seed_draws_the_same_run() -> None:
    assert [draw(seed) for seed in range(20)] == [draw(seed) for seed in range(20)]
    assert draw(1) != draw(2)


def test_named_faults_happen_once_each_to_the_same_people() -> None:
    named = draw(7, kinds=["restore", "kill"])

    assert sorted(fault.kind for fault in named.faults) == ["kill", "restore"]
    assert named.people == draw(7).people


def test_everything_that_can_go_wrong_is_drawn() -> None:
    faults = [fault for seed in SEEDS for fault in draw(seed).faults]

    assert {fault.kind for fault in faults} == KINDS.keys()
    points = {(fault.target, fault.detail["point"]) for fault in faults if fault.kind == "kill-at-point"}
    assert points == {(service, point) for service, named in POINTS.items() for point in named}


def test_every_kind_of_spoilt_message_is_drawn_and_every_repetition_names_an_earlier_step() -> None:
    poisons: Counter[str | None] = Counter()
    for seed in SEEDS:
        for person in draw(seed).people:
            reports = {place: step for place, step in enumerate(person.steps) if isinstance(step, Report)}
            poisons.update(step.poison for step in reports.values())
            for place, step in reports.items():
                assert step.repeats is None or (step.repeats < place and reports[step.repeats].data == step.data)

    assert poisons.keys() == {None, *POISONS}
