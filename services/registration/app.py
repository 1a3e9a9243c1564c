"""Wiring of registration, and its command line."""

from pathlib import Path
from typing import Final

from chassis import main as chassis_main
from chassis.service import Service
from services.registration import api, handlers

SERVICE: Final = Service(
    name="registration",
    title="Registration: a released client reports to the office",
    inbox=handlers.inbox,
    migrations=Path(__file__).parent / "migrations",
    routes=api.routes,
)


def main() -> None:
    """Run the command line."""
    chassis_main.main(SERVICE)
