"""The messaging gateway over HTTP: where messages are handed over, a page of them, and how it is told to misbehave."""

import hmac
import time
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from deploy.local.pages import FRAME, HTML, PageHandler
from deploy.local.ports import HOST

if TYPE_CHECKING:
    from deploy.local.gateway import Answer, Gateway, Message

MESSAGES: Final = "/v1/messages"
CHAOS: Final = "/v1/chaos"
ROWS_MAX: Final = 500


class Server(ThreadingHTTPServer):
    """Shows one gateway."""

    daemon_threads = True

    def __init__(self, gateway: "Gateway", *, port: int) -> None:
        self.gateway = gateway
        super().__init__((HOST, port), _Handler)


class _Handler(PageHandler, BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Show messages, or how the gateway behaves."""
        match urlsplit(self.path).path:
            case "/":
                self.answer(page(self.server.gateway.newest_first()), HTML)
            case "/v1/messages":
                shown = [{**asdict(one), "received_at": one.received_at.isoformat()} for one in self._messages()]
                self.answer_json({"messages": shown})
            case "/v1/chaos":
                self.answer_json(asdict(self.server.gateway.behaviour))
            case _:
                self.answer_json({"code": "NOT_FOUND"}, HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Take a message; or send a receipt about one that is here."""
        given = self._said()
        path = urlsplit(self.path).path
        if path == MESSAGES:
            self._take(given)
        elif path.startswith(f"{MESSAGES}/") and path.endswith("/reports"):
            key = path.removeprefix(f"{MESSAGES}/").removesuffix("/reports")
            found = self.server.gateway.report(key, str(given.get("state", "")), code=str(given.get("code", "")))
            self.answer_json({}, HTTPStatus.ACCEPTED if found else HTTPStatus.NOT_FOUND)
        else:
            self.answer_json({"code": "NOT_FOUND"}, HTTPStatus.NOT_FOUND)

    def do_DELETE(self) -> None:
        """Forget all messages."""
        self.server.gateway.clear()
        self.answer_json({})

    def do_PUT(self) -> None:
        """Say how the gateway is to behave; what is not said is as usual."""
        if urlsplit(self.path).path == CHAOS:
            self.answer_json(self.server.gateway.behave(self._said()))
        else:
            self.answer_json({"code": "NOT_FOUND"}, HTTPStatus.NOT_FOUND)

    def _take(self, given: dict[str, Any]) -> None:
        key = self.headers.get("Idempotency-Key", "")
        shown = self.headers.get("Authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {self.server.gateway.token}".encode()):
            self.answer_json({"code": "TOKEN_UNKNOWN"}, HTTPStatus.UNAUTHORIZED)
        elif not key or not given.get("to") or not given.get("text"):
            self.answer_json({"code": "INCOMPLETE"}, HTTPStatus.UNPROCESSABLE_ENTITY)
        else:
            self._say(self.server.gateway.take(key, given))

    def _say(self, answer: "Answer") -> None:
        time.sleep(answer.delay_seconds)
        if answer.silent:
            self.close_connection = True
            return
        wait = answer.retry_after_seconds
        self.answer_json(answer.body, answer.status, more={"Retry-After": str(wait)} if wait else None)

    def _messages(self) -> "Sequence[Message]":
        return self.server.gateway.newest_first()

    def _said(self) -> dict[str, Any]:
        try:
            return self.given()
        except ValueError:
            return {}


def page(messages: "Sequence[Message]") -> str:
    """The newest messages, one a row, for people."""
    rows = "\n".join(_row(message) for message in messages[:ROWS_MAX])
    head = "<tr><th>received (UTC)<th>to<th>message<th>reported</tr>"
    table = f"<table>{head}\n{rows}</table>" if rows else "<p>No message yet.</p>"
    return FRAME.format(title="Messages", content=f"<h1>Messages ({len(messages)})</h1>\n{table}")


def _row(message: "Message") -> str:
    return (
        f"<tr><td><time>{message.received_at:%d %b %H:%M:%S}</time><td>{escape(message.to)}"
        f"<td><pre>{escape(message.text)}</pre><td>{escape(', '.join(message.reports))}</tr>"
    )
