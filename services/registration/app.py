"""Wiring of registration, and its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from chassis import main as chassis_main
from chassis.service import Service, ServiceContext
from services.registration import (
    api,
    desk_api,
    duplicate_api,
    duplicate_handlers,
    glass_api,
    handlers,
    lists_api,
    prison_api,
    reports_api,
    silence,
    walk_in_api,
)
from services.registration.domain import clocks
from services.registration.domain import silence as rules_of_silence


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors, opened only where every clock has its policy: without one each release would be a dead letter."""
    clocks.check_policies(context.reference)
    rules_of_silence.check_policies(context.reference)
    doors = (api, reports_api, lists_api, prison_api, walk_in_api, desk_api, duplicate_api, glass_api)
    return [router for door in doors for router in door.routes(context)]


silence.react(handlers.inbox)

SERVICE: Final = Service(
    name="registration",
    title="Registration: a released client reports to the office",
    inbox=handlers.inbox,
    migrations=Path(__file__).parent / "migrations",
    routes=routes,
    registers=True,
    chores=lambda _context: (duplicate_handlers.COMPARING,),
    measures=lambda context: (silence.measure_of(context), duplicate_handlers.measure_of(context)),
)


def main() -> None:
    """Run the command line."""
    chassis_main.main(SERVICE)
