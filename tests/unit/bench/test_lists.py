"""The filled house is the one that the service would have made, and a list that is late is named."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from contracts.reference import load_reference
from services.registration.domain.case import Status
from services.registration.store import DOCUMENTS
from tests.bench.lists.__main__ import table
from tests.bench.lists.asked import registration_routes
from tests.bench.lists.cases import Made, cases
from tests.bench.lists.measure import P95_MS, Answered

NOW = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def made() -> list[Made]:
    """Three thousand cases."""
    return list(cases(3_000, now=NOW, reference=load_reference()))


def answered(p95_ms: float) -> Answered:
    """A list that is answered in this time."""
    return Answered("board", 1, 10, p50_ms=1.0, p95_ms=p95_ms, p99_ms=p95_ms, max_ms=p95_ms, shown=50.0)


def test_the_house_is_the_same_each_time(made: list[Made]) -> None:
    assert made == list(cases(3_000, now=NOW, reference=load_reference()))


def test_cases_of_every_state_prison_and_kind_are_there(made: list[Made]) -> None:
    found = Counter(each.case.status for each in made)

    assert set(found) == set(Status)
    assert {each.case.facility for each in made} == load_reference().facilities.keys()
    assert len({each.case.registration_id for each in made}) == len(made)
    of_a_kind = {
        "children": [each for each in made if each.case.juvenile],
        "walk-ins": [each for each in made if each.case.is_unreported],
        "offered": [each for each in made if each.case.offer is not None],
        "searched for": [each for each in made if each.case.tracing is not None],
    }
    assert all(of_a_kind.values())
    seldom = {"revocation"}
    assert all(any(getattr(each.case, name) for each in made) for name in DOCUMENTS.keys() - seldom)


def test_a_list_that_is_late_is_named() -> None:
    in_time, late = answered(P95_MS - 1), answered(P95_MS)

    assert "**holds**" in table([in_time, in_time], rows=10)[-1]
    assert "**MISSED by 1 of 1**" in table([in_time, late], rows=10)[-1]
    assert "MISSED" in table([in_time, late], rows=10)[2]


def test_each_list_has_a_name_of_its_own(made: list[Made]) -> None:
    names = [route.name for route in registration_routes(made, reference=load_reference(), now=NOW)]

    assert len(names) == len(set(names))
