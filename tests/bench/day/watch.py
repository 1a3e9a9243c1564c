"""When each release could be seen: by its prison in the feed of changes, and some of them by an officer on the board.

A release is seen when the answer that shows it has arrived here; what lies between two looks counts as waiting. The
board itself is asked for one release in so many, at the place at which it must appear, by an officer of the unit that
receives. The feed shows every one, read by a few requests a second; it waits for whatever older transaction still
writes, anywhere in the cluster, so that it is later than the board and never sooner.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from chassis.paging import encode_cursor
from contracts.lapas import ClientReleased
from deploy.demo.people import People
from services.registration import prison_store
from services.registration.prison_views import Progress
from tests.bench.day.clock import Day
from tests.bench.day.officers import BOARD, Officers
from tests.bench.day.plan import Freed
from tests.bench.house import House
from tests.bench.stage import Stalled

FEED_SECONDS: Final = 0.25
BOARD_SECONDS: Final = 0.05
SAMPLED: Final = 5
"""One release in so many is looked for on the board."""
PAGE: Final = 200
BOARD_ROWS: Final = 3
LOST_SECONDS: Final = 60.0
BEFORE_ALL: Final = UUID(int=0)

SELECT_PLACE: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@dataclass
class Watch:
    """When each release was seen, in seconds since 1970, by its registration."""

    people: People
    officers: Officers
    day: Day
    since: str
    seen: dict[UUID, float] = field(default_factory=dict)
    on_board: dict[UUID, float] = field(default_factory=dict)
    looks: int = 0

    async def until_all_seen(self, all_freed: Sequence[Freed]) -> None:
        """Look until every release was seen; raises Stalled where one does not appear."""
        by_facility: dict[str, list[Freed]] = {}
        for one in all_freed:
            by_facility.setdefault(one.facility, []).append(one)
        async with asyncio.TaskGroup() as group:
            for facility, some in by_facility.items():
                group.create_task(self._read_feed(facility, some))
            for one in all_freed[::SAMPLED]:
                if not one.is_corrected:
                    group.create_task(self._look_at_board(one))

    async def _read_feed(self, facility: str, some: Sequence[Freed]) -> None:
        """Read a prison's feed at a steady pace, while any of its releases is on its way."""
        prison, since = self.people.prison_system(facility), self.since
        waiting = {one.registration_id: self.day.due(one.released.due) for one in some}
        while waiting:
            first = min(waiting.values())
            now = time.time()
            if now > first + LOST_SECONDS:
                raise Stalled(f"{len(waiting)} releases of {facility} are not seen after {LOST_SECONDS:.0f} s")
            if now < first:
                await asyncio.sleep(min(first - now, FEED_SECONDS))
                continue
            answer = await prison.get("registration", "/v1/releases/changes", since=since, limit=PAGE)
            arrived = time.time()
            since = answer["next_since"]
            self.looks += 1
            for item in answer["items"]:
                self._note(item, arrived, waiting)
            if not answer["more"]:
                await asyncio.sleep(FEED_SECONDS)

    def _note(self, item: Mapping[str, Any], arrived: float, waiting: dict[UUID, float]) -> None:
        registration_id = UUID(item["registration_id"])
        if item["state"] != Progress.ANNOUNCED and waiting.pop(registration_id, None) is not None:
            self.seen[registration_id] = arrived

    async def _look_at_board(self, one: Freed) -> None:
        """Look at the place of a release on the board of its unit from the moment of its message on."""
        due = self.day.due(one.released.due)
        await asyncio.sleep(max(0.0, due - time.time()))
        officer, wanted = self.officers.of(one.unit), str(one.registration_id)
        released = one.released.event
        assert isinstance(released, ClientReleased)
        place = encode_cursor(released.released_at - timedelta(microseconds=1), BEFORE_ALL)
        while time.time() < due + LOST_SECONDS:
            page = await officer.get("registration", BOARD, unit=one.unit, limit=BOARD_ROWS, cursor=place)
            arrived = time.time()
            self.looks += 1
            if any(line["registration_id"] == wanted for line in page["items"]):
                self.on_board[one.registration_id] = arrived
                return
            await asyncio.sleep(BOARD_SECONDS)
        raise Stalled(f"a release of {one.facility} is not on the board of {one.unit}")


async def place_now(house: House) -> str:
    """The place in the feeds after everything that has happened so far."""
    async with house.session("registration") as connection:
        history = await connection.fetchval(prison_store.SELECT_HISTORY)
        return encode_cursor(history, await connection.fetchval(SELECT_PLACE), BEFORE_ALL)


def waited_ms(seen: Mapping[UUID, float], all_freed: Sequence[Freed], day: Day) -> list[float]:
    """How long each that was seen had waited since its message was meant to leave, in milliseconds."""
    return [
        (seen[one.registration_id] - day.due(one.released.due)) * 1000
        for one in all_freed
        if one.registration_id in seen
    ]
