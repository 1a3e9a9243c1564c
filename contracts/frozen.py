"""The published schemas: generated from the event classes, frozen as files, changed only through the gate."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from contracts.catalogue import published_types, topics_for
from contracts.compatibility import breaks
from contracts.event import EVENT_TYPES, Event

SCHEMAS: Final = Path(__file__).parent / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
GIT_SECONDS_MAX: Final = 20


class WithoutTitles(GenerateJsonSchema):
    """A title that repeats the name of its field is noise in a file that people compare."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No field has a title."""
        return False


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The schema that producers of an event keep to, with its key and its topics."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:bapas:event:{event.type}",
        **event.model_json_schema(schema_generator=WithoutTitles),
        "x-subject": event.subject_field,
        "x-topics": [topic.name for topic in topics_for(event)],
    }


def current_schemas() -> dict[str, dict[str, Any]]:
    """The schema of every event of the network, by type, as the classes have it now."""
    return {name: schema_of(EVENT_TYPES[name]) for name in published_types()}


def frozen_schemas(directory: Path = SCHEMAS) -> dict[str, dict[str, Any]]:
    """The schemas as they were frozen."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(directory.glob("*.json"))}


def committed_schemas(baseline: str, directory: Path = SCHEMAS) -> dict[str, dict[str, Any]] | None:
    """The frozen schemas of a commit; None where there is no git, no such commit or no schema in it."""
    listed = _git(directory, "ls-tree", "--name-only", baseline, "./")
    if listed is None:
        return None
    found = {}
    for name in listed.split():
        content = _git(directory, "show", f"{baseline}:./{name}") if name.endswith(".json") else None
        if content is not None:
            found[name.removesuffix(".json")] = json.loads(content)
    return found or None


def incompatible(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    """By type, why the new schemas may not take the place of the old ones."""
    return {name: why for name, why in _verdicts(old, new) if why}


def _verdicts(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, schema in old.items():
        if name in new:
            yield name, breaks(schema, new[name])
        else:
            yield name, ("removed: messages of this type are still on the topics",)


def text_of(document: Any) -> str:
    """A generated document as it is written to its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Frozen:
    """What freezing did: the types written, and those refused with the reasons."""

    written: list[str] = field(default_factory=list)
    refused: dict[str, tuple[str, ...]] = field(default_factory=dict)


def freeze(*, unpublished: Sequence[str] = (), directory: Path = SCHEMAS) -> Frozen:
    """Write the schemas that are new or compatibly changed; refuse the others.

    A type that matches a pattern in `unpublished` is overwritten or removed whatever changed: its author vouches that
    no message of it exists.
    """
    old, new = frozen_schemas(directory), current_schemas()
    refused = {
        name: why
        for name, why in incompatible(old, new).items()
        if not any(fnmatchcase(name, pattern) for pattern in unpublished)
    }
    result = Frozen(refused=refused)
    directory.mkdir(exist_ok=True)
    for name in sorted((old.keys() | new.keys()) - refused.keys()):
        if name not in new:
            (directory / f"{name}.json").unlink()
        elif old.get(name) != new[name]:
            (directory / f"{name}.json").write_text(text_of(new[name]), encoding="utf-8")
            result.written.append(name)
    return result


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  the arguments are ours
            ["git", "-C", str(directory), *arguments],  # noqa: S607  the git that the developer has
            capture_output=True,
            check=False,
            text=True,
            timeout=GIT_SECONDS_MAX,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
