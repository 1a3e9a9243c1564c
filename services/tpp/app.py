"""Wiring of tpp, and its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from chassis import main as chassis_main
from chassis.service import Service, ServiceContext
from services.tpp import api, handlers, minutes_api, session_api
from services.tpp.domain import clocks


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors, opened only where every rule has its time: without a row each hearing would fail at it."""
    clocks.check_policies(context.reference)
    return [router for door in (api, session_api, minutes_api) for router in door.routes(context)]


SERVICE: Final = Service(
    name="tpp",
    title="TPP: hearings of the assessment team",
    inbox=handlers.inbox,
    migrations=Path(__file__).parent / "migrations",
    routes=routes,
    registers=True,
)


def main() -> None:
    """Run the command line."""
    chassis_main.main(SERVICE)
