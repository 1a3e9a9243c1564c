"""Wiring of registration, and its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from chassis import main as chassis_main
from chassis.service import Service, ServiceContext
from services.registration import api, handlers, prison_api, walk_in_api
from services.registration.domain import clocks


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors, opened only where every clock has its policy: without one each release would be a dead letter."""
    clocks.check_policies(context.reference)
    return (*api.routes(context), *prison_api.routes(context), *walk_in_api.routes(context))


SERVICE: Final = Service(
    name="registration",
    title="Registration: a released client reports to the office",
    inbox=handlers.inbox,
    migrations=Path(__file__).parent / "migrations",
    routes=routes,
)


def main() -> None:
    """Run the command line."""
    chassis_main.main(SERVICE)
