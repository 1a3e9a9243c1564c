"""The command line of a service: run, migrate, check."""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import uvloop

from chassis.audit_restore import NotContinuable, Restore, reanchor
from chassis.clock import SystemClock
from chassis.database import MigrationError, connect, migrate, missing_migrations
from chassis.logs import configure_logs
from chassis.probes import NO_PROBES, Probes
from chassis.process import EXIT_BROKEN, Process
from chassis.service import Service
from chassis.settings import NEEDED_TO_MIGRATE, Settings, SettingsInvalid
from chassis.telemetry import Telemetry
from chassis.transaction import Setting
from contracts.reference import load_reference

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
    if arguments.command == "reanchor":
        sys.exit(asyncio.run(_reanchor(service, settings, arguments)))
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
    again = commands.add_parser(
        "reanchor", help="after a restore: say that the audit trail goes on from an earlier head"
    )
    again.add_argument("--by", required=True, help="who answers for it")
    again.add_argument("--reason", required=True, help="why the database was restored")
    again.add_argument("--continues-from", required=True, type=int, help="the last position that is as it was")
    again.add_argument("--gives-up-until", required=True, type=int, help="the last position that was anchored before")
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


async def _reanchor(service: Service, settings: Settings, arguments: argparse.Namespace) -> int:
    clock = SystemClock()
    telemetry = Telemetry.from_settings(settings, clock)
    setting = Setting(
        service.name, settings.kafka_topic_prefix, load_reference(settings.reference_dir), clock, telemetry
    )
    restore = Restore(
        by=arguments.by,
        reason=arguments.reason,
        continues_from=arguments.continues_from,
        gives_up_until=arguments.gives_up_until,
    )
    connection = await connect(settings.database_url, name=f"{service.name} reanchor")
    try:
        fact = await reanchor(connection, setting, restore)
    except NotContinuable as error:
        return _complain(str(error), EXIT_BROKEN)
    finally:
        await connection.close()
    print(f"re-anchored at position {fact.position}; audit-verify accepts it with --accept {fact.anchor_id}")  # noqa: T201  a command's answer
    return 0


def _complain(words: str, code: int) -> int:
    sys.stderr.write(f"{words}\n")
    return code
