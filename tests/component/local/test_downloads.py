"""Foreign archives are used only as locked."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local import downloads
from deploy.local.problem import Problem

JAR = b"the bytes of an archive"
SHA256 = hashlib.sha256(JAR).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[dict[str, str]]:
    folder = tmp_path / "maven" / "org" / "example" / "thing" / "1.0"
    folder.mkdir(parents=True)
    (folder / "thing-1.0.jar").write_bytes(JAR)
    (folder / "thing-1.0-slim.jar").write_bytes(JAR)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "maven"))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield {"test": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()
        thread.join()


def test_locked_archives_are_fetched_once_and_checked_each_time(tmp_path: Path, repository: dict[str, str]) -> None:
    lock = a_lock(tmp_path, f"org.example:thing:1.0 {SHA256}", f"org.example:thing:1.0:jar:slim {SHA256}")

    first = downloads.class_path(lock, what="thing", cache=tmp_path / "cache", repositories=repository)
    again = downloads.class_path(lock, what="thing", cache=tmp_path / "cache", repositories=nowhere())

    assert first == again
    assert [Path(part).read_bytes() for part in first.split(":")] == [JAR, JAR]


def test_an_archive_with_another_checksum_is_refused_and_not_kept(tmp_path: Path, repository: dict[str, str]) -> None:
    lock = a_lock(tmp_path, f"org.example:thing:1.0 {'0' * 64}")

    with pytest.raises(Problem, match=r"org\.example:thing:1\.0 has another checksum than locked"):
        downloads.class_path(lock, what="thing", cache=tmp_path / "cache", repositories=repository)

    assert list((tmp_path / "cache").rglob("*.jar")) == []


def test_an_archive_that_was_damaged_in_the_cache_is_fetched_again(tmp_path: Path, repository: dict[str, str]) -> None:
    lock = a_lock(tmp_path, f"org.example:thing:1.0 {SHA256}")
    path = Path(downloads.class_path(lock, what="thing", cache=tmp_path / "cache", repositories=repository))
    path.write_bytes(b"half of")

    downloads.class_path(lock, what="thing", cache=tmp_path / "cache", repositories=repository)

    assert path.read_bytes() == JAR


def test_a_missing_connection_is_said_in_words(tmp_path: Path) -> None:
    lock = a_lock(tmp_path, f"org.example:thing:1.0 {SHA256}")

    with pytest.raises(Problem, match=r"could not be fetched \(ConnectionError\). The first start needs a connection"):
        downloads.class_path(lock, what="thing", cache=tmp_path / "cache", repositories=nowhere())


def test_a_line_that_locks_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"lock: not 'group:artifact:version"):
        downloads.locked(a_lock(tmp_path, "org.example:thing:1.0 sha256-missing"))


def test_the_lock_files_of_the_house_name_every_archive_by_checksum() -> None:
    kafka, zipkin = downloads.locked(downloads.KAFKA_JARS), downloads.locked(downloads.ZIPKIN_JARS)

    assert {"kafka-server", "kafka-clients", "kafka_2.13"} <= {jar.artifact for jar in kafka}
    assert [(jar.artifact, jar.classifier) for jar in zipkin] == [("zipkin-server", "slim")]


def a_lock(folder: Path, *lines: str) -> Path:
    lock = folder / "things.lock"
    lock.write_text("\n".join(lines) + "\n")
    return lock


def nowhere() -> dict[str, str]:
    return {"nowhere": "http://127.0.0.1:1"}
