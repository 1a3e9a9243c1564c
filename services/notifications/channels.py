"""How a notice leaves the house: one small interface, and a class for each way out."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Protocol

import aiosmtplib

SMTP_TIMEOUT_SECONDS: Final = 10.0
_PERMANENT: Final = range(500, 600)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notice on its way out."""

    message_id: str
    subject: str
    body: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Handed:
    """What the other side said: taken, try again, or never; `detail` is a code and names nobody."""

    ok: bool
    retryable: bool
    detail: str


TAKEN: Final = Handed(ok=True, retryable=False, detail="TAKEN")
NO_ADDRESS: Final = Handed(ok=False, retryable=False, detail="NO_ADDRESS")


class WayOut(Protocol):
    """A channel that leaves the house."""

    async def hand_over(self, parcel: Parcel, *, address: str, at: datetime) -> Handed:
        """Give a parcel to the carrier; never raises for what the carrier says."""


@dataclass(frozen=True, slots=True)
class Mail:
    """E-mail over SMTP, as plain text."""

    host: str
    port: int
    sender: str
    timeout_seconds: float = SMTP_TIMEOUT_SECONDS

    @property
    def domain(self) -> str:
        """The part of the sender's address that says whose mail it is."""
        return self.sender.rpartition("@")[2]

    async def hand_over(self, parcel: Parcel, *, address: str, at: datetime) -> Handed:
        """Give a message to the mail server; only what it says about recipient or content for good is final."""
        try:
            await aiosmtplib.send(
                self.message(parcel, address=address, at=at),
                hostname=self.host,
                port=self.port,
                local_hostname=self.domain,
                timeout=self.timeout_seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _refused(min(each.code for each in refused.recipients))
        except aiosmtplib.SMTPDataError as refused:
            return _refused(refused.code)
        except aiosmtplib.SMTPResponseException as answer:
            # A server that refuses us, our sender or our login says nothing about the recipient: it can be mended.
            return Handed(ok=False, retryable=True, detail=f"SMTP_{answer.code}")
        except (aiosmtplib.SMTPTimeoutError, TimeoutError):
            return Handed(ok=False, retryable=True, detail="SMTP_TIMEOUT")
        except (aiosmtplib.SMTPException, OSError):
            return Handed(ok=False, retryable=True, detail="SMTP_UNREACHABLE")
        return TAKEN

    def message(self, parcel: Parcel, *, address: str, at: datetime) -> EmailMessage:
        """The message as it is sent; the same notice keeps its Message-ID, so a second copy can be recognised."""
        message = EmailMessage()
        message["From"] = Address(addr_spec=self.sender)
        message["To"] = Address(addr_spec=address)
        message["Subject"] = parcel.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = parcel.message_id
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = "id"
        message.set_content(parcel.body, charset="utf-8")
        return message


def _refused(code: int) -> Handed:
    """A refusal of this recipient or this content: for good when the server says so, else later again."""
    return Handed(ok=False, retryable=code not in _PERMANENT, detail=f"SMTP_{code}")
