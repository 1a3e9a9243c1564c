"""An application on a real server in a thread with a loop of its own, for tools that do not speak asyncio."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

START_SECONDS_MAX = 20

Building = Callable[[], AbstractAsyncContextManager[FastAPI]]


@contextmanager
def live(building: Building) -> Iterator[str]:
    """The address at which the application is served until the block ends."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    started = threading.Event()
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with building() as app:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
            servers.append(server)
            async with _told(server, started):
                await server.serve(sockets=[listening])

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    if not started.wait(START_SECONDS_MAX):
        raise TimeoutError
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    servers[0].should_exit = True
    thread.join(START_SECONDS_MAX)


@asynccontextmanager
async def _told(server: uvicorn.Server, started: threading.Event) -> AsyncIterator[None]:
    async def watch() -> None:
        while not server.started:  # noqa: ASYNC110 - the server tells by a flag
            await asyncio.sleep(0.01)
        started.set()

    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
