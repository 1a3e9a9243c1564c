"""What arrives at the mail server, taken out of it while the day goes on: it keeps the newest ten thousand alone."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

PAGE: Final = 1000
EVERY_SECONDS: Final = 5.0
PATH: Final = "/api/v1/messages"


@dataclass
class Letterbox:
    """How often each mail came, by its Message-ID."""

    url: str
    client: httpx.AsyncClient
    came: Counter[str] = field(default_factory=Counter)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Two that take out at once would both count what lies there."""

    async def empty_again_and_again(self) -> None:
        """Take mails out until cancelled."""
        while True:
            await self.empty()
            await asyncio.sleep(EVERY_SECONDS)

    async def empty(self) -> None:
        """Take out what is there."""
        async with self._one_at_a_time:
            while mails := await self._page():
                self.came.update(mail["MessageID"] for mail in mails)
                ids = [mail["ID"] for mail in mails]
                await self.client.request("DELETE", f"{self.url}{PATH}", json={"IDs": ids})

    async def _page(self) -> list[dict[str, Any]]:
        answer = await self.client.get(f"{self.url}{PATH}", params={"limit": PAGE})
        return list(answer.json()["messages"])
