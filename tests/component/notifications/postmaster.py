"""A real SMTP server that keeps what it is given and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Postmaster:
    """What happens at each step of the conversation; the method names are aiosmtpd's."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers_to_recipient: list[str] = field(default_factory=list)
    answers_to_content: list[str] = field(default_factory=list)
    hangs_up_after_content: bool = False
    server: asyncio.Server | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or answer as told."""
        if self.answers_to_recipient:
            return self.answers_to_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a mail, or answer as told; it may keep it and never say so."""
        if self.answers_to_content:
            return self.answers_to_content.pop(0)
        content = envelope.content
        mail = message_from_bytes(content if isinstance(content, bytes) else b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.hangs_up_after_content:
            self.hangs_up_after_content = False
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 kept"

    async def close(self) -> None:
        """Answer nobody any more."""
        assert self.server is not None
        self.server.close()
        await self.server.wait_closed()

    @property
    def recipients(self) -> list[str]:
        """To whom mails came, in order."""
        return [str(mail["To"]) for mail in self.mails]


@asynccontextmanager
async def post_office() -> AsyncIterator[Postmaster]:
    """A server on a free port."""
    master = Postmaster()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(master, enable_SMTPUTF8=True), "127.0.0.1", 0)
    master.port, master.server = server.sockets[0].getsockname()[1], server
    async with server:
        yield master
