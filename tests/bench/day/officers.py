"""The office at work: each unit looks at its board now and then, and whoever comes is met and entered."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from contracts.reference import Reference
from contracts.roles import Role
from deploy.demo.people import Caller, People
from tests.bench.day.clock import Day
from tests.bench.day.plan import Freed

BOARD_EVERY_SECONDS: Final = 5.0
"""Real seconds: in each of the units somebody has the board open, and it is read anew."""
BOARD: Final = "/v1/registrations/board"
PAGE: Final = 200
TOGETHER: Final = 4


@dataclass
class Officers:
    """Who works in which unit, and how long they waited for answers, in milliseconds."""

    people: People
    reference: Reference
    boards_ms: list[float] = field(default_factory=list)
    contacts_ms: list[float] = field(default_factory=list)

    def of(self, unit: str) -> Caller:
        """Somebody who works in a unit."""
        officers = sorted(self.reference.officers.items())
        return self.people.officer(
            next(code for code, each in officers if each.unit == unit and each.role is Role.PROBATION_OFFICER)
        )

    async def read_boards(self) -> None:
        """Read the first page of every unit's board again and again, until cancelled."""
        await asyncio.gather(*(self._read_board(unit) for unit in self.reference.units))

    async def _read_board(self, unit: str) -> None:
        units = sorted(self.reference.units)
        await asyncio.sleep(BOARD_EVERY_SECONDS * units.index(unit) / len(units))
        while True:
            begun = time.perf_counter()
            await self.of(unit).get("registration", BOARD, unit=unit)
            self.boards_ms.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(BOARD_EVERY_SECONDS)

    async def acknowledge_all(self) -> None:
        """Say of every alert that somebody takes care of it, page after page."""
        head = self.people.officer("HEAD-HQ-01")
        while True:
            page = await head.get("notifications", "/v1/alerts", state="open", limit=PAGE)
            if not page["items"]:
                return
            for first in range(0, len(page["items"]), TOGETHER):
                some = page["items"][first : first + TOGETHER]
                paths = [f"/v1/alerts/{each['id']}/acknowledgement" for each in some]
                await asyncio.gather(*(head.post("notifications", path, {}) for path in paths))

    async def meet(self, all_freed: Sequence[Freed], day: Day) -> None:
        """Enter the first contact with everybody who is met, at the moment at which they come."""
        async with asyncio.TaskGroup() as group:
            for one in all_freed:
                if one.met_at is not None:
                    group.create_task(self._meet(one, one.met_at, day))

    async def _meet(self, one: Freed, at: timedelta, day: Day) -> None:
        await asyncio.sleep(max(0.0, day.due(at) - time.time()))
        path = f"/v1/registrations/{one.registration_id}"
        officer = self.of(one.unit)
        await officer.get("registration", path)
        body: dict[str, Any] = {
            "contact_at": (day.office_now() - timedelta(seconds=1)).isoformat(),
            "method": "AT_OUTPOST",
            "identity_level": "L2",
        }
        begun = time.perf_counter()
        await officer.post("registration", f"{path}/contacts", body)
        self.contacts_ms.append((time.perf_counter() - begun) * 1000)
