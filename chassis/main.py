"""The command line of a service: run, migrate, check."""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import uvloop

from chassis.clock import SystemClock
from chassis.database import MigrationError, connect, migrate, missing_migrations
from chassis.logs import configure_logs
from chassis.probes import NO_PROBES, Probes
from chassis.process import EXIT_BROKEN, Process
from chassis.service import Service
from chassis.settings import NEEDED_TO_MIGRATE, Settings, SettingsInvalid

EXIT_MISCONFIGURED: Final = 2
SWITCH_SECONDS: Final = 0.0005
"""The thread that exports spans gives way to the loop after so long; by default every answer waits 5 ms for it."""
YOUNG_OBJECTS_MAX: Final = 20_000
"""A batch makes some ten thousand objects and drops them all: to look through them by the hundred is in vain."""


def main(service: Service, argv: Sequence[str] | None = None, *, probes: Probes = NO_PROBES) -> None:
    """Run the command line of a service; ends the process."""
    arguments = _parser(service).parse_args(argv)
    needed: dict[str, Any] = {} if arguments.command == "run" else {"needed": NEEDED_TO_MIGRATE}
    try:
        settings = Settings.from_env(os.environ, service=service.name, **needed)
    except SettingsInvalid as invalid:
        sys.exit(_complain(str(invalid), EXIT_MISCONFIGURED))
    configure_logs(settings, SystemClock())
    if arguments.command == "migrate":
        sys.exit(asyncio.run(_migrate(service, settings)))
    if arguments.command == "check":
        sys.exit(asyncio.run(_check(service, settings)))
    gc.freeze()  # what is imported stays
    gc.set_threshold(YOUNG_OBJECTS_MAX)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        sys.exit(uvloop.run(Process(service, settings, probes).run()))
    except SettingsInvalid as invalid:
        sys.exit(_complain(str(invalid), EXIT_MISCONFIGURED))


def _parser(service: Service) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service.name}",
        description=f"{service.title}. Settings are environment variables; see the README.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("run", help="serve HTTP, consume, fire clocks, relay (default; SERVICE_ROLES narrows it)")
    commands.add_parser("migrate", help="bring the database up to date, under a lock, and end")
    commands.add_parser("check", help="say what would keep the service from starting, and end")
    parser.set_defaults(command="run")
    return parser


async def _migrate(service: Service, settings: Settings) -> int:
    try:
        applied = await migrate(settings.database_url, service.all_migrations())
    except MigrationError as error:
        return _complain(str(error), EXIT_BROKEN)
    for migration in applied:
        print(f"applied {migration.component} {migration.version:04}_{migration.name}")  # noqa: T201  a command's answer
    print(f"{service.name}: {len(applied)} migrations applied, the database is up to date")  # noqa: T201
    return 0


async def _check(service: Service, settings: Settings) -> int:
    connection = await connect(settings.database_url, name=f"{service.name} check")
    try:
        missing = await missing_migrations(connection, service.all_migrations())
    finally:
        await connection.close()
    if missing:
        return _complain(f"the database lacks {', '.join(missing)}; run `migrate`", EXIT_BROKEN)
    print(f"{service.name}: ready to run")  # noqa: T201  a command's answer
    return 0


def _complain(words: str, code: int) -> int:
    sys.stderr.write(f"{words}\n")
    return code
