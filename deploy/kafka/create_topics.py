"""Make the topics of topics.json on the Kafka that the environment names, with as many partitions as in production.

Topics that are there keep their partitions and records and get the limits that the file says now.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local import topics
from deploy.local.problem import Problem

TOPICS: Final = Path(__file__).with_name("topics.json")


def wanted(file: Path = TOPICS, *, prefix: str = "") -> list[topics.Wanted]:
    """What the generated file asks for, under a prefix."""
    return [
        topics.Wanted(name=f"{prefix}{topic['name']}", partitions=topic["partitions"], config=topic["config"])
        for topic in json.loads(file.read_text())
    ]


async def create(env: Mapping[str, str]) -> topics.Ensured:
    """Make what is missing and bring the rest up to date."""
    bootstrap_servers = env["KAFKA_BOOTSTRAP_SERVERS"]
    asked = wanted(prefix=env.get("KAFKA_TOPIC_PREFIX", ""))
    ensured = await topics.ensure(bootstrap_servers, asked)
    await topics.set_config(bootstrap_servers, [topic for topic in asked if topic.name in ensured.found])
    return ensured


def main() -> None:
    """Make the topics and say which."""
    try:
        ensured = asyncio.run(create(os.environ))
    except Problem as problem:
        sys.exit(str(problem))
    print(f"topics: {len(ensured.created)} made, {len(ensured.found)} were there")


if __name__ == "__main__":
    main()
