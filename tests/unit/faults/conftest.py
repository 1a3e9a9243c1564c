"""Judges a story as it lies on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.checker.folder import read
from tests.faults.checker.rules import judge
from tests.faults.checker.verdict import Verdict
from tests.unit.faults.story import Story

Judged = Callable[[Story], Verdict]


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """Writes a story down and lets every rule look at it."""
    return lambda story: judge(read(story.write(tmp_path)))
