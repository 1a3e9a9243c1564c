"""The messaging gateway: notices as messages to telephones, WhatsApp or SMS, handed over by HTTP."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from chassis.senders import SendResult
from chassis.spans import handing_over_message
from chassis.telemetry import Telemetry, TraceContext
from services.notifications.domain.audience import Contact
from services.notifications.domain.parcels import Dispatch

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 15.0
MESSAGES: Final = "/v1/messages"
CODE_CHARACTERS_MAX: Final = 30
NO_PHONE: Final = "NO_PHONE"
UNREACHABLE: Final = "GATEWAY_UNREACHABLE"
INTERRUPTED: Final = "GATEWAY_INTERRUPTED"

AGAIN: Final = frozenset(
    {
        # Our key is not known there: a person mends that, and then the message leaves after all.
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Refusals below 500 that may pass; all others are about this message and for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingGateway:
    """Messages over HTTP, each under the id of its parcel as idempotency key: handed over twice it is sent once."""

    url: str
    token: str = field(repr=False)
    telemetry: Telemetry
    connect_seconds: float = CONNECT_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    _tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    async def hand_over(self, dispatch: Dispatch, contact: Contact) -> SendResult:
        """Give a message to the gateway, in a span of the trace that caused it; that it arrived, a receipt says."""
        if contact.phone is None:
            return SendResult(sent=False, retryable=False, reason=NO_PHONE)
        place = urlsplit(self.url)
        with handing_over_message(
            self.telemetry,
            parent=TraceContext.parse(dispatch.traceparent),
            host=place.hostname or "",
            port=place.port,
            maybe_doubled=dispatch.maybe_doubled,
        ) as span:
            result = await self._post(dispatch, contact.phone)
            if not result.sent:
                span.fail(result.reason)
        return result

    async def _post(self, dispatch: Dispatch, phone: str) -> SendResult:
        timeout = httpx.Timeout(self.answer_seconds, connect=self.connect_seconds)
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(dispatch.parcel_id)}
        try:
            # No proxy of the environment learns to whom we write.
            async with httpx.AsyncClient(verify=self._tls, timeout=timeout, trust_env=False) as client:
                answer = await client.post(
                    f"{self.url.rstrip('/')}{MESSAGES}", json=body_of(dispatch, phone), headers=headers
                )
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return SendResult(sent=False, reason=UNREACHABLE)
        except httpx.HTTPError:
            return SendResult(sent=False, reason=INTERRUPTED)
        return result_of(answer.status_code, _code(answer))


def body_of(dispatch: Dispatch, phone: str) -> Mapping[str, Any]:
    """What the gateway is told; the words are those of the notice, so a child's are content-free here too."""
    letter = dispatch.letter
    return {
        "to": phone,
        "text": f"{letter.subject}\n\n{letter.body}".strip(),
        "template": f"{letter.template}.v{letter.version}",
    }


def result_of(status: int, code: str) -> SendResult:
    """What an answer of the gateway means: taken, to be tried again, or refused for good and why.

    A refusal for good bears the gateway's own word where it gives one, else the number of the status.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return SendResult(sent=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in AGAIN:
        return SendResult(sent=False, reason=f"GATEWAY_{status}")
    return SendResult(sent=False, retryable=False, reason=f"GATEWAY_{code or status}")


def _code(answer: httpx.Response) -> str:
    """The word that goes with a refusal, if it is one and no sentence that could name somebody."""
    try:
        said = answer.json()
    except ValueError:
        return ""
    code = said.get("code") if isinstance(said, dict) else None
    letters = isinstance(code, str) and code.replace("_", "").isalpha() and code.isascii()
    return str(code).upper() if letters and len(str(code)) <= CODE_CHARACTERS_MAX else ""
