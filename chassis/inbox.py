"""What a service reacts to: its handlers by event type, and by kind of timer."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from chassis.aggregates import Aggregates
from chassis.transaction import Transaction
from chassis.work import AggregateKey
from contracts.event import Event

E = TypeVar("E", bound=Event)

_KEYS: Final = (UUID, str)

KeyOf = Callable[[Any], "UUID | str | Iterable[UUID | str]"]
EventHandler = Callable[[E, Transaction], Awaitable[object]]


ErasureHandler = Callable[["Erasure", Transaction], Awaitable[object]]
TimerHandler = Callable[["TimerDue", Transaction], Awaitable[object]]


@dataclass(frozen=True)
class TimerDue:
    """A clock that ran out: the aggregate it belongs to, which clock, and when it was due."""

    subject: Any
    kind: str
    due_at: datetime


@dataclass(frozen=True)
class Erasure:
    """A tombstone: what a compacted topic said about this subject is to be forgotten."""

    subject: str


@dataclass(frozen=True)
class Reaction:
    """A handler of an event type, or of its tombstones, and the aggregate that it works on."""

    event: type[Event]
    aggregates: Aggregates[Any, Any] | None
    key_of: KeyOf | None
    handle: Callable[[Any, Transaction], Awaitable[object]]

    def keys(self, event: "Event | Erasure") -> list[AggregateKey]:
        """The aggregates that this event will touch, as far as its handler said."""
        if self.aggregates is None or self.key_of is None:
            return []
        named = self.key_of(event)
        keys = [named] if isinstance(named, _KEYS) else list(named)
        key_type = UUID if self.aggregates.key_type == "uuid" else str
        for key in keys:
            if not isinstance(key, key_type):
                message = f"{self.event.__name__}: the keys of {self.aggregates.name} are of another type"
                raise TypeError(message)
        return [(self.aggregates, key) for key in keys]


@dataclass(frozen=True)
class Clock:
    """A handler of a kind of timer and the aggregate whose clock it is."""

    kind: str
    aggregates: Aggregates[Any, Any]
    handle: Callable[[TimerDue, Transaction], Awaitable[object]]

    def key(self, subject: str) -> UUID | str:
        """The aggregate's key, from the text that the timer row holds."""
        return UUID(subject) if self.aggregates.key_type == "uuid" else subject


@dataclass
class Inbox:
    """The table of contents of what one service does when something happens."""

    service: str
    reactions: dict[str, Reaction] = field(default_factory=dict)
    erasures: dict[str, Reaction] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)

    @property
    def events(self) -> dict[str, type[Event]]:
        """The event classes handled here, by type."""
        return {event_type: reaction.event for event_type, reaction in (self.reactions | self.erasures).items()}

    def on(
        self, event: type[E], *, of: Aggregates[Any, Any] | None = None, key_of: KeyOf | None = None
    ) -> Callable[[EventHandler[E]], EventHandler[E]]:
        """Register the handler of an event; `key_of` names the aggregates of `of` that it will lock."""
        if (of is None) != (key_of is None):
            message = f"{event.__name__}: `of` and `key_of` go together"
            raise TypeError(message)

        def register(handle: EventHandler[E]) -> EventHandler[E]:
            _once(self.reactions, event.type, self.service)
            self.reactions[event.type] = Reaction(event, of, key_of, handle)
            return handle

        return register

    def when_erased(
        self, event: type[Event], *, of: Aggregates[Any, Any], key_of: Callable[[Erasure], UUID | str]
    ) -> Callable[[ErasureHandler], ErasureHandler]:
        """Register the handler of a compacted topic's tombstones."""

        def register(handle: ErasureHandler) -> ErasureHandler:
            _once(self.erasures, event.type, self.service)
            self.erasures[event.type] = Reaction(event, of, key_of, handle)
            return handle

        return register

    def when_due(self, kind: str, *, of: Aggregates[Any, Any]) -> Callable[[TimerHandler], TimerHandler]:
        """Register the handler of a kind of timer; the timer's subject is the key of an aggregate of `of`."""

        def register(handle: TimerHandler) -> TimerHandler:
            _once(self.clocks, kind, self.service)
            self.clocks[kind] = Clock(kind, of, handle)
            return handle

        return register


def _once(handlers: Mapping[str, object], name: str, service: str) -> None:
    if name in handlers:
        message = f"{name} has two handlers in {service}"
        raise TypeError(message)
