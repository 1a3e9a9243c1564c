"""The public doors of the house as strangers use them, and the book of everything that was handed in."""

import asyncio
import contextlib
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx
from confluent_kafka import KafkaError, Message, Producer

from contracts.reference import load_reference
from contracts.roles import Role
from deploy.demo.rdkafka import config
from deploy.local.tokens import Holder
from tests.faults.lab.people import Person, Report

ANSWER_SECONDS: Final = 20.0
PAUSE_SECONDS: Final = 0.3
GIVE_UP_SECONDS: Final = 60.0
AGAIN: Final = frozenset({401, 429, 500, 502, 503, 504})
"""Answers after which a caller asks again: nothing was done, or nobody knows. 401: the server's clock is wrong."""

Entry = dict[str, Any]
Headers = Sequence[tuple[str, bytes]]


@dataclass
class Book:
    """Every input in the order in which it was sent."""

    entries: list[Entry] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def open(self, *, door: str, what: str, person: str | None, **more: Any) -> Entry:
        """Note that something is being sent now."""
        place = None
        if person is not None:
            place = self._places[person] = self._places.get(person, -1) + 1
        entry = {"n": len(self.entries), "door": door, "what": what, "person": person, "place": place}
        entry |= {"repeat_of": None, "poison": None, "fate": None, **more, "sent_at": time.time(), "acked_at": None}
        self.entries.append(entry)
        return entry


@dataclass(frozen=True)
class Letter:
    """A record as it is sent, so that it can be sent again."""

    topic: str
    key: bytes
    headers: Headers
    value: bytes
    entry: Entry


