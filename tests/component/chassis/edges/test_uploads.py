"""The door for attachments: a file of a known kind, of a bearable size, and with the hash that was announced."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.access import Scope, allow
from chassis.middleware import BODY_BYTES_MAX
from chassis.objects import OBJECT_BYTES_MAX, ObjectMissing, Objects, reference_of
from chassis.uploads import KIND, attachment_routes
from contracts.roles import Role
from tests.component.chassis.edges.door import Door, Token

PDF = b"%PDF-1.7\n" + b"a letter " * 100


def address(content: bytes) -> str:
    return f"/v1/attachments/{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.in_folder(tmp_path)


async def put(
    door: Door, objects: Objects, content: bytes | AsyncIterator[bytes], at: str, bearer: str
) -> tuple[int, dict[str, object]]:
    router = attachment_routes(objects, rule=allow(Role.PRISON_OFFICER, scope=Scope.FACILITY))
    async with door.client(router) as client:
        answer = await client.put(at, content=content, headers={"Authorization": bearer})
    return answer.status_code, answer.json()


@pytest.fixture
def prison(token: Token) -> str:
    return token(Role.PRISON_OFFICER, unit=None, facility="LP1-PLG")


async def test_a_file_is_kept_under_its_hash_and_a_repetition_says_the_same(
    door: Door, objects: Objects, prison: str
) -> None:
    first = await put(door, objects, PDF, address(PDF), prison)
    again = await put(door, objects, PDF, address(PDF), prison)

    digest = hashlib.sha256(PDF).hexdigest()
    taken = {"reference": f"attachments/{digest[:2]}/{digest}", "sha256": digest, "bytes": len(PDF)}
    assert first == (201, taken | {"media_type": "application/pdf"})
    assert again == (200, first[1])
    assert await objects.get(str(first[1]["reference"])) == PDF


async def test_a_file_may_be_larger_than_any_other_body(door: Door, objects: Objects, prison: str) -> None:
    large = PDF + bytes(BODY_BYTES_MAX)

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 65_536):
            yield large[start : start + 65_536]

    assert (await put(door, objects, in_pieces(), address(large), prison))[0] == 201


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        pytest.param(b"", 422, "file-empty", id="nothing"),
        pytest.param(b"<html><script>", 415, "media-type", id="a page that a browser would run"),
        pytest.param(b"MZ\x90\x00", 415, "media-type", id="a program"),
        pytest.param(PDF + bytes(OBJECT_BYTES_MAX), 413, "too-large", id="too much"),
    ],
)
async def test_what_an_office_cannot_keep_is_refused(
    door: Door, objects: Objects, prison: str, content: bytes, status: int, kind: str
) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        yield content

    for body in (content, unannounced()):
        answered, problem = await put(door, objects, body, address(content), prison)

        assert (answered, problem["type"]) == (status, f"urn:bapas:problem:{kind}")


async def test_a_file_with_another_hash_than_announced_is_not_kept(door: Door, objects: Objects, prison: str) -> None:
    status, problem = await put(door, objects, PDF[:-1], address(PDF), prison)

    assert (status, problem["type"]) == (422, "urn:bapas:problem:hash-differs")
    with pytest.raises(ObjectMissing):
        await objects.get(reference_of(KIND, hashlib.sha256(PDF[:-1]).hexdigest()))


@pytest.mark.parametrize("name", ["0" * 63, "G" * 64, "A" * 64, "%00" * 64, "..%2F..%2Fetc"])
async def test_what_is_no_hash_is_no_address(door: Door, objects: Objects, prison: str, name: str) -> None:
    status, _ = await put(door, objects, PDF, f"/v1/attachments/{name}", prison)

    assert status in {400, 404, 422}


async def test_others_than_those_of_the_rule_may_not(door: Door, objects: Objects, token: Token) -> None:
    assert (await put(door, objects, PDF, address(PDF), token(Role.REGISTRAR)))[0] == 403
