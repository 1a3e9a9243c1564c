"""A TCP proxy between a service and what it stands on; what passes can be cut, held back, delayed, reset and dripped.

It runs on a loop and a thread of its own, so that nothing that the lab does holds up what the services say.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

import uvloop

from deploy.local.ports import HOST

CHUNK_BYTES: Final = 64 * 1024
ANSWER_SECONDS: Final = 10.0
NO_LINGER: Final = struct.pack("ii", 1, 0)
"""Close by a reset: what was under way is thrown away on both sides."""
DRIP_BYTES: Final = 512
GONE: Final = (OSError, RuntimeError)
"""What uvloop raises when the other side has gone: the second one where the transport is closed already."""


class Way(StrEnum):
    """Who speaks."""

    ASKED = "asked"
    ANSWERED = "answered"


BOTH: Final = frozenset(Way)


@dataclass(eq=False)
class Route:
    """One port that is handed on to another, and what is wrong with it now."""

    name: str
    port: int
    to_port: int
    is_cut: bool = False
    held: frozenset[Way] = frozenset()
    delay_seconds: float = 0.0
    drip_seconds: float = 0.0
    _pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand a connection on until either side ends it."""
        if self.is_cut:
            reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self.to_port)
        except OSError:
            reset(writer)
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, Way.ASKED), self._pump(far_reader, writer, Way.ANSWERED)
            )
        finally:
            self._pairs.discard(pair)
            for each in pair:
                each.close()

    def change(self, *, is_cut: bool, held: frozenset[Way], delay_seconds: float, drip_seconds: float) -> None:
        """Let something else be wrong from now on; a cut ends what is connected."""
        self.is_cut, self.held = is_cut, held
        self.delay_seconds, self.drip_seconds = delay_seconds, drip_seconds
        if is_cut:
            self.reset()
        self._changed.set()
        self._changed = asyncio.Event()

    def reset(self) -> int:
        """End every connection by a reset; how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            for each in pair:
                reset(each)
        return len(pairs)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        with contextlib.suppress(*GONE):
            while data := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                await self._let_pass(way)
                await self._write(writer, data)
        # That somebody has gone is not heard either as long as nothing passes.
        await self._let_pass(way)
        with contextlib.suppress(*GONE):
            writer.write_eof()

    async def _let_pass(self, way: Way) -> None:
        while way in self.held:
            await self._changed.wait()

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for start in range(0, len(data), DRIP_BYTES if self.drip_seconds else CHUNK_BYTES):
            writer.write(data[start : start + (DRIP_BYTES if self.drip_seconds else CHUNK_BYTES)])
            await writer.drain()
            await asyncio.sleep(self.drip_seconds)


class Proxy:
    """Routes, served by a thread while the `with` block lasts."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_SECONDS)
        self._loop.close()

    def open(self, name: str, *, port: int, to_port: int) -> Route:
        """Listen on a port and hand on what comes to another one."""
        route = Route(name, port, to_port)
        self.routes[name] = route
        self.run(asyncio.start_server(route.take, HOST, port))
        return route

    def run(self, starting: Coroutine[Any, Any, "asyncio.Server"]) -> None:
        """Let another server listen on the same loop."""
        self._servers.append(asyncio.run_coroutine_threadsafe(starting, self._loop).result(ANSWER_SECONDS))

    def change(
        self,
        name: str,
        *,
        is_cut: bool = False,
        held: frozenset[Way] = frozenset(),
        delay_seconds: float = 0.0,
        drip_seconds: float = 0.0,
    ) -> None:
        """Let this be wrong with a route from now on; nothing named is a sound one."""
        route = self.routes[name]
        self._call(
            lambda: route.change(is_cut=is_cut, held=held, delay_seconds=delay_seconds, drip_seconds=drip_seconds)
        )

    def reset(self, name: str) -> None:
        """End every connection of a route by a reset."""
        self._call(self.routes[name].reset)

    def heal(self) -> None:
        """Let every route be sound."""
        for name in self.routes:
            self.change(name)

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        for route in self.routes.values():
            route.reset()

    def _call(self, act: Callable[[], object]) -> None:
        done: Future[None] = Future()

        def run() -> None:
            try:
                act()
            except BaseException as problem:  # noqa: BLE001 - handed to the thread that asked
                done.set_exception(problem)
            else:
                done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(ANSWER_SECONDS)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side is told that it broke, and not that it is over."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    # One that has just ended by itself has no socket any more, or one without a descriptor.
    with contextlib.suppress(OSError, ValueError):
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()
