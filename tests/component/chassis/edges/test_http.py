"""What a caller gets: answers, and every refusal and failure in one form; over ASGI and over a real server."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import uvicorn
from asyncpg.exceptions._base import DataError
from fastapi import APIRouter, Depends, Query, UploadFile
from pydantic import BaseModel, Field

from chassis import telemetry
from chassis.access import public
from chassis.failures import UnavailableError
from chassis.middleware import BODY_BYTES_MAX, CORRELATION_HEADER
from chassis.outbox import EventTooLarge
from chassis.paging import Page, PageRequest, page_request
from chassis.problems import NotFound
from chassis.rules.refusal import Irrelevant, Refused
from tests.component.chassis.edges.door import Door

MARK = "Budi Santoso"
PROBLEM = "application/problem+json"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
A_UUID = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"


class ReportNotSigned(Refused):
    """A litmas goes to the board only after its officer signed it."""


class Release(BaseModel):
    """What a prison sends."""

    name: str = Field(max_length=40)
    released_on: date
    days: int = 1


FAILURES: dict[str, Exception] = {
    "refused": ReportNotSigned(),
    "irrelevant": Irrelevant("no hearing is open"),
    "missing": NotFound("release"),
    "away": UnavailableError(MARK),
    "connection": ConnectionRefusedError(MARK),
    "deadlock": asyncpg.DeadlockDetectedError(MARK),
    "nul": asyncpg.CharacterNotInRepertoireError(MARK),
    "large": EventTooLarge(),
    "bug": RuntimeError(f"Key (name)=({MARK}) already exists"),
    "file": FileNotFoundError(MARK),
    "closed": asyncpg.InterfaceError("pool is closing"),
    "parameter": DataError(MARK),
}


def routes() -> APIRouter:
    """A route for every way in which a request can end."""
    router = APIRouter(dependencies=[Depends(public())])

    @router.get("/fail/{how}")
    async def fail(how: str) -> str:
        raise FAILURES[how]

    @router.post("/releases", status_code=201)
    async def report(release: Release) -> dict[str, int]:
        return {"days": release.days}

    @router.post("/lists")
    async def upload(file: UploadFile) -> int:
        return len(await file.read())

    @router.get("/items")
    async def items(page: Annotated[PageRequest, Depends(page_request)]) -> Page[int]:
        after = page.after(int)
        start = 0 if after is None else after[0]
        rows = list(range(start + 1, 121))[: page.fetch]
        return page.page(rows, item=lambda row: row, cursor=lambda row: [row])

    @router.get("/where")
    async def where() -> dict[str, str | None]:
        context = telemetry.current()
        return {"trace": context.trace_hex if context else None, "correlation": telemetry.correlation_id()}

    @router.get("/colours")
    async def colours(of: Annotated[list[str] | None, Query()] = None) -> list[str]:
        return of or []

    @router.get("/search")
    async def search(q: Annotated[str, Query(max_length=100)]) -> int:
        return len(q)

    return router


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [
        pytest.param("refused", 409, "refused", id="a rule says no"),
        pytest.param("missing", 404, "not-found", id="not here"),
        pytest.param("away", 503, "unavailable", id="the database is away"),
        pytest.param("connection", 503, "unavailable", id="a connection that nobody takes"),
        pytest.param("deadlock", 503, "unavailable", id="a deadlock"),
        pytest.param("nul", 422, "invalid", id="a character that no database stores"),
        pytest.param("large", 413, "refused", id="an event that no broker takes"),
        pytest.param("bug", 500, "unexpected", id="a bug"),
        pytest.param("closed", 503, "unavailable", id="a pool that closes"),
        pytest.param("parameter", 500, "unexpected", id="a parameter that fits no column is a bug"),
        pytest.param("file", 500, "unexpected", id="a missing file is a bug, not a passing matter"),
    ],
)
async def test_every_failure_is_a_problem_that_repeats_no_value(door: Door, how: str, status: int, kind: str) -> None:
    async with door.client(routes()) as client:
        answer = await client.get(f"/fail/{how}")

    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["status"] == status
    assert answer.json()["type"] == f"urn:bapas:problem:{kind}"
    assert answer.json()["trace_id"]
    assert "Budi" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_refusal_carries_the_words_and_the_name_of_the_rule(door: Door) -> None:
    async with door.client(routes()) as client:
        document = (await client.get("/fail/refused")).json()

    assert document["detail"] == "A litmas goes to the board only after its officer signed it."
    assert document["rule"] == "report-not-signed"


async def test_what_is_irrelevant_is_an_outcome_and_no_error(door: Door) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/fail/irrelevant")

    assert answer.status_code == 200
    assert answer.json() == {"outcome": "irrelevant", "rule": "irrelevant", "reason": "no hearing is open"}


async def test_a_request_that_does_not_fit_is_told_where_and_without_its_values(door: Door) -> None:
    body = {"name": MARK * 10, "released_on": MARK, "days": MARK}

    async with door.client(routes()) as client:
        answer = await client.post("/releases", json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert {error["where"] for error in answer.json()["errors"]} == {"body.name", "body.released_on", "body.days"}
    assert "Budi" not in answer.text


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        pytest.param(b'{"name": "x"', "application/json", 422, id="half a document"),
        pytest.param(b"\xff\xfe", "application/json", 422, id="no text"),
        pytest.param(b"", "application/json", 422, id="nothing"),
        pytest.param(b"name=x", "application/x-www-form-urlencoded", 415, id="a form"),
        pytest.param(b"x", "text/plain", 415, id="plain text"),
        pytest.param(b"[]", "application/json", 422, id="a list"),
        pytest.param(b'{"name": "x", "released_on": "2026-01-05"}', "application/json", 201, id="as described"),
        pytest.param(b'{"name": "x", "released_on": "2026-01-05"}', "application/ld+json", 201, id="a kind of JSON"),
    ],
)
async def test_a_body_must_be_what_the_route_takes(door: Door, content: bytes, media_type: str, status: int) -> None:
    async with door.client(routes()) as client:
        answer = await client.post("/releases", content=content, headers={"Content-Type": media_type})

    assert answer.status_code == status


async def test_an_upload_must_be_a_form(door: Door) -> None:
    async with door.client(routes()) as client:
        right = await client.post("/lists", files={"file": ("weekend.csv", b"a;b\n1;2\n", "text/csv")})
        wrong = await client.post("/lists", content=b"a;b", headers={"Content-Type": "text/csv"})

    assert (right.status_code, right.json()) == (200, 8)
    assert wrong.status_code == 415
    assert "multipart/form-data" in wrong.json()["detail"]


async def test_unknown_addresses_and_methods_are_problems_too(door: Door) -> None:
    async with door.client(routes()) as client:
        nowhere = await client.get(f"/{MARK}")
        method = await client.delete("/releases")

    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, PROBLEM)
    assert "Budi" not in nowhere.text
    assert (method.status_code, method.headers["content-type"]) == (405, PROBLEM)
    assert method.headers["allow"] == "POST"


async def test_a_mistyped_parameter_does_not_show_everything(door: Door) -> None:
    async with door.client(routes()) as client:
        mistyped = await client.get("/items?limitt=3")
        useless = await client.get(f"/where?{MARK}=1")
        twice = await client.get("/items?limit=3&limit=4")
        many = await client.get("/colours?of=red&of=blue")

    assert [mistyped.status_code, useless.status_code, twice.status_code] == [422, 422, 422]
    assert mistyped.json()["errors"][0]["what"] == "each of cursor, limit at most once"
    assert (many.status_code, many.json()) == (200, ["red", "blue"])
    assert "Budi" not in useless.text


async def test_a_nul_in_the_address_reaches_no_database(door: Door) -> None:
    async with door.client(routes()) as client:
        answers = [await client.get("/search?q=a%00b"), await client.get("/fail/a%00b")]

    assert [answer.status_code for answer in answers] == [400, 400]


async def test_a_body_over_the_limit_is_refused_whether_it_says_its_length_or_not(door: Door) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 65_536 + 2):
            yield b"x" * 65_536

    async with door.client(routes()) as client:
        declared = await client.post("/releases", content=b"x" * (BODY_BYTES_MAX + 1))
        streamed = await client.post("/releases", content=chunks())

    assert [answer.status_code for answer in (declared, streamed)] == [413, 413]
    assert declared.headers["content-type"] == PROBLEM


async def test_pages_follow_each_other_to_the_end(door: Door) -> None:
    seen: list[int] = []
    cursor: str | None = None
    pages = 0
    async with door.client(routes()) as client:
        while True:
            query: dict[str, str | int] = {"limit": 50} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/items", params=query)).json()
            seen += page["items"]
            pages += 1
            cursor = page["next_cursor"]
            if cursor is None:
                break

    assert seen == list(range(1, 121))
    assert pages == 3


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("limit=0", 422, id="no items"),
        pytest.param("limit=201", 422, id="too many"),
        pytest.param("cursor=%3Cscript%3E", 400, id="not base64"),
        pytest.param("cursor=eyJhIjoxfQ", 400, id="an object"),
        pytest.param("cursor=WyJCdWRpIl0", 400, id="of another type"),
        pytest.param("cursor=WzEsMl0", 400, id="too many values"),
        pytest.param("cursor=W3RydWVd", 400, id="a boolean for a number"),
        pytest.param("cursor=WzFlOTldCg", 400, id="a number that is no whole one"),
        pytest.param("cursor=WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ", 400, id="a number that no column holds"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(door: Door, query: str, status: int) -> None:
    async with door.client(routes()) as client:
        answer = await client.get(f"/items?{query}")

    assert answer.status_code == status


async def test_a_request_continues_the_callers_trace_and_conversation(door: Door) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/where", headers={"traceparent": TRACEPARENT, CORRELATION_HEADER: A_UUID})

    assert answer.json() == {"trace": "0af7651916cd43dd8448eb211c80319c", "correlation": A_UUID}
    assert answer.headers[CORRELATION_HEADER] == A_UUID
    [span] = door.spans.get_finished_spans()
    assert span.name == "GET /where"
    assert span.parent is not None
    assert span.parent.span_id == 0xB7AD6B7169203331


async def test_a_request_without_either_gets_both(door: Door) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/where", headers={CORRELATION_HEADER: MARK})

    assert UUID(answer.json()["correlation"]).version == 7
    assert len(answer.json()["trace"]) == 32
    assert answer.headers[CORRELATION_HEADER] == answer.json()["correlation"]


async def test_neither_span_nor_metric_holds_an_address_or_a_query(door: Door) -> None:
    async with door.client(routes()) as client:
        await client.get("/search", params={"q": MARK})
        await client.get(f"/fail/{MARK}")
        await client.get(f"/{MARK}")
        await client.request("BUDI", "/search")

    told = door.metrics.text().decode() + "".join(span.to_json() for span in door.spans.get_finished_spans())
    assert 'route="/search"' in told
    assert 'route="/fail/{how}"' in told
    assert 'route="unmatched"' in told
    assert "Budi" not in told
    assert "BUDI" not in told


async def test_a_bug_is_an_error_in_the_trace_by_its_kind(door: Door) -> None:
    async with door.client(routes()) as client:
        await client.get("/fail/bug")
        await client.get("/fail/refused")

    bug, refused = door.spans.get_finished_spans()
    assert dict(bug.attributes or {})["error.type"] == "RuntimeError"
    assert "error.type" not in dict(refused.attributes or {})


async def test_the_description_lists_every_problem_of_a_route(door: Door) -> None:
    async with door.client(routes()) as client:
        document = (await client.get("/openapi.json")).json()

    report = document["paths"]["/releases"]["post"]["responses"]
    assert set(report) == {"200", "201", "400", "404", "408", "409", "413", "415", "422", "503"}
    assert list(report["409"]["content"]) == [PROBLEM]
    assert "HTTPValidationError" not in json.dumps(document)
    search = document["paths"]["/search"]["get"]["responses"]
    assert set(search) == {"200", "400", "422", "503"}


@asynccontextmanager
async def served(door: Door) -> AsyncIterator[str]:
    """The application behind a real server on a free port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(door.app(routes()), log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - the server tells by a flag
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await running


async def test_a_real_server_answers_the_same(door: Door) -> None:
    async def exchange(client: httpx.AsyncClient) -> dict[str, Any]:
        return {
            "bug": (await client.get("/fail/bug")).status_code,
            "good": (await client.post("/releases", json={"name": "x", "released_on": "2026-01-05", "days": 3})).json(),
            "large": (await client.post("/releases", content=b"x" * (BODY_BYTES_MAX + 1))).status_code,
            "afterwards": (await client.get("/search?q=abc")).json(),
        }

    async with served(door) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answers = await exchange(client)

    assert answers == {"bug": 500, "good": {"days": 3}, "large": 413, "afterwards": 3}
