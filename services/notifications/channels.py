"""How a notice leaves the house: one small interface, and a class for each way out."""

import asyncio
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Protocol

import aiosmtplib

from chassis.clock import SystemClock
from chassis.senders import SendResult
from chassis.spans import sending_mail
from chassis.telemetry import Telemetry, TraceContext
from services.notifications.domain.audience import Contact
from services.notifications.domain.parcels import Dispatch

CONNECT_SECONDS: Final = 5.0
TALK_SECONDS: Final = 20.0
"""A mail server may look at a message for a while before it says yes; to hang up earlier would send it twice."""
NO_ADDRESS: Final = "NO_ADDRESS"
UNREACHABLE: Final = "SMTP_UNREACHABLE"
BROKEN_OFF: Final = "SMTP_INTERRUPTED"
_PERMANENT: Final = range(500, 600)


class WayOut(Protocol):
    """A channel that leaves the house; the application's own inbox needs none, for it is the ledger itself."""

    async def hand_over(self, dispatch: Dispatch, contact: Contact) -> SendResult:
        """Give a message to the carrier and say what became of it; what the carrier says never raises."""


@dataclass(frozen=True, slots=True)
class Mail:
    """E-mail over SMTP, as plain text."""

    host: str
    port: int
    sender: str
    clock: SystemClock
    telemetry: Telemetry
    connect_seconds: float = CONNECT_SECONDS
    talk_seconds: float = TALK_SECONDS

    async def hand_over(self, dispatch: Dispatch, contact: Contact) -> SendResult:
        """Give a message to the mail server, in a span of the trace that caused it."""
        if contact.email is None:
            return SendResult(sent=False, retryable=False, reason=NO_ADDRESS)
        parent = TraceContext.parse(dispatch.traceparent)
        with sending_mail(
            self.telemetry, parent=parent, host=self.host, port=self.port, maybe_doubled=dispatch.maybe_doubled
        ) as span:
            result = await self._talk(self.message(dispatch, address=contact.email))
            if not result.sent:
                span.fail(result.reason)
        return result

    async def _talk(self, message: EmailMessage) -> SendResult:
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            local_hostname=self.sender.rpartition("@")[2],
            timeout=self.talk_seconds,
        )
        try:
            async with asyncio.timeout(self.connect_seconds):
                await client.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return SendResult(sent=False, reason=UNREACHABLE)
        try:
            async with asyncio.timeout(self.talk_seconds), client:
                await client.send_message(message)
        except Exception as answer:  # noqa: BLE001  whatever it is, the talk has begun: it is sorted by what was said
            return _failed(answer)
        return SendResult(sent=True)

    def message(self, dispatch: Dispatch, *, address: str) -> EmailMessage:
        """The message as it is sent; the same parcel keeps its Message-ID, so a second copy can be recognised."""
        message = EmailMessage()
        message["From"] = Address(addr_spec=self.sender)
        message["To"] = Address(addr_spec=address)
        message["Subject"] = dispatch.letter.subject
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = dispatch.message_id
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = "id"
        message.set_content(dispatch.letter.body, charset="utf-8")
        return message


def _failed(answer: Exception) -> SendResult:
    """Only what the server says for good about this recipient or this content is final; all else may pass."""
    match answer:
        case aiosmtplib.SMTPRecipientsRefused(recipients=refused):
            return _refused(min(each.code for each in refused))
        case aiosmtplib.SMTPDataError(code=code):
            return _refused(code)
        case aiosmtplib.SMTPResponseException(code=code):
            return SendResult(sent=False, reason=f"SMTP_{code}")
        case aiosmtplib.SMTPException() | OSError() | TimeoutError():
            return SendResult(sent=False, reason=BROKEN_OFF)
        case _:
            raise answer


def _refused(code: int) -> SendResult:
    return SendResult(sent=False, retryable=code not in _PERMANENT, reason=f"SMTP_{code}")
