"""The secured broker of docker-compose.secured.yml, started by its own script on the packaged Kafka."""

import base64
import os
import shlex
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from chassis.settings import Settings
from deploy.compose import make_secrets
from deploy.local import downloads
from deploy.local.java import java, small
from deploy.local.ports import HOST, free_ports
from deploy.local.waiting import wait_until
from tests.contract.image import REPOSITORY

START_SECONDS: Final = 60
STOP_SECONDS: Final = 20
ANSWER_SECONDS: Final = 10
PROGRAMS: Final = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}


@dataclass(frozen=True)
class SecuredKafka:
    """A running broker that knows who speaks to it."""

    folder: Path
    bootstrap_servers: str

    @property
    def secrets(self) -> Path:
        """The files that containers see below /run/secrets."""
        return self.folder / "secrets"

    def password(self, principal: str) -> str:
        """What a principal logs in with."""
        return (self.secrets / f"kafka_password_{principal}").read_text()

    def env(self, principal: str) -> dict[str, str]:
        """The environment of a process of ours that logs in as this principal, as the compose file gives it."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_USERNAME": principal,
            "KAFKA_SASL_PASSWORD_FILE": str(self.secrets / f"kafka_password_{principal}"),
            "KAFKA_CA_FILE": str(self.secrets / "kafka_ca"),
        }

    def settings(self, principal: str, **changed: str) -> Settings:
        """The settings of a service that logs in as this principal."""
        return Settings.from_env({**self.env(principal), **changed}, service=principal, needed=frozenset())

    def client(self, principal: str) -> dict[str, Any]:
        """The settings of a foreign client that logs in as this principal."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": principal,
            "sasl.password": self.password(principal),
            "ssl.ca.location": str(self.secrets / "kafka_ca"),
            "log_level": 0,
        }

    def run(self, module: str, **env: str) -> str:
        """What a job prints that runs as the administrator; it ends well."""
        given = {**_machine(), **self.env("admin"), **env}
        done = subprocess.run(
            [sys.executable, "-m", module], cwd=REPOSITORY, env=given, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """The broker, with secrets made as for compose; it ends with the block."""
    port, controller_port = free_ports(2)
    kafka = SecuredKafka(folder, f"{HOST}:{port}")
    for name in ("secrets", "config", "data", "bin"):
        (folder / name).mkdir()
    for name, text in make_secrets.missing([]):
        (kafka.secrets / name).write_text(text)
    _install(folder)
    env = {
        "KAFKA_BIN": str(folder / "bin"),
        "SECRETS": str(kafka.secrets),
        "CONFIG": str(folder / "config"),
        "SETTINGS": str(REPOSITORY / "deploy/kafka/secured.properties"),
        "DATA": str(folder / "data"),
        "LISTENERS": f"INTERNAL://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "ADVERTISED_LISTENERS": f"INTERNAL://{HOST}:{port}",
        "QUORUM_VOTERS": f"1@{HOST}:{controller_port}",
        "CLUSTER_ID": base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode(),
    }
    with (folder / "kafka.log").open("w") as log, _started(env, log) as process:
        ready = wait_until(lambda: _answers(kafka) or process.poll() is not None, seconds=START_SECONDS)
        assert ready, (folder / "kafka.log").read_text()[-4000:]
        assert process.poll() is None, (folder / "kafka.log").read_text()[-4000:]
        yield kafka


@contextmanager
def _started(env: Mapping[str, str], log: Any) -> Iterator["subprocess.Popen[bytes]"]:
    script = str(REPOSITORY / "deploy/kafka/secured.sh")
    process = subprocess.Popen(["/bin/sh", script], env={**_machine(), **env}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _install(folder: Path) -> None:
    """The programs of Kafka's image by their names, on the packaged Java."""
    class_path = downloads.class_path(downloads.KAFKA_JARS, what="Kafka")
    logging = f"-Dlog4j2.configurationFile={REPOSITORY / 'deploy/kafka/log4j2.yaml'}"
    for name, program in PROGRAMS.items():
        command = java(logging, program, class_path=class_path, options=small(384))
        script = folder / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
        script.chmod(0o700)


def _answers(kafka: SecuredKafka) -> bool:
    try:
        return bool(AdminClient(kafka.client("admin")).list_topics(timeout=ANSWER_SECONDS).brokers)
    except KafkaException:
        return False


def _machine() -> dict[str, str]:
    """What every process needs of this one's environment, and nothing that names a Kafka."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
