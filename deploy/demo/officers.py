"""What officers do, over the HTTP API with the token of their role."""

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from deploy.demo.people import Caller, People
from deploy.demo.scenario import SAMPLES, Act, Do, Scenario
from deploy.local.problem import Problem

FILES: Final = ("BASE_DOCUMENT", "HANDOVER_RECORD", "ORDER")
"""What lies at the counter; the cover letter is chased."""
ON_THE_PAPERS: Final = (
    "facility",
    "prison_register_no",
    "decree_no",
    "release_type",
    "name",
    "sex",
    "birth_on",
    "phone",
)
"""What somebody who walks in says and shows."""


@dataclass(frozen=True, kw_only=True)
class Slip:
    """What a client was given at the first contact, as the officer's screen showed it."""

    case: str
    code: str
    phone: str
    visit_at: datetime
    visit_unit: str


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Somebody is planned to be on duty."""

    unit: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Officers:
    """The office's staff over the weekend."""

    people: People
    scenario: Scenario
    slips: list[Slip] = field(default_factory=list)
    """Those that were handed out."""
    shifts: list[Shift] = field(default_factory=list)
    """Those that were planned."""

    async def do(self, act: Act) -> str:
        """Do it, and say in a few words what was done."""
        doing: Mapping[Do, Callable[[Act], Awaitable[str]]] = {
            Do.CONTACT: self._meet,
            Do.GUARANTOR: self._meet,
            Do.TRACE: self._trace,
            Do.BIOMETRICS: self._take_fingerprint,
            Do.SUBMIT: self._submit,
            Do.APPROVE: self._approve,
            Do.RETURN: self._return,
            Do.REFUSE: self._refuse,
            Do.MEND: self._mend,
            Do.PLAN: self._plan,
            Do.WALK_IN: self._register_walk_in,
            Do.OFFER: self._offer,
            Do.ACKNOWLEDGE: self._take_care,
        }
        return await doing[act.do](act)

    async def _meet(self, act: Act) -> str:
        alone = act.do is Do.GUARANTOR
        read = "acknowledges and " if await self._acknowledge(act) else ""
        await self._post(act, "contacts", _contact(act, whom="GUARANTOR_ALONE" if alone else "PERSON"))
        fingerprint = f", fingerprint {act.biometrics}" if act.biometrics else ""
        whom = "talks to the guarantor alone" if alone else f"meets the client, {act.identity}{fingerprint}"
        return f"{read}{whom} ({act.method.replace('_', ' ').lower()})"

    async def _register_walk_in(self, act: Act) -> str:
        """Nobody has heard of whoever stands there: registered and met in one act, and given a slip."""
        said = self.scenario.first(act.case).data
        person = {name: said[name] for name in ON_THE_PAPERS if name in said}
        body = {"person": person, "contact": _contact(act, whom="PERSON")}
        given = await self._caller(act).post("registration", "/v1/walk-ins", body)
        slip = Slip(
            case=act.case,
            code=given["slip_code"],
            phone=given["phone"],
            visit_at=datetime.fromisoformat(given["visit_at"]),
            visit_unit=given["visit_unit"],
        )
        self.slips.append(slip)
        day = slip.visit_at.astimezone(self.people.reference.zone)
        return (
            f"registers somebody who walked in, {act.identity}, fingerprint {act.biometrics}; "
            f"slip {slip.code}: {slip.visit_unit} on {day:%d %b %H:%M}, telephone {slip.phone}"
        )

    async def _offer(self, act: Act) -> str:
        letter = f"W6.PAS.{self.people.reference.office.code}-PK.05.09-{act.case}"
        offer = {"to_office": act.detail, "letter_no": letter, "reason": act.text}
        await self._post(act, "transfer-offer", offer)
        return f"offers the client to {act.detail}"

    async def _plan(self, act: Act) -> str:
        """The roster of the samples is loaded as a plan; from then on its holes are looked for."""
        rows = tomllib.loads((SAMPLES / act.detail).read_text(encoding="utf-8"))["duty"]
        shifts = [{**row, "from": row["from"].isoformat(), "to": row["to"].isoformat()} for row in rows]
        loaded = await self._caller(act).post("notifications", "/v1/roster/shifts", {"shifts": shifts})
        self.shifts.extend(Shift(unit=row["unit"], starts_at=row["from"], ends_at=row["to"]) for row in rows)
        return f"plans {loaded['loaded']} shifts"

    async def _take_care(self, act: Act) -> str:
        if not await self._acknowledge(act):
            raise Problem(f"{act.officer} expected an alert of {act.case or act.detail} and found none.")
        return f"acknowledges the alert {act.detail}".rstrip()

    async def _acknowledge(self, act: Act) -> int:
        """Whoever takes care of a case says so in the own inbox, where it came up; without a case, of one kind."""
        caller = self._caller(act)
        about = str(self._registration(act)) if act.case else None
        inbox = await caller.pages("notifications", "/v1/inbox", unread=True)
        mine = [notice for notice in inbox if (notice["about"] == about if about else notice["template"] == act.detail)]
        for notice in mine:
            await caller.post("notifications", f"/v1/inbox/{notice['id']}/acknowledgement", {})
        return len(mine)

    async def _trace(self, act: Act) -> str:
        kind, _, reached = act.detail.partition(":")
        note = {"note": act.text} if act.text else {}
        await self._post(act, "trace-entries", {"kind": kind, "at": _said(act.when), "reached": bool(reached), **note})
        return f"looks for the client: {kind.replace('_', ' ').lower()}, {'reached' if reached else 'in vain'}"

    async def _take_fingerprint(self, act: Act) -> str:
        await self._post(act, "biometrics", {"status": act.biometrics, "at": _said(act.when)})
        return f"fingerprint {act.biometrics}"

    async def _submit(self, act: Act) -> str:
        await self._post(act, "submission", {"files": list(FILES)})
        return "submits"

    async def _approve(self, act: Act) -> str:
        answer = await self._post(act, "approval", {"officer": act.detail})
        return f"approves: {answer['register_no']}"

    async def _return(self, act: Act) -> str:
        await self._post(act, "return", {"reason": act.text})
        return f"returns: {act.text}"

    async def _refuse(self, act: Act) -> str:
        transfer = {
            "to_office": act.detail,
            "acceptance_no": f"W6.PAS.{act.detail}-PK.05.09-{act.case}",
            "accepted_on": act.at.date().isoformat(),
        }
        await self._post(act, "refusal", {"reason": act.text, "transfer": transfer})
        return f"refuses, handed on to {act.detail}"

    async def _mend(self, act: Act) -> str:
        """Operations find the dead letter, look at it, put one field right and let it be handled again."""
        operations = self.people.officer(act.officer)
        letters = await operations.pages("registration", "/v1/dead-letters", state="parked")
        if len(letters) != 1:
            raise Problem(f"Operations expected one dead letter and found {len(letters)}.")
        path = f"/v1/dead-letters/{letters[0]['id']}"
        seen = await operations.get("registration", path)
        name, _, value = act.detail.partition("=")
        await operations.call("PATCH", "registration", path, json={"changes": {name: value}, "reason": act.text})
        ending = await operations.post("registration", f"{path}/retry", {})
        return f"dead letter ({seen['reason']}): puts {name} right, retried: {ending['outcome']}"

    async def _post(self, act: Act, what: str, body: Mapping[str, Any]) -> Any:
        path = f"/v1/registrations/{self._registration(act)}/{what}"
        return await self._caller(act).post("registration", path, body)

    def _registration(self, act: Act) -> UUID:
        return self.scenario.registrations[act.case]

    def _caller(self, act: Act) -> Caller:
        return self.people.officer(act.officer)


def _contact(act: Act, *, whom: str) -> dict[str, str]:
    return {
        "contact_at": _said(act.when),
        "method": act.method,
        "whom": whom,
        **({"identity_level": act.identity} if act.identity else {}),
        **({"biometric_status": act.biometrics} if act.biometrics else {}),
        **({"note": act.text} if act.text else {}),
    }


def _said(instant: datetime | None) -> str:
    if instant is None:
        raise ValueError("the sheet does not say when")
    return instant.isoformat()
