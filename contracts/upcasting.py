"""How a consumer of a new version reads what was published in an older one."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from contracts.event import EVENT_TYPES, Event

Old = TypeVar("Old", bound=Event)
New = TypeVar("New", bound=Event)

_VERSION: Final = re.compile(r"[0-9]{1,4}")

UPCASTERS: Final[dict[type[Event], Callable[[Any], Event]]] = {}
"""By event class, the function that makes the next version of it."""


def upcasts(old: type[Old]) -> Callable[[Callable[[Old], New]], Callable[[Old], New]]:
    """Register the function that turns an event of `old` into its successor."""

    def register(upcast: Callable[[Old], New]) -> Callable[[Old], New]:
        if old in UPCASTERS:
            raise TypeError(f"{old.type} has an upcaster already")
        UPCASTERS[old] = upcast
        return upcast

    return register


def readable_as(event_type: str, known: Mapping[str, type[Event]]) -> type[Event] | None:
    """The class to read a message with: the one handled, or an older version of it that can be lifted."""
    event_class = known.get(event_type)
    if event_class is not None:
        return event_class
    older = EVENT_TYPES.get(event_type)
    if older in UPCASTERS and any(is_version_of(event_type, handled) for handled in known):
        return older
    return None


def is_version_of(event_type: str, other: str) -> bool:
    """Whether two types differ in their major version alone."""
    name, _, version = event_type.rpartition(".v")
    # Whatever else a stranger writes there is no version, and is repeated nowhere.
    return _VERSION.fullmatch(version) is not None and name == other.rpartition(".v")[0]


def lifted(event: Event, known: Mapping[str, type[Event]]) -> Event:
    """The event in the version that is handled."""
    while event.type not in known:
        event = UPCASTERS[type(event)](event)
    return event
