"""What a service is made of, and what its parts may use while it runs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter

from chassis.chores import Chore
from chassis.clock import OfficeClock, SystemClock
from chassis.commands import Commands
from chassis.database import (
    CHASSIS_MIGRATIONS,
    Connection,
    Migration,
    Pool,
    read_migrations,
)
from chassis.documents.verification import DOCUMENT_MIGRATIONS
from chassis.inbox import Inbox
from chassis.metrics import Metrics
from chassis.registers import REGISTER_MIGRATIONS
from chassis.senders import AnySender
from chassis.settings import Settings
from chassis.telemetry import Telemetry
from contracts.reference import Reference

if TYPE_CHECKING:
    from chassis.transaction import Setting


@dataclass(frozen=True)
class ServiceContext:
    """What the parts of a running service may use."""

    settings: Settings
    setting: "Setting"
    pool: Pool
    commands: Commands
    reference: Reference
    system_clock: SystemClock
    office_clock: OfficeClock
    telemetry: Telemetry
    metrics: Metrics


Measure = Callable[[Connection], Awaitable[None]]
"""Reads some numbers of a service's own tables into its gauges, by bounded statements."""


def _no_senders(_context: ServiceContext) -> Sequence[AnySender]:
    return ()


def _no_chores(_context: ServiceContext) -> Sequence[Chore]:
    return ()


def _no_measures(_context: ServiceContext) -> Sequence[Measure]:
    return ()


@dataclass(frozen=True)
class Service:
    """One deployable: its name, what it reacts to, its doors, its effects, its tables."""

    name: str
    title: str
    inbox: Inbox
    migrations: Path
    routes: Callable[[ServiceContext], Sequence[APIRouter]]
    senders: Callable[[ServiceContext], Sequence[AnySender]] = field(default=_no_senders)
    chores: Callable[[ServiceContext], Sequence[Chore]] = field(default=_no_chores)
    measures: Callable[[ServiceContext], Sequence[Measure]] = field(default=_no_measures)
    registers: bool = False
    """Whether the service gives numbers: then it has the table of their entries."""
    documents: bool = False
    """Whether the service issues papers and keeps files: then it has the table of papers, and its store is watched."""

    def all_migrations(self) -> list[Migration]:
        """The chassis' tables first, then the service's own, then those of what it asks of the chassis."""
        registers = read_migrations("registers", REGISTER_MIGRATIONS) if self.registers else []
        documents = read_migrations("documents", DOCUMENT_MIGRATIONS) if self.documents else []
        own = read_migrations(self.name, self.migrations)
        return [*read_migrations("chassis", CHASSIS_MIGRATIONS), *own, *registers, *documents]
