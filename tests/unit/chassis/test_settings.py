"""Settings: what is missing or unsafe is told at start, all at once and by name."""

from pathlib import Path

import pytest

from chassis.settings import NEEDED_TO_MIGRATE, VERSION, Settings, SettingsInvalid

ENOUGH = {
    "DATABASE_URL": "postgresql://registration:secret@127.0.0.1/registration",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:19192",
    "AUTH_ISSUER": "urn:bapas:local",
    "AUTH_JWKS": "https://issuer.example/jwks",
}


def settings(**changes: str) -> Settings:
    """Enough to run, with changes."""
    return Settings.from_env({**ENOUGH, **changes}, service="registration")


def problems(env: dict[str, str]) -> tuple[str, ...]:
    """What is wrong with an environment."""
    with pytest.raises(SettingsInvalid) as raised:
        Settings.from_env(env, service="registration")
    return raised.value.problems


def test_what_is_needed_is_enough() -> None:
    given = settings()

    assert given.service_roles == {"api", "worker", "relay"}
    assert given.kafka_topic_prefix == ""
    assert given.http_host == "127.0.0.1"
    assert given.auth_audience == "bapas"
    assert given.unit == "PLG-HQ"
    assert given.otel_exporter_otlp_endpoint is None
    assert given.otel_traces_sampler_arg == 1.0


def test_everything_that_is_missing_is_named_at_once() -> None:
    assert problems({}) == (
        "AUTH_ISSUER is not set",
        "AUTH_JWKS is not set",
        "DATABASE_URL is not set",
        "KAFKA_BOOTSTRAP_SERVERS is not set",
    )


def test_a_migration_needs_the_database_alone() -> None:
    env = {"DATABASE_URL": ENOUGH["DATABASE_URL"]}

    assert Settings.from_env(env, service="registration", needed=NEEDED_TO_MIGRATE).database_url == env["DATABASE_URL"]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        pytest.param("HTTP_PORT", "many", "HTTP_PORT is 'many', which is not a number", id="a port in words"),
        pytest.param("HTTP_PORT", "70000", "HTTP_PORT is 70000; it must lie between 0 and 65535", id="too high a port"),
        pytest.param("SERVICE_ROLES", "api,cook", "known are api, relay, worker", id="an unknown role"),
        pytest.param("SERVICE_ROLES", ",", "known are api, relay, worker", id="no role at all"),
        pytest.param("LOG_LEVEL", "LOUD", "known are DEBUG, ERROR, INFO, WARNING", id="an unknown level"),
        pytest.param("KAFKA_TOPIC_PREFIX", "a b", "KAFKA_TOPIC_PREFIX", id="a prefix that no topic can have"),
        pytest.param("DATABASE_URL", "mysql://x", "DATABASE_URL must begin with postgresql://", id="another database"),
        pytest.param("AUTH_JWKS", "http://issuer.example/jwks", "https://", id="keys in the clear"),
        pytest.param("AUTH_JWKS", "/no/such/file", "does not exist", id="a key file that is not there"),
        pytest.param("REFERENCE_DIR", "/no/such/folder", "REFERENCE_DIR", id="reference data that are not there"),
        pytest.param("OTEL_TRACES_SAMPLER_ARG", "2", "must lie between 0.0 and 1.0", id="more than every trace"),
        pytest.param("OTEL_TRACES_SAMPLER_ARG", "nan", "must lie between", id="not a number at all"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_is_expected(variable: str, value: str, words: str) -> None:
    [problem] = problems({**ENOUGH, variable: value})

    assert words in problem


@pytest.mark.parametrize(
    ("env", "words"),
    [
        pytest.param(
            {"KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p"}, "without TLS", id="a password on a plain line"
        ),
        pytest.param({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL", id="said outright"),
        pytest.param(
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SASL_PASSWORD": "p"}, "without TLS", id="TLS without a login"
        ),
        pytest.param({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "needs KAFKA_SASL_USERNAME", id="a login without a name"),
    ],
)
def test_a_password_never_goes_over_a_line_without_tls(env: dict[str, str], words: str) -> None:
    assert any(words in problem for problem in problems({**ENOUGH, **env}))


def test_a_login_over_tls_is_fine() -> None:
    given = settings(KAFKA_SECURITY_PROTOCOL="sasl_ssl", KAFKA_SASL_USERNAME="u", KAFKA_SASL_PASSWORD="p")  # noqa: S106

    assert given.kafka_security_protocol == "SASL_SSL"


def test_settings_do_not_show_secrets() -> None:
    shown = repr(settings(KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_SASL_USERNAME="u", KAFKA_SASL_PASSWORD="hush"))  # noqa: S106

    assert "secret" not in shown
    assert "hush" not in shown


def test_a_password_in_a_wrong_address_is_not_repeated() -> None:
    [problem] = problems({**ENOUGH, "DATABASE_URL": "mysql://u:secret@h/d"})

    assert "secret" not in problem


def test_a_clock_file_may_come_later(tmp_path: Path) -> None:
    later = tmp_path / "office-clock.json"

    assert settings(OFFICE_CLOCK_FILE=str(later)).office_clock_file == later


def test_the_version_is_that_of_the_project() -> None:
    project = (Path(__file__).parents[3] / "pyproject.toml").read_text()

    assert f'version = "{VERSION}"' in project


GATEWAY = {"GATEWAY_URL": "https://gateway.example", "GATEWAY_TOKEN": "t0ken", "GATEWAY_RECEIPT_KEY": "k3y"}


@pytest.mark.parametrize("url", [GATEWAY["GATEWAY_URL"], "http://127.0.0.1:18026", "http://localhost:18026"])
def test_a_messaging_gateway_is_reached_with_a_token_and_signs_with_a_key(url: str) -> None:
    given = settings(**{**GATEWAY, "GATEWAY_URL": url})

    assert (given.gateway_url, given.gateway_token, given.gateway_receipt_key) == (url, "t0ken", "k3y")
    assert given.gateway_receipt_key_old is None
    assert "t0ken" not in repr(given)
    assert "k3y" not in repr(given)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"GATEWAY_URL": "http://gateway.example"}, "in the clear", id="no TLS"),
        pytest.param({"GATEWAY_URL": "ftp://gateway.example"}, "http:// or https://", id="no HTTP"),
        pytest.param({"GATEWAY_TOKEN": ""}, "needs GATEWAY_TOKEN and GATEWAY_RECEIPT_KEY", id="no token"),
        pytest.param({"GATEWAY_RECEIPT_KEY": ""}, "needs GATEWAY_TOKEN and GATEWAY_RECEIPT_KEY", id="no key"),
        pytest.param({"GATEWAY_URL": ""}, "without GATEWAY_URL: no message leaves", id="no address"),
    ],
)
def test_half_a_messaging_gateway_is_refused(changes: dict[str, str], problem: str) -> None:
    assert problem in "\n".join(problems({**ENOUGH, **GATEWAY, **changes}))


