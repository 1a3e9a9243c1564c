"""docker-compose.secured.yml, laid over docker-compose.yml: everybody logs in, and sees no login but its own."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from cryptography import x509

from chassis.settings import Settings
from deploy.compose import make_secrets
from tests.contract.image import REPOSITORY
from tests.contract.test_compose import COMPOSE, PARTS, PINNED, SETTINGS, on_this_machine

SECURED: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.secured.yml").read_text())
LAID_OVER: Final[dict[str, dict[str, Any]]] = SECURED["services"]
CLIENTS: Final = {**{service: service for service in make_secrets.SERVICES}, "topics": "admin", "rights": "admin"}


def merged(name: str) -> dict[str, str]:
    """What a part is told in the end."""
    below = PARTS[name]["environment"] if name in PARTS else {}
    return {**below, **LAID_OVER[name]["environment"]}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every secret, as containers see it."""
    folder = tmp_path_factory.mktemp("secrets")
    for name, text in make_secrets.missing([]):
        (folder / name).write_text(text)
    return folder


def test_it_changes_whoever_speaks_to_kafka_and_nobody_else() -> None:
    speak = {name for name, part in PARTS.items() if "KAFKA_BOOTSTRAP_SERVERS" in part.get("environment", {})}

    assert LAID_OVER.keys() == {"kafka", "rights", *speak}
    assert CLIENTS.keys() == {"rights", *speak}


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_whoever_speaks_to_kafka_logs_in_as_who_it_is(name: str, secrets: Path) -> None:
    principal = CLIENTS[name]
    env = on_this_machine(merged(name), name=name if name in PARTS else "topics", secrets=secrets)

    given = Settings.from_env(env, service="registration", needed=frozenset({"KAFKA_BOOTSTRAP_SERVERS"}))

    assert merged(name).keys() <= SETTINGS
    assert given.kafka_security_protocol == "SASL_SSL"
    assert given.kafka_sasl_username == principal
    assert given.kafka_sasl_password == (secrets / f"kafka_password_{principal}").read_text()
    assert LAID_OVER[name]["secrets"] == [f"kafka_password_{principal}", "kafka_ca"]


def test_a_service_starts_when_its_rights_are_there() -> None:
    for service in make_secrets.SERVICES:
        assert LAID_OVER[service]["depends_on"] == {"rights": {"condition": "service_completed_successfully"}}
    assert LAID_OVER["rights"]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}


def test_the_broker_has_every_password_and_every_secret_is_made() -> None:
    made = {name for name, _ in make_secrets.missing([]) if name.startswith("kafka_")}

    assert set(LAID_OVER["kafka"]["secrets"]) == made
    assert SECURED["secrets"] == {name: {"file": f"./deploy/secrets/{name}"} for name in made}
    assert not made & COMPOSE["secrets"].keys()


def test_no_listener_of_the_broker_is_open() -> None:
    env = merged("kafka")
    text = (REPOSITORY / "deploy/kafka/secured.properties").read_text()
    settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    protocols = dict(one.split(":") for one in settings["listener.security.protocol.map"].split(","))
    named = re.findall(r"([A-Z]+)://", env["LISTENERS"])

    assert named == list(protocols)
    assert set(protocols.values()) == {"SASL_SSL", "SSL"}
    assert protocols["CONTROLLER"] == "SSL"
    assert settings["listener.name.controller.ssl.client.auth"] == "required"
    assert settings["allow.everyone.if.no.acl.found"] == "false"
    assert "ANONYMOUS" not in settings["super.users"]
    assert env["ADVERTISED_LISTENERS"] == PARTS["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_the_certificate_is_for_the_names_by_which_the_broker_is_called() -> None:
    made = dict(make_secrets.missing([]))
    ca = x509.load_pem_x509_certificate(made["kafka_ca"].encode())
    [own, above] = x509.load_pem_x509_certificates(made["kafka_key"].partition("-----BEGIN CERTIFICATE")[2].join(
        ["-----BEGIN CERTIFICATE", ""]
    ).encode())  # fmt: skip
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    called = re.findall(r"//([^:,]+):", merged("kafka")["ADVERTISED_LISTENERS"])

    own.verify_directly_issued_by(ca)
    assert above == ca
    everything = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    assert set(called) <= everything


def test_its_data_are_apart_from_those_of_the_open_broker_and_what_it_mounts_is_there() -> None:
    mounted = dict(volume.split(":")[:2] for volume in LAID_OVER["kafka"]["volumes"])

    assert mounted["kafka_secured"] == merged("kafka")["DATA"]
    assert SECURED["volumes"].keys() == {"kafka_secured"}
    assert mounted["./deploy/kafka"] == "/etc/bapas/kafka"
    assert LAID_OVER["kafka"]["entrypoint"] == ["/bin/sh", "/etc/bapas/kafka/secured.sh"]
    for file in ("secured.sh", "secured.properties", "log4j2.yaml"):
        assert (REPOSITORY / "deploy/kafka" / file).is_file()


def test_the_job_of_the_rights_is_as_hard_as_the_others() -> None:
    rights, topics = LAID_OVER["rights"], PARTS["topics"]

    assert PINNED.fullmatch(rights["image"])
    for what in ("image", "read_only", "cap_drop", "security_opt", "tmpfs", "logging", "restart", "cpus", "mem_limit",
                 "pids_limit", "volumes", "command"):  # fmt: skip
        assert rights[what] == topics[what], what
