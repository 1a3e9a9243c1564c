"""What keeps the service from starting is said in words, all of it at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.settings import SettingsInvalid
from deploy.local.tokens import ISSUER, Issuer
from services.notifications.app import build
from tests.component.house import furnished

MAIL = {"SMTP_HOST": "127.0.0.1", "MAIL_FROM": "pemberitahuan@bapas.example"}


async def start(dsn: str, issuer: Issuer, env: dict[str, str]) -> None:
    """Start and stop at once."""
    async with furnished(build(), dsn, issuer, env):
        pass


async def test_a_house_without_roster_and_contacts_starts_and_tells_the_section_head(dsn: str, issuer: Issuer) -> None:
    await start(dsn, issuer, MAIL)


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        pytest.param("DUTY_ROSTER", "[[duty]]\nunit = 'PLG-XYZ'\n", "unit 'PLG-XYZ' is unknown", id="unknown unit"),
        pytest.param("DUTY_ROSTER", "[[duty", "DUTY_ROSTER cannot be read", id="no TOML"),
        pytest.param(
            "OFFICER_CONTACTS", "[[contact]]\nofficer = 'X'\n", "officer 'X' is unknown", id="unknown officer"
        ),
    ],
)
async def test_a_file_that_cannot_be_right_is_refused_by_name(
    dsn: str, issuer: Issuer, tmp_path: Path, variable: str, text: str, problem: str
) -> None:
    file = tmp_path / "file.toml"
    write(file, text)

    with pytest.raises(SettingsInvalid) as refused:
        await start(dsn, issuer, MAIL | {variable: str(file)})

    assert variable in str(refused.value)
    assert problem in str(refused.value)


async def test_without_a_mail_server_it_does_not_start(dsn: str, issuer: Issuer) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        await start(dsn, issuer, {})

    assert {problem.partition(" ")[0] for problem in refused.value.problems} == {"SMTP_HOST", "MAIL_FROM"}


def test_the_command_ends_with_the_words_and_a_code_of_its_own(dsn: str, issuer: Issuer) -> None:
    env = {
        **os.environ,
        "DATABASE_URL": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "AUTH_ISSUER": ISSUER,
        "AUTH_JWKS": str(issuer.jwks_file),
        "SMTP_HOST": "127.0.0.1",
        "MAIL_FROM": "",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "services.notifications"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert "MAIL_FROM is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def write(file: Path, text: str) -> None:
    """Write a file, as somebody with an editor does."""
    file.write_text(text)
