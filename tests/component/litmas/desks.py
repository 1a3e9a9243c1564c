"""The people at the desks, and the way of a report from one to the next over HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx

from contracts.lapas import LitmasRequested, litmas_id_of
from contracts.litmas import LitmasSubmittedToBoard
from contracts.roles import Role
from contracts.tpp import Decision, TPPDecided
from deploy.local.tokens import Holder
from tests.component.house import FRIDAY, House

REQUEST = "LP-TJR.LIT.2026.0118"
LITMAS = litmas_id_of(REQUEST)
CASE = f"/v1/litmas/{LITMAS}"
LIST_OF_PAROLE = (
    "JUDGMENT_EXCERPT", "EXECUTION_RECORD", "PROGRAMME_REPORT", "PROSECUTOR_NOTICE", "REGISTER_F", "CHANGE_LIST",
    "STATEMENT", "FAMILY_GUARANTEE",
)  # fmt: skip
SECTIONS = (
    "INTRODUCTION", "IDENTITY", "FAMILY", "LIFE_HISTORY", "ENVIRONMENT", "OFFENCE", "PRISON_LIFE", "RESPONSES",
    "VICTIM_RESPONSE", "ASSESSMENT", "ANALYSIS", "CONCLUSION", "RECOMMENDATION",
)  # fmt: skip
FACTORS = ("FAMILY", "EDUCATION_WORK", "SUBSTANCES", "SOCIAL_RELATIONS", "LEISURE", "MONEY", "ANTISOCIAL_ATTITUDE")
REASON = {"code": "SUBSTANCE", "reason": "analisis perlu dilengkapi"}


def hours_later(hours: float) -> datetime:
    """So many hours after Friday afternoon."""
    return FRIDAY + timedelta(hours=hours)


def request_data(**said: Any) -> dict[str, Any]:
    """A complete request as JSON, with a person that can be found again by these words."""
    attachments = [
        {"kind": kind, "reference": f"lp-tjr/{kind.lower()}.pdf", "sha256": "b" * 64} for kind in LIST_OF_PAROLE
    ]
    return {
        "request_id": REQUEST,
        "facility": "LP-TJR",
        "prison_register_no": "B.I 41/2024",
        "name": "Rahmat Rahasia",
        "sex": "MALE",
        "programmes": ["CONDITIONAL_RELEASE"],
        "letter_no": "W6.PAS.PAS.9-PK.04.01-118",
        "attachments": attachments,
    } | said


def a_request(**said: Any) -> LitmasRequested:
    """The request as an event."""
    return LitmasRequested.model_validate(request_data(**said))


def assessment() -> dict[str, Any]:
    """Eight of seventeen points, and the needs."""
    risk = [{"item": f"A{n:02}", "points": int(n < 8), "evidence": "wawancara dan berkas"} for n in range(17)]
    needs = [{"item": factor, "points": 1, "evidence": "wawancara keluarga"} for factor in FACTORS]
    return {"answers": {"risk": risk, "criminogenic": needs}}


ASSIGNMENT = {
    "officer": "PO-TJR-01", "assistant": "AO-TJR-01", "place": "LP-TJR", "valid_from": "2026-06-01",
    "valid_until": "2026-06-12",
}  # fmt: skip
SESSION = {"method": "INTERVIEW", "informant": "PERSON", "place": "LP-TJR", "outcome": "DONE"}
READY = ["ASSIGNMENT_LETTER", "REQUEST_FILE", "INTERVIEW_FORMS", "INSTRUMENTS", "CONSENT_FORMS"]
CHECKED = ["LETTER_MATCHES", "IDENTITY_MATCHES", "ATTACHMENTS_COMPLETE", "ASSIGNMENT_COVERS_DATES"]


class Desks:
    """Who sits at which desk, each with a client of their own."""

    def __init__(self, house: House, clients: dict[str, httpx.AsyncClient]) -> None:
        """Take the house and the clients by the name of the desk."""
        self.house = house
        self.head, self.section_head, self.registrar = clients["head"], clients["section_head"], clients["registrar"]
        self.officer, self.assistant, self.stranger = clients["officer"], clients["assistant"], clients["stranger"]
        self.counter, self.prison, self.other_prison = clients["counter"], clients["prison"], clients["other_prison"]

    async def requested(self, **said: Any) -> None:
        """A request came in over Kafka."""
        assert await self.house.hear(a_request(**said)) == ["applied"]

    async def assigned(self) -> None:
        """The head disposed of it, and the section head chose an officer."""
        await self.requested()
        await done(self.head, "disposition", {})
        await done(self.section_head, "assignment", ASSIGNMENT)

    async def analysed(self) -> None:
        """The officer was in the field and begins to write."""
        await self.assigned()
        now = self.house.context.office_clock.now().isoformat()
        await done(self.officer, "preparation", {"ready": READY, "visit_at": now})
        await done(self.officer, "departure", {"departed_at": now})
        await done(self.officer, "sessions", SESSION | {"held_at": now})
        await done(self.officer, "assessments", assessment())
        await done(self.officer, "analysis", {})

    async def write(self) -> None:
        """Every section is written that nobody has written."""
        for section in SECTIONS:
            answer = await self.officer.put(
                f"{CASE}/sections/{section}", json={"text": f"Isi {section}."}, headers={"If-Match": '"0"'}
            )
            assert answer.status_code == 200, answer.text

    async def drafted(self) -> None:
        """The report left its author."""
        await self.analysed()
        await self.write()
        await done(self.officer, "draft", {"recommendation": "RECOMMENDED"})

    async def before_the_team(self) -> LitmasSubmittedToBoard:
        """Numbered, initialled, and with the assessment team."""
        await self.drafted()
        await done(self.registrar, "number", {"checked": CHECKED})
        await done(self.section_head, "initials", {})
        return await self.submitted()

    async def submitted(self) -> LitmasSubmittedToBoard:
        """What the team was told last."""
        facts = await self.house.published()
        return [fact for fact in facts if isinstance(fact, LitmasSubmittedToBoard)][-1]

    async def heard(self, *decisions: Decision, **said: Any) -> str:
        """The team's decision comes in over Kafka; says how it ended."""
        [ended] = await self.house.hear(a_decision(await self.submitted(), *decisions, **said))
        return ended

    async def signed(self) -> None:
        """Approved by the team and signed by the head."""
        await self.before_the_team()
        assert await self.heard(Decision.APPROVE) == "applied"
        await done(self.head, "signature", {"revision": 1})

    async def archived(self) -> None:
        """With the prison and in the archive."""
        await self.signed()
        now = self.house.context.office_clock.now().isoformat()
        await done(self.registrar, "delivery", {"receipt": "BA-12", "delivered_at": now})
        await done(self.registrar, "archive", {"code": "LIT-2026-A-1", "retention": "A-7Y"})

    async def status(self) -> str:
        """The state as it is committed."""
        return str(await self.house.pool.fetchval("SELECT status FROM litmas WHERE litmas_id = $1", LITMAS))


