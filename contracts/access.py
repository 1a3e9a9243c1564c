"""What the broker is told, derived from the catalogue: the topics with their settings, and who may do what on them."""

from typing import Any, Final

from contracts.catalogue import (
    HANDLED,
    IN_SYNC_REPLICAS_MIN,
    REPLICATION_FACTOR,
    TOPICS,
    CleanupPolicy,
    Topic,
    consumed_by,
    topics_of,
)

MILLISECONDS_PER_HOUR: Final = 3_600_000


def topic_settings(topic: Topic) -> dict[str, str]:
    """The settings of a topic as the broker names them."""
    age = str(topic.retention_hours * MILLISECONDS_PER_HOUR)
    settings = {"cleanup.policy": topic.cleanup_policy.value, "max.message.bytes": str(topic.message_bytes_max)}
    if topic.cleanup_policy is CleanupPolicy.COMPACT:
        return {**settings, "delete.retention.ms": age}
    return {**settings, "retention.ms": age}


def topics_document() -> list[dict[str, Any]]:
    """All topics: `partitions` and `production_config` on a cluster, `local_partitions` on a single machine."""
    return [
        {
            "name": topic.name,
            "partitions": topic.partitions,
            "local_partitions": topic.local_partitions,
            "replication_factor": REPLICATION_FACTOR,
            "config": topic_settings(topic),
            "production_config": {"min.insync.replicas": str(IN_SYNC_REPLICAS_MIN)},
        }
        for topic in TOPICS.values()
    ]


def access_document() -> list[dict[str, str]]:
    """Every right that somebody has; what is not listed is refused."""
    principals = sorted({topic.publisher for topic in TOPICS.values()} | HANDLED.keys())
    return [rule for principal in principals for rule in _rights_of(principal)]


def _rights_of(principal: str) -> list[dict[str, str]]:
    rights = [_right(principal, "Topic", topic.name, verb) for topic in topics_of(principal) for verb in _WRITING]
    rights += [_right(principal, "Topic", topic.name, verb) for topic in consumed_by(principal) for verb in _READING]
    if principal in HANDLED:
        rights.append(_right(principal, "Group", principal, "Read", pattern="Prefixed"))
    return rights


_WRITING: Final = ("Describe", "Write")
_READING: Final = ("Describe", "Read")


def _right(principal: str, resource: str, name: str, operation: str, *, pattern: str = "Literal") -> dict[str, str]:
    return {
        "principal": f"User:{principal}",
        "resource_type": resource,
        "name": name,
        "pattern_type": pattern,
        "operation": operation,
        "permission": "Allow",
    }
