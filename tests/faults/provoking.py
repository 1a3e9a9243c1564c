"""Scenes that bring a certain mistake to light: the load of a run with certain faults, and what is not drawn by chance.

A scene is no weaker or stronger for a bug than for the real parts: both are run through it and judged alike.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from tests.faults.lab.drawing import KINDS as DRAWN_KINDS
from tests.faults.lab.drawing import draw
from tests.faults.lab.orders import Order
from tests.faults.lab.people import Person, Report, Request, Step
from tests.faults.lab.plan import Fault, Plan
from tests.faults.lab.scene import Kind, Scene

POLL_SECONDS: Final = 0.02
EARLY: Final = 1.0
LOADED: Final = 2.5
"""Seconds after the beginning at which much is on its way."""
SAID: Final = 9
BETWEEN_SECONDS: Final = 0.3
"""So much is said of one release, so soon one after the other, that there is always something to be held."""

Draw = Callable[[int], Plan]
"""The scene of a seed."""


async def dawdle(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let a process take its time at a point, again and again."""
    orders = scene.instance(fault.target).orders
    order = Order(point=fault.detail["point"], seconds=fault.detail["each_seconds"])
    end, record["struck"] = time.monotonic() + fault.seconds, 0
    orders.give(order)
    while time.monotonic() < end:
        await asyncio.sleep(POLL_SECONDS)
        if orders.carried_out():
            record["struck"] += 1
            await asyncio.sleep(order.seconds)
            orders.give(order)
    orders.withdraw()


def _never(_random: object) -> Any:
    raise AssertionError


KINDS: Final[Mapping[str, Kind]] = {**DRAWN_KINDS, "dawdle": Kind(_never, dawdle, weight=0)}


def with_faults(*faults: Fault) -> Draw:
    """The load as it is drawn, and these faults."""
    return lambda seed: replace(draw(seed, kinds=()), faults=faults)


def killed_at(point: str, service: str = "registration", *, times: int = 1, at: float = LOADED) -> Fault:
    """A process dies when it comes to a point for the n-th time."""
    return Fault(at=at, kind="kill-at-point", target=service, seconds=5.0, detail={"point": point, "times": times})


def dawdling_at(point: str, each_seconds: float, service: str = "registration") -> Fault:
    """A process takes its time at a point for as long as there is load."""
    detail = {"point": point, "each_seconds": each_seconds}
    return Fault(at=0.2, kind="dawdle", target=service, seconds=7.0, detail=detail)


def at_both_doors(seed: int) -> Plan:
    """Every release is told by Kafka and asked for over HTTP at the same moment, while batches take their time."""
    plan = draw(seed, kinds=())
    people = [_told_twice(person) for person in plan.people]
    return replace(plan, people=people, faults=[dawdling_at("batch.before_commit", 0.3)])


def _told_twice(person: Person) -> Person:
    place = next((place for place, step in enumerate(person.steps) if _is_release(step)), None)
    if place is None:
        return person
    said = person.steps[place]
    if not isinstance(said, Report):
        return person
    asked = Request(
        at=said.at,
        path="/v1/releases",
        body=said.data,
        key=f"{person.release_id}.both",
        caller=f"prison {person.facility}",
        traceparent=said.traceparent,
    )
    before, after = person.steps[: place + 1], person.steps[place + 1 :]
    return replace(person, steps=[*before, asked, *(_moved_behind(place, step) for step in after)])


def _is_release(step: Step) -> bool:
    return isinstance(step, Report) and step.event == "client-released" and not step.poison and step.repeats is None


def _moved_behind(place: int, step: Step) -> Step:
    """A step that stands one later than it did: what it repeats may have moved too."""
    if isinstance(step, Report) and step.repeats is not None and step.repeats > place:
        return replace(step, repeats=step.repeats + 1)
    return step


def given_up_under_load(seed: int) -> Plan:
    """What is said first of each release is of no known version; more is said of it while operators settle that."""
    plan = draw(seed, kinds=())
    people = [_said_badly(person) for person in plan.people]
    faults = [dawdling_at("batch.before_commit", 0.4)]
    return replace(plan, people=people, faults=faults, operator_seconds=0.0)


def _said_badly(person: Person) -> Person:
    said = person.steps[0]
    if not isinstance(said, Report) or said.event != "client-released":
        return person
    steps = [
        replace(
            said,
            at=min(said.at, LOADED) + BETWEEN_SECONDS * number,
            id=f"{person.release_id}.{number}",
            data={**said.data, "revision": number + 1, "phone": f"0812-{number}"},
            poison=None if number else "unknown-version",
        )
        for number in range(SAID)
    ]
    return replace(person, steps=steps)


CALM: Final = "calm"
SCENES: Final[Mapping[str, Draw]] = {
    CALM: with_faults(),
    "a batch dies before its commit": with_faults(killed_at("batch.before_commit", times=2)),
    "a batch dies after its commit": with_faults(killed_at("batch.after_commit", times=2)),
    "a request dies before its commit": with_faults(killed_at("command.before_commit", times=2)),
    "a batch loses its connection": with_faults(
        Fault(
            at=EARLY,
            kind="cut-sessions",
            target="registration",
            seconds=0.3,
            detail={"which": "in-transaction"},
        )
    ),
    "a sender dies with a mail": with_faults(killed_at("sender.after_send", "notifications", times=2)),
    "the database comes from a copy": with_faults(
        Fault(at=EARLY, kind="restore", target="registration", seconds=3.0, detail={"killed": True})
    ),
    "the broker dies": with_faults(
        Fault(at=LOADED, kind="broker", target="kafka", seconds=0.5, detail={"how": "kill"})
    ),
    "both doors at once": at_both_doors,
    "letters are settled under load": given_up_under_load,
    "requests take their time": with_faults(dawdling_at("command.before_commit", 0.4)),
}
