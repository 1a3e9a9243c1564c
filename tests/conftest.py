"""What tests of every kind share: one real Kafka and one real PostgreSQL, and how a run is divided and summed up."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer

from deploy.local.backing import Backing
from tests.lanes import LaneScheduling, lane_of

# An example takes as long as the machine is busy; a test that hangs is ended by its own bound.
settings.register_profile("house", settings(deadline=None))
settings.load_profile("house")


@pytest.fixture(scope="session")
def backing() -> Iterator[Backing]:
    """Started by the first test that asks for it; a test that stops or kills a part starts it again before it ends."""
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
