"""The selftest fails when a bug escapes or a sound run is flagged, and asks of each bug what its scene can show."""

import pytest

from tests.faults.bugs import BUGS
from tests.faults.checker.rules import RULES
from tests.faults.lab.people import Report
from tests.faults.provoking import KINDS, SCENES
from tests.faults.selftest import SOUND, TRIALS, Found, tell

CAUGHT = Found("timer-fired-twice", "calm", runs=1, broken={"R11": 3}, caught=True)
ESCAPED = Found("timer-fired-twice", "calm", runs=5, broken={"R8": 1})
CLEAN = Found(SOUND, "calm", runs=1)
FLAGGED = Found(SOUND, "calm", runs=1, broken={"R3": 1})


def test_every_bug_is_tried_in_a_scene_by_rules_that_there_are() -> None:
    assert TRIALS.keys() == BUGS.keys()
    assert {trial.scene for trial in TRIALS.values()} == SCENES.keys()
    rules = {rule.number for rule in RULES}
    assert all(trial.rules and trial.rules <= rules for trial in TRIALS.values())


@pytest.mark.parametrize(
    ("tried", "sound", "code", "words"),
    [
        (CAUGHT, CLEAN, 0, "1 of 1 bugs caught, 0 of 1 sound runs flagged"),
        (ESCAPED, CLEAN, 1, "escaped: timer-fired-twice"),
        (CAUGHT, FLAGGED, 1, "flagged without a bug: calm"),
    ],
    ids=["proven", "a bug that other rules than its own saw", "a sound run that was flagged"],
)
def test_the_checker_is_proven_or_it_is_said_why_not(
    tried: Found, sound: Found, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell([tried], [sound], 20.0) == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_is_drawn_alike_each_time_and_can_be_played(scene: str) -> None:
    """Its faults are of known kinds, and what is repeated was said before."""
    for seed in range(50):
        plan = SCENES[scene](seed)
        assert plan == SCENES[scene](seed)
        assert {fault.kind for fault in plan.faults} <= KINDS.keys()
        for person in plan.people:
            for place, step in enumerate(person.steps):
                if isinstance(step, Report) and step.repeats is not None:
                    said = person.steps[step.repeats]
                    assert step.repeats < place
                    assert isinstance(said, Report)
                    assert (said.data, said.repeats) == (step.data, None)
