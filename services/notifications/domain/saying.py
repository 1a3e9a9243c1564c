"""What may be said of a matter: codes, places and times, of a child nothing but where to look. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from contracts import registration
from contracts.operations import DeadLettered
from contracts.reference import Reference
from services.notifications.domain.ledger import Notice
from services.notifications.domain.telling import RULES, Case, Occasion


def mark_of(about: UUID) -> str:
    """How a matter is named where everybody may read along: the beginning of its id."""
    return f"{about.hex[:4].upper()}…"


def words_of_case(occasion: Occasion, case: Case, fact: Mapping[str, Any], *, reference: Reference) -> dict[str, Any]:
    """What a template may say about a case; of a child nothing but where to look."""
    link = f"/v1/registrations/{case.registration_id}"
    words = {"mark": mark_of(case.registration_id), "link": link, "urgency": RULES[occasion].urgency.value}
    if case.juvenile:
        return words
    return {
        **words,
        "code": case.registration_id.hex[:8].upper(),
        "receiving_unit": _unit_name(case.receiving_unit, reference),
        "guidance_unit": _unit_name(case.guidance_unit, reference) if case.guidance_unit else None,
        "facility": _facility_name(case.facility, reference) if case.facility else None,
        "releases_on": case.releases_on,
        "released_at": case.released_at,
        "occasion": occasion.value,
        "fact": fact,
    }


def words_of_letter(occasion: Occasion, letter: DeadLettered) -> dict[str, Any]:
    """What a template may say about a message that could not be handled: codes, never what it said."""
    return {
        "mark": mark_of(letter.dead_letter_id),
        "link": f"/v1/dead-letters/{letter.dead_letter_id}",
        "urgency": RULES[occasion].urgency.value,
        "occasion": occasion.value,
        "fact": letter.model_dump(),
    }


def words_of_silence(fact: registration.FacilitySilent, *, reference: Reference) -> dict[str, Any]:
    """What a template may say about a prison from which nothing comes; it is about a line, and about nobody."""
    return {
        "mark": mark_of(fact.silence_id),
        "link": f"/v1/registrations?facility={fact.facility}",
        "urgency": RULES[Occasion.FACILITY_SILENT].urgency.value,
        "facility": _facility_name(fact.facility, reference),
        "fact": fact.model_dump(),
    }


def words_of_lost(lost: Sequence[Notice]) -> dict[str, Any]:
    """What a template may say about a message that was the last way to somebody: to whom, by which way, and why."""
    first = lost[0]
    return {
        "mark": mark_of(first.about),
        "link": f"/v1/notifications?about={first.about}",
        "urgency": RULES[Occasion.NOT_REACHED].urgency.value,
        "occasion": Occasion.NOT_REACHED.value,
        "fact": {
            "recipient": first.recipient,
            "channel": first.channel.value,
            "reason": first.reason,
            "notices": [str(notice.notification_id) for notice in lost],
        },
    }


def _unit_name(code: str, reference: Reference) -> str:
    unit = reference.units.get(code)
    return unit.name if unit else code


def _facility_name(code: str, reference: Reference) -> str:
    facility = reference.facilities.get(code)
    return facility.name if facility else code