def a_decision(waiting: LitmasSubmittedToBoard, *decisions: Decision, **said: Any) -> TPPDecided:
    """What the team decided about what was submitted."""
    fields: dict[str, Any] = {
        "subject_kind": "LITMAS",
        "subject_id": waiting.litmas_id,
        "item_id": UUID(int=1),
        "hearing_id": uuid5(UUID(int=2), f"{waiting.submission}"),
        "revision": waiting.revision,
        "unit": "PLG-HQ",
        "panel": "ADULT",
        "report_hash": waiting.report_hash,
        "outcomes": [{"decision": decision} for decision in decisions or (Decision.APPROVE,)],
        "way": "CONSENSUS",
        "members": 7,
        "present": 6,
        "minutes_no": "0007/TPP/PLG-HQ/V/2026",
        "minutes_hash": "c" * 64,
        "decided_at": hours_later(1),
    }
    return TPPDecided.model_validate(fields | said)


async def done(client: httpx.AsyncClient, act: str, body: dict[str, Any], **headers: str) -> Any:
    """An act that succeeds; its answer."""
    answer = await client.post(f"{CASE}/{act}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


class SaysTwice(httpx.AsyncBaseTransport):
    """A nervous network: whatever changes something arrives twice under one key, and the second answer counts."""

    def __init__(self, once: httpx.AsyncBaseTransport) -> None:
        """Take the way that each of the two goes."""
        self._once = once
        self.repeated = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, and send it again."""
        if request.method == "POST":
            request.headers["Idempotency-Key"] = f"{uuid4()}"
            first = await self._once.handle_async_request(request)
            await first.aread()
            self.repeated += 1
        return await self._once.handle_async_request(request)


@asynccontextmanager
async def at_the_desks(house: House, *, twice: bool = False) -> AsyncIterator[Desks]:
    """Everybody is there; on demand each says everything twice."""
    people: dict[str, Callable[[], httpx.AsyncClient]] = {
        "head": lambda: house.client(Role.HEAD, subject="HEAD-HQ-01"),
        "section_head": lambda: house.client(Role.SECTION_HEAD_ADULT, subject="SHA-HQ-01"),
        "registrar": lambda: house.client(Role.REGISTRAR_HEAD, subject="REGH-HQ-01"),
        "officer": lambda: house.client(Role.PROBATION_OFFICER, subject="PO-TJR-01", unit="PLG-TJR"),
        "assistant": lambda: house.client(Role.ASSISTANT_OFFICER, subject="AO-TJR-01", unit="PLG-TJR"),
        "stranger": lambda: house.client(Role.PROBATION_OFFICER, subject="PO-HQ-03"),
        "counter": lambda: house.client(Role.SERVICE_COUNTER, subject="SC-HQ-01"),
        "prison": lambda: of_a_prison(house, "LP-TJR"),
        "other_prison": lambda: of_a_prison(house, "LP1-PLG"),
    }
    clients = {name: make() for name, make in people.items()}
    for client in clients.values() if twice else ():
        client._transport = SaysTwice(client._transport)  # noqa: SLF001  the client has no door for it
    try:
        yield Desks(house, clients)
    finally:
        for client in clients.values():
            await client.aclose()


def of_a_prison(house: House, facility: str) -> httpx.AsyncClient:
    """A client that calls as the system of a prison."""
    token = house.issuer.issue(Holder(roles=(Role.PRISON_SYSTEM.value,), facility=facility, subject=facility))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(house.app),
        base_url="http://test",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
