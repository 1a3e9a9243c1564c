"""How the tools of this package connect to a Kafka."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.problem import Problem


@asynccontextmanager
async def administrator(bootstrap_servers: str, *, seconds: float) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client for the time of a block; a broker that does not answer is a Problem."""
    client = AIOKafkaAdminClient(**connection(bootstrap_servers), request_timeout_ms=int(seconds * 1000))
    try:
        await client.start()
        yield client
    except (KafkaError, OSError) as problem:
        message = f"Kafka at {bootstrap_servers} does not answer: {problem}"
        raise Problem(message) from problem
    finally:
        await client.close()


def connection(bootstrap_servers: str) -> dict[str, Any]:
    """The settings of a client; for the Kafka that the user named, with the security that the user named."""
    if bootstrap_servers != os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip():
        return {"bootstrap_servers": bootstrap_servers}
    # Here, not above: it brings FastStream along, and only a Kafka of the user's needs it.
    from chassis.broker import client_settings  # noqa: PLC0415
    from chassis.settings import Settings, SettingsInvalid  # noqa: PLC0415

    try:
        settings = Settings.from_env(os.environ, service="deploy.local", needed=frozenset())
    except SettingsInvalid as problem:
        raise Problem(str(problem)) from problem
    return client_settings(settings)
