"""The page of the service says what the code does."""

from pathlib import Path

import services.supervision
from contracts.catalogue import HANDLED, events_of
from services.supervision.api import AT_THE_COUNTER

README = (Path(services.supervision.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_every_event_and_every_role_is_on_the_page() -> None:
    events = (*HANDLED["supervision"], *events_of("supervision"))

    assert [event.__name__ for event in events if f"`{event.__name__}`" not in README] == []
    assert [role for role in AT_THE_COUNTER if role not in README] == []
