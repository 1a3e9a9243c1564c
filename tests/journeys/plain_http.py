"""HTTP/1.1 over connections that stay open: what thousands of small questions need, and httpx is too careful for."""

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

HEAD_BYTES_MAX = 65_536


@dataclass(frozen=True)
class Question:
    """A request without the name of whoever asks, ready to be sent any number of times."""

    service: str
    start: bytes
    body: bytes

    @classmethod
    def of(cls, service: str, method: str, url: str, **said: Any) -> "Question":
        """The request as httpx would send it."""
        request = httpx.Request(method, url, **said)
        request.read()
        headers = b"".join(b"%b: %b\r\n" % (name, value) for name, value in request.headers.raw)
        return cls(service, b"%b %b HTTP/1.1\r\n%b" % (method.encode(), request.url.raw_path, headers), request.content)

    def asked_with(self, token: bytes) -> bytes:
        """The bytes of the request, under a token."""
        return b"%bAuthorization: Bearer %b\r\n\r\n%b" % (self.start, token, self.body)


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Lines:
    """One open connection to each service, opened anew when the service has closed it meanwhile."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses
        self._open: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, writer in self._open.values():
            writer.close()

    async def ask(self, question: Question, token: bytes) -> Reply:
        """Send a question and read its answer whole; once more where the line was closed before the answer began."""
        was_open = question.service in self._open
        try:
            return await self._ask(question, token)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._open.pop(question.service)[1].close()
            if not was_open:
                raise
            return await self._ask(question, token)

    async def _ask(self, question: Question, token: bytes) -> Reply:
        if question.service not in self._open:
            parts = urlsplit(self._addresses[question.service])
            line = await asyncio.open_connection(parts.hostname, parts.port, limit=HEAD_BYTES_MAX)
            self._open[question.service] = line
        reader, writer = self._open[question.service]
        writer.write(question.asked_with(token))
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
        return Reply(int(head[0].split(b" ", 2)[1]), body)
