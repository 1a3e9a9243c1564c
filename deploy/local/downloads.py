"""Java archives of foreign programs, as locked: fetched once for all clones, never used with another checksum."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
from jgo.maven import MavenContext, PythonResolver

from deploy.local.problem import Problem
from deploy.local.progress import Progress

KAFKA_JARS: Final = Path(__file__).with_name("kafka-jars.lock")
ZIPKIN_JARS: Final = Path(__file__).with_name("zipkin-jars.lock")
FETCHERS: Final = 6
TIMEOUT_SECONDS: Final = 60

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
            _fetch(missing, folder, what=what, repositories=repositories)
    return os.pathsep.join(str(folder / jar.file_name) for jar in jars)


def _fetch(jars: list[Jar], folder: Path, *, what: str, repositories: Mapping[str, str] | None) -> None:
    # Into a folder of its own: a fetch that is interrupted leaves nothing that looks whole.
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part,
        Progress(what, files=len(jars)) as progress,
        ThreadPoolExecutor(max_workers=FETCHERS) as fetchers,
    ):
        resolver = PythonResolver(progress_callback=progress.file)
        context = MavenContext(
            resolver,
            repo_cache=Path(part),
            local_repos=[],
            remote_repos=dict(repositories) if repositories else None,
            timeout=TIMEOUT_SECONDS,
        )
        futures = [fetchers.submit(_fetch_one, context, jar, folder) for jar in jars]
        try:
            for future in as_completed(futures):
                future.result()
                progress.file_done()
        except BaseException:
            fetchers.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch_one(context: MavenContext, jar: Jar, folder: Path) -> None:
    name = f"{jar.group}:{jar.artifact}:{jar.version}"
    try:
        component = context.project(jar.group, jar.artifact).at_version(jar.version)
        fetched = component.artifact(classifier=jar.classifier).resolve()
    except (requests.RequestException, OSError, RuntimeError) as problem:
        message = (
            f"{name} could not be fetched ({type(problem).__name__}). The first start needs a connection to Maven "
            "Central, directly or by HTTPS_PROXY; what was fetched so far is kept."
        )
        raise Problem(message) from problem
    found = _sha256(fetched)
    if found != jar.sha256:
        message = f"{name} has another checksum than locked and is not used: {found} instead of {jar.sha256}."
        raise Problem(message)
    shutil.move(fetched, folder / jar.file_name)


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.exists() and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
