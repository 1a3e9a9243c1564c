"""Wiring of notifications: the desk, its files, the ways out, and the command line."""

import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import structlog
from fastapi import APIRouter

from chassis import main as chassis_main
from chassis.senders import AnySender, Sender
from chassis.service import Service, ServiceContext
from chassis.settings import SettingsInvalid
from contracts.notifications import Channel
from services.notifications import api, client_store, outgoing, roster_handlers, store
from services.notifications.alert_handlers import AlertDesk
from services.notifications.alerts_api import alert_routes
from services.notifications.channels import Mail, WayOut
from services.notifications.domain.audience import Contacts, DeskInvalid, contacts_of, roster_of
from services.notifications.domain.preference import Preferences, preferences_of
from services.notifications.domain.roster import Roster
from services.notifications.gateway import MessagingGateway
from services.notifications.handlers import Desk, Furniture
from services.notifications.outgoing import Outgoing
from services.notifications.preference_handlers import PreferenceDesk
from services.notifications.preferences_api import preference_routes
from services.notifications.receipts_api import receipt_routes
from services.notifications.reminder_handlers import ReminderDesk
from services.notifications.roster_api import roster_routes
from services.notifications.roster_handlers import RosterDesk
from services.notifications.wording import Wording

log = structlog.get_logger(__name__)

MIGRATIONS: Final = Path(__file__).parent / "migrations"
SENDERS: Final = 4
"""As many carriers are asked at the same time: on a day of thousands of releases nobody waits behind a slow one."""

T = TypeVar("T")


class Sheet(Generic[T]):
    """A TOML file that people change while the service runs: read anew when it changed, kept as it was if it broke."""

    def __init__(self, path: Path | None, parse: Callable[[Mapping[str, Any]], T]) -> None:
        """Read it now; what is wrong with it is told before anything starts. No file is an empty one."""
        self._path = path
        self._parse = parse
        self._mtime_ns = self._modified()
        self._content = self._read()

    def __call__(self) -> T:
        """What it says."""
        try:
            modified = self._modified()
            if modified != self._mtime_ns:
                self._mtime_ns = modified
                self._content = self._read()
                log.info("read anew", action="desk", kind=type(self._content).__name__)
        except (OSError, tomllib.TOMLDecodeError, DeskInvalid) as failure:
            log.warning(
                "kept as it was before",
                action="desk",
                kind=type(self._content).__name__,
                failure=type(failure).__name__,
            )
        return self._content

    def _modified(self) -> int:
        return 0 if self._path is None else self._path.stat().st_mtime_ns

    def _read(self) -> T:
        return self._parse({} if self._path is None else tomllib.loads(self._path.read_text(encoding="utf-8")))


def build() -> Service:
    """The service with a desk of its own."""
    desk = Desk()
    roster, leaving, inbox = RosterDesk(desk), Outgoing(desk), desk.inbox()
    roster.react(inbox)
    AlertDesk(desk).react(inbox)
    ReminderDesk(desk).react(inbox)
    leaving.clocks(inbox)

    def routes(context: ServiceContext) -> Sequence[APIRouter]:
        furnish(desk, context)
        return (
            *api.routes(context),
            alert_routes(context),
            roster_routes(context, desk, roster),
            receipt_routes(context, leaving),
            preference_routes(context, desk, PreferenceDesk(desk)),
        )

    def senders(context: ServiceContext) -> Sequence[AnySender]:
        furnish(desk, context)
        mail = Sender(
            name="mail",
            claim=outgoing.claim_parcels,
            send=leaving.send,
            settle=leaving.settle,
            backlog=lambda: store.backlog(context.pool, at=context.office_clock.now()),
            at_once=SENDERS,
        )
        return (mail,)

    return Service(
        name="notifications",
        title="Notifications: who is told what, by which channel, when",
        inbox=inbox,
        migrations=MIGRATIONS,
        routes=routes,
        senders=senders,
        measures=lambda context: (roster_handlers.measure_of(context),),
    )


def furnish(desk: Desk, context: ServiceContext) -> None:
    """Lay out what the settings name; raises SettingsInvalid with every problem at once."""
    settings, reference = context.settings, context.reference
    missing = [
        f"{name} is not set: without it no e-mail leaves"
        for name, value in (("SMTP_HOST", settings.smtp_host), ("MAIL_FROM", settings.mail_from))
        if not value
    ]
    if missing or settings.smtp_host is None or settings.mail_from is None:
        raise SettingsInvalid(missing)
    roster: Sheet[Roster] = _sheet(
        "DUTY_ROSTER",
        settings.duty_roster,
        lambda rows: roster_of(rows, officers=reference.officers, units=reference.units, zone=reference.zone),
    )
    ways_out = _ways_out(context, mail_host=settings.smtp_host, mail_from=settings.mail_from)
    contacts: Sheet[Contacts] = _sheet(
        "OFFICER_CONTACTS",
        settings.officer_contacts,
        lambda rows: contacts_of(rows, officers=reference.officers, available=ways_out.keys()),
    )
    preferences: Sheet[Preferences] = _sheet(
        "OFFICER_CONTACTS",
        settings.officer_contacts,
        lambda rows: preferences_of(rows, officers=reference.officers, units=reference.units),
    )
    desk.furnish(
        Furniture(
            roster=roster,
            contacts=contacts,
            preferences=preferences,
            wording=Wording(zone=reference.zone),
            ways_out=ways_out,
            mail_domain=settings.mail_from.rpartition("@")[2],
            client_phone=lambda client_id: client_store.phone_of(context.pool, client_id),
        )
    )


def _ways_out(context: ServiceContext, *, mail_host: str, mail_from: str) -> Mapping[Channel, WayOut]:
    settings = context.settings
    mail = Mail(
        host=mail_host,
        port=settings.smtp_port,
        sender=mail_from,
        clock=context.system_clock,
        telemetry=context.telemetry,
    )
    if settings.gateway_url is None or settings.gateway_token is None:
        return {Channel.EMAIL: mail}
    gateway = MessagingGateway(url=settings.gateway_url, token=settings.gateway_token, telemetry=context.telemetry)
    return {Channel.EMAIL: mail, Channel.GATEWAY: gateway}


def _sheet(name: str, path: Path | None, parse: Callable[[Mapping[str, Any]], T]) -> Sheet[T]:
    try:
        return Sheet(path, parse)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid([f"{name} cannot be read: {error}"]) from error
    except DeskInvalid as invalid:
        raise SettingsInvalid([f"{name}: {problem}" for problem in invalid.problems]) from invalid


SERVICE: Final = build()


def main() -> None:
    """Run the command line; what is wrong with the desk's files is said in words before the process ends."""
    try:
        chassis_main.main(SERVICE)
    except SettingsInvalid as invalid:
        sys.stderr.write(f"{invalid}\n")
        sys.exit(chassis_main.EXIT_MISCONFIGURED)
