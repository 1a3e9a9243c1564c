"""How all services of a running stack are, in one table: what each says of itself at /v1/ops/overview."""

import json
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.error import HTTPError, URLError

from deploy.local import endpoints

LOOK_SECONDS_MAX: Final = 10.0
PATH: Final = "/v1/ops/overview"
HEADINGS: Final = (
    "service", "health", "partitions", "lag", "outbox", "relay", "clocks due", "dead letters", "held keys", "unsealed",
    "version", "office time",
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What one service answered, or why it did not."""

    service: str
    overview: Mapping[str, Any] | None
    problem: str = ""

    @property
    def well(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self.overview is not None and _health(self.overview) == "well"


def look(services: Mapping[str, Mapping[str, str]], token: str) -> list[Look]:
    """Ask every service at the same time."""
    with ThreadPoolExecutor(max_workers=max(1, len(services))) as threads:
        return list(threads.map(lambda one: _ask(one[0], one[1]["url"], token), services.items()))


def table(looks: list[Look]) -> str:
    """A row for each service."""
    rows = [_row(each.overview) if each.overview is not None else ("-",) * (len(HEADINGS) - 1) for each in looks]
    return endpoints.aligned(
        [
            HEADINGS,
            *(
                (each.service, row[0] if each.overview is not None else each.problem, *row[1:])
                for each, row in zip(looks, rows, strict=True)
            ),
        ]
    )


def _ask(service: str, url: str, token: str) -> Look:
    request = urllib.request.Request(f"{url}{PATH}", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=LOOK_SECONDS_MAX) as answer:  # noqa: S310 - our own address
            return Look(service, json.load(answer))
    except HTTPError as refused:
        return Look(service, None, f"answers {refused.code}")
    except (URLError, OSError, ValueError):
        return Look(service, None, "does not answer")


def _health(overview: Mapping[str, Any]) -> str:
    """In a word what is wrong first, or `well`."""
    health, consumer = overview["health"], overview["consumer"]
    missing = [part["name"] for part in health["parts"] if part["problem"]]
    if health["stuck_loops"]:
        return f"stuck: {', '.join(health['stuck_loops'])}"
    if consumer["stopped"] is not None:
        return "consumer stopped"
    if overview["relay"]["leader_since"] is None:
        return "no relay"
    return f"without {', '.join(missing)}" if missing else "well"


def _row(overview: Mapping[str, Any]) -> tuple[str, ...]:
    consumer, outbox, relay = overview["consumer"], overview["outbox"], overview["relay"]
    timers, letters, audit = overview["timers"], overview["dead_letters"], overview["audit"]
    parked = ", ".join(f"{count} {kind}" for kind, count in letters["parked"].items() if count)
    return (
        _health(overview),
        str(consumer["assigned_partitions"]),
        _with_age(consumer["lag_records"], consumer["lag_seconds"]),
        _with_age(outbox["rows"], outbox["oldest_seconds"]) + (f", {outbox['parked']} parked" * bool(outbox["parked"])),
        "here" if relay["leads_here"] else "elsewhere" if relay["leader_since"] else "nobody",
        _with_age(timers["due"], timers["oldest_late_seconds"]),
        parked or "0",
        _with_age(letters["held_keys"], letters["longest_held_seconds"]),
        _with_age(audit["unsealed"], audit["oldest_unsealed_seconds"])
        + (f", {audit['lost_entries']} lost" * bool(audit["lost_entries"])),
        overview["version"],
        overview["clock"]["office"]["now"][:16],
    )


def _with_age(count: int, seconds: float) -> str:
    return f"{count} ({seconds:.0f} s)" if count else "0"
