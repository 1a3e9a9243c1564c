"""The small service with a seeded bug in one of its parts, and probes that break a transaction at a named point."""

from dataclasses import dataclass
from typing import Any

from chassis.batch import BatchRunner
from chassis.commands import Commands
from chassis.consumer import Consumer
from chassis.dead_letters import Letters
from chassis.engine import Engine
from chassis.letter_desk import LetterDesk
from chassis.relay import Relay
from chassis.senders import Sender, SenderLoop
from chassis.settings import Settings
from tests.component.chassis.delivery.harness import House
from tests.component.chassis.delivery.wire import consumer_of, relay_of
from tests.faults.bugs import NO_BUG, Bug


class Breaking:
    """Lets the connection break, once, when a named point is reached."""

    def __init__(self, point: str) -> None:
        """Wait for it."""
        self.point, self.has_broken = point, False

    async def reach(self, point: str) -> None:
        """Break here, the first time."""
        if point == self.point and not self.has_broken:
            self.has_broken = True
            raise ConnectionResetError


@dataclass
class SeededHouse(House):
    """The parts of a service, wired as a process with this bug wires them."""

    bug: Bug = NO_BUG

    def __post_init__(self) -> None:
        """Wire the parts anew, the wrong one among them."""
        super().__post_init__()
        self.engine = self.bug.part(Engine)(self.pool, self.setting, self.office_clock, self.probes)
        self.letters = self.bug.part(Letters)(self.letters.consumer, self.letters.service, self.letters.upstream_topics)
        self.runner = self.bug.part(BatchRunner)(self.engine, self.letters)
        self.desk = LetterDesk(self.engine, self.inbox, self.runner, self.letters, lambda: None)
        self.timers = self.new_timers()
        self.commands = Commands(self.engine)

    def consumer(self, settings: Settings) -> Consumer:
        """The consumer, not started."""
        return consumer_of(self, settings, kind=self.bug.part(Consumer))

    def relay(self, settings: Settings, **fields: Any) -> Relay:
        """The relay, not started."""
        return relay_of(self, settings, kind=self.bug.part(Relay), **fields)

    def sender(self, sender: Sender[Any], clock: Any) -> SenderLoop[Any]:
        """The loop of a sender, not started."""
        kind = self.bug.part(SenderLoop)
        return kind(sender, self.commands, clock, self.metrics.senders, lambda: None, self.probes)
