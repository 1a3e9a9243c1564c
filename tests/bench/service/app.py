"""Wiring of the small service."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fastapi import APIRouter

from chassis.service import Service, ServiceContext
from tests.bench.service import handlers


def no_routes(_context: ServiceContext) -> Sequence[APIRouter]:
    """Nobody asks it for anything."""
    return ()


SERVICE: Final = Service(
    name=handlers.SERVICE,
    title="Tracked releases",
    inbox=handlers.inbox,
    migrations=Path(__file__).parent / "migrations",
    routes=no_routes,
)
