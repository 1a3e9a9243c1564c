"""The messaging gateway of the local stack: takes messages once, shows them, signs receipts, misbehaves when told."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.gateway_secrets import GatewaySecrets
from deploy.local.own_programs import start_gateway
from deploy.local.ports import free_ports, is_open
from deploy.local.processes import Processes
from deploy.local.waiting import wait_until

MESSAGE = {"to": "+6281200000001", "text": "Segera: 0412…", "template": "released.v1"}


@dataclass
class Taker:
    """Who gets the receipts: keeps them, and refuses as many as told."""

    receipts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    refuse_with: list[int] = field(default_factory=list)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(one["message"], one["state"]) for one in (json.loads(body) for _, body in self.receipts)]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, taker: Taker) -> None:
        self.taker = taker
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = self.server.taker.refuse_with.pop(0) if self.server.taker.refuse_with else None
        if refused is None:
            self.server.taker.receipts.append((dict(self.headers.items()), body))
        self.send_response(refused or 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@dataclass
class Running:
    http: httpx.Client
    taker: Taker
    key: str

    def give(self, key: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        return self.http.post("/v1/messages", json=body or MESSAGE, headers={"Idempotency-Key": key, **headers})

    def shown(self) -> list[dict[str, Any]]:
        return list(self.http.get("/v1/messages").json()["messages"])

    def heard(self, count: int) -> list[tuple[str, str]]:
        assert wait_until(lambda: len(self.taker.said) >= count, seconds=10), self.taker.said
        return self.taker.said


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state: Path = tmp_path_factory.mktemp("gateway")
    secrets, processes, [port] = GatewaySecrets(state), Processes(state), free_ports(1)
    secrets.prepare()
    taker = Taker()
    with Server(taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        start_gateway(
            processes,
            http_port=port,
            receipts_url=f"http://127.0.0.1:{server.server_address[1]}/receipts",
            token_file=secrets.token_file,
            key_file=secrets.key_file,
            logs=state,
        )
        assert wait_until(lambda: is_open(port), seconds=20)
        headers = {"Authorization": f"Bearer {secrets.token_file.read_text()}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as http:
            yield Running(http, taker, secrets.key_file.read_text())
        processes.stop_all()
        server.shutdown()


@pytest.fixture
def gateway(running: Running) -> Running:
    running.http.put("/v1/chaos", json={})
    running.http.delete("/v1/messages")
    running.taker.receipts.clear()
    return running


def test_a_message_is_kept_shown_and_reported_in_order(gateway: Running) -> None:
    answer = gateway.give("key-1")

    assert (answer.status_code, answer.json()["state"]) == (202, "accepted")
    assert gateway.heard(2) == [("key-1", "accepted"), ("key-1", "delivered")]
    [message] = gateway.shown()
    assert (message["to"], message["text"], message["template"]) == tuple(MESSAGE.values())
    assert message["reports"] == ["accepted", "delivered"]
    page = gateway.http.get("/")
    assert "+6281200000001" in page.text
    assert "accepted, delivered" in page.text


def test_the_same_message_under_the_same_key_is_one_message(gateway: Running) -> None:
    first, again = gateway.give("key-1"), gateway.give("key-1")
    other = gateway.give("key-1", {**MESSAGE, "text": "another"})

    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert first.json()["id"] == again.json()["id"]
    assert [message["times_given"] for message in gateway.shown()] == [2]
    gateway.give("key-2")
    assert gateway.heard(4)[:2] == [("key-1", "accepted"), ("key-1", "delivered")], "the copy was not reported again"


def test_a_receipt_is_signed_over_time_and_body(gateway: Running) -> None:
    gateway.give("key-1")
    gateway.heard(1)

    headers, body = gateway.taker.receipts[0]
    signed = headers["X-Gateway-Timestamp"].encode() + b"." + body
    expected = hmac.new(gateway.key.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Gateway-Signature"] == f"v1={expected}"


def test_a_receipt_that_nobody_takes_comes_again(gateway: Running) -> None:
    gateway.taker.refuse_with = [503, 503]

    gateway.give("key-1")

    assert sorted(gateway.heard(2)) == [("key-1", "accepted"), ("key-1", "delivered")]


def test_without_the_token_nothing_is_taken(gateway: Running) -> None:
    assert gateway.give("key-1", Authorization="Bearer wrong").status_code == 401
    assert gateway.give("key-1", {"to": "+62812", "text": ""}).status_code == 422
    assert gateway.shown() == []


def test_it_can_be_told_to_refuse_and_forgets_that_when_told_nothing(gateway: Running) -> None:
    gateway.http.put("/v1/chaos", json={"refuse_with": 429, "code": "TOO_MANY", "retry_after_seconds": 7})
    refused = gateway.give("key-1")
    gateway.http.put("/v1/chaos", json={})

    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "TOO_MANY", "7")
    assert gateway.give("key-1").status_code == 202


def test_it_can_keep_a_message_and_never_say_so(gateway: Running) -> None:
    gateway.http.put("/v1/chaos", json={"hang_up": True})

    with pytest.raises(httpx.RemoteProtocolError):
        gateway.give("key-1")

    assert [message["key"] for message in gateway.shown()] == ["key-1"]


def test_it_can_report_a_number_that_nobody_has_and_report_everything_twice(gateway: Running) -> None:
    gateway.http.put("/v1/chaos", json={"unknown_numbers": [MESSAGE["to"]], "copies": 2})

    gateway.give("key-1")

    assert gateway.heard(2) == [("key-1", "failed")] * 2
    assert json.loads(gateway.taker.receipts[0][1])["code"] == "NUMBER_UNKNOWN"


def test_somebody_can_read_a_message_later(gateway: Running) -> None:
    gateway.give("key-1")
    gateway.heard(2)

    assert gateway.http.post("/v1/messages/key-1/reports", json={"state": "read"}).status_code == 202
    assert gateway.heard(3)[2] == ("key-1", "read")
    assert gateway.http.post("/v1/messages/key-9/reports", json={"state": "read"}).status_code == 404
