"""The small service as a process of its own, with a probe that ends or stops it at a named point.

The product has no switch for this: only this entry point passes something else than `NO_PROBES`.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import uvloop
from fastapi import APIRouter, Depends
from pydantic import BaseModel

from chassis.access import public
from chassis.clock import SystemClock
from chassis.engine import Engine
from chassis.idempotency import IdempotentRequest, idempotent
from chassis.inbox import Inbox
from chassis.logs import configure_logs
from chassis.process import Parts, Process
from chassis.senders import AnySender, Sender, SendResult
from chassis.service import Service, ServiceContext
from chassis.settings import Settings
from chassis.transaction import Actor, Transaction
from contracts.lapas import ClientReleased, registration_id_of
from deploy.local.launch import PR_SET_PDEATHSIG
from tests.component.chassis.delivery import ledger
from tests.component.chassis.delivery.harness import released
from tests.component.chassis.delivery.ledger import OWED, Letter
from tests.component.chassis.delivery.tally import SERVICE, TALLIES, Handlers, Misbehaviour, key_of, new_inbox

LEASE = timedelta(seconds=2)
"""Shorter than the chassis' own, so that a test does not wait a minute for it to run out."""


@dataclass
class Fault:
    """Ends or stops this process when it comes to a point for the n-th time."""

    point: str
    times: int
    signal: signal.Signals

    @classmethod
    def from_text(cls, text: str) -> "Fault":
        """Read `point:times:signal`; an empty text is no fault."""
        point, times, name = text.split(":") if text else ("", "0", "SIGKILL")
        return cls(point, int(times), signal.Signals[name])

    async def reach(self, point: str) -> None:
        """End here, if this is the place and the time."""
        if point == self.point:
            self.times -= 1
            if self.times == 0:
                os.kill(os.getpid(), self.signal)


@dataclass(frozen=True)
class Owing(Handlers):
    """The same handlers; each release counted also owes a letter."""

    async def count(self, event: ClientReleased, tx: Transaction) -> None:
        """Count, and owe."""
        tx.append(OWED, {"letter_id": f"{event.release_id} {event.name}"})
        await super().count(event, tx)


@dataclass(frozen=True)
class Post:
    """A postman whose round can be read in a file."""

    file: Path

    async def send(self, letter: Letter) -> SendResult:
        """Carry a letter: what is in the file has reached somebody."""
        with self.file.open("a") as file:
            file.write(f"{letter.letter_id}\n")
            file.flush()
            os.fsync(file.fileno())
        return SendResult(sent=True)

    def senders(self, _context: ServiceContext) -> Sequence[AnySender]:
        """The one sender."""
        return [Sender("post", partial(ledger.claim, lease=LEASE), self.send, ledger.settle)]


class Count(BaseModel):
    """What somebody asks for over HTTP."""

    release_id: str
    name: str


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The door of the small service."""
    router = APIRouter(dependencies=[Depends(public())])

    async def count(command: Count, tx: Transaction) -> int:
        await Handlers(Misbehaviour()).count(released(command.release_id, command.name), tx)
        state = await tx.lock(TALLIES, registration_id_of(command.release_id))
        return state.seen if state else 0

    @router.post("/v1/tallies", status_code=201)
    async def post_tally(command: Count, idempotency: Annotated[IdempotentRequest | None, Depends(idempotent)]) -> int:
        """Count a release."""
        return await context.commands.run(count, command, actor=Actor("person", "somebody"), idempotency=idempotency)

    return [router]


def inbox_of(handlers: Handlers) -> Inbox:
    """What the service reacts to, with these handlers for a release."""
    inbox = new_inbox(handlers.wrong)
    reaction = inbox.reactions[ClientReleased.type]
    inbox.reactions[ClientReleased.type] = replace(reaction, key_of=key_of, handle=handlers.count)
    return inbox


def service() -> Service:
    """The small service as this process was told to be."""
    wrong = Misbehaviour(bugs=set(filter(None, os.environ.get("BUGS", "").split(","))))
    bare = Service(
        name=SERVICE,
        title="Tally",
        inbox=inbox_of(Handlers(wrong)),
        # The template of the database has the tables; a process only needs to find those of the chassis.
        migrations=Path(__file__).parent / "none",
        routes=routes,
    )
    post = os.environ.get("POST_FILE")
    return replace(bare, inbox=inbox_of(Owing(wrong)), senders=Post(Path(post)).senders) if post else bare


class FaultyProcess(Process):
    """A process with a shorter session, so that a test does not wait for the long one."""

    def _parts(self, engine: Engine, context: ServiceContext) -> Parts:
        parts = super()._parts(engine, context)
        if parts.consumer is not None:
            parts.consumer.session_milliseconds = int(os.environ.get("SESSION_MILLISECONDS", "6000"))
        return parts


def main(env: Mapping[str, str], log: Path) -> None:
    """Run until stopped, or until the fault; ends with the process that started it, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(env)
    settings = Settings.from_env(os.environ, service=SERVICE)
    configure_logs(settings, SystemClock())
    sys.exit(uvloop.run(FaultyProcess(service(), settings, Fault.from_text(os.environ.get("FAULT", ""))).run()))
