"""The command `python -m deploy.demo`: start the stack, play the weekend, show what came of it, and prove it."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from confluent_kafka import KafkaException, Producer
from rich.console import Console

from contracts.reference import load_reference
from deploy.demo import checks, scenario, tables, told, traces, waterfall
from deploy.demo.databases import Databases
from deploy.demo.doors import Doors
from deploy.demo.facts import Facts
from deploy.demo.gather import gathered
from deploy.demo.officers import Officers
from deploy.demo.people import People
from deploy.demo.play import Play
from deploy.demo.quiescence import Quiescence
from deploy.demo.rdkafka import config
from deploy.demo.show import Show
from deploy.demo.topics import Topics
from deploy.local import cleaning, running
from deploy.local.ports import is_free
from deploy.local.problem import Problem
from deploy.local.settings import STATE, Ports, Settings, variable
from deploy.local.stack import Stack
from deploy.local.stopping import INTERRUPTED, run_until_stopped, stop_on_signals

DEMO_STATE: Final = STATE / "demo"
TRACED_CASE: Final = "15"
"""Reported over HTTP, overdue after 24 hours, then met: its trace has a request, messages, a clock and mails."""
PLAIN_COLUMNS: Final = 160
WATCH_SECONDS: Final = 0.5


def main() -> None:
    """Run it; exit code 0 only if everything holds."""
    arguments = _parser().parse_args()
    stop_on_signals()
    # Without a terminal the table must not be cut to the width of one.
    width = None if sys.stdout.isatty() else PLAIN_COLUMNS
    show = Show(Console(highlight=False, width=width), zone=load_reference().zone)
    try:
        sys.exit(
            run(
                show,
                state=arguments.state,
                sheets=arguments.sheets,
                free_ports=arguments.free_ports,
                keep=arguments.keep,
            )
        )
    except KeyboardInterrupt:
        show.say("stopped")
        sys.stdout.flush()
        # A call into librdkafka may still be under way in a thread, and taking the interpreter down around it crashes.
        os._exit(INTERRUPTED)


def run(show: Show, *, state: Path, sheets: Path, free_ports: bool, keep: bool) -> int:
    """The whole demonstration: start, play, judge, stop; a problem is shown in words."""
    begun = time.monotonic()
    holds = False
    try:
        weekend = scenario.load(sheets)
        if running.find(state) is not None:
            show.say("ending the demonstration that was left running")
        cleaning.clean(state)
        settings = settings_for(os.environ, free_ports=free_ports)
        stack = Stack(state, settings=settings, only_ours=True, office_clock=weekend.moments[0], say=show.say)
        try:
            show.chapter("The stack")
            stack.start()
            show.say(f"ready after {time.monotonic() - begun:.1f} s")
            holds = run_until_stopped(perform(show, stack, weekend))
            show.say(f"It took {time.monotonic() - begun:.0f} s.")
            if keep:
                _go_on(show, stack, state=state)
            else:
                show.say("KEEP=1 make demo leaves it running, so that the links can be followed.")
        finally:
            show.say("stopping")
            stack.stop()
    except (Problem, asyncpg.PostgresError, httpx.HTTPError, KafkaException, OSError) as problem:
        show.event("failed", str(problem) or type(problem).__name__, style="bold red")
    if holds:
        cleaning.clean(state)
    else:
        _say_where_to_look(show, state)
    return 0 if holds else 1


async def perform(show: Show, stack: Stack, weekend: scenario.Scenario) -> bool:
    """Play the weekend on a running stack and judge what came of it."""
    places, reference = stack.endpoints, load_reference()
    prefix, servers = places["kafka"]["topic_prefix"], places["kafka"]["bootstrap_servers"]
    topics = Topics(servers, prefix=prefix, names=places["topics"])
    async with Databases(places["databases"]) as databases, httpx.AsyncClient(trust_env=False) as client:
        urls = {name: service["url"] for name, service in places["services"].items()}
        people = People(urls, stack.token, reference, client)
        quiescence = Quiescence(databases, topics, prefix, lambda: ended(stack))
        doors = Doors(people, Producer({**config(servers), "acks": "all"}), prefix)
        officers = Officers(people, weekend)
        play = Play(weekend, doors, officers, quiescence, stack.set_office_clock, show)
        show.chapter("The weekend")
        ended_at = await play.run()
        facts = await gathered(
            ended_at=ended_at,
            sent=play.sent,
            officers=officers,
            databases=databases,
            topics=topics,
            places=places,
            client=client,
        )
        await _show_all(show, facts, places, client)
    return _judge(show, facts)


async def _show_all(show: Show, facts: Facts, places: Any, client: httpx.AsyncClient) -> None:
    show.chapter("Every release")
    show.put(tables.releases(facts, show))
    show.say(f"{len(facts.mails)} mails: {places['mail']['url']}")
    show.say(f"{len(facts.messages)} messages to telephones: {places['gateway']['url']}")
    viewer = places["traces"]["url"]
    if viewer is None:
        return
    sent = next((sent for sent in facts.sent if sent.report.case == TRACED_CASE), facts.sent[-1])
    show.chapter(f"The trace of case {sent.report.case}")
    await traces.add_origin(client, viewer, sent)
    if spans := await traces.spans(client, viewer, sent.origin.trace_id):
        show.put(waterfall.drawn(spans, width=show.console.width))
    else:
        show.say("The trace viewer has not shown it yet.")
    show.say(f"{viewer}traces/{sent.origin.trace_id}")


def _judge(show: Show, facts: Facts) -> bool:
    if lines := told.of_the_night(facts):
        show.chapter("The night: who was told what, when, and by which channel")
        show.put(told.table(lines, facts, show))
    show.chapter("Nothing lost, nothing doubled")
    verdicts = checks.judged(facts)
    show.put(tables.verdicts(verdicts))
    return all(verdict.holds for verdict in verdicts)


def _go_on(show: Show, stack: Stack, *, state: Path) -> None:
    """Leave it running until somebody stops it."""
    show.say(f"It goes on running until Ctrl-C, or: python -m deploy.local --state {state} down")
    try:
        while not ended(stack):
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return


def ended(stack: Stack) -> list[str]:
    """The parts of a stack that ended by themselves, with their logs."""
    return [f"{process.program.name} ({process.program.log})" for process in stack.processes.ended()]


def _say_where_to_look(show: Show, state: Path) -> None:
    logs = sorted(state.glob("logs/**/*.log"))
    show.event("look", "what the parts said stands in" if logs else f"there are no logs in {state}", style="red")
    for log in logs:
        show.event("    ", str(log))


def settings_for(env: Mapping[str, str], *, free_ports: bool) -> Settings:
    """The usual ports, or free ones where something runs on the usual ones already and nobody named others."""
    asked = any(env.get(variable(name), "").strip() for name in Ports.__dataclass_fields__)
    usual = Ports()
    taken = not all(is_free(usual.of(name)) for name in Ports.__dataclass_fields__)
    return Settings.from_env(env, free=free_ports or (taken and not asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument("--state", type=Path, default=DEMO_STATE, help="a folder of its own (default: .local/demo)")
    parser.add_argument(
        "--sheets", type=Path, default=scenario.SAMPLES, help="where weekend*.csv are (default: deploy/samples)"
    )
    parser.add_argument("--free-ports", action="store_true", help="use any free ports, whatever runs")
    parser.add_argument(
        "--keep", action="store_true", default=_is_on("KEEP"), help="leave it running afterwards (KEEP=1)"
    )
    return parser


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").strip() not in {"", "0"}


if __name__ == "__main__":
    main()
