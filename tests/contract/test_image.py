"""deploy/Dockerfile: one service an image, nothing of the others, and everything that it imports."""

import ast
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.compose.make_secrets import SERVICES
from tests.contract.image import DOCKERFILE, REPOSITORY, container_env, copied, instructions, lay_out

HOUSE: Final = {"contracts", "chassis", "services"}
LOCK: Final = REPOSITORY / "deploy" / "requirements-service.lock"


def words(name: str) -> list[str]:
    """The rest of each line of the Dockerfile that begins with this word."""
    return [one.rest for one in instructions() if one.word == name]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"^#\s*syntax\s*=", "a syntax line fetches another builder"),
        (r"<<-?['\"]?[A-Z]+", "no heredoc"),
        (r"--link\b|--chmod\b|--parents\b|--exclude\b", "no such flag of COPY"),
        (r"--mount\b|--network\b|--security\b", "no such flag of RUN"),
        (r"--start-interval\b", "no such flag of HEALTHCHECK"),
    ],
)
def test_an_old_builder_understands_it(pattern: str, why: str) -> None:
    assert not re.search(pattern, DOCKERFILE.read_text(), re.MULTILINE), why


def test_every_stage_stands_on_the_same_pinned_python() -> None:
    images = [rest.split()[0] for rest in words("FROM")]

    assert images == ["python:3.13-slim"] * 2


def test_it_takes_contracts_chassis_and_one_service() -> None:
    assert copied() == [
        ("contracts", "contracts"),
        ("chassis", "chassis"),
        ("services/__init__.py", "services/__init__.py"),
        ("services/${SERVICE}", "services/${SERVICE}"),
    ]


def test_a_build_without_a_name_is_refused_before_anything_is_copied() -> None:
    order = [one.word if one.word != "RUN" else one.rest for one in instructions()]
    last = len(order) - order[::-1].index("FROM")
    stage = order[last:]

    guard = next(at for at, line in enumerate(stage) if line.startswith('test -n "${SERVICE}"'))
    assert guard < stage.index("COPY")


def test_it_runs_as_a_user_without_rights() -> None:
    assert words("USER") == ["10001:10001"]
    assert instructions().index(next(one for one in instructions() if one.word == "USER")) > max(
        at for at, one in enumerate(instructions()) if one.word in {"RUN", "COPY"}
    )


def test_libraries_come_from_the_lock_with_their_hashes() -> None:
    [install] = [rest for rest in words("RUN") if "pip install" in rest]

    assert "--require-hashes" in install
    assert "--only-binary :all:" in install
    assert "COPY deploy/requirements-service.lock" in DOCKERFILE.read_text()


def test_the_build_sees_only_what_it_copies() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    needed = {source.split("/")[0] for source, _ in copied()} | {"deploy/requirements-service.lock"}

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == needed
    assert [rule for rule in rules[1:] if not rule.startswith("!")] == ["**/__pycache__", "**/*.pyc"]


@pytest.mark.parametrize("service", SERVICES)
class TestTheImageOfAService:
    """Laid out in a folder and started by the image's own entry point."""

    @pytest.fixture
    def app(self, service: str, tmp_path: Path) -> Path:
        """The folder /app."""
        return lay_out(service, tmp_path / "app")

    def test_it_holds_no_other_service(self, service: str, app: Path) -> None:
        assert {path.name for path in app.iterdir()} == HOUSE
        assert {path.name for path in (app / "services").iterdir()} == {"__init__.py", service}

    def test_it_starts_with_what_it_holds(self, service: str, app: Path) -> None:
        [entry_point] = words("ENTRYPOINT")
        command = [*json.loads(entry_point), "--help"]

        done = subprocess.run(
            command, cwd=app, env=container_env(service), capture_output=True, text=True, timeout=60, check=False
        )

        assert done.returncode == 0, done.stderr
        assert f"python -m services.{service}" in done.stdout
        for word in ("run", "migrate", "check"):
            assert word in done.stdout

    def test_the_lock_holds_every_library_that_it_imports(self, service: str, app: Path) -> None:
        lacking = {
            module: owner_of(module) for module in sorted(imported(app)) if owner_of(module) not in {"", *locked()}
        }

        assert lacking == {}


def imported(folder: Path) -> set[str]:
    """The modules from outside that code names in its imports, also those inside functions."""
    modules: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    return {name for name in modules if name.split(".")[0] not in HOUSE | set(sys.stdlib_module_names)}


def owner_of(module: str) -> str:
    """The distribution that brings a module; empty for one that is not here, since then nothing imports it at start."""
    spec = importlib.util.find_spec(module)
    assert spec is not None, f"{module} is imported and not installed"
    places = [spec.origin] if spec.origin else [*(spec.submodule_search_locations or [])]
    for place in places:
        if place in files():
            return files()[place]
    return "" if not spec.origin else module


@cache
def files() -> dict[str, str]:
    """Which distribution each installed file belongs to."""
    return {
        str(Path(str(distribution.locate_file(file)))): canonicalize_name(distribution.name)
        for distribution in importlib.metadata.distributions()
        for file in distribution.files or []
    }


@cache
def locked() -> frozenset[str]:
    """The distributions in the lock file of the services."""
    lines = [line.partition(" \\")[0] for line in LOCK.read_text().splitlines() if re.match(r"[a-z]", line)]
    return frozenset(canonicalize_name(Requirement(line).name) for line in lines)
