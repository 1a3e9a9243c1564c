"""Files are named by what they hold, kept once, never overwritten, and handed out only as they were put."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from chassis.failures import UnavailableError
from chassis.objects import (
    OBJECT_BYTES_MAX,
    ObjectDamaged,
    ObjectEmpty,
    ObjectMissing,
    Objects,
    ObjectTooLarge,
    kind_of,
    reference_of,
)
from chassis.settings import Settings

CONTENT = b"%PDF-1.7 a report"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Bucket(ThreadingHTTPServer):
    """As much of S3's protocol as the library speaks to keep and to fetch a file."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.files: dict[str, bytes] = {}
        self.unsigned = 0
        self.overwriting = 0
        self.is_broken = False


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.overwriting += self.headers.get("if-none-match") != "*"
        if self.key in self.server.files:
            self.answer(412)
            return
        self.server.files[self.key] = body
        self.answer(200)

    def do_GET(self) -> None:
        content = self.server.files.get(self.key)
        self.answer(404 if content is None else 200, content or b"")

    do_HEAD = do_GET  # noqa: N815  the server calls it so

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path)

    def answer(self, status: int, body: bytes = b"") -> None:
        self.server.unsigned += not self.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=k3y/")
        self.send_response(500 if self.server.is_broken else status)
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", '"e"')
        self.send_header("last-modified", "Fri, 29 May 2026 09:30:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    server = Bucket()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def told(**env: str) -> Settings:
    enough = {
        "DATABASE_URL": "postgresql://127.0.0.1/nothing", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "AUTH_ISSUER": "urn:test", "AUTH_JWKS": "https://issuer.example/jwks",
    }  # fmt: skip
    return Settings.from_env({**enough, **env}, service="litmas")


def in_bucket(bucket: Bucket) -> Objects:
    return Objects.from_settings(
        told(
            OBJECTS_URL="s3://bapas/palembang",
            OBJECTS_S3_ENDPOINT=f"http://127.0.0.1:{bucket.server_port}",
            OBJECTS_S3_REGION="id-jkt",
            OBJECTS_S3_ACCESS_KEY_ID="k3y",
            OBJECTS_S3_SECRET_ACCESS_KEY="s3cret",  # noqa: S106  of the stand-in
        )
    )


@pytest.fixture(params=["folder", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Objects:
    if request.param == "bucket":
        return in_bucket(bucket)
    return Objects.from_settings(told(OBJECTS_URL=(tmp_path / "made" / "here").as_uri()))


async def test_a_file_comes_back_as_it_was_put(objects: Objects) -> None:
    kept = await objects.put("reports", CONTENT)

    assert (kept.reference, kept.sha256, kept.bytes) == (f"reports/{SHA256[:2]}/{SHA256}", SHA256, len(CONTENT))
    assert await objects.get(kept.reference) == CONTENT
    assert kind_of(kept.reference) == "reports"


async def test_the_same_file_is_kept_once_however_many_bring_it(objects: Objects) -> None:
    kept = await asyncio.gather(*(objects.put("reports", CONTENT) for _ in range(8)))

    assert sum(each.is_new for each in kept) == 1
    assert len({each.reference for each in kept}) == 1


async def test_kinds_lie_apart(objects: Objects) -> None:
    await objects.put("reports", CONTENT)

    with pytest.raises(ObjectMissing):
        await objects.get(reference_of("attachments", SHA256))


@pytest.mark.parametrize(
    "reference", ["reports/../secret", f"reports/00/{SHA256}", "/etc/passwd", f"reports/{SHA256}", "", "reports/\x00"]
)
async def test_what_is_no_reference_of_ours_is_not_looked_for(objects: Objects, reference: str) -> None:
    with pytest.raises(ObjectMissing):
        await objects.get(reference)


async def test_nothing_and_too_much_are_not_kept(objects: Objects) -> None:
    with pytest.raises(ObjectEmpty):
        await objects.put("reports", b"")
    with pytest.raises(ObjectTooLarge):
        await objects.put("reports", bytes(OBJECT_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="no kind of file"):
        await objects.put("../reports", CONTENT)


async def test_a_store_that_answers_is_well(objects: Objects) -> None:
    assert await objects.probe() is None


async def test_a_damaged_file_is_neither_handed_out_nor_replaced(tmp_path: Path) -> None:
    objects = Objects.in_folder(tmp_path)
    kept = await objects.put("reports", CONTENT)
    (tmp_path / kept.reference).write_bytes(b"another report")

    with pytest.raises(ObjectDamaged):
        await objects.get(kept.reference)
    with pytest.raises(ObjectDamaged):
        await objects.put("reports", CONTENT)

    assert (tmp_path / kept.reference).read_bytes() == b"another report"


async def test_a_bucket_is_asked_with_a_signature_and_never_overwrites(bucket: Bucket) -> None:
    await in_bucket(bucket).put("reports", CONTENT)

    assert list(bucket.files) == [f"/bapas/palembang/reports/{SHA256[:2]}/{SHA256}"]
    assert (bucket.unsigned, bucket.overwriting) == (0, 0)


async def test_a_bucket_that_is_away_is_a_matter_of_waiting(bucket: Bucket) -> None:
    objects = in_bucket(bucket)
    bucket.is_broken = True

    with pytest.raises(UnavailableError):
        await objects.put("reports", CONTENT)
    assert await objects.probe() is not None


async def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    objects = Objects.in_folder(tmp_path / "files")
    (tmp_path / "files").rmdir()

    assert await objects.probe() is not None