class Prisons:
    """Publishes as the prisons' systems do, with confluent-kafka; of a person one message after the other."""

    def __init__(self, bootstrap_servers: str, prefix: str, book: Book) -> None:
        self._prefix, self._book = prefix, book
        self._producer = Producer(
            {
                **config(bootstrap_servers),
                "log_level": 0,
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.timeout.ms": int(GIVE_UP_SECONDS * 1000),
                "reconnect.backoff.max.ms": 500,
                "retry.backoff.max.ms": 500,
            }
        )
        self._loop = asyncio.get_running_loop()
        self._open = True
        self.sent: list[Letter] = []
        self._thread = threading.Thread(target=self._poll, name="prisons", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send no more."""
        self._open = False
        self._thread.join(ANSWER_SECONDS)

    async def report(self, person: Person, step: Report, *, repeat_of: int | None = None) -> Letter:
        """Publish a report, or the same bytes once more."""
        letter = self._letter(person, step, repeat_of)
        await self.send(letter)
        return letter

    async def repeat(self, letter: Letter) -> None:
        """Publish the same bytes once more."""
        first = letter.entry
        same = {name: first[name] for name in ("topic", "key", "source", "id", "value_sha256", "poison", "traceparent")}
        entry = self._book.open(
            door="kafka", what=first["what"], person=first["person"], **same, repeat_of=first["n"], **NOWHERE
        )
        await self.send(Letter(letter.topic, letter.key, letter.headers, letter.value, entry))

    async def send(self, letter: Letter) -> None:
        """Hand a record to the broker and note where it lies; without an answer it is noted as not acknowledged."""
        self.sent.append(letter)
        answer: asyncio.Future[Message | None] = self._loop.create_future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._loop.call_soon_threadsafe(_answer, answer, None if error is not None else message)

        self._producer.produce(
            self._prefix + letter.topic,
            key=letter.key,
            value=letter.value,
            headers=list(letter.headers),
            on_delivery=delivered,
        )
        message = await answer
        if message is not None:
            letter.entry.update(partition=message.partition(), offset=message.offset(), acked_at=time.time())

    def _letter(self, person: Person, step: Report, repeat_of: int | None) -> Letter:
        source = f"/lapas/{person.facility}"
        kind = {"unknown-version": f"lapas.{step.event}.v9", "unknown-type": "lapas.cell-painted.v1"}
        what = kind.get(step.poison or "", f"lapas.{step.event}.v1")
        value = b"{not json" if step.poison == "not-json" else json.dumps(step.data).encode()
        headers = {
            "ce_specversion": b"1.0",
            "ce_id": b"\xff\xfe" if step.poison == "unreadable" else step.id.encode(),
            "ce_source": source.encode(),
            "ce_type": what.encode(),
            "ce_subject": person.release_id.encode(),
            "ce_time": b"2026-05-29T09:40:00Z",
            "content-type": b"application/json",
            "traceparent": step.traceparent.encode(),
        }
        if step.poison == "no-type":
            del headers["ce_type"]
        entry = self._book.open(
            door="kafka",
            what=what,
            person=person.release_id,
            topic=person.topic,
            key=person.release_id,
            source=source,
            id=step.id,
            value_sha256=hashlib.sha256(value).hexdigest(),
            traceparent=step.traceparent,
            poison=step.poison,
            repeat_of=repeat_of,
            fate=FATES.get(step.poison or ""),
            **({"sound": step.data} if step.poison == "not-json" else {}),
            **NOWHERE,
        )
        return Letter(person.topic, person.release_id.encode(), list(headers.items()), value, entry)

    def _poll(self) -> None:
        while self._open or len(self._producer):
            self._producer.poll(0.1)


NOWHERE: Final[Mapping[str, None]] = {"partition": None, "offset": None}
FATES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("unreadable", "no-type", "not-json", "schema", "unknown-version", "id-reused", "in-the-future"),
        "dead_lettered",
    ),
    "unknown-type": "not_for_us",
}


def _answer(future: "asyncio.Future[Message | None]", message: Message | None) -> None:
    if not future.done():
        future.set_result(message)


@dataclass
class Counter:
    """The doors of HTTP: whoever asks there asks again until there is an answer."""

    http: httpx.AsyncClient
    doors: Callable[[str], Sequence[str]]
    token: Callable[[Holder], str]
    book: Book
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, service: str, path: str, caller: str, **query: Any) -> httpx.Response | None:
        """What a service answers, or nothing if it does not."""
        for door in self.doors(service):
            with contextlib.suppress(httpx.TransportError):
                return await self.http.get(f"{door}{path}", params=query, headers=self._bearer(caller))
        return None

    async def get(self, service: str, path: str, caller: str, **query: Any) -> Any:
        """What can be read there, or nothing as long as it cannot."""
        answer = await self.look(service, path, caller, **query)
        return answer.json() if answer is not None and answer.is_success else None

    async def post(
        self,
        service: str,
        path: str,
        body: Any,
        *,
        caller: str,
        key: str | None = None,
        method: str = "POST",
        person: str | None = None,
        **more: Any,
    ) -> Entry:
        """Ask for something until it is answered; without a key only once, since the second time would be another."""
        content = json.dumps(body).encode()
        entry = self.book.open(
            door="http",
            what=f"{method} {path}",
            person=person,
            service=service,
            caller=caller,
            idempotency_key=key,
            status=None,
            answer=None,
            attempts=0,
            retried_after=[],
            replayed=False,
            body_sha256=hashlib.sha256(content).hexdigest(),
            **more,
        )
        headers = {**self._bearer(caller), "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        headers |= {"traceparent": more["traceparent"]} if "traceparent" in more else {}
        end = time.monotonic() + GIVE_UP_SECONDS
        for turn in itertools.count():
            answer = await self._try(entry, turn, content, headers)
            if answer is not None and (answer.status_code not in AGAIN or key is None):
                return _noted(entry, answer)
            if answer is not None:
                entry["retried_after"].append(answer.status_code)
            if time.monotonic() > end or (key is None and entry["attempts"]):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        return entry

    async def _try(self, entry: Entry, turn: int, content: bytes, headers: Mapping[str, str]) -> httpx.Response | None:
        """Ask once; a request that somebody may have heard counts as an attempt."""
        doors = self.doors(entry["service"])
        if not doors:
            return None
        method, path = entry["what"].split(" ", 1)
        try:
            answer = await self.http.request(
                method, f"{doors[turn % len(doors)]}{path}", content=content, headers=headers
            )
        except httpx.ConnectError:
            return None
        except httpx.TransportError:
            entry["attempts"] += 1
            return None
        entry["attempts"] += 1
        return answer

    def _bearer(self, caller: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(holder_of(caller))}"}


def _noted(entry: Entry, answer: httpx.Response) -> Entry:
    with contextlib.suppress(ValueError):
        said = answer.json()
        names = ("outcome", "status", "registration_id", "register_no", "rule", "type")
        entry["answer"] = {name: said[name] for name in names if isinstance(said, dict) and name in said}
    entry |= {
        "status": answer.status_code,
        "replayed": answer.headers.get("Idempotency-Replayed") == "true",
        "acked_at": time.time(),
    }
    return entry


@cache
def holder_of(caller: str) -> Holder:
    """Who somebody is, by the code of an officer or `prison <facility>`."""
    if caller.startswith("prison "):
        facility = caller.removeprefix("prison ")
        return Holder(roles=(Role.PRISON_SYSTEM.value,), facility=facility, subject=f"system-{facility}")
    officer = load_reference().officers[caller]
    return Holder(roles=(officer.role.value,), unit=officer.unit, subject=caller)
