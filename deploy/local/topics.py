"""The topics of the catalogue, as a single local broker holds them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from contracts.catalogue import TOPICS, CleanupPolicy, Topic
from deploy.local.kafka_client import administrator
from deploy.local.problem import Problem

ANSWER_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.05
HOUR_MILLISECONDS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A topic that must be there."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensured:
    """Which of the wanted topics were made now and which were there, on which cluster."""

    cluster: str
    created: tuple[str, ...]
    found: tuple[str, ...]


def of_catalogue(prefix: str = "") -> list[Wanted]:
    """Every topic of the network under the deployment's prefix."""
    return [
        Wanted(name=f"{prefix}{topic.name}", partitions=topic.local_partitions, config=_config(topic))
        for topic in TOPICS.values()
    ]


async def ensure(bootstrap_servers: str, wanted: Iterable[Wanted]) -> Ensured:
    """Make the topics that are missing and wait until every partition has a leader; those that are there stay."""
    topics = {topic.name: topic for topic in wanted}
    async with administrator(bootstrap_servers, seconds=ANSWER_SECONDS) as admin:
        present = set(await admin.list_topics())
        missing = [topic for name, topic in topics.items() if name not in present]
        created = await _create(admin, missing)
        await _await_leaders(admin, list(topics))
        cluster = await admin.describe_cluster()
    found = tuple(sorted(set(topics) - set(created)))
    return Ensured(cluster=str(cluster["cluster_id"]), created=created, found=found)


async def present(bootstrap_servers: str) -> tuple[str, set[str]]:
    """The cluster's id and the names of its topics."""
    async with administrator(bootstrap_servers, seconds=ANSWER_SECONDS) as admin:
        cluster = await admin.describe_cluster()
        return str(cluster["cluster_id"]), set(await admin.list_topics())


async def set_config(bootstrap_servers: str, wanted: Iterable[Wanted]) -> None:
    """Give topics that were made here the limits that the catalogue says now."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.config)) for topic in wanted]
    async with administrator(bootstrap_servers, seconds=ANSWER_SECONDS) as admin:
        for answer in await admin.alter_configs(resources):
            _check((resource[-1], resource[0], resource[1]) for resource in answer.resources)


async def delete(bootstrap_servers: str, names: Sequence[str]) -> None:
    """Remove topics and wait until they are gone; the caller answers for having made them."""
    async with administrator(bootstrap_servers, seconds=ANSWER_SECONDS) as admin:
        answer = await admin.delete_topics(list(names))
        _check((name, code, None) for name, code in answer.topic_error_codes)
        async with asyncio.timeout(SETTLE_SECONDS):
            while set(names) & set(await admin.list_topics()):  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(POLL_SECONDS)


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Wanted]) -> tuple[str, ...]:
    if not topics:
        return ()
    new = [
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1, topic_configs=dict(topic.config))
        for topic in topics
    ]
    answer = await admin.create_topics(new)
    # The client does not raise: what went wrong stands in the answer.
    return _check((error[0], error[1], error[2]) for error in answer.topic_errors)


def _check(errors: Iterable[tuple[str, int, str | None]]) -> tuple[str, ...]:
    done = []
    for name, code, words in errors:
        if code == 0:
            done.append(name)
        elif code != TopicAlreadyExistsError.errno:
            message = f"Kafka refused topic {name}: {for_code(code).__name__} {words or ''}".rstrip()
            raise Problem(message)
    return tuple(done)


async def _await_leaders(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    async with asyncio.timeout(SETTLE_SECONDS):
        while not _all_led(await admin.describe_topics(names)):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(POLL_SECONDS)


def _all_led(described: Sequence[Mapping[str, object]]) -> bool:
    for topic in described:
        partitions = topic["partitions"]
        if topic["error_code"] != 0 or not isinstance(partitions, list) or not partitions:
            return False
        if any(partition["leader"] < 0 for partition in partitions):
            return False
    return True


def _config(topic: Topic) -> dict[str, str]:
    kept = str(topic.retention_hours * HOUR_MILLISECONDS)
    compacted = topic.cleanup_policy is CleanupPolicy.COMPACT
    return {
        "cleanup.policy": topic.cleanup_policy.value,
        "max.message.bytes": str(topic.message_bytes_max),
        # Of a compacted topic only the marks of removed keys have an age.
        ("delete.retention.ms" if compacted else "retention.ms"): kept,
    }
