"""An SMTP server that delivers nothing and shows everything: python -m deploy.local.mailbox."""

import argparse
import asyncio
import itertools
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local import mail_http
from deploy.local.ports import HOST

MESSAGES_MAX: Final = 10_000
MESSAGE_BYTES_MAX: Final = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came in."""

    id: str
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        parsed = message_from_bytes(self.raw, policy=policy.default)
        if not isinstance(parsed, EmailMessage):
            message = "the default policy makes EmailMessage"
            raise TypeError(message)
        return parsed


@dataclass(slots=True)
class Fault:
    """A reply that the server gives instead of accepting, to some of the requests."""

    code: int = 451
    percent: int = 0

    def strikes(self) -> bool:
        """Whether this request is refused."""
        return secrets.randbelow(100) < self.percent


@dataclass(slots=True)
class Mailbox:
    """The newest mails, in memory, and the faults that were asked for."""

    sender_fault: Fault = field(default_factory=Fault)
    recipient_fault: Fault = field(default_factory=Fault)
    _mails: "OrderedDict[str, Mail]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add(self, *, sender: str, recipients: tuple[str, ...], raw: bytes) -> None:
        """Keep a mail; the oldest goes when there are too many."""
        with self._lock:
            mail = Mail(f"m{next(self._numbers):07d}", datetime.now(UTC), sender, recipients, raw)
            self._mails[mail.id] = mail
            while len(self._mails) > MESSAGES_MAX:
                self._mails.popitem(last=False)

    def newest_first(self) -> list[Mail]:
        """All mails."""
        with self._lock:
            return list(reversed(self._mails.values()))

    def get(self, mail_id: str) -> Mail | None:
        """One mail."""
        with self._lock:
            return self._mails.get(mail_id)

    def remove(self, mail_ids: list[str] | None) -> None:
        """Forget these mails, or all."""
        with self._lock:
            for mail_id in list(self._mails) if mail_ids is None else mail_ids:
                self._mails.pop(mail_id, None)


class Intake:
    """What happens at each step of the SMTP conversation; the method names are aiosmtpd's."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_MAIL(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender, or refuse as asked."""
        if self._mailbox.sender_fault.strikes():
            return f"{self._mailbox.sender_fault.code} refused on request"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse as asked."""
        if self._mailbox.recipient_fault.strikes():
            return f"{self._mailbox.recipient_fault.code} refused on request"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep the mail."""
        content: Any = envelope.content
        raw = content if isinstance(content, bytes) else str(content or "").encode()
        self._mailbox.add(sender=envelope.mail_from or "", recipients=tuple(envelope.rcpt_tos), raw=raw)
        return "250 kept, not delivered"


async def serve(*, smtp_port: int, http_port: int) -> None:
    """Take mail and show it until the process is ended."""
    mailbox = Mailbox()
    intake = Intake(mailbox)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(intake, data_size_limit=MESSAGE_BYTES_MAX, enable_SMTPUTF8=True, hostname="mailbox.local"),
        HOST,
        smtp_port,
    )
    pages = mail_http.Server(mailbox, port=http_port)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True, help="where to take mail")
    parser.add_argument("--http-port", type=int, required=True, help="where to show it")
    arguments = parser.parse_args()
    asyncio.run(serve(smtp_port=arguments.smtp_port, http_port=arguments.http_port))


if __name__ == "__main__":
    main()
