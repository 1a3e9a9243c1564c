"""The page of the service says what the code does."""

from pathlib import Path

import services.notifications
from contracts.catalogue import HANDLED, events_of
from contracts.roles import Role
from services.notifications.api import ANSWERABLE
from services.notifications.domain.audience import Audience
from services.notifications.domain.telling import RULES

README = (Path(services.notifications.__file__).parent / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """One part of the page."""
    return README.partition(f"## {title}")[2].partition("\n## ")[0]


def test_every_event_that_comes_in_and_goes_out_is_on_the_page() -> None:
    came_in, goes_out = section("Events in"), section("Events out")

    assert [event.__name__ for event in HANDLED["notifications"] if f"`{event.__name__}`" not in came_in] == []
    assert [event.__name__ for event in events_of("notifications") if f"`{event.__name__}`" not in goes_out] == []


def test_every_role_that_may_read_the_ledger_is_on_the_page() -> None:
    doors = section("Endpoints")

    assert [role for role in ANSWERABLE if role not in doors] == []
    assert "`GET /v1/notifications?about=&status=`" in doors


def test_every_role_that_is_told_something_can_be_told() -> None:
    told = {audience for rule in RULES.values() for audience in rule.audiences}

    assert told == set(Audience)
    assert Role.OPS in ANSWERABLE
