"""The published schemas are frozen, and only the gate opens them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts.__main__ import main
from contracts.catalogue import published_types
from contracts.documents import documents, stale_documents
from contracts.frozen import committed_schemas, current_schemas, freeze, frozen_schemas, incompatible, text_of

OPENED = "registration.registration-opened.v1"


def test_the_frozen_schemas_are_those_of_the_classes() -> None:
    assert frozen_schemas() == current_schemas()


@pytest.mark.parametrize("event_type", published_types())
def test_a_published_schema_is_a_schema_and_closed(event_type: str) -> None:
    schema = current_schemas()[event_type]

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert all(
        part["additionalProperties"] is False for part in schema.get("$defs", {}).values() if "properties" in part
    )
    assert schema["x-subject"] in schema["properties"]


@pytest.mark.parametrize("event_type", published_types())
def test_every_text_and_every_list_has_a_limit(event_type: str) -> None:
    for node in _nodes(current_schemas()[event_type]):
        if node.get("type") == "array":
            assert "maxItems" in node
        if node.get("type") == "string" and not node.keys() & {"enum", "const", "format", "maxLength"}:
            assert not re.search(r"(?<!\\)[*+]", node["pattern"]), node


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in inner:
        yield from _nodes(each)


def test_topics_access_rights_and_asyncapi_are_up_to_date() -> None:
    assert stale_documents() == []


def test_the_asyncapi_document_points_only_at_what_it_has() -> None:
    document = documents()["contracts/asyncapi.json"]

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for item in node for found in references(item)] if isinstance(node, list) else []

    for reference in references(document):
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_a_new_type_is_frozen(tmp_path: Path) -> None:
    frozen = freeze(directory=tmp_path)

    assert sorted(frozen.written) == sorted(published_types())
    assert frozen_schemas(tmp_path) == current_schemas()


def test_an_incompatible_change_is_not_frozen(tmp_path: Path) -> None:
    _freeze_with_a_field_that_was_removed(tmp_path)

    frozen = freeze(directory=tmp_path)

    assert list(frozen.refused) == [OPENED]
    assert "weather" in frozen_schemas(tmp_path)[OPENED]["properties"]


def test_an_incompatible_change_of_a_type_that_nobody_published_is_frozen(tmp_path: Path) -> None:
    _freeze_with_a_field_that_was_removed(tmp_path)

    frozen = freeze(directory=tmp_path, unpublished=["registration.registration-*"])

    assert frozen.written == [OPENED]
    assert not frozen.refused
    assert frozen_schemas(tmp_path) == current_schemas()


def test_a_type_that_vanished_stays_frozen(tmp_path: Path) -> None:
    freeze(directory=tmp_path)
    (tmp_path / "registration.gone.v1.json").write_text(text_of({"type": "object"}))

    frozen = freeze(directory=tmp_path)

    assert list(frozen.refused) == ["registration.gone.v1"]
    assert (tmp_path / "registration.gone.v1.json").exists()


def _freeze_with_a_field_that_was_removed(directory: Path) -> None:
    freeze(directory=directory)
    path = directory / f"{OPENED}.json"
    schema = json.loads(path.read_text())
    schema["properties"]["weather"] = {"type": "string", "default": "dry"}
    path.write_text(text_of(schema))


def test_what_a_commit_published_cannot_be_taken_back_by_deleting_its_file(tmp_path: Path) -> None:
    _freeze_with_a_field_that_was_removed(tmp_path)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "published"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)  # noqa: S607  the git of the machine
    (tmp_path / f"{OPENED}.json").unlink()
    freeze(directory=tmp_path)

    committed = committed_schemas("HEAD", tmp_path)

    assert committed is not None
    assert list(incompatible(committed, current_schemas())) == [OPENED]


def test_without_a_commit_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    assert committed_schemas("HEAD", tmp_path) is None


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])

    assert end.value.code == 0
    assert "generate" in capsys.readouterr().out
