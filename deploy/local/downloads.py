"""Java archives of foreign programs, as locked: fetched once for all clones, never used with another checksum."""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.problem import Problem

KAFKA_JARS: Final = Path(__file__).with_name("kafka-jars.lock")
ZIPKIN_JARS: Final = Path(__file__).with_name("zipkin-jars.lock")

_LOCK_LINE: Final = re.compile(
    r"(?P<group>[\w.-]+):(?P<artifact>[\w.-]+):(?P<version>[\w.-]+)"
    r"(:jar:(?P<classifier>[\w.-]+))? (?P<sha256>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked archive."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @property
    def file_name(self) -> str:
        """A name that no other version, classifier or content shares."""
        return "-".join(filter(None, (self.artifact, self.version, self.classifier, self.sha256[:8]))) + ".jar"


def cache_folder() -> Path:
    """The user's cache, shared by all clones."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "bapas"


def locked(lock_file: Path) -> list[Jar]:
    """The archives that a lock file names."""
    jars = []
    for line in lock_file.read_text().splitlines():
        found = _LOCK_LINE.fullmatch(line.strip())
        if found is None:
            message = f"{lock_file.name}: not 'group:artifact:version[:jar:classifier] sha256': {line!r}"
            raise Problem(message)
        words = found.groupdict(default="")
        jars.append(Jar(words["group"], words["artifact"], words["version"], words["classifier"], words["sha256"]))
    return jars


def class_path(
    lock_file: Path, *, what: str, cache: Path | None = None, repositories: Mapping[str, str] | None = None
) -> str:
    """The class path of all locked archives, after fetching those that are missing and checking every one.

    They come from Maven Central unless other repositories are named.
    """
    folder = (cache or cache_folder()) / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    jars = locked(lock_file)
    with _only_one(folder / ".lock"):
        missing = [jar for jar in jars if not _is_whole(folder / jar.file_name, jar)]
        if missing:
            # Here, not above: the resolver takes half a second to import and is needed once.
            from deploy.local import maven  # noqa: PLC0415

            maven.fetch(missing, folder, what=what, repositories=repositories)
    return os.pathsep.join(str(folder / jar.file_name) for jar in jars)


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.exists() and sha256_of(path) == jar.sha256


def sha256_of(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
