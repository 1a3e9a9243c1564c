"""The mailbox over HTTP: JSON in the shape of Mailpit's API, so that the same client reads both, and a page to read."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from deploy.local import mail_json, mail_page
from deploy.local.pages import HTML, TEXT, PageHandler
from deploy.local.ports import HOST

if TYPE_CHECKING:
    from deploy.local.mailbox import Fault, Mailbox

PAGE_ROWS: Final = 50
PAGE_ROWS_MAX: Final = 1000
API: Final = "/api/v1"


class Server(ThreadingHTTPServer):
    """Shows one mailbox."""

    daemon_threads = True

    def __init__(self, mailbox: "Mailbox", *, port: int) -> None:
        self.mailbox = mailbox
        super().__init__((HOST, port), _Handler)


class _Handler(PageHandler, BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Show mails."""
        url = urlsplit(self.path)
        match [part for part in url.path.removeprefix(API).split("/") if part]:
            case []:
                self.answer(mail_page.listing(self.server.mailbox.newest_first()), HTML)
            case ["view", mail_id]:
                self._show(mail_id, what="page")
            case ["messages"]:
                self._list(parse_qs(url.query))
            case ["message", mail_id]:
                self._show(mail_id, what="json")
            case ["message", mail_id, ("raw" | "headers") as what]:
                self._show(mail_id, what=what)
            case ["chaos"]:
                self.answer_json(self._faults())
            case _:
                self.answer("not found", TEXT, HTTPStatus.NOT_FOUND)

    def do_DELETE(self) -> None:
        """Forget the mails that the body names, or all."""
        if urlsplit(self.path).path != f"{API}/messages":
            self.answer("not found", TEXT, HTTPStatus.NOT_FOUND)
            return
        body = self.given()
        self.server.mailbox.remove(list(body["IDs"]) if body.get("IDs") else None)
        self.answer("ok", TEXT)

    def do_PUT(self) -> None:
        """Set the share of senders and recipients that are refused, and the SMTP code."""
        if urlsplit(self.path).path != f"{API}/chaos":
            self.answer("not found", TEXT, HTTPStatus.NOT_FOUND)
            return
        body = self.given()
        for name, fault in self._faults_by_name().items():
            wanted = body.get(name) or {}
            fault.code = int(wanted.get("ErrorCode", fault.code))
            fault.percent = int(wanted.get("Probability", 0))
        self.answer_json(self._faults())

    def _list(self, query: dict[str, list[str]]) -> None:
        start = int(query.get("start", ["0"])[0])
        limit = min(int(query.get("limit", [str(PAGE_ROWS)])[0]), PAGE_ROWS_MAX)
        self.answer_json(mail_json.page(self.server.mailbox.newest_first(), start=start, limit=limit))

    def _show(self, mail_id: str, *, what: str) -> None:
        mail = self.server.mailbox.get(mail_id)
        if mail is None:
            self.answer("message not found", TEXT, HTTPStatus.NOT_FOUND)
        elif what == "page":
            self.answer(mail_page.one(mail), HTML)
        elif what == "raw":
            self.answer(mail.raw, TEXT)
        elif what == "headers":
            self.answer_json(mail_json.headers(mail))
        else:
            self.answer_json(mail_json.whole(mail))

    def _faults_by_name(self) -> "dict[str, Fault]":
        return {"Sender": self.server.mailbox.sender_fault, "Recipient": self.server.mailbox.recipient_fault}

    def _faults(self) -> dict[str, Any]:
        return {
            name: {"ErrorCode": fault.code, "Probability": fault.percent}
            for name, fault in self._faults_by_name().items()
        }
