"""Notifications around a fresh database, with a post office next door."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.backing import Backing
from deploy.local.tokens import Issuer
from services.notifications.app import SERVICE, build
from tests.component.house import House, database_of, furnished
from tests.component.notifications.postmaster import Postmaster, post_office

ROSTER = """
    [[duty]]
    unit = "PLG-SKY"
    officer = "PO-SKY-01"
    from = 2026-05-01T00:00:00+07:00
    to = 2026-07-01T00:00:00+07:00
    role = "PROBATION_OFFICER"

    [[duty]]
    unit = "PLG-HQ"
    officer = "PO-HQ-01"
    from = 2026-05-01T00:00:00
    to = 2026-07-01T00:00:00
    role = "PROBATION_OFFICER"
"""
CONTACTS = """
    [[contact]]
    officer = "PO-SKY-01"
    email = "duty.sekayu@bapas.example"
    channels = ["IN_APP", "EMAIL"]

    [[contact]]
    officer = "PO-HQ-02"
    email = "officer@bapas.example"
    channels = ["IN_APP", "EMAIL"]

    [[contact]]
    officer = "SHA-HQ-01"
    channels = ["IN_APP", "EMAIL"]

    [[contact]]
    officer = "HEAD-HQ-01"
    channels = []
"""


@pytest.fixture(scope="session")
def dsn(backing: Backing) -> Iterator[str]:
    """A database with the tables of notifications."""
    with database_of(backing, SERVICE) as address:
        yield address


@pytest.fixture
async def post() -> AsyncIterator[Postmaster]:
    """The mail server."""
    async with post_office() as master:
        yield master


@pytest.fixture
def roster_file(tmp_path: Path) -> Path:
    """Who is on duty at Sekayu and at head office, for weeks."""
    path = tmp_path / "roster.toml"
    path.write_text(ROSTER)
    return path


@pytest.fixture
async def house(dsn: str, issuer: Issuer, post: Postmaster, roster_file: Path, tmp_path: Path) -> AsyncIterator[House]:
    """The service, with nothing in it."""
    contacts = tmp_path / "contacts.toml"
    contacts.write_text(CONTACTS)
    env = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(post.port),
        "MAIL_FROM": "pemberitahuan@bapas.example",
        "DUTY_ROSTER": str(roster_file),
        "OFFICER_CONTACTS": str(contacts),
    }
    async with furnished(build(), dsn, issuer, env) as house:
        yield house
