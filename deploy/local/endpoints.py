"""Where everything of a running stack is, for people and for foreign programs: endpoints.json in the state folder."""

import json
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from deploy.local.processes import write_whole

FILE_NAME: Final = "endpoints.json"

Endpoints = dict[str, Any]


def write(state: Path, endpoints: Endpoints) -> None:
    """Publish the endpoints; database addresses carry passwords, so only the owner may read them."""
    write_whole(state / FILE_NAME, json.dumps(endpoints, indent=2))


def read(state: Path) -> Endpoints | None:
    """The endpoints of the stack that runs or ran last; None if there is none."""
    file = state / FILE_NAME
    return dict(json.loads(file.read_text())) if file.exists() else None


def remove(state: Path) -> None:
    """Nothing is anywhere any more."""
    (state / FILE_NAME).unlink(missing_ok=True)


def table(endpoints: Endpoints, *, file: Path) -> Table:
    """The endpoints as a person wants them: what to open, what to connect to."""
    shown = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, service in endpoints["services"].items():
        shown.add_row(name, f"{service['url']}/docs")
    prefix = endpoints["kafka"]["topic_prefix"]
    shown.add_row("Kafka", endpoints["kafka"]["bootstrap_servers"] + (f", topics {prefix}*" if prefix else ""))
    for name, service in endpoints["services"].items():
        shown.add_row(f"database of {name}", service["database_url"])
    shown.add_row("mail", f"{endpoints['mail']['url']} (SMTP {endpoints['smtp']['host']}:{endpoints['smtp']['port']})")
    shown.add_row("traces", endpoints["traces"]["url"] or "off (TRACES=0)")
    shown.add_row("a token", "make token ROLE=REGISTRAR UNIT=PLG-HQ")
    shown.add_row("for programs", str(file))
    return shown
