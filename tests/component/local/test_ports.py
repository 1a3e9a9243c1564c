"""A port that is taken is named, with the setting that changes it."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.ports import Claims, free_ports, require_free
from deploy.local.problem import Problem
from deploy.local.settings import REPOSITORY, Ports, Settings


def test_a_taken_port_is_named_with_its_setting() -> None:
    [port] = free_ports(1)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()

        with pytest.raises(Problem, match=rf"BAPAS_KAFKA_PORT={port} is taken"):
            require_free({"BAPAS_KAFKA_PORT": port})

    require_free({"BAPAS_KAFKA_PORT": port})


def test_all_taken_ports_are_named_at_once() -> None:
    ports = dict(zip(("BAPAS_KAFKA_PORT", "BAPAS_SMTP_PORT", "BAPAS_MAIL_PORT"), free_ports(3), strict=True))
    with contextlib.ExitStack() as held:
        for port in (ports["BAPAS_KAFKA_PORT"], ports["BAPAS_MAIL_PORT"]):
            holder = held.enter_context(socket.socket())
            holder.bind(("127.0.0.1", port))
            holder.listen()

        with pytest.raises(Problem) as refused:
            require_free(ports)

    assert [name for name in ports if name in str(refused.value)] == ["BAPAS_KAFKA_PORT", "BAPAS_MAIL_PORT"]


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    found = free_ports(20)

    assert len(set(found)) == 20
    assert all(20_000 <= port < 32_000 for port in found)


def test_a_port_that_another_process_was_given_is_not_given_again(tmp_path: Path) -> None:
    ours = Claims(tmp_path)
    assert ours.take(20_001)
    asked = (
        "import sys; from pathlib import Path; from deploy.local.ports import Claims;"
        "claims = Claims(Path(sys.argv[1])); print([claims.take(port) for port in (20_001, 20_002, 20_002)])"
    )

    other = subprocess.run(
        [sys.executable, "-c", asked, tmp_path], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )

    assert other.stdout == "[False, True, False]\n"
    assert ours.take(20_002)


def test_ports_are_changed_by_the_environment() -> None:
    ports = Ports.from_env({"BAPAS_KAFKA_PORT": "9999", "BAPAS_SMTP_PORT": ""})

    assert (ports.kafka, ports.smtp) == (9999, Ports().smtp)


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(Problem, match="BAPAS_KAFKA_PORT"):
        Ports.from_env({"BAPAS_KAFKA_PORT": text})


def test_parts_that_the_user_runs_are_read_from_the_environment() -> None:
    settings = Settings.from_env(
        {
            "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
            "KAFKA_TOPIC_PREFIX": "mine.",
            "REGISTRATION_DATABASE_URL": "postgresql://r@h/d",
            "TRACES": "0",
        }
    )

    assert settings.kafka_bootstrap_servers == "broker:9092"
    assert settings.topic_prefix == "mine."
    assert settings.database_urls == {"registration": "postgresql://r@h/d"}
    assert not settings.traces


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("nonsense", "REGISTRATION_DATABASE_URL is not an address", id="no address"),
        pytest.param("mysql://r@h/d", "REGISTRATION_DATABASE_URL is not an address", id="another kind of server"),
        pytest.param("postgresql://r@h:x/d", "REGISTRATION_DATABASE_URL is not an address", id="no port"),
        pytest.param("postgresql://r@h", "REGISTRATION_DATABASE_URL is not an address", id="no database"),
        pytest.param(
            "postgresql://other@h:5432/shared",
            "REGISTRATION_DATABASE_URL and SUPERVISION_DATABASE_URL name the same database",
            id="shared by two services",
        ),
    ],
)
def test_a_database_that_cannot_be_one_of_a_service_is_refused(url: str, words: str) -> None:
    with pytest.raises(Problem, match=words):
        Settings.from_env({"REGISTRATION_DATABASE_URL": url, "SUPERVISION_DATABASE_URL": "postgresql://r@h/shared"})
