"""The lanes name tests that exist, and every test has exactly one."""

import pytest

from deploy.local.settings import REPOSITORY
from tests.lanes import LONG_LANES, lane_of

PATHS = [path for paths in LONG_LANES for path in paths]


@pytest.mark.parametrize("path", PATHS)
def test_a_lane_names_tests_that_exist(path: str) -> None:
    place = REPOSITORY / path

    assert any(place.glob("**/test_*.py")) if path.endswith("/") else place.is_file()


@pytest.mark.parametrize("path", PATHS)
def test_what_one_lane_names_is_in_no_other(path: str) -> None:
    assert [other for other in PATHS if path.startswith(other)] == [path]


@pytest.mark.parametrize(
    ("test", "lane"),
    [
        ("tests/component/supervision/test_a.py::test_a[x::y/z]", "tests/component/registration/"),
        ("tests/component/local/test_stack.py::test_a", "tests/component/demo/"),
        ("tests/component/local/test_ports.py::test_a", "tests/component/local"),
        ("tests/contract/test_image.py::TestA::test_b[x/y]", "tests/contract"),
    ],
    ids=["named by its folder", "named by itself", "beside one that is named", "not named"],
)
def test_a_test_is_in_the_lane_of_what_it_needs(test: str, lane: str) -> None:
    assert lane_of(test).name == lane
