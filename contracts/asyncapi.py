"""The AsyncAPI 3 document of the whole network, derived from the event classes and the catalogue."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from contracts.access import topic_settings
from contracts.catalogue import HANDLED, REPLICATION_FACTOR, TOPICS, Topic, consumed_by, published_types, topics_for
from contracts.event import EVENT_TYPES, Event
from contracts.frozen import WithoutTitles
from contracts.golden import examples_of

_ATTRIBUTES: Final = {
    "ce_specversion": {"const": "1.0", "description": "Version of CloudEvents."},
    "ce_id": {"type": "string", "description": "Unique together with ce_source."},
    "ce_source": {"type": "string", "description": "Who made the event."},
    "ce_type": {"type": "string", "description": "owner.fact.vMajor"},
    "ce_subject": {"type": "string", "description": "The matter; equal to the key."},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_correlationid": {"type": "string", "description": "The conversation that this belongs to."},
    "ce_causationid": {"type": "string", "description": "The message or request that led to this."},
    "ce_sequence": {"type": "string", "description": "The number of this event within its subject."},
    "traceparent": {"type": "string", "description": "W3C trace context."},
}
_REQUIRED: Final = ["ce_specversion", "ce_id", "ce_source", "ce_type"]


def asyncapi_document() -> dict[str, Any]:
    """The document: a channel per topic, a message per event, an operation per service and topic."""
    events = [EVENT_TYPES[name] for name in published_types()]
    names, definitions = models_json_schema(
        [(event, "validation") for event in events],
        ref_template="#/components/schemas/{model}",
        schema_generator=WithoutTitles,
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Bapas event network",
            "version": "1.0.0",
            "description": "Hand-overs between prisons and a probation office. CloudEvents 1.0, Kafka binary mode.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, events) for topic in TOPICS.values()},
        "operations": _operations(),
        "components": {
            "messages": {event.type: _message(event, names[(event, "validation")]) for event in events},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
            "schemas": definitions["$defs"],
        },
    }


def _channel(topic: Topic, events: list[type[Event]]) -> dict[str, Any]:
    carried = [event.type for event in events if topic in topics_for(event)]
    return {
        "address": topic.name,
        "description": f"Published by {topic.publisher}; data class {topic.data_class}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in carried},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": REPLICATION_FACTOR,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": "0.5.0",
            }
        },
        "x-data-class": topic.data_class.value,
        "x-longest-offline-hours": topic.longest_offline_hours,
    }


def _configuration(topic: Topic) -> dict[str, Any]:
    """The broker's settings as the binding wants them: numbers as numbers, the policy as a list."""
    settings: dict[str, Any] = {
        name: int(value) if value.isdigit() else value for name, value in topic_settings(topic).items()
    }
    settings["cleanup.policy"] = [settings["cleanup.policy"]]
    return settings


def _operations() -> dict[str, Any]:
    operations = {}
    for topic in TOPICS.values():
        operations[f"{topic.publisher} sends {topic.name}"] = _operation("send", topic, None)
    for service in sorted(HANDLED):
        for topic in consumed_by(service):
            operations[f"{service} receives {topic.name}"] = _operation("receive", topic, service)
    return operations


def _operation(action: str, topic: Topic, consumer: str | None) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    carried = [name for name in published_types() if topic in topics_for(EVENT_TYPES[name])]
    wanted = [name for name in carried if consumer is None or EVENT_TYPES[name] in HANDLED[consumer]]
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in wanted],
    }
    if consumer is not None:
        operation["bindings"] = {"kafka": {"groupId": {"type": "string", "const": consumer}, "bindingVersion": "0.5.0"}}
    return operation


def _message(event: type[Event], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": schema,
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
        "x-subject": event.subject_field,
        "examples": [
            {
                "name": example.name,
                "summary": example.about,
                "headers": {name: (value or b"").decode() for name, value in example.headers},
                "payload": example.data,
            }
            for example in examples_of(event.type)
            if example.reason is None and example.value is not None
        ],
    }


def _headers() -> dict[str, Any]:
    return {"type": "object", "properties": dict(_ATTRIBUTES), "required": list(_REQUIRED)}
