"""The command line of the local stack: python -m deploy.local up|down|status|ops|clean|token."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console

from contracts.reference import load_reference
from contracts.roles import Role
from deploy.local import cleaning, endpoints, ops, running
from deploy.local.follow import Follower
from deploy.local.identity import Identity
from deploy.local.problem import Problem
from deploy.local.settings import STATE, Ports, Settings, variable
from deploy.local.stack import Stack
from deploy.local.stopping import stop_on_signals
from deploy.local.tokens import Holder, Issuer

INTERRUPTED: Final = 130
WATCH_SECONDS: Final = 0.5
OPS_TOKEN_SECONDS: Final = 300
MEGABYTE: Final = 1024 * 1024

# Markup is off: what is shown may hold brackets of its own.
console = Console(highlight=False, soft_wrap=True, markup=False)


def main() -> None:
    """Run the command, and show a problem in words instead of a traceback."""
    arguments = _parser().parse_args()
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        sys.exit(command(arguments))
    except Problem as problem:
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(str(problem), style="red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def up(arguments: argparse.Namespace) -> int:
    """Start everything, show where it is, stream the logs until Ctrl-C."""
    stop_on_signals()
    state: Path = arguments.state
    settings = Settings.from_env(os.environ, free=arguments.free_ports)
    stack = Stack(state, settings=settings, with_services=not arguments.without_services, say=console.print)
    follower = Follower(stack.logs, write=console.out, colour=console.is_terminal)
    begun = time.monotonic()
    if not arguments.quiet:
        follower.start()
    try:
        stack.start()
        console.print(endpoints.table(stack.endpoints, file=state / endpoints.FILE_NAME))
        if stack.office_clock_file.exists():
            console.print(f"The office clock is the one of {stack.office_clock_file}; make clean sets it right.")
        console.print(f"Ready after {time.monotonic() - begun:.1f} s. Ctrl-C stops everything; the data stays.")
        _watch(stack)
    except KeyboardInterrupt:
        if not stack.is_ready:
            raise
    finally:
        # A stack that was refused has begun nothing, and nothing of another one is stopped.
        if stack.is_begun:
            console.print("stopping")
        stack.stop()
        if not arguments.quiet:
            follower.close()
        if stack.is_begun:
            console.print(f"Stopped. The data is kept in {state}; make clean removes it.")
    return 0


def down(arguments: argparse.Namespace) -> int:
    """Stop the stack of this state folder."""
    was_running = running.stop(arguments.state)
    console.print("Stopped." if was_running else "Nothing was running.")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Show what runs and how much memory it takes; exit code 1 if nothing runs."""
    stack, found = running.find(arguments.state), endpoints.read(arguments.state)
    if stack is None or found is None:
        console.print("Nothing runs." if stack is None else "It is starting, or stopping.")
        return 1
    console.print(endpoints.table(found, file=arguments.state / endpoints.FILE_NAME))
    console.print(_processes(found))
    return 0


def overview(arguments: argparse.Namespace) -> int:
    """Show how every service is; exit code 1 if one is not well, or nothing runs."""
    stack, found = running.find(arguments.state), endpoints.read(arguments.state)
    if stack is None or found is None:
        console.print("Nothing runs." if stack is None else "It is starting, or stopping.")
        return 1
    token = Issuer(arguments.state / "auth").issue(Holder(roles=(Role.OPS.value,)), lifetime_seconds=OPS_TOKEN_SECONDS)
    looks = ops.look(found["services"], token)
    console.print(ops.table(looks))
    return 0 if all(each.well for each in looks) else 1


def clean(arguments: argparse.Namespace) -> int:
    """Stop the stack and remove its data; topics and databases that it did not make stay."""
    left = cleaning.clean(arguments.state)
    for words in left:
        console.print(f"left: {words}")
    console.print("Clean." if not left else "Not all could be removed; run it again when these answer.")
    return 1 if left else 0


