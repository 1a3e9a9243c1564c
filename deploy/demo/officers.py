"""What officers do, over the HTTP API with the token of their role."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from deploy.demo.people import Caller, People
from deploy.demo.scenario import Act, Do, Scenario
from deploy.local.problem import Problem

FILES: Final = ("BASE_DOCUMENT", "HANDOVER_RECORD", "ORDER")
"""What lies at the counter; the cover letter is chased."""


@dataclass(frozen=True)
class Officers:
    """The office's staff over the weekend."""

    people: People
    scenario: Scenario

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
        }
        return await doing[act.do](act)

    async def _meet(self, act: Act) -> str:
        alone = act.do is Do.GUARANTOR
        read = await self._acknowledge(act)
        await self._post(act, "contacts", {
            "contact_at": _said(act.when),
            "method": act.method,
            "whom": "GUARANTOR_ALONE" if alone else "PERSON",
            **({"identity_level": act.identity} if act.identity else {}),
            **({"biometric_status": act.biometrics} if act.biometrics else {}),
            **({"note": act.text} if act.text else {}),
        })  # fmt: skip
        fingerprint = f", fingerprint {act.biometrics}" if act.biometrics else ""
        whom = "talks to the guarantor alone" if alone else f"meets the client, {act.identity}{fingerprint}"
        return f"{read}{whom} ({act.method.replace('_', ' ').lower()})"

    async def _acknowledge(self, act: Act) -> str:
        """Whoever takes care of a case says so in the own inbox, where the case came up."""
        caller, registration = self._caller(act), str(self._registration(act))
        inbox = await caller.pages("notifications", "/v1/inbox", unread=True)
        mine = [notice for notice in inbox if notice["about"] == registration]
        for notice in mine:
            await caller.post("notifications", f"/v1/inbox/{notice['id']}/acknowledgement", {})
        return "acknowledges and " if mine else ""

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


def _said(instant: datetime | None) -> str:
    if instant is None:
        raise ValueError("the sheet does not say when")
    return instant.isoformat()
