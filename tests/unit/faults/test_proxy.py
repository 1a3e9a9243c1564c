"""The proxy does to a conversation what it was told, and afterwards lets it go on or not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Self

import pytest
import uvloop

from deploy.local.ports import HOST, free_ports
from tests.faults.lab.proxy import BOTH, Proxy, Way, reset

ROUTE = "somebody"
SOON = 0.3


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy before a server that repeats every line."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    seen, behind = free_ports(2)
    server = await asyncio.start_server(repeat, HOST, behind)
    with Proxy() as proxy:
        proxy.open(ROUTE, port=seen, to_port=behind)
        yield proxy
    server.close()


class Caller:
    """Somebody who talks through the proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(HOST, self.proxy.routes[ROUTE].port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def say(self, words: str) -> None:
        self.writer.write(f"{words}\n".encode())
        await self.writer.drain()

    async def hear(self) -> str:
        return (await self.reader.readline()).decode().strip()


async def test_what_is_sound_passes_both_ways(proxy: Proxy) -> None:
    async with Caller(proxy) as caller:
        await caller.say("hello")

        assert await caller.hear() == "hello"


@pytest.mark.parametrize("held", [BOTH, frozenset({Way.ASKED}), frozenset({Way.ANSWERED})], ids=["both", "q", "a"])
async def test_what_is_held_back_arrives_afterwards(proxy: Proxy, held: frozenset[Way]) -> None:
    async with Caller(proxy) as caller:
        proxy.change(ROUTE, held=held)
        await caller.say("late")
        hearing = asyncio.create_task(caller.hear())
        done, _ = await asyncio.wait({hearing}, timeout=SOON)
        proxy.change(ROUTE)

        assert not done
        assert await asyncio.wait_for(hearing, timeout=5) == "late"


async def test_a_reset_ends_what_is_connected_and_nothing_else(proxy: Proxy) -> None:
    async with Caller(proxy) as caller:
        await caller.say("once")
        assert await caller.hear() == "once"
        proxy.reset(ROUTE)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(caller.hear(), timeout=5)

    async with Caller(proxy) as caller:
        await caller.say("again")
        assert await caller.hear() == "again"


async def test_a_cut_takes_no_new_connection_until_it_is_mended(proxy: Proxy) -> None:
    proxy.change(ROUTE, is_cut=True)
    while_cut = await is_answered(proxy)
    proxy.change(ROUTE)

    assert not while_cut
    assert await is_answered(proxy)


async def test_what_drips_arrives_whole(proxy: Proxy) -> None:
    words = "x" * 5000
    async with Caller(proxy) as caller:
        proxy.change(ROUTE, drip_seconds=0.001, delay_seconds=0.01)
        await caller.say(words)

        assert await asyncio.wait_for(caller.hear(), timeout=5) == words


async def is_answered(proxy: Proxy) -> bool:
    """Whether somebody who connects now is answered."""
    with contextlib.suppress(OSError):
        async with Caller(proxy) as caller:
            await caller.say("anybody?")
            return await asyncio.wait_for(caller.hear(), timeout=5) == "anybody?"
    return False


@pytest.mark.parametrize("was_asked", [True, False], ids=["no descriptor", "no socket"])
def test_a_connection_that_has_just_ended_is_reset_without_a_word(was_asked: bool) -> None:  # noqa: FBT001
    """On the loop on which the proxy runs: there a socket that was asked for before is kept, and the file is closed."""

    async def reset_after_the_end() -> bool:
        (port,) = free_ports(1)
        async with await asyncio.start_server(lambda _reader, writer: writer.close(), HOST, port):
            _, writer = await asyncio.open_connection(HOST, port)
            if was_asked:
                assert writer.get_extra_info("socket") is not None
            writer.transport.abort()
            await asyncio.sleep(0.05)
            reset(writer)
            return writer.is_closing()

    assert uvloop.run(reset_after_the_end())
