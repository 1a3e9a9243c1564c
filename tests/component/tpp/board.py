"""The team of the tests: who sits, and what they ask for over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import httpx

from contracts.inquiries import Programme
from contracts.litmas import CancelledFor, LitmasCancelled, LitmasSubmittedToBoard, RiskBand
from contracts.roles import Role
from tests.component.house import FRIDAY, House

CHAIR: Final = "SHA-HQ-01"
SECRETARY: Final = "REGH-HQ-01"
MEMBERS: Final = ("SHA-HQ-01", "PO-HQ-01", "PO-HQ-02", "PO-HQ-03", "PO-HQ-04")
AUTHOR: Final = "PO-HQ-04"
STARTS_AT: Final = FRIDAY + timedelta(days=5)
HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OTHER_HASH: Final = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
REPORT: Final = UUID("5f1c2a53-1b0a-5a7e-9d3f-6a1a5d2b7c01")
APPROVED: Final = [{"programme": "CONDITIONAL_RELEASE", "decision": "APPROVE", "condition_codes": ["REPORT-WEEKLY"]}]
TEAM: Final[Mapping[str, Any]] = {
    "unit": "PLG-HQ",
    "panel": "ADULT",
    "decree_no": "W6.PAS.1-PK.05.09-17",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
    "chair": CHAIR,
    "secretary": SECRETARY,
    "members": MEMBERS,
}


def report(number: int) -> UUID:
    """The id of one report of several."""
    return uuid5(REPORT, str(number))


def a_submission(subject: UUID = REPORT, *, submission: int = 1, **changes: Any) -> LitmasSubmittedToBoard:
    """A report that comes before the team."""
    said: dict[str, Any] = {
        "litmas_id": subject,
        "unit": "PLG-TJR",
        "officer": AUTHOR,
        "submission": submission,
        "revision": submission,
        "report_reference": f"litmas/{subject}/r{submission}.pdf",
        "report_hash": HASH if submission == 1 else OTHER_HASH,
        "author": AUTHOR,
        "facility": "LP-TJR",
        "programmes": (Programme.CONDITIONAL_RELEASE,),
        "risk_band": RiskBand.MEDIUM,
        "submitted_at": FRIDAY - timedelta(hours=2),
    }
    return LitmasSubmittedToBoard(**{**said, **changes})


def a_cancellation(subject: UUID = REPORT) -> LitmasCancelled:
    """A report that is no longer needed."""
    return LitmasCancelled(
        litmas_id=subject, unit="PLG-TJR", reason=CancelledFor.WITHDRAWN, cancelled_at=FRIDAY + timedelta(hours=1)
    )


@dataclass
class Board:
    """Those who sit, each with a client of their own."""

    house: House
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    hearing_id: str = ""

    @classmethod
    @asynccontextmanager
    async def seated(cls, house: House) -> AsyncIterator["Board"]:
        """A board with everybody's client, and nobody appointed yet."""
        async with AsyncExitStack() as open_clients:
            board = cls(house)
            who: dict[str, tuple[Role, ...]] = {
                "HEAD-HQ-01": (Role.HEAD,),
                CHAIR: (Role.SECTION_HEAD_ADULT, Role.TPP_CHAIR),
                SECRETARY: (Role.REGISTRAR_HEAD, Role.TPP_SECRETARY),
                **dict.fromkeys(MEMBERS[1:], (Role.PROBATION_OFFICER, Role.TPP_MEMBER)),
                "PO-HQ-05": (Role.PROBATION_OFFICER, Role.TPP_MEMBER),
            }
            for subject, roles in who.items():
                client = house.client(*roles, subject=subject)
                board.clients[subject] = await open_clients.enter_async_context(client)
            yield board

    def __call__(self, who: str) -> httpx.AsyncClient:
        """The client of somebody."""
        return self.clients[who]

    async def ask(self, who: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Post to a path beneath the hearing."""
        place = f"/v1/hearings/{self.hearing_id}{path}"
        given = {"Idempotency-Key": str(uuid4())} | {name.replace("_", "-"): text for name, text in headers.items()}
        return await self(who).post(place, json=body, headers=given)

    async def do(self, who: str, path: str, body: Any = None) -> Any:
        """The same, which must succeed."""
        answer = await self.ask(who, path, body)
        assert answer.status_code in {200, 201}, (path, answer.text)
        assert answer.json()["outcome"] == "applied", (path, answer.text)
        return answer.json()

    async def view(self) -> Any:
        """The hearing as the chair sees it."""
        answer = await self(CHAIR).get(f"/v1/hearings/{self.hearing_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def appoint(self, **changes: Any) -> httpx.Response:
        """Appoint the team."""
        return await self("HEAD-HQ-01").post("/v1/teams", json={**TEAM, **changes})

    async def drafted(self, *subjects: UUID, **changes: Any) -> None:
        """A draft agenda with these cases, of reports that came in before."""
        await self.appoint()
        await self.house.hear(*(a_submission(subject) for subject in subjects))
        body = {"panel": "ADULT", "mode": "HYBRID", "starts_at": STARTS_AT.isoformat(), **changes}
        answer = await self(SECRETARY).post("/v1/hearings", json=body)
        assert answer.status_code == 201, answer.text
        self.hearing_id = answer.json()["hearing_id"]
        if subjects:
            await self.do(SECRETARY, "/cases", {"subjects": [str(subject) for subject in subjects]})

    async def scheduled(self, *subjects: UUID, **changes: Any) -> None:
        """The same, approved by the chair."""
        await self.drafted(*subjects, **changes)
        await self.do(CHAIR, "/schedule")

    async def read(self, member: str, subject: UUID = REPORT) -> Any:
        """A member opens a dossier."""
        link = await self.do(member, f"/cases/{subject}/dossier-link")
        answer = await self(member).post(link["path"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def come(self, member: str, *, at: datetime = STARTS_AT, method: str = "ROOM") -> Any:
        """The secretary records that a member came."""
        return await self.do(SECRETARY, "/presence", {"member": member, "method": method, "joined_at": at.isoformat()})

    async def in_session(
        self, *subjects: UUID, there: tuple[str, ...] = MEMBERS, readers: tuple[str, ...] = MEMBERS[:4]
    ) -> None:
        """A session that is open, with these members there, of whom these have read every dossier."""
        await self.scheduled(*subjects)
        for subject in subjects:
            for member in readers:
                await self.read(member, subject)
        self.house.office.set(STARTS_AT)
        await self.do(SECRETARY, "/roll-call")
        for member in there:
            await self.come(member)
        await self.do(CHAIR, "/opening")

    async def moved(self, subject: UUID = REPORT) -> None:
        """A case that was discussed for ten minutes and on which a motion stands."""
        await self.do(CHAIR, f"/cases/{subject}/discussion")
        self.house.office.set(self.house.office.now() + timedelta(minutes=10))
        await self.do(CHAIR, f"/cases/{subject}/motion", {"outcomes": APPROVED})

    async def voted_on(self, subject: UUID = REPORT, *, against: tuple[str, ...] = ()) -> None:
        """A case that all have voted on who may, and that is not announced."""
        await self.moved(subject)
        for member in MEMBERS[:4]:
            dissent = {"choice": "AGAINST", "dissent": "The guarantor lives too far away."}
            ballot = dissent if member in against else {"choice": "IN_FAVOUR"}
            await self.do(member, f"/cases/{subject}/votes", ballot)

    async def concluded(self, *subjects: UUID) -> None:
        """A session that is over, with every case decided by vote."""
        await self.in_session(*subjects)
        for subject in subjects:
            await self.voted_on(subject)
            await self.do(SECRETARY, f"/cases/{subject}/decision", {})
        await self.do(CHAIR, "/conclusion")

    async def minuted(self, *subjects: UUID) -> str:
        """The same, with a draft of the minutes; their hash."""
        await self.concluded(*subjects)
        words = {"notes": "The officer presented the case.", "summary": "One case, approved."}
        return str((await self.do(SECRETARY, "/minutes", words))["minutes_hash"])

    async def signed(self, *subjects: UUID) -> None:
        """The same, signed by everybody and ratified."""
        digest = await self.minuted(*subjects)
        for member in (*MEMBERS, SECRETARY):
            await self.do(member, "/minutes/signatures", {"minutes_hash": digest})
        await self.do(CHAIR, "/minutes/ratification")


def refusal(answer: httpx.Response) -> tuple[int, str | None]:
    """The status of an answer and the rule that refused."""
    return answer.status_code, answer.json().get("rule")
