"""What deploy/Dockerfile puts into an image, laid out in a folder: there is no engine where the tests run."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = REPOSITORY / "deploy" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """A line of a Dockerfile, with the lines that continue it."""

    word: str
    rest: str


def instructions() -> list[Instruction]:
    """The Dockerfile without comments."""
    text = "\n".join(line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#"))
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    return [Instruction(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines if line]


def copied() -> list[tuple[str, str]]:
    """What the last stage copies from the repository, and where to."""
    last = max(at for at, one in enumerate(instructions()) if one.word == "FROM")
    copies = [one.rest for one in instructions()[last:] if one.word == "COPY" and not one.rest.startswith("--from=")]
    return [(source, target) for source, target in (rest.split() for rest in copies)]


def lay_out(service: str, folder: Path) -> Path:
    """The folder /app of a service's image."""
    for source, target in copied():
        whence, whither = (Path(place.replace("${SERVICE}", service)) for place in (source, target))
        (folder / whither).parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / whence).is_dir():
            shutil.copytree(REPOSITORY / whence, folder / whither, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / whence, folder / whither)
    return folder


def mount(volumes: list[str], folder: Path) -> None:
    """Lay out below /app what a part of docker-compose.yml mounts there."""
    for volume in volumes:
        source, target, *_ = volume.split(":")
        place = folder / Path(target).relative_to("/app")
        place.parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / source).is_dir():
            shutil.copytree(REPOSITORY / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / source, place)


def container_env(service: str, **more: str) -> dict[str, str]:
    """The environment of a container, with the libraries of this interpreter."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {"PATH": path, "SERVICE": service, "PYTHONDONTWRITEBYTECODE": "1", **more}
