"""The gate between two versions of a schema: whatever one side may write, the other can read.

Producers are strict: they write what their schema allows and nothing else. Consumers are tolerant: they pass over
fields that they do not know. Asked both ways, this leaves one free change: a new optional field with a default. So any
two versions that passed the gate one after the other would also pass it directly.
The gate knows the dialect in which the schemas are generated, and refuses a keyword that it does not know.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_LOWER_BOUNDS: Final = ("minLength", "minItems", "minimum", "exclusiveMinimum")
_UPPER_BOUNDS: Final = ("maxLength", "maxItems", "maximum", "exclusiveMaximum")
_EXACT: Final = ("pattern", "format")
_SILENT: Final = frozenset({"$defs", "$id", "$ref", "$schema", "additionalProperties", "description", "title"})
_UNDERSTOOD: Final = (
    frozenset({"anyOf", "const", "default", "enum", "items", "properties", "required", "type"})
    | {*_LOWER_BOUNDS, *_UPPER_BOUNDS, *_EXACT}
    | _SILENT
)
_SUBJECT: Final = "x-subject"
_TOPICS: Final = "x-topics"


def breaks(old: Schema, new: Schema) -> tuple[str, ...]:
    """Why `new` may not take the place of `old` under the same version; empty when it may."""
    found = [
        f"{key[2:]} changed from {old[key]} to {new.get(key)}" for key in (_SUBJECT, _TOPICS) if _moved(key, old, new)
    ]
    found += [
        f"{path}: removed, so what old producers write there would be lost"
        for path in _lost(_Side(old), _Side(new), "")
    ]
    found += [f"{path}: its default changed, so silence means something else" for path in _redefaulted(old, new)]
    found += [f"old producer, new consumer: {problem}" for problem in unreadable(producer=old, consumer=new)]
    found += [f"new producer, old consumer: {problem}" for problem in unreadable(producer=new, consumer=old)]
    return tuple(found)


def unreadable(*, producer: Schema, consumer: Schema) -> tuple[str, ...]:
    """What a producer may write that a tolerant consumer would refuse."""
    return tuple(_refusals(_Side(producer), _Side(consumer), ""))


class _Side:
    """A node of a schema, with the document that its references point into."""

    def __init__(self, node: Schema, document: Schema | None = None) -> None:
        self.document = node if document is None else document
        self.node = self._resolved(node)

    def at(self, node: Schema) -> "_Side":
        """Another node of the same document."""
        return _Side(node, self.document)

    @property
    def properties(self) -> dict[str, "_Side"]:
        return {name: self.at(node) for name, node in self.node.get("properties", {}).items()}

    @property
    def required(self) -> set[str]:
        return set(self.node.get("required", ()))

    @property
    def branches(self) -> list["_Side"]:
        return [self.at(node) for node in self.node.get("anyOf", ())] or [self]

    @property
    def values(self) -> set[Any] | None:
        """The values of an enumeration; None where any value of the type will do."""
        if "const" in self.node:
            return {self.node["const"]}
        return set(self.node["enum"]) if "enum" in self.node else None

    @property
    def not_understood(self) -> list[str]:
        return sorted(key for key in self.node if key not in _UNDERSTOOD and not key.startswith("x-"))

    def _resolved(self, node: Schema) -> Schema:
        while "$ref" in node:
            target: Schema = self.document
            for step in str(node["$ref"]).removeprefix("#/").split("/"):
                target = target[step]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        return node


def _refusals(producer: _Side, consumer: _Side, path: str) -> Iterator[str]:
    for written in producer.branches:
        # A string is compared with what strings may be, not with null.
        alike = [read for read in consumer.branches if read.node.get("type") == written.node.get("type")]
        attempts = [list(_refusals_of_one(written, read, path)) for read in alike or consumer.branches]
        if all(attempts):
            yield from min(attempts, key=len)


def _refusals_of_one(producer: _Side, consumer: _Side, path: str) -> Iterator[str]:
    if "anyOf" in producer.node or "anyOf" in consumer.node:
        yield from _refusals(producer, consumer, path)
        return
    name = path or "the event"
    for keyword in producer.not_understood + consumer.not_understood:
        yield f"{name}: the gate does not understand {keyword!r}"
    written, read = producer.node.get("type"), consumer.node.get("type")
    if read is not None and written != read and (written, read) != ("integer", "number"):
        yield f"{name}: {written} is written where {read} is read"
        return
    yield from _other_values(producer, consumer, name)
    yield from _outside_bounds(producer.node, consumer.node, name)
    for field in sorted(consumer.required - producer.required):
        yield f"{_join(path, field)}: required, but it may be left out"
    theirs = consumer.properties
    for field, side in producer.properties.items():
        if field in theirs:
            yield from _refusals(side, theirs[field], _join(path, field))
    if "items" in producer.node and "items" in consumer.node:
        yield from _refusals(producer.at(producer.node["items"]), consumer.at(consumer.node["items"]), f"{path}[]")


def _other_values(producer: _Side, consumer: _Side, name: str) -> Iterator[str]:
    if consumer.values is None:
        return
    if producer.values is None:
        yield f"{name}: any value may be written where only some are read"
        return
    for value in sorted(producer.values - consumer.values, key=str):
        yield f"{name}: the value {value!r} is not known"


def _outside_bounds(producer: Schema, consumer: Schema, name: str) -> Iterator[str]:
    for key in _LOWER_BOUNDS:
        if key in consumer and producer.get(key, float("-inf")) < consumer[key]:
            yield f"{name}: {key} is {producer.get(key, 'free')} where {consumer[key]} is asked"
    for key in _UPPER_BOUNDS:
        if key in consumer and producer.get(key, float("inf")) > consumer[key]:
            yield f"{name}: {key} is {producer.get(key, 'free')} where {consumer[key]} is asked"
    for key in _EXACT:
        if key in consumer and producer.get(key) != consumer[key]:
            yield f"{name}: {key} is {producer.get(key, 'free')} where {consumer[key]} is asked"


def _lost(old: _Side, new: _Side, path: str) -> Iterator[str]:
    """The fields, at any depth, that the old schema has and the new one has not."""
    olds, news = _fields(old), _fields(new)
    for field, side in olds.items():
        if field not in news:
            yield _join(path, field)
        else:
            yield from _lost(side, news[field], _join(path, field))


def _fields(side: _Side) -> dict[str, _Side]:
    if "items" in side.node:
        return _fields(side.at(side.node["items"]))
    found: dict[str, _Side] = {}
    for branch in side.branches:
        found.update(branch.properties)
    return found


def _redefaulted(old: Schema, new: Schema) -> Iterator[str]:
    news = dict(_defaults(_Side(new), ""))
    for path, default in _defaults(_Side(old), ""):
        if path in news and news[path] != default:
            yield path


def _defaults(side: _Side, path: str) -> Iterator[tuple[str, Any]]:
    for field, inner in _fields(side).items():
        if "default" in inner.node:
            yield _join(path, field), inner.node["default"]
        yield from _defaults(inner, _join(path, field))


def _moved(key: str, old: Schema, new: Schema) -> bool:
    return key in old and old[key] != new.get(key)


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field
