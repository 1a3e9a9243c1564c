"""Who calls over HTTP: officers by their code and prisons by their facility, each with a token of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from contracts.reference import Reference
from contracts.roles import Role
from deploy.local.problem import Problem
from deploy.local.tokens import Holder

ANSWER_SECONDS: Final = 30.0
PAGE_ROWS: Final = 200


@dataclass
class People:
    """Everybody who calls a service of this stack."""

    urls: Mapping[str, str]
    token: Callable[[Holder], str]
    reference: Reference
    client: httpx.AsyncClient
    _tokens: dict[Holder, str] = field(default_factory=dict)

    def officer(self, code: str) -> "Caller":
        """An officer of the office, in the role that the reference data give."""
        known = self.reference.officers[code]
        return self._caller(Holder(roles=(known.role.value,), unit=known.unit, subject=code))

    def prison_system(self, facility: str) -> "Caller":
        """The computer of a prison."""
        return self._caller(Holder(roles=(Role.PRISON_SYSTEM.value,), facility=facility, subject=f"sdp-{facility}"))

    def prison_officer(self, facility: str) -> "Caller":
        """Somebody at the desk of a prison."""
        return self._caller(Holder(roles=(Role.PRISON_OFFICER.value,), facility=facility, subject=f"desk-{facility}"))

    def _caller(self, holder: Holder) -> "Caller":
        if holder not in self._tokens:
            self._tokens[holder] = self.token(holder)
        return Caller(self.urls, self.client, {"Authorization": f"Bearer {self._tokens[holder]}"}, holder)


@dataclass(frozen=True)
class Caller:
    """Somebody with a token."""

    urls: Mapping[str, str]
    client: httpx.AsyncClient
    headers: Mapping[str, str]
    holder: Holder

    async def get(self, service: str, path: str, **query: Any) -> Any:
        """Ask a service; the JSON that it answers."""
        return await self.call("GET", service, path, params=query)

    async def post(self, service: str, path: str, body: Mapping[str, Any], **headers: str) -> Any:
        """Ask a service to do something; the JSON that it answers."""
        return await self.call("POST", service, path, json=body, headers=headers)

    async def pages(self, service: str, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, page after page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(service, path, limit=PAGE_ROWS, **query, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return found

    async def call(self, method: str, service: str, path: str, **more: Any) -> Any:
        """One request; raises Problem with the service's words when it says no."""
        headers = {**self.headers, **more.pop("headers", {})}
        try:
            answer = await self.client.request(
                method, f"{self.urls[service]}{path}", headers=headers, timeout=ANSWER_SECONDS, **more
            )
        except httpx.HTTPError as failure:
            message = f"{service} does not answer {method} {path}: {type(failure).__name__} {failure}"
            raise Problem(message) from failure
        if answer.is_error:
            raise Problem(f"{self.holder.subject}: {method} {service}{path} -> {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None
