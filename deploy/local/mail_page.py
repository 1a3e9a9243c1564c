"""Mails as a page for people. Pure."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from deploy.local import mail_json
from deploy.local.pages import FRAME

if TYPE_CHECKING:
    from deploy.local.mailbox import Mail

ROWS_MAX: Final = 500


def listing(mails: "Sequence[Mail]") -> str:
    """The newest mails, one a row."""
    rows = "\n".join(_row(mail) for mail in mails[:ROWS_MAX])
    table = f"<table><tr><th>received (UTC)<th>to<th>subject</tr>\n{rows}</table>" if rows else "<p>No mail yet.</p>"
    return FRAME.format(title="Mail", content=f"<h1>Mail ({len(mails)})</h1>\n{table}")


def one(mail: "Mail") -> str:
    """One mail with its text."""
    shown = mail_json.whole(mail)
    text = shown["Text"] or shown["HTML"]
    content = (
        f'<p><a href="/">all mail</a></p><h1>{escape(shown["Subject"])}</h1>'
        f"<p>from {escape(mail.sender)} to {escape(', '.join(mail.recipients))}, {_time(mail)}<br>"
        f"Message-ID {escape(shown['MessageID'])}</p><pre>{escape(text)}</pre>"
    )
    return FRAME.format(title=escape(shown["Subject"]), content=content)


def _row(mail: "Mail") -> str:
    subject = escape(str(mail.message.get("Subject", ""))) or "(no subject)"
    link = f'<a href="/view/{escape(mail.id)}">{subject}</a>'
    return f"<tr><td>{_time(mail)}<td>{escape(', '.join(mail.recipients))}<td>{link}</tr>"


def _time(mail: "Mail") -> str:
    return f"<time>{mail.received_at:%Y-%m-%d %H:%M:%S}</time>"
