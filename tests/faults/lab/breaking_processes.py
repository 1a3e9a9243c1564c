"""Processes that die, stand still, come and go, and whose clocks are wrong."""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from tests.faults.lab.orders import Order
from tests.faults.lab.plan import Fault
from tests.faults.lab.scene import Kind, Scene

SERVICES: Final = ("registration", "supervision", "notifications")
EVERYWHERE: Final = (
    "handler.before",
    "handler.after",
    "batch.before_commit",
    "batch.after_commit",
    "relay.after_send",
    "relay.after_forget",
)
AT_CLOCKS: Final = ("timer.before_commit", "timer.after_commit")
AT_COMMANDS: Final = ("command.before_commit", "command.after_commit")
AT_LETTERS: Final = (
    "retry.decided",
    "retry.before_commit",
    "retry.after_commit",
    "discard.before_commit",
    "discard.after_commit",
    "correct.before_commit",
    "correct.after_commit",
    "remind.before_commit",
)
AT_SENDERS: Final = ("sender.claimed", "sender.after_send")
POINTS: Final[Mapping[str, Sequence[str]]] = {
    "registration": (*EVERYWHERE, *EVERYWHERE, *AT_CLOCKS, *AT_COMMANDS, *AT_LETTERS),
    "supervision": EVERYWHERE,
    "notifications": (*EVERYWHERE, *AT_SENDERS, *AT_SENDERS, *AT_COMMANDS, *AT_CLOCKS),
}
WAIT_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.05
SESSION_SECONDS: Final = 6.0


def _draw_kill_at_point(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    service = random.choices(SERVICES, (5, 2, 3))[0]
    point = random.choice(POINTS[service])
    return service, WAIT_SECONDS, {"point": point, "times": random.choice((1, 1, 2, 3))}


async def kill_at_point(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let a process die when it comes to a point; the supervisor starts it again."""
    orders = scene.instance(fault.target).orders
    orders.give(Order(point=fault.detail["point"], times=fault.detail["times"], signal="SIGKILL"))
    record["struck"] = await _carried_out(scene, fault)
    orders.withdraw()


def _draw_kill(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    targets = random.sample(SERVICES, random.choice((1, 1, 2, 3)))
    return ",".join(targets), 0.0, {}


async def kill(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """End processes at once, wherever they are."""
    await asyncio.gather(*(scene.crew.kill(scene.instance(service)) for service in fault.target.split(",")))


def _draw_stand_still(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    service = random.choices(SERVICES, (5, 2, 3))[0]
    point = random.choice((*EVERYWHERE, "sender.claimed" if service == "notifications" else "batch.before_commit", ""))
    stays = random.random() < 0.5
    return service, SESSION_SECONDS + random.uniform(0.5, 2.0), {"point": point, "second_stays": stays}


async def stand_still(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Stop a process for longer than its session, let another one take over, and wake it up."""
    async with scene.changing(fault.target):
        instance = scene.instance(fault.target)
        if fault.detail["point"]:
            instance.orders.give(Order(point=fault.detail["point"], signal="SIGSTOP"))
            record["struck"] = await _carried_out(scene, fault)
            instance.orders.withdraw()
        scene.crew.stand_still(instance)
        second = await scene.second(fault.target)
        await asyncio.sleep(fault.seconds)
        scene.crew.go_on(instance)
        if not fault.detail["second_stays"]:
            await asyncio.sleep(1.0)
            await scene.crew.stop(second)


def _draw_second_worker(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return random.choice(SERVICES), random.uniform(2.0, 4.0), {"leaves": random.choice(("stop", "kill", "stays"))}


async def second_worker(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let a second process share the work for a while."""
    async with scene.changing(fault.target):
        second = await scene.second(fault.target)
        await asyncio.sleep(fault.seconds)
        if fault.detail["leaves"] == "kill":
            second.is_wanted = False
            await scene.crew.kill(second)
        elif fault.detail["leaves"] == "stop":
            await scene.crew.stop(second)


def _draw_rolling_restart(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    back = random.random() < 0.4
    return random.choice(SERVICES), random.uniform(0.5, 2.0), {"migrates": random.random() < 0.6, "goes_back": back}


async def rolling_restart(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Widen the schema under the running version, start the next one beside it, and let it take over."""
    async with scene.changing(fault.target):
        if fault.detail["migrates"]:
            async with scene.database:
                await scene.house.widen_schema(fault.target)
        second = await scene.second(fault.target, VERSION="next")
        await asyncio.sleep(fault.seconds)
        first = scene.instance(fault.target)
        await scene.crew.stop(first)
        await asyncio.sleep(0.2)
        await scene.crew.begin(first, VERSION="" if fault.detail["goes_back"] else "next")
        await asyncio.sleep(fault.seconds)
        await scene.crew.stop(second)


def _draw_bad_deploy(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    return random.choice(SERVICES), random.uniform(1.5, 3.0), {}


async def bad_deploy(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Replace a service by a version that meets a bug with one subject of four; take it back, and resume."""
    async with scene.changing(fault.target):
        instance = scene.instance(fault.target)
        await scene.crew.stop(instance)
        await scene.crew.begin(instance, VERSION="broken")
        await asyncio.sleep(fault.seconds)
        await scene.crew.stop(instance)
        await scene.crew.begin(instance, VERSION="")
        operators = scene.operators[fault.target]
        record["resumed"] = await operators.resume()


def _draw_clock_jump(random: Random) -> tuple[str, float, Mapping[str, Any]]:
    off = random.choice((-3600.0, -60.0, -5.0, 5.0, 60.0, 3600.0, 86_400.0))
    return random.choice(SERVICES), random.uniform(1.5, 4.0), {"seconds_off": off}


async def clock_jump(scene: Scene, fault: Fault, record: dict[str, Any]) -> None:
    """Let the machine's clock of a process be wrong for a while."""
    orders = scene.instance(fault.target).orders
    orders.turn_clock(fault.detail["seconds_off"])
    await asyncio.sleep(fault.seconds)
    orders.turn_clock(0.0)


async def _carried_out(scene: Scene, fault: Fault) -> bool:
    orders = scene.instance(fault.target).orders
    for _ in range(int(WAIT_SECONDS / POLL_SECONDS)):
        if orders.carried_out():
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


KINDS: Final[Mapping[str, Kind]] = {
    "kill-at-point": Kind(_draw_kill_at_point, kill_at_point, weight=10),
    "kill": Kind(_draw_kill, kill, weight=3),
    "stand-still": Kind(_draw_stand_still, stand_still, weight=3),
    "second-worker": Kind(_draw_second_worker, second_worker),
    "rolling-restart": Kind(_draw_rolling_restart, rolling_restart),
    "bad-deploy": Kind(_draw_bad_deploy, bad_deploy),
    "clock-jump": Kind(_draw_clock_jump, clock_jump),
}
