"""Wiring of litmas, and its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from chassis import main as chassis_main
from chassis.service import Service, ServiceContext
from services.litmas.reintegration import api, desk_api, handlers, requests_api
from services.litmas.reintegration.domain import clocks


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors, opened only where every clock has its policy: without one each request would be a dead letter."""
    clocks.check_policies(context.reference)
    return [router for door in (requests_api, api, desk_api) for router in door.routes(context)]


SERVICE: Final = Service(
    name="litmas",
    title="Litmas: social inquiry reports, from the request to the archive",
    inbox=handlers.inbox,
    migrations=Path(__file__).parent / "migrations",
    routes=routes,
    registers=True,
)


def main() -> None:
    """Run the command line."""
    chassis_main.main(SERVICE)
