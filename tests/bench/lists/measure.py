"""Asks over HTTP, so many at a time, and keeps how long each answer took from the sending of its question."""

import asyncio
import gc
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx

from tests.bench.figures import percentile
from tests.bench.house import House
from tests.bench.lists.asked import OWN, Route
from tests.bench.stage import Stalled

AT_A_TIME: Final = (1, 8)
WARM: Final = 10
P95_MS: Final = 100.0


@dataclass(frozen=True)
class Answered:
    """One list with so many who ask at a time, in milliseconds."""

    route: str
    at_a_time: int
    asked: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    shown: float
    """Rows in an answer, on the average."""
    is_bound: bool = True
    """Whether the bound is meant for it."""

    @property
    def holds(self) -> bool:
        """Whether it is answered in time, where it must be."""
        return self.p95_ms < P95_MS or not self.is_bound

    def as_row(self) -> dict[str, Any]:
        """For the file that machines read."""
        return asdict(self) | {"holds": self.holds}


async def measured(house: House, route: Route, *, asked: int) -> list[Answered]:
    """The same questions with one who asks and with several at a time."""
    headers = _headers(house, route)
    chance = random.Random(route.name)  # noqa: S311  the same questions each time
    await _asked(house, route, [route.ask(chance) for _ in range(WARM)], headers, at_a_time=1)
    found = []
    for at_a_time in AT_A_TIME:
        questions = [route.ask(chance) for _ in range(asked)]
        times, shown = await _asked(house, route, questions, headers, at_a_time=at_a_time)
        found.append(
            Answered(
                route.name,
                at_a_time,
                asked,
                p50_ms=percentile(times, 50),
                p95_ms=percentile(times, 95),
                p99_ms=percentile(times, 99),
                max_ms=max(times),
                shown=shown / asked,
                is_bound=at_a_time == 1 or not route.is_largest_page,
            )
        )
    return found


def _headers(house: House, route: Route) -> Mapping[str, str]:
    who = house.people.prison_system(OWN) if route.caller == "prison" else house.people.officer(route.caller)
    return who.headers


async def _asked(
    house: House,
    route: Route,
    questions: Sequence[tuple[str, dict[str, Any]]],
    headers: Mapping[str, str],
    *,
    at_a_time: int,
) -> tuple[list[float], int]:
    url, waiting = house.people.urls[route.service], list(reversed(questions))
    times: list[float] = []
    shown = 0

    async def ask() -> None:
        nonlocal shown
        while waiting:
            path, query = waiting.pop()
            begun = time.perf_counter()
            answer = await house.client.get(f"{url}{path}", params=query, headers=headers)
            times.append((time.perf_counter() - begun) * 1000)
            if answer.status_code != httpx.codes.OK:
                raise Stalled(f"{route.name}: {path} {query} -> {answer.status_code} {answer.text}")
            shown += len(answer.json().get("items", "1"))

    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*(ask() for _ in range(at_a_time)))
    finally:
        gc.enable()
    return times, shown
