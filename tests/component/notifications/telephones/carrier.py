"""The messaging gateway of the local stack beside a house that is served, so that its receipts find the way back."""

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from deploy.local.gateway_secrets import GatewaySecrets
from deploy.local.own_programs import start_gateway
from deploy.local.ports import HOST
from deploy.local.processes import Process, Processes
from tests.component.house import House

RECEIPTS = "/v1/receipts/gateway"


@dataclass
class Carrier:
    """The gateway as a process, with its secrets, and the port on which it looks for the house."""

    port: int
    house_port: int
    secrets: GatewaySecrets
    processes: Processes
    state: Path
    process: Process | None = None

    @property
    def url(self) -> str:
        """Where messages are handed over."""
        return f"http://{HOST}:{self.port}"

    @property
    def key(self) -> str:
        """With what receipts are signed."""
        return self.secrets.key_file.read_text()

    @property
    def env(self) -> dict[str, str]:
        """What the service is told of it."""
        return {
            "GATEWAY_URL": self.url,
            "GATEWAY_TOKEN_FILE": str(self.secrets.token_file),
            "GATEWAY_RECEIPT_KEY_FILE": str(self.secrets.key_file),
        }

    def start(self) -> None:
        """Come up."""
        self.process = start_gateway(
            self.processes,
            http_port=self.port,
            receipts_url=f"http://{HOST}:{self.house_port}{RECEIPTS}",
            token_file=self.secrets.token_file,
            key_file=self.secrets.key_file,
            logs=self.state,
        )

    def kill(self) -> None:
        """Be away."""
        assert self.process is not None
        self.process.kill()

    async def behave(self, **wanted: Any) -> None:
        """Behave as told, and as usual in all else."""
        await self._ask("PUT", "/v1/chaos", wanted)

    async def forget(self) -> None:
        """Start anew."""
        await self._ask("DELETE", "/v1/messages", {})

    async def report(self, key: str, state: str) -> None:
        """Send one more receipt."""
        await self._ask("POST", f"/v1/messages/{key}/reports", {"state": state})

    async def messages(self) -> list[dict[str, Any]]:
        """What it was given, in order."""
        return list(reversed((await self._ask("GET", "/v1/messages", {}))["messages"]))

    async def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.request(method, path, json=body)
        return dict(answer.raise_for_status().json())


@asynccontextmanager
async def served(house: House, port: int) -> AsyncIterator[None]:
    """The house behind a real server on a port."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((HOST, port))
    server = uvicorn.Server(uvicorn.Config(house.app, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - the server tells by a flag
            await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await running


def signed(key: str, body: dict[str, Any], *, at: int) -> dict[str, Any]:
    """A receipt as the gateway sends it: content and headers for an HTTP client."""
    content = json.dumps(body).encode()
    digest = hmac.new(key.encode(), f"{at}.".encode() + content, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Gateway-Timestamp": str(at),
        "X-Gateway-Signature": f"v1={digest}",
    }
    return {"content": content, "headers": headers}
