"""Who calls, and what prisons report, in the examples around the database."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from contracts.lapas import ClientReleased, ReleaseAnnounced, ReleaseCancelled, registration_id_of
from contracts.roles import Role
from deploy.local.tokens import Holder
from tests.component.house import FRIDAY, House

RELEASE = "LP1-PLG.2026.0001"
REGISTRATION = registration_id_of(RELEASE)


def hours_later(hours: float) -> datetime:
    """So many hours after the release on Friday."""
    return FRIDAY + timedelta(hours=hours)


def release_data(**said: Any) -> dict[str, Any]:
    """A release as JSON, with a person that can be found again by these words."""
    return {
        "release_id": RELEASE,
        "facility": "LP1-PLG",
        "name": "Budi Rahasia",
        "prison_register_no": "BI.1/2025",
        "release_type": "conditional_release",
        "released_at": FRIDAY.isoformat(),
        "phone": "0812-7777-0001",
    } | said


def a_release(**said: Any) -> ClientReleased:
    """The release as an event."""
    return ClientReleased.model_validate(release_data(**said))


def an_announcement(**said: Any) -> ReleaseAnnounced:
    """The release announced for Friday."""
    data = release_data(releases_on="2026-05-29") | said
    data.pop("released_at")
    return ReleaseAnnounced.model_validate(data)


def a_cancellation(**said: Any) -> ReleaseCancelled:
    """The release taken back an hour later."""
    data = {"release_id": RELEASE, "facility": "LP1-PLG", "reason": "NOT_RELEASED", "cancelled_at": hours_later(1)}
    return ReleaseCancelled.model_validate(data | said)


def caller(
    house: House, *roles: Role, subject: str = "somebody", unit: str | None = "PLG-HQ", facility: str | None = None
) -> httpx.AsyncClient:
    """Somebody with a token for these roles."""
    holder = Holder(roles=tuple(role.value for role in roles), unit=unit, facility=facility, subject=subject)
    headers = {"Authorization": f"Bearer {house.issuer.issue(holder)}"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(house.app), base_url="http://test", headers=headers, timeout=30
    )


def prison(house: House, facility: str = "LP1-PLG") -> httpx.AsyncClient:
    """The system of a prison."""
    return caller(house, Role.PRISON_SYSTEM, subject=f"sdp-{facility}", unit=None, facility=facility)


def officer(house: House) -> httpx.AsyncClient:
    """The officer on duty at head office."""
    return caller(house, Role.PROBATION_OFFICER, subject="PO-HQ-03")


def registrar(house: House) -> httpx.AsyncClient:
    """A registrar at head office."""
    return caller(house, Role.REGISTRAR, subject="REG-HQ-01")


def section_head(house: House) -> httpx.AsyncClient:
    """The head of the adults' section."""
    return caller(house, Role.SECTION_HEAD_ADULT, subject="SHA-HQ-01")


def childrens_head(house: House) -> httpx.AsyncClient:
    """The head of the children's section."""
    return caller(house, Role.SECTION_HEAD_CHILD, subject="SHC-HQ-01")


def a_contact(**said: Any) -> dict[str, Any]:
    """The first contact as JSON."""
    return {"contact_at": FRIDAY.isoformat(), "method": "AT_OFFICE", "identity_level": "L2"} | said


async def submitted(house: House, release_id: str, **said: Any) -> UUID:
    """A registration that waits for approval."""
    registration_id = registration_id_of(release_id)
    assert await house.hear(a_release(release_id=release_id, **said)) == ["applied"]
    async with officer(house) as po, registrar(house) as reg:
        met = await po.post(f"/v1/registrations/{registration_id}/contacts", json=a_contact())
        entered = await reg.post(f"/v1/registrations/{registration_id}/submission", json={})
    assert (met.status_code, entered.status_code) == (200, 200), (met.text, entered.text)
    return registration_id


async def status_of(house: House, registration_id: UUID = REGISTRATION) -> str | None:
    """The state of a registration."""
    status: str | None = await house.pool.fetchval(
        "SELECT status FROM registration WHERE registration_id = $1", registration_id
    )
    return status
