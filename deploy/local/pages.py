"""What the programs of the local stack that people look at share: how they speak HTTP, and the frame of a page."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
FRAME: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1d2433; }}
table {{ border-collapse: collapse; width: 100%; }} td, th {{ text-align: left; padding: .35rem .6rem .35rem 0; }}
tr {{ border-bottom: 1px solid #e2e6ee; vertical-align: top; }} th {{ color: #667; font-weight: 600; }}
a {{ color: #0b57b7; text-decoration: none; }} a:hover {{ text-decoration: underline; }}
pre {{ white-space: pre-wrap; font: inherit; background: #f6f7fa; padding: 1rem; border-radius: .4rem; }}
time {{ color: #667; white-space: nowrap; }}
</style></head><body>
{content}
</body></html>
"""


class PageHandler(BaseHTTPRequestHandler):
    """Reads JSON, answers with JSON or a page."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def given(self) -> dict[str, Any]:
        """The JSON object that came with the request, empty where none did; raises ValueError for what is no JSON."""
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = json.loads(text) if text.strip() else {}
        return found if isinstance(found, dict) else {}

    def answer_json(self, value: Any, status: int = HTTPStatus.OK, *, more: Mapping[str, str] | None = None) -> None:
        """Answer with a value; `more` are further headers."""
        self.answer(json.dumps(value, ensure_ascii=False), JSON, status, more=more)

    def answer(
        self,
        body: str | bytes,
        content_type: str,
        status: int = HTTPStatus.OK,
        *,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with a body of this type; `more` are further headers."""
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing about ordinary requests."""