def token(arguments: argparse.Namespace) -> int:
    """Print a bearer token for development."""
    holder = Holder(
        roles=tuple(role.value for role in arguments.role),
        unit=arguments.unit or None,
        facility=arguments.facility or None,
        subject=arguments.sub or None,
    )
    print(Issuer(arguments.state / "auth").issue(holder, lifetime_seconds=arguments.hours * 3600))
    return 0


def _watch(stack: Stack) -> None:
    """Until interrupted; a part that ends by itself is told, and the others go on."""
    ended: set[int] = set()
    while True:
        for process in stack.processes.ended():
            if process.pid not in ended:
                ended.add(process.pid)
                console.print(f"{process.program.name} ended with code {process.popen.returncode}", style="red")
        time.sleep(WATCH_SECONDS)


def _processes(found: dict[str, Any]) -> str:
    rows, total = [("process", "pid", "MiB", "log")], 0
    for name, process in found["processes"].items():
        memory = _resident(process["pid"])
        total += memory
        rows.append((name, str(process["pid"]), str(memory // MEGABYTE) if memory else "ended", process["log"]))
    rows.append(("together", "", str(total // MEGABYTE), ""))
    return endpoints.aligned(rows)


def _resident(pid: int) -> int:
    """The memory of a process with its children; what they share counts once (PSS) where the system tells."""
    identity = Identity.of(pid)
    total = 0
    for member in identity.family() if identity else []:
        try:
            memory = psutil.Process(member.pid).memory_full_info()
            total += getattr(memory, "pss", memory.rss)
        except psutil.Error:
            continue
    return total


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local",
        description="The whole system on this machine, without Docker.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--state", type=Path, default=STATE, help="where the data and the logs are (default: .local)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    starting = commands.add_parser(
        "up",
        help="start everything and stream the logs until Ctrl-C",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    starting.add_argument("--free-ports", action="store_true", help="use any free ports instead of the fixed ones")
    starting.add_argument("--without-services", action="store_true", help="only what the services stand on")
    starting.add_argument("--quiet", action="store_true", help="do not stream the logs")
    starting.set_defaults(command=up)
    commands.add_parser("down", help="stop a stack that was started elsewhere").set_defaults(command=down)
    commands.add_parser("status", help="what runs, where, in how much memory").set_defaults(command=status)
    commands.add_parser("ops", help="how every service is, in one table").set_defaults(command=overview)
    commands.add_parser("clean", help="stop it and remove its data").set_defaults(command=clean)
    _add_token(commands.add_parser("token", help="print a bearer token for development"))
    return parser


def _add_token(parser: argparse.ArgumentParser) -> None:
    reference = load_reference()
    roles = ", ".join(Role)
    parser.add_argument("--role", type=_role, nargs="+", required=True, metavar="ROLE", help=f"one or more of {roles}")
    parser.add_argument("--unit", type=_known(reference.units), help=f"one of {', '.join(reference.units)}")
    parser.add_argument(
        "--facility", type=_known(reference.facilities), help=f"one of {', '.join(reference.facilities)}"
    )
    parser.add_argument("--sub", help="the holder's name, by default made of the roles")
    parser.add_argument("--hours", type=int, default=12, help="how long it is good for (default: 12)")
    parser.set_defaults(command=token)


def _role(text: str) -> Role:
    try:
        return Role(text.upper())
    except ValueError:
        wrong = f"there is no role {text!r}" if text else "a role is needed (ROLE=...)"
        message = f"{wrong}; known are {', '.join(Role)}"
        raise argparse.ArgumentTypeError(message) from None


def _known(codes: Any) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text and text not in codes:
            message = f"there is no {text!r}; known are {', '.join(codes)}"
            raise argparse.ArgumentTypeError(message)
        return text

    return check


def _settings_help() -> str:
    ports = "\n".join(f"  {variable(name):<30} {port}" for name, port in asdict(Ports()).items())
    return f"""\
environment:
{ports}
  TRACES=0                       no trace viewer
  KAFKA_BOOTSTRAP_SERVERS        use a Kafka that runs already, with topics under
  KAFKA_TOPIC_PREFIX             this prefix
  REGISTRATION_DATABASE_URL      use a database of a server that runs already;
                                 the same for each service
"""


if __name__ == "__main__":
    main()
