"""Mails in the shape of Mailpit's API. Pure."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import getaddresses
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from deploy.local.mailbox import Mail

SNIPPET_CHARACTERS: Final = 250
ADDRESS_FIELDS: Final = {"To": "To", "Cc": "Cc", "Bcc": "Bcc", "Reply-To": "ReplyTo"}


def page(mails: "Sequence[Mail]", *, start: int, limit: int) -> dict[str, Any]:
    """One page of the list, newest first."""
    shown = mails[start : start + limit]
    return {
        "total": len(mails),
        "unread": len(mails),
        "count": len(shown),
        "messages_count": len(mails),
        "messages_unread": len(mails),
        "start": start,
        "tags": [],
        "messages": [_summary(mail, mail.message) for mail in shown],
    }


def whole(mail: "Mail") -> dict[str, Any]:
    """One mail with its text."""
    message = mail.message
    date = message["Date"]
    return {
        **_summary(mail, message),
        "ReturnPath": mail.sender,
        "Date": date.datetime.isoformat() if date is not None and date.datetime else mail.received_at.isoformat(),
        "Text": body(message, "plain"),
        "HTML": body(message, "html"),
        "Attachments": [
            {"FileName": part.get_filename() or "", "ContentType": part.get_content_type()}
            for part in message.iter_attachments()
        ],
        "Inline": [],
        "ListUnsubscribe": {"Header": "", "Links": [], "Errors": "", "HeaderPost": ""},
    }


def headers(mail: "Mail") -> dict[str, list[str]]:
    """Every header with all its values."""
    found: dict[str, list[str]] = {}
    for name, value in mail.message.items():
        found.setdefault(name, []).append(str(value))
    return found


def body(message: EmailMessage, kind: str) -> str:
    """The text of one kind, empty if there is none."""
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def _summary(mail: "Mail", message: EmailMessage) -> dict[str, Any]:
    senders = _addresses(message, "From")
    visible = {field: _addresses(message, header) for header, field in ADDRESS_FIELDS.items()}
    named = {address["Address"] for field in ("To", "Cc") for address in visible[field]}
    hidden = [{"Name": "", "Address": address} for address in mail.recipients if address not in named]
    return {
        "ID": mail.id,
        "MessageID": str(message.get("Message-ID", "")).strip("<>"),
        "Read": False,
        "From": senders[0] if senders else {"Name": "", "Address": mail.sender},
        **visible,
        "Bcc": visible["Bcc"] or hidden,
        "Subject": str(message.get("Subject", "")),
        "Created": mail.received_at.isoformat(),
        "Tags": [],
        "Size": len(mail.raw),
        "Attachments": sum(1 for _ in message.iter_attachments()),
        "Snippet": " ".join(body(message, "plain").split())[:SNIPPET_CHARACTERS],
    }


def _addresses(message: EmailMessage, header: str) -> list[dict[str, str]]:
    values = [str(value) for value in message.get_all(header, [])]
    return [{"Name": name, "Address": address} for name, address in getaddresses(values) if address]
