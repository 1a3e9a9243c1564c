"""The wires between a service and what it stands on, what comes in over them twice, and a mail server that refuses."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any, Final

from tests.faults.lab.breaking_processes import SERVICES
from tests.faults.lab.ground import DATABASE, KAFKA, MAIL
from tests.faults.lab.plan import Fault
from tests.faults.lab.proxy import BOTH, Way
from tests.faults.lab.scene import Kind, Scene

RESETS: Final = 4
REPLAYED_MAX: Final = 400
HELD: Final = {"both": BOTH, "answers": frozenset({Way.ANSWERED}), "questions": frozenset({Way.ASKED})}


def _route(random: Random) -> str:
    service = random.choice(SERVICES)
    ends = (KAFKA, DATABASE, MAIL) if service == "notifications" else (KAFKA, DATABASE)
    return f"{service} {random.choice(ends)}"


def _draw_cut(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return _route(random), random.uniform(0.5, 3.0), {}


async def cut(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """End every connection and refuse new ones for a while."""
    scene.ground.proxy.change(fault.target, is_cut=True)
    await asyncio.sleep(fault.seconds)
    scene.ground.proxy.change(fault.target)


def _draw_hole(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    held = random.choice(tuple(HELD))
    return _route(random), random.uniform(1.0, 5.0), {"held": held, "then": random.choice(("go on", "reset"))}


async def hole(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let nothing arrive: neither questions nor answers, or one of them; then all arrives late, or never."""
    proxy = scene.ground.proxy
    proxy.change(fault.target, held=HELD[fault.detail["held"]])
    await asyncio.sleep(fault.seconds)
    if fault.detail["then"] == "reset":
        proxy.reset(fault.target)
    proxy.change(fault.target)


def _draw_delay(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return _route(random), random.uniform(2.0, 4.0), {"delay_seconds": random.choice((0.02, 0.1, 0.3))}


async def delay(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let everything arrive late."""
    scene.ground.proxy.change(fault.target, delay_seconds=fault.detail["delay_seconds"])
    await asyncio.sleep(fault.seconds)
    scene.ground.proxy.change(fault.target)


def _draw_reset(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return _route(random), random.uniform(0.1, 0.8), {"resets": RESETS}


async def reset(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """End every connection by a reset, again and again."""
    for _ in range(fault.detail["resets"]):
        scene.ground.proxy.reset(fault.target)
        await asyncio.sleep(fault.seconds)


def _draw_drip(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return _route(random), random.uniform(2.0, 4.0), {"drip_seconds": random.choice((0.005, 0.02))}


async def drip(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let everything arrive in small pieces, slowly."""
    scene.ground.proxy.change(fault.target, drip_seconds=fault.detail["drip_seconds"])
    await asyncio.sleep(fault.seconds)
    scene.ground.proxy.change(fault.target)


def _draw_replay(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return "lapas", 0.0, {"records_max": REPLAYED_MAX}


async def replay(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Publish everything that was published so far once more, in the same order."""
    known = [letter for letter in scene.prisons.sent if letter.entry["repeat_of"] is None]
    letters = known[: fault.detail["records_max"]]
    for letter in letters:
        await scene.prisons.repeat(letter)
    record["records"] = len(letters)


def _draw_mail_refused(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return (
        "mail",
        random.uniform(1.0, 4.0),
        {"percent": random.choice((20, 60, 100)), "code": random.choice((421, 451))},
    )


async def mail_refused(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let the mail server put off what it is given."""
    refusal = scene.ground.mailbox.sender_fault
    refusal.code, refusal.percent = fault.detail["code"], fault.detail["percent"]
    await asyncio.sleep(fault.seconds)
    refusal.percent = 0


KINDS: Final[Mapping[str, Kind]] = {
    "cut": Kind(_draw_cut, cut),
    "hole": Kind(_draw_hole, hole, weight=4),
    "delay": Kind(_draw_delay, delay),
    "reset": Kind(_draw_reset, reset, weight=3),
    "drip": Kind(_draw_drip, drip, weight=1),
    "replay": Kind(_draw_replay, replay),
    "mail-refused": Kind(_draw_mail_refused, mail_refused, weight=1),
}
