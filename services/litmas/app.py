"""Wiring of litmas, and its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from chassis import main as chassis_main
from chassis.access import allow
from chassis.documents.verification import verification_routes
from chassis.objects import Objects
from chassis.service import Service, ServiceContext
from chassis.uploads import attachment_routes
from services.litmas.reintegration import api, desk_api, handlers, requests_api
from services.litmas.reintegration.domain import clocks
from services.litmas.reintegration.office import COUNTER


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors, opened only where every clock has its policy: without one each request would be a dead letter."""
    clocks.check_policies(context.reference)
    own = [router for door in (requests_api, api, desk_api) for router in door.routes(context)]
    attachments = attachment_routes(
        Objects.from_settings(context.settings), rule=allow(*requests_api.PRISONS, *COUNTER)
    )
    return [*own, attachments, verification_routes(context.pool, monotonic=context.system_clock.monotonic)]


SERVICE: Final = Service(
    name="litmas",
    title="Litmas: social inquiry reports, from the request to the archive",
    inbox=handlers.inbox,
    migrations=Path(__file__).parent / "migrations",
    routes=routes,
    registers=True,
    documents=True,
)


def main() -> None:
    """Run the command line."""
    chassis_main.main(SERVICE)
