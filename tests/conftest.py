"""What tests of every kind share: one real Kafka and one real PostgreSQL, and how a run is divided and summed up."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer

from deploy.local.backing import Backing
from tests.lanes import LaneScheduling, lane_of

# An example takes as long as the machine is busy; a test that hangs is ended by its own bound.
settings.register_profile("house", settings(deadline=None))
settings.load_profile("house")


STACK = os.environ.get("STACK", "").strip() or "local"
"""Where the tests take their Kafka and their PostgreSQL from."""
NO_STACK = 3
"""The exit code of a run that began with nothing, so that nobody takes it for one that passed."""


def pytest_configure(config: pytest.Config) -> None:
    """End at once where what was asked for is not there."""
    if STACK not in {"local", "containers"}:
        pytest.exit(f"STACK={STACK} is not known; it is local or containers", NO_STACK)
    if STACK == "containers":
        from tests.containers import engine_problem  # noqa: PLC0415  its libraries are for those who ask for it

        if (problem := engine_problem()) is not None:
            pytest.exit(f"STACK=containers: {problem}; no test was run", NO_STACK)


@pytest.fixture(scope="session")
def backing() -> Iterator[Backing]:
    """Started by the first test that asks for it; a test that stops or kills a part starts it again before it ends."""
    if STACK == "containers":
        from tests.containers import ContainerBacking  # noqa: PLC0415  the same

        with ContainerBacking() as running:
            yield running
        return
    with Backing() as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long lanes."""
    items.sort(key=lambda item: lane_of(item.nodeid).place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LaneScheduling:
    """Give out the tests lane by lane."""
    return LaneScheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured and recorded with `record_property`."""
    reports = terminalreporter.getreports("passed")
    if figures := [figure for report in reports for figure in report.user_properties]:
        terminalreporter.section("figures")
        for what, value in figures:
            terminalreporter.write_line(f"{what}: {value}")
