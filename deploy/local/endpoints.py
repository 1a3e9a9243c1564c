"""Where everything of a running stack is, for people and for foreign programs: endpoints.json in the state folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

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


def table(endpoints: Endpoints, *, file: Path) -> str:
    """The endpoints as a person wants them: what to open, what to connect to."""
    kafka, mail, smtp = endpoints["kafka"], endpoints["mail"]["url"], endpoints["smtp"]
    prefix = kafka["topic_prefix"]
    services = endpoints["services"].items()
    return aligned(
        [
            *((name, f"{service['url']}/openapi.json") for name, service in services),
            ("Kafka", kafka["bootstrap_servers"] + (f", topics {prefix}*" if prefix else "")),
            *((f"database of {name}", service["database_url"]) for name, service in services),
            ("mail", f"{mail} (SMTP {smtp['host']}:{smtp['port']})"),
            ("messages", endpoints["gateway"]["url"]),
            ("traces", endpoints["traces"]["url"] or "off (TRACES=0)"),
            ("a token", "make token ROLE=REGISTRAR UNIT=PLG-HQ"),
            ("for programs", str(file)),
        ]
    )


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns, as wide as they are: what is broken at the edge of a terminal cannot be copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
