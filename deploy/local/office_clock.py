"""The office clock of a stack: a file that every service reads, replaced whole to step it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.processes import write_whole


def set_office_clock(file: Path, office: datetime, *, factor: float = 0.0) -> None:
    """Let the office clock show this instant now and run `factor` times as fast as time; with 0 it stands."""
    content = {"system": datetime.now(UTC).isoformat(), "office": office.astimezone(UTC).isoformat(), "factor": factor}
    write_whole(file, json.dumps(content), mode=0o644)
