"""Every act in every state over HTTP: what the table does not allow is refused in its words and changes nothing."""

from typing import Any, Final

import pytest

from contracts.lapas import registration_id_of
from contracts.roles import Role
from services.registration.domain.case import TRANSITIONS, Status, Step
from tests.component.house import House
from tests.component.registration.people import (
    REGISTRATION,
    RELEASE,
    a_cancellation,
    a_contact,
    a_release,
    an_announcement,
    caller,
    hours_later,
    officer,
    section_head,
    status_of,
    submitted,
)

CASE: Final = f"/v1/registrations/{REGISTRATION}"
TRANSFER: Final = {"to_office": "BPS-LAHAT", "acceptance_no": "W6.PAS-12", "accepted_on": "2026-05-29"}
OFFER: Final = {"to_office": "BPS-LAHAT", "letter_no": "W6.PAS-7"}
CLOSING: Final = {"reason": "DIED", "evidence": "DEATH_CERTIFICATE"}

ACTS: Final[dict[Step, tuple[str, dict[str, Any]]]] = {
    Step.PREPARE: ("pre-registration", {}),
    Step.NOTE_TRACE: ("trace-entries", {"kind": "CALL_CLIENT", "at": hours_later(0).isoformat()}),
    Step.TAKE_BIOMETRICS: ("biometrics", {"status": "NOT_AVAILABLE", "at": hours_later(0).isoformat()}),
    Step.SUBMIT: ("submission", {}),
    Step.APPROVE: ("approval", {}),
    Step.RETURN: ("return", {"reason": "belum lengkap"}),
    Step.REFUSE_FOR_TRANSFER: ("refusal", {"reason": "bukan wilayah kami", "transfer": TRANSFER}),
    Step.REFUSE_FOR_OFFER: ("refusal", {"reason": "bukan wilayah kami", "offer": OFFER}),
    Step.REFUSE_FOR_CLOSURE: ("refusal", {"reason": "meninggal", "closure": CLOSING}),
    Step.OFFER_TRANSFER: ("transfer-offer", OFFER),
    Step.SUSPECT_ABSCONDED: ("absconding", {"reason": "rumah kosong"}),
    Step.HAND_ON: ("hand-on", TRANSFER),
    Step.CLOSE: ("closure", CLOSING),
    Step.RECEIVE_FILES: ("files", {"files": ["ORDER"]}),
}
"""The acts whose door asks the table alone; a contact and the end of an offer have rules that come before it."""


async def bring_to(house: House, status: Status) -> None:
    """One registration in this state, by the doors that lead there."""
    if status in (Status.SUBMITTED, Status.REGISTERED):
        await submitted(house, RELEASE)
    elif status in (Status.RELEASE_ANNOUNCED, Status.PRE_REGISTERED):
        await house.hear(an_announcement())
    elif status is Status.CANCELLED:
        await house.hear(a_cancellation())
    else:
        await house.hear(a_release())
    for hour in {Status.CONTACT_OVERDUE: (24, 48), Status.TRACING: (24, 48, 72)}.get(status, ()):
        await house.step_to(hours_later(hour))
    async with (
        caller(house, Role.REGISTRAR, subject="REG-HQ-01") as reg,
        officer(house) as po,
        section_head(house) as head,
    ):
        if status is Status.PRE_REGISTERED:
            await reg.post(f"{CASE}/pre-registration")
        if status in (Status.PROVISIONALLY_REGISTERED, Status.CONFLICT):
            await po.post(f"{CASE}/contacts", json=a_contact())
        if status is Status.CONFLICT:
            await house.hear(a_cancellation())
        doors = {Status.REGISTERED: "approval", Status.CLOSED: "closure", Status.HANDED_ON: "hand-on"}
        bodies: dict[Status, dict[str, Any]] = {Status.CLOSED: CLOSING, Status.HANDED_ON: TRANSFER}
        if status in doors:
            await head.post(f"{CASE}/{doors[status]}", json=bodies.get(status, {}))
    assert await status_of(house) == status


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.ABSCONDED_SUSPECTED])
async def test_what_is_not_possible_is_refused_in_words_and_changes_nothing(house: House, status: Status) -> None:
    await bring_to(house, status)
    refused = [step for step in ACTS if not TRANSITIONS.allows(status, step)]
    assert refused
    row = await house.pool.fetchrow("SELECT * FROM registration WHERE registration_id = $1", REGISTRATION)
    said, clocks = await house.published(), await house.clocks()

    roles = (Role.REGISTRAR, Role.PROBATION_OFFICER, Role.SECTION_HEAD_ADULT, Role.HEAD)
    async with caller(house, *roles, subject="SHA-HQ-01") as everybody:
        for step in refused:
            door, body = ACTS[step]
            answer = await everybody.post(f"{CASE}/{door}", json=body)

            assert answer.status_code == 409, (step, answer.text)
            assert answer.json()["detail"] == f"{step.value} is not possible while the registration is {status.value}"

    assert await house.pool.fetchrow("SELECT * FROM registration WHERE registration_id = $1", REGISTRATION) == row
    assert (await house.published(), await house.clocks()) == (said, clocks)


async def test_an_act_on_nobody_is_404(house: House) -> None:
    nobody = registration_id_of("nobody")
    async with caller(house, Role.REGISTRAR, Role.SECTION_HEAD_ADULT, Role.HEAD) as everybody:
        for door, body in ACTS.values():
            answer = await everybody.post(f"/v1/registrations/{nobody}/{door}", json=body)
            assert answer.status_code == 404, (door, answer.text)
