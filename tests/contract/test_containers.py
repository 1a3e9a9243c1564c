"""Tests in containers use the images of compose with the settings of the packaged parts, or say that they cannot."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest
import yaml

from deploy.local.kafka import PROPERTIES
from tests import containers
from tests.conftest import NO_STACK
from tests.contract.image import REPOSITORY

NOWHERE: Final = {**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:1"}


@pytest.fixture
def backing_in_containers() -> Iterator[containers.ContainerBacking]:
    """Both parts, described and not started."""
    backing = containers.ContainerBacking()
    yield backing
    backing.stop()


def test_the_images_are_those_of_compose(backing_in_containers: containers.ContainerBacking) -> None:
    parts = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]

    assert backing_in_containers.kafka.container.image == parts["kafka"]["image"]
    assert backing_in_containers.postgres.container.image == parts["postgres"]["image"]


def test_both_are_told_what_the_packaged_ones_are_told(backing_in_containers: containers.ContainerBacking) -> None:
    env = backing_in_containers.kafka.container.env
    command = list(containers.server_command())

    for line in PROPERTIES.splitlines():
        name, _, value = line.partition("=")
        if value and not line.startswith("#"):
            assert containers.env_name(name) in env
            if "{" not in value:
                assert env[containers.env_name(name)] == value
    assert command[:3] == ["postgres", "-c", "max_connections=200"]
    assert "scram_iterations=1000" in command
    assert containers.env_name("log.dirs") == "KAFKA_LOG_DIRS"
    assert containers.env_name("a.b_c-d") == "KAFKA_A_B__C___D"


def test_clients_find_them_where_they_are_told(backing_in_containers: containers.ContainerBacking) -> None:
    kafka, postgres = backing_in_containers.kafka, backing_in_containers.postgres

    assert kafka.container.port == kafka.container.at == kafka.port
    assert (postgres.container.port, postgres.container.at) == (5432, postgres.port)
    assert kafka.container.env["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{kafka.bootstrap_servers}"


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ("containers", "STACK=containers: no Docker engine answers"),
        ("kubernetes", "STACK=kubernetes is not known; it is local or containers"),
    ],
)
@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_run_without_what_it_needs_says_so_and_does_not_count_as_passed(stack: str, words: str, workers: str) -> None:
    command = [sys.executable, "-m", "pytest", workers, "tests/unit/chassis/test_rules.py"]

    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**NOWHERE, "STACK": stack},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == NO_STACK, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert "passed" not in done.stdout


def test_make_hands_the_choice_on_and_fails_before_it_begins() -> None:
    """The check stands before the linters: whoever asked for containers need not wait for them to hear it."""
    done = subprocess.run(
        ["make", "--silent", "test", "STACK=containers"],  # noqa: S607
        cwd=REPOSITORY, env=NOWHERE, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    assert "no Docker engine answers" in done.stderr
    assert "ruff" not in done.stdout + done.stderr
