"""What was measured on: the machine, the versions, the durability of the database."""

import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from deploy.local.downloads import KAFKA_JARS
from tests.bench.stage import DURABLE, ROOT, SELECT_SETTING

GIBIBYTE: Final = 1024**3
SHOWN: Final = (*DURABLE, "shared_buffers", "max_wal_size")


async def describe(admin: Any) -> dict[str, Any]:
    """Everything that a figure depends on and that is not in the repository."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "processor": _processor(),
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / GIBIBYTE),
            "system": platform.platform(),
        },
        "python": platform.python_version(),
        "postgresql": await admin.fetchval(SELECT_SETTING, "server_version"),
        "kafka": _kafka(),
        "settings": {name: await admin.fetchval(SELECT_SETTING, name) for name in SHOWN},
    }


def sentence(about: dict[str, Any]) -> str:
    """The same for a reader."""
    machine, settings = about["machine"], about["settings"]
    durable = ", ".join(f"{name}={settings[name]}" for name in SHOWN)
    return (
        f"{about['measured_at'][:10]}, commit {about['commit']}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, Python {about['python']}, Kafka {about['kafka']}, "
        f"PostgreSQL {about['postgresql']} ({durable}), all on one machine."
    )


def _commit() -> str:
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
    if commit.returncode:
        return "unknown"
    return commit.stdout.strip() + (" with changes" if dirty.stdout else "")


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _kafka() -> str:
    found = re.search(r"kafka-clients:([\d.]+)", KAFKA_JARS.read_text())
    return found[1] if found else "unknown"
