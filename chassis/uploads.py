"""The door for attachments: a file comes alone, under the hash that its sender declares; what refers to it comes later.

`PUT /v1/attachments/{sha256}` with the file as the body. The same file put twice is one file, so a repetition needs no
key. The body is not buffered by the middleware: it is read here, within a size and a time, and hashed while it comes.
"""

import asyncio
import hashlib
import re
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from chassis.access import Allowed
from chassis.objects import OBJECT_BYTES_MAX, ObjectEmpty, Objects, ObjectTooLarge
from chassis.problems import Problem

PREFIX: Final = "/v1/attachments"
KIND: Final = "attachments"
READ_SECONDS_MAX: Final = 120.0
AT_ONCE_MAX: Final = 4
"""Files in hand at a time: each may take as much memory as a file is large."""
RETRY_AFTER_SECONDS: Final = 5

MediaType = Literal["application/pdf", "image/jpeg", "image/png"]
_BEGINNINGS: Final[tuple[tuple[bytes, MediaType], ...]] = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)
_UNBUFFERED: Final = re.compile(rf"{PREFIX}/[0-9a-f]{{64}}")

Sha256InPath = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file in lower-case hexadecimal")
]


class AttachmentTaken(BaseModel):
    """A file that is kept, as a request refers to it."""

    reference: str
    sha256: str
    bytes: int
    media_type: MediaType = Field(description="By what the file begins with, whatever the sender calls it")


class HashDiffers(Problem):
    """What came is not what was announced."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            422, kind="hash-differs", detail="the file has another SHA-256 than the address says; send it again"
        )


class MediaTypeUnknown(Problem):
    """The file is of no kind that an office can read for years."""

    def __init__(self) -> None:
        """Name the kinds that are taken."""
        known = ", ".join(media_type for _, media_type in _BEGINNINGS)
        super().__init__(415, kind="media-type", detail=f"the file begins like none of {known}")


def is_unbuffered(method: str, path: str) -> bool:
    """Whether a request brings a file, whose body is read where it is kept and not before."""
    return method == "PUT" and _UNBUFFERED.fullmatch(path) is not None


def media_type_of(content: bytes) -> MediaType:
    """The type of a file by how it begins; raises MediaTypeUnknown."""
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    raise MediaTypeUnknown


def attachment_routes(objects: Objects, *, rule: Allowed) -> APIRouter:
    """The door, for those whom the rule lets in."""
    router = APIRouter(tags=["attachments"])
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    @router.put(
        PREFIX + "/{sha256}",
        status_code=201,
        dependencies=[Depends(rule)],
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    media_type: {"schema": {"type": "string", "format": "binary"}} for _, media_type in _BEGINNINGS
                },
            }
        },
        responses={
            200: {"model": AttachmentTaken, "description": "The file was here already"},
            408: {"description": "The file did not come in time"},
            415: {"description": "The file is of no kind that is taken"},
        },
    )
    async def put_attachment(sha256: Sha256InPath, request: Request, response: Response) -> AttachmentTaken:
        """Keep a file (PDF, JPEG or PNG) under its hash; the answer's reference goes into the request that needs it."""
        if turns.locked():
            raise Problem(
                503,
                kind="busy",
                detail="other files are being taken",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        async with turns:
            content = await _read(request, sha256)
            media_type = media_type_of(content)
            kept = await objects.put(KIND, content)
        if not kept.is_new:
            response.status_code = 200
        return AttachmentTaken(reference=kept.reference, sha256=kept.sha256, bytes=kept.bytes, media_type=media_type)

    return router


async def _read(request: Request, sha256: str) -> bytes:
    """The body, if it is of a bearable size and has the hash that was announced."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > OBJECT_BYTES_MAX:
        raise ObjectTooLarge(OBJECT_BYTES_MAX)
    content, digest = bytearray(), hashlib.sha256()
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):
            async for chunk in request.stream():
                content += chunk
                digest.update(chunk)
                if len(content) > OBJECT_BYTES_MAX:
                    raise ObjectTooLarge(OBJECT_BYTES_MAX)
    except TimeoutError:
        raise Problem(408, kind="too-slow", detail="the file did not come in time") from None
    if not content:
        raise ObjectEmpty
    if digest.hexdigest() != sha256:
        raise HashDiffers
    return bytes(content)
