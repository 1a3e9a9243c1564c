"""Releases as prisons report them, and what becomes of each in the office."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

from contracts.lapas import client_id_of, registration_id_of
from tests.journeys.house import House, eventually
from tests.journeys.topics import Record

FRIDAY_AFTERNOON: Final = "2026-05-29T16:30:00+07:00"


def a_release(**special: Any) -> dict[str, Any]:
    """A release as a prison tells it, by what is special about it."""
    return {
        "release_id": f"R.{uuid4().hex[:12]}",
        "facility": "LP1-PLG",
        "name": "Budi Santoso",
        "released_at": FRIDAY_AFTERNOON,
        "release_type": "conditional_release",
        "decree_no": "PAS-12.PK.05.09-2026",
        **special,
    }


@dataclass(frozen=True)
class Case:
    """One release and what became of the person."""

    house: House
    release: Mapping[str, Any] = field(default_factory=a_release)

    @property
    def id(self) -> UUID:
        """The registration that the release opens."""
        return registration_id_of(self.release["release_id"])

    @property
    def client_id(self) -> UUID:
        """The client whom it makes."""
        return client_id_of(self.id)

    @property
    def path(self) -> str:
        """Where officers find it."""
        return f"/v1/registrations/{self.id}"

    # --- the prison ---------------------------------------------------------------------------------------------------

    def published(self, **attributes: Any) -> "Case":
        """Report it by Kafka."""
        self.house.publish(dict(self.release), **attributes)
        return self

    async def posted(self, **more: Any) -> httpx.Response:
        """Report it by HTTP."""
        prison = self.house.prison(self.release["facility"])
        return await prison.post("registration", "/v1/releases", dict(self.release), **more)

    async def uploaded(self, *, name: str = "weekend.csv") -> httpx.Response:
        """Report it as the only row of a spreadsheet."""
        return await uploaded(self.house, [self.release], facility=self.release["facility"], name=name)

    # --- the office ---------------------------------------------------------------------------------------------------

    async def view(self) -> dict[str, Any] | None:
        """The registration as the registrar sees it; nothing as long as there is none."""
        answer = await self.house.officer("REG-HQ-01").get("registration", self.path)
        return dict(answer.json()) if answer.status_code == httpx.codes.OK else None

    async def reaches(self, *statuses: str, seconds: float = 30.0) -> dict[str, Any]:
        """The registration as soon as it has one of these statuses."""

        async def look() -> dict[str, Any] | None:
            found = await self.view()
            return found if found is not None and found["status"] in statuses else None

        found = await eventually(look, f"a registration that is {' or '.join(statuses)}", seconds=seconds)
        assert found is not None
        return found

    async def act(self, officer: str, what: str, body: Mapping[str, Any]) -> httpx.Response:
        """What an officer does with it."""
        return await self.house.officer(officer).post("registration", f"{self.path}/{what}", dict(body))

    async def meet(self, officer: str = "PO-HQ-01", **special: Any) -> httpx.Response:
        """An officer meets the person."""
        contact = {"contact_at": said(self.house.office), "method": "AT_OFFICE", "identity_level": "L2", **special}
        return await self.act(officer, "contacts", contact)

    async def submit(self, officer: str = "REG-HQ-01", **special: Any) -> httpx.Response:
        """The counter enters it for approval."""
        return await self.act(officer, "submission", special)

    async def approve(self, officer: str = "SHA-HQ-01", **special: Any) -> httpx.Response:
        """The section head approves."""
        return await self.act(officer, "approval", special)

    async def brought_to_submission(self) -> "Case":
        """Report it, meet the person, submit."""
        for answer in (await self.posted(), await self.meet(), await self.submit()):
            assert answer.is_success, answer.text
        return self

    async def timeline(self) -> list[dict[str, Any]]:
        """What happened to it, in order."""
        return await self.house.officer("REG-HQ-01").pages("registration", f"{self.path}/timeline")

    # --- what left ----------------------------------------------------------------------------------------------------

    def facts(self, kind: str | None = None) -> list[Record]:
        """What registration made known about it, in order."""
        found = self.house.topics.of(self.id, "registration.events", "registration.juvenile.events")
        return [record for record in found if kind is None or record.type == f"registration.{kind}.v1"]

    async def told(self, occasion: str | None = None) -> list[dict[str, Any]]:
        """Who was told about it by which channel, the oldest first."""
        ledger = await self.house.officer("SHA-HQ-01").pages("notifications", "/v1/notifications", about=str(self.id))
        return [line for line in reversed(ledger) if occasion in {None, line["occasion"]}]


async def uploaded(
    house: House, rows: Sequence[Mapping[str, Any]], *, facility: str, name: str = "weekend.csv"
) -> httpx.Response:
    """Upload a spreadsheet as somebody who works in a prison."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    files = {"file": (name, text.getvalue().encode(), "text/csv")}
    return await house.prison_officer(facility).call("POST", "registration", "/v1/releases/upload", files=files)


def said(instant: datetime) -> str:
    """An instant as it is written in a request."""
    return instant.isoformat()
