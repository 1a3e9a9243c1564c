"""A secret may come as a file, so that it stands in no description of a process or a container."""

from pathlib import Path

import pytest

from chassis.settings import NEEDED_TO_MIGRATE, Settings, SettingsInvalid

URL = "postgresql://registration:hush@127.0.0.1/registration"
ENOUGH = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:19192",
    "AUTH_ISSUER": "urn:bapas:local",
    "AUTH_JWKS": "https://issuer.example/jwks",
}


@pytest.fixture
def url_file(tmp_path: Path) -> Path:
    """A file as an editor leaves it, with a line end."""
    file = tmp_path / "database_url"
    file.write_text(f"{URL}\n")
    return file


def problems(env: dict[str, str]) -> tuple[str, ...]:
    """What is wrong with an environment."""
    with pytest.raises(SettingsInvalid) as raised:
        Settings.from_env(env, service="registration")
    return raised.value.problems


def test_the_database_is_read_from_a_file(url_file: Path) -> None:
    given = Settings.from_env({**ENOUGH, "DATABASE_URL_FILE": str(url_file)}, service="registration")

    assert given.database_url == URL


def test_a_migration_reads_the_file_too(url_file: Path) -> None:
    env = {"DATABASE_URL_FILE": str(url_file)}

    assert Settings.from_env(env, service="registration", needed=NEEDED_TO_MIGRATE).database_url == URL


def test_the_password_of_kafka_is_read_from_a_file(url_file: Path, tmp_path: Path) -> None:
    password = tmp_path / "kafka_password"
    password.write_text("hush")
    env = {
        **ENOUGH,
        "DATABASE_URL_FILE": str(url_file),
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": "registration",
        "KAFKA_SASL_PASSWORD_FILE": str(password),
    }

    assert Settings.from_env(env, service="registration").kafka_sasl_password == "hush"  # noqa: S105 - an example


def test_a_password_from_a_file_does_not_go_over_a_plain_line_either(url_file: Path, tmp_path: Path) -> None:
    password = tmp_path / "kafka_password"
    password.write_text("hush")
    env = {**ENOUGH, "DATABASE_URL_FILE": str(url_file), "KAFKA_SASL_PASSWORD_FILE": str(password)}

    assert problems(env) == ("KAFKA_SASL_PASSWORD would be sent without TLS: set KAFKA_SECURITY_PROTOCOL=SASL_SSL",)


def test_two_sources_of_one_secret_are_refused(url_file: Path) -> None:
    env = {**ENOUGH, "DATABASE_URL": URL, "DATABASE_URL_FILE": str(url_file)}

    assert problems(env) == ("DATABASE_URL and DATABASE_URL_FILE are both set; one of them is enough",)


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    [problem] = problems({**ENOUGH, "DATABASE_URL_FILE": str(tmp_path / "nowhere")})

    assert problem.startswith("DATABASE_URL_FILE names ")
    assert "cannot be read (FileNotFoundError)" in problem


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    empty = tmp_path / "database_url"
    empty.write_text("\n")

    [problem] = problems({**ENOUGH, "DATABASE_URL_FILE": str(empty)})

    assert "is empty" in problem


def test_what_a_file_says_wrongly_is_not_repeated(tmp_path: Path) -> None:
    wrong = tmp_path / "database_url"
    wrong.write_text("mysql://u:hush@h/d")

    [problem] = problems({**ENOUGH, "DATABASE_URL_FILE": str(wrong)})

    assert "hush" not in problem
    assert "DATABASE_URL must begin with postgresql://" in problem


def test_only_secrets_come_as_files(tmp_path: Path) -> None:
    clock = tmp_path / "office-clock.json"
    clock.write_text("{}")
    env = {**ENOUGH, "DATABASE_URL": URL, "OFFICE_CLOCK_FILE": str(clock), "MAIL_FROM_FILE": str(clock)}

    given = Settings.from_env(env, service="registration")

    assert given.office_clock_file == clock
    assert given.mail_from is None
