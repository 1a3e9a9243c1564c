"""A service of the house as a process of the lab: with probes, a clock that can be wrong, and a short patience.

The seam for seeded bugs: `BUG` names one of `tests.faults.bugs`, and its `plant` is called before the process is made.
`plant(name)` replaces names in `chassis.process`, from which `LabProcess` then takes its parts. Without `BUG` nothing
of it is imported.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import uvloop

from chassis.engine import Engine
from chassis.logs import configure_logs
from chassis.probes import Probes
from chassis.process import Parts, Process
from chassis.senders import SenderLoop
from chassis.service import Service, ServiceContext
from chassis.settings import Settings
from chassis.telemetry import Telemetry, resource_of
from chassis.transaction import Transaction
from deploy.local.launch import PR_SET_PDEATHSIG
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.registration.app import SERVICE as REGISTRATION
from services.supervision.app import SERVICE as SUPERVISION
from tests.faults.lab.orders import ObedientProbes, Orders, WrongClock
from tests.faults.lab.spans import SpanFile
from tests.faults.lab.versions import version_of

Handle = Callable[[Any, Transaction], Awaitable[object]]

SERVICES: Final[Mapping[str, Service]] = {
    service.name: service for service in (REGISTRATION, SUPERVISION, NOTIFICATIONS)
}
SESSION_MILLISECONDS: Final = 6_000
"""The shortest that the broker allows: so long the partitions of a dead process wait."""
STUCK_SECONDS: Final = 15.0
LEASE: Final = timedelta(seconds=6)
SEND_SECONDS_MAX: Final = 3.0
ACKNOWLEDGE_SECONDS: Final = 10.0


class LabProcess(Process):
    """A service with the chassis' own parts, less patient than in production so that a run is short."""

    def __init__(self, service: Service, settings: Settings, orders: Orders, spans: Path) -> None:
        probes = ObedientProbes(orders)
        super().__init__(_probed(service, probes), settings, probes, system_clock=WrongClock(orders))
        # Into a file and not over the network: a process that is killed would take the last second of them along.
        self.telemetry = Telemetry(
            clock=self.system_clock, resource=resource_of(settings), processor=SpanFile(spans), sample_ratio=1.0
        )

    def _parts(self, engine: Engine, context: ServiceContext) -> Parts:
        parts = super()._parts(engine, context)
        if parts.consumer is not None:
            parts.consumer.session_milliseconds = SESSION_MILLISECONDS
            parts.consumer.stuck_seconds = STUCK_SECONDS
        if parts.relay is not None:
            parts.relay.acknowledge_seconds = ACKNOWLEDGE_SECONDS
        for _, run in parts.loops:
            loop = getattr(run, "__self__", None)
            if isinstance(loop, SenderLoop):
                loop.lease, loop.send_seconds_max = LEASE, SEND_SECONDS_MAX
        return parts


def _probed(service: Service, probes: Probes) -> Service:
    """The same service, whose handlers of events have a named point before and behind them."""

    def probed(handle: Handle) -> Handle:
        async def handle_between(event: Any, tx: Transaction) -> object:
            await probes.reach("handler.before")
            result = await handle(event, tx)
            await probes.reach("handler.after")
            return result

        return handle_between

    reactions = {name: replace(each, handle=probed(each.handle)) for name, each in service.inbox.reactions.items()}
    return replace(service, inbox=replace(service.inbox, reactions=reactions))


def main(env: Mapping[str, str], log: Path) -> None:
    """Run until stopped or ended; ends with the process that started it, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(env)
    if bug := os.environ.get("BUG"):
        from tests.faults import bugs  # noqa: PLC0415 - the sound house does not even know them

        bugs.plant(bug)
    settings = Settings.from_env(os.environ, service=os.environ["SERVICE"])
    orders = Orders(Path(os.environ["LAB_ORDERS"]), settings.instance)
    service = version_of(SERVICES[settings.service], os.environ.get("VERSION", ""))
    process = LabProcess(service, settings, orders, Path(os.environ["LAB_SPANS"]))
    configure_logs(settings, process.system_clock)
    sys.exit(uvloop.run(process.run()))
