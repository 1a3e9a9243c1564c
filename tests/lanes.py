"""Which tests stay together when two processes share the work: those that need the same servers.

Each process starts servers of its own, so none meets what a test in the other stops or kills; a lane only spares the
second start. Whatever is not named here is a lane by its folder.
"""

from typing import Final, NamedTuple

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

LONG_LANES: Final = (
    ("tests/faults/",),
    ("tests/journeys/",),
    (
        "tests/component/chassis/",
        "tests/component/local/test_backing.py",
        "tests/component/local/test_topics.py",
        "tests/contract/test_compose_jobs.py",
    ),
    ("tests/component/demo/", "tests/component/local/test_stack.py"),
    (
        "tests/component/registration/",
        "tests/component/supervision/",
        "tests/component/notifications/",
        "tests/component/worked_example/",
    ),
    ("tests/component/litmas/", "tests/component/tpp/"),
)
"""The longest begins, so that the two processes end at about the same time."""


class Lane(NamedTuple):
    """Tests that one process runs."""

    place: int
    name: str


def lane_of(test: str) -> Lane:
    """The lane of a test, by its id."""
    for place, paths in enumerate(LONG_LANES):
        if test.startswith(paths):
            return Lane(place, paths[0])
    return Lane(len(LONG_LANES), test.partition("::")[0].rpartition("/")[0])


class LaneScheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Hands a whole lane to the next process that is free."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        # By default the lane with the most tests begins, however quick they are.
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid).name