BUCKET = {
    "OBJECTS_URL": "s3://bapas/palembang",
    "OBJECTS_S3_ENDPOINT": "https://s3.example",
    "OBJECTS_S3_ACCESS_KEY_ID": "k3y",
    "OBJECTS_S3_SECRET_ACCESS_KEY": "s3cret",
}


def test_papers_name_the_address_at_which_the_service_is_reached_from_outside() -> None:
    assert settings(HTTP_PORT="28102").public_url == "http://127.0.0.1:28102"
    assert settings(PUBLIC_URL="https://litmas.example").public_url == "https://litmas.example"
    assert "PUBLIC_URL must begin with" in problems({**ENOUGH, "PUBLIC_URL": "javascript:alert(1)"})[0]


def test_files_lie_in_a_folder_or_in_a_bucket() -> None:
    assert settings().objects.url.startswith("file:///")
    assert settings(OBJECTS_URL="file:///var/lib/bapas").objects.url == "file:///var/lib/bapas"
    assert settings(**BUCKET).objects.url == "s3://bapas/palembang"
    assert "s3cret" not in repr(settings(**BUCKET))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"OBJECTS_URL": "ftp://files"}, "file:// or s3://", id="neither folder nor bucket"),
        pytest.param({"OBJECTS_URL": "s3:///palembang"}, "names no bucket", id="no bucket"),
        pytest.param({"OBJECTS_S3_SECRET_ACCESS_KEY": ""}, "belong together", id="half of a key"),
        pytest.param({"OBJECTS_S3_ENDPOINT": "http://s3.example"}, "in the clear", id="no TLS"),
        pytest.param({"OBJECTS_URL": "file:///a"}, "no file lies there", id="keys of a bucket and a folder"),
    ],
)
def test_a_store_of_files_that_cannot_be_is_refused(changes: dict[str, str], problem: str) -> None:
    assert problem in "\n".join(problems({**ENOUGH, **BUCKET, **changes}))
