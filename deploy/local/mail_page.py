"""Mails as a page for people. Pure."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from deploy.local import mail_json

if TYPE_CHECKING:
    from deploy.local.mailbox import Mail

ROWS_MAX: Final = 500
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
