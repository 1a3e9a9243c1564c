"""Where files lie: reports, orders, papers of prisons. Named by what they hold, written once, checked when read.

A folder or a bucket, behind one library. Events and tables hold a reference and a hash, never a file.
"""

import asyncio
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import LocalStore, S3Store

from chassis.failures import UnavailableError
from chassis.problems import NotFound, Problem

if TYPE_CHECKING:
    from chassis.settings import Settings

OBJECT_BYTES_MAX: Final = 20 * 1024 * 1024
CALL_SECONDS_MAX: Final = 20.0
S3_RETRIES_MAX: Final = 3

_KIND: Final = re.compile(r"[a-z][a-z-]{0,39}")
_REFERENCE: Final = re.compile(r"([a-z][a-z-]{0,39})/([0-9a-f]{2})/([0-9a-f]{64})")
_PROBE: Final = "probe/00/" + "0" * 64
"""An object that is never there: whether its absence can be told is whether the store answers."""


class ObjectTooLarge(Problem):
    """A file is larger than what is kept."""

    def __init__(self, bytes_max: int) -> None:
        """Say how large a file may be."""
        super().__init__(413, kind="too-large", detail=f"a file of at most {bytes_max} bytes is accepted")


class ObjectEmpty(Problem):
    """There is nothing in the file."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(422, kind="file-empty", detail="the file is empty")


class ObjectMissing(NotFound):
    """No file of that name is here."""

    def __init__(self) -> None:
        """Without the name: who asks knows it."""
        super().__init__("file")


class ObjectDamaged(Problem):
    """What lies under a name is not what was put there."""

    def __init__(self) -> None:
        """Say that nothing was handed out."""
        super().__init__(500, kind="file-damaged", detail="the file is not what was stored; it was not handed out")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file that is kept: where, and the hash of what it holds."""

    reference: str
    sha256: str
    bytes: int
    is_new: bool = True


class Objects:
    """A store of files: `put` gives a reference, `get` what was put."""

    def __init__(self, store: "LocalStore | S3Store", *, folder: Path | None = None) -> None:
        """Take the library's store; `folder` is where a local one lies."""
        self._store = store
        self._folder = folder

    @classmethod
    def in_folder(cls, folder: Path) -> "Objects":
        """Keep files in a folder, which is made where there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(LocalStore(folder.resolve()), folder=folder.resolve())

    @classmethod
    def from_settings(cls, settings: "Settings") -> "Objects":
        """Keep files where the settings say: OBJECTS_URL is `file:///folder` or `s3://bucket/prefix`."""
        url = urlsplit(settings.objects.url)
        if url.scheme == "file":
            return cls.in_folder(Path(url.path))
        endpoint = settings.objects.s3_endpoint
        given = {
            "endpoint": endpoint,
            "region": settings.objects.s3_region,
            "access_key_id": settings.objects.s3_access_key_id,
            "secret_access_key": settings.objects.s3_secret_access_key,
        }
        store = S3Store(
            url.netloc,
            prefix=url.path.strip("/") or None,
            client_options={
                "timeout": timedelta(seconds=CALL_SECONDS_MAX),
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
            },
            retry_config={"max_retries": S3_RETRIES_MAX, "retry_timeout": timedelta(seconds=CALL_SECONDS_MAX)},
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]  # each is a text
        )
        return cls(store)

    async def put(self, kind: str, content: bytes) -> StoredObject:
        """Keep a file for good; the same content of the same kind is one file, however often it is put.

        Raises ObjectTooLarge, ObjectEmpty, ObjectDamaged where another content lies there, UnavailableError.
        """
        if _KIND.fullmatch(kind) is None:
            message = f"{kind!r} is no kind of file: lower-case letters and hyphens"
            raise ValueError(message)
        if len(content) > OBJECT_BYTES_MAX:
            raise ObjectTooLarge(OBJECT_BYTES_MAX)
        if not content:
            raise ObjectEmpty
        sha256 = hashlib.sha256(content).hexdigest()
        reference = reference_of(kind, sha256)
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                await obstore.put_async(self._store, reference, content, mode="create", use_multipart=False)
        except exceptions.AlreadyExistsError:
            await self.get(reference)
            return StoredObject(reference, sha256, len(content), is_new=False)
        except (exceptions.BaseError, OSError) as failure:
            raise UnavailableError(type(failure).__name__) from failure
        if self._folder is not None:
            await asyncio.to_thread(_sync, self._folder / reference)
        return StoredObject(reference, sha256, len(content))

    async def get(self, reference: str) -> bytes:
        """What lies under a reference. Raises ObjectMissing, ObjectDamaged, UnavailableError."""
        sha256 = sha256_of(reference)
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                found = await obstore.get_async(self._store, reference)
                if found.meta["size"] > OBJECT_BYTES_MAX:
                    raise ObjectDamaged
                content = bytes(await found.bytes_async())
        except (exceptions.NotFoundError, FileNotFoundError):
            raise ObjectMissing from None
        except (exceptions.BaseError, OSError) as failure:
            raise UnavailableError(type(failure).__name__) from failure
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ObjectDamaged
        return content

    async def probe(self) -> str | None:
        """Nothing while the store answers, else in a word what is wrong: a check of the process' health."""
        if self._folder is not None and not await asyncio.to_thread(os.access, self._folder, os.W_OK | os.X_OK):
            return "the folder cannot be written to"
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                await obstore.head_async(self._store, _PROBE)
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
        except (exceptions.BaseError, OSError) as failure:
            return type(failure).__name__
        return "it has what nobody put there"


def reference_of(kind: str, sha256: str) -> str:
    """The name under which a file of a kind lies, as in `reports/ab/abcd...`."""
    return f"{kind}/{sha256[:2]}/{sha256}"


def sha256_of(reference: str) -> str:
    """The hash that a reference promises. Raises ObjectMissing for what is no reference of ours."""
    parts = _REFERENCE.fullmatch(reference)
    if parts is None or not parts[3].startswith(parts[2]):
        raise ObjectMissing
    return parts[3]


def kind_of(reference: str) -> str:
    """The kind of file that a reference names. Raises ObjectMissing for what is no reference of ours."""
    sha256_of(reference)
    return reference.partition("/")[0]


def _sync(file: Path) -> None:
    """Bring a file and its names to the disk: the database will say that it is there."""
    for place in (file, file.parent, file.parent.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
