"""Fetches Java archives from a Maven repository."""

import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

import requests
from jgo.maven import MavenContext, PythonResolver

from deploy.local.downloads import Jar, sha256_of
from deploy.local.problem import Problem
from deploy.local.progress import Progress

FETCHERS: Final = 6
TIMEOUT_SECONDS: Final = 60


def fetch(jars: list[Jar], folder: Path, *, what: str, repositories: Mapping[str, str] | None) -> None:
    """Fetch archives into a folder, several at a time; one with another checksum than locked is refused."""
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
    found = sha256_of(fetched)
    if found != jar.sha256:
        message = f"{name} has another checksum than locked and is not used: {found} instead of {jar.sha256}."
        raise Problem(message)
    shutil.move(fetched, folder / jar.file_name)
