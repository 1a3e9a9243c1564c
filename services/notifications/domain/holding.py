"""Which deadline each occasion serves, and so what quiet hours may hold. Pure."""

from collections.abc import Mapping
from typing import Final

from services.notifications.domain.telling import Occasion

FIRST_CONTACT: Final = "D30"

SERVES: Final[Mapping[Occasion, str]] = {
    Occasion.GATE_DAY_BEFORE: FIRST_CONTACT,
    Occasion.GATE_SAME_DAY: FIRST_CONTACT,
    Occasion.RELEASED: FIRST_CONTACT,
    Occasion.WALKED_IN: FIRST_CONTACT,
    Occasion.UNCONFIRMED: FIRST_CONTACT,
    Occasion.STILL_UNCONFIRMED: FIRST_CONTACT,
    Occasion.SET_ASIDE: FIRST_CONTACT,
    Occasion.STILL_SET_ASIDE: FIRST_CONTACT,
    Occasion.UNSEEN_24: FIRST_CONTACT,
    Occasion.UNSEEN_48: FIRST_CONTACT,
    Occasion.UNSEEN_72: FIRST_CONTACT,
    Occasion.TRACING_OVERDUE: FIRST_CONTACT,
    Occasion.UNREACHABLE: FIRST_CONTACT,
    Occasion.NOT_REACHED: FIRST_CONTACT,
    Occasion.CLIMBED_TO_SECTION_HEAD: FIRST_CONTACT,
    Occasion.CLIMBED_TO_HEAD: FIRST_CONTACT,
    Occasion.UNANSWERED: FIRST_CONTACT,
    Occasion.FACILITY_SILENT: FIRST_CONTACT,
}
"""The deadline in the registry that suffers if this is heard of too late; an occasion without one may be held.

A message of a prison that could not be read may be a release, and somebody who could not be told may be the one who
was to meet a client; a prison from which nothing comes may release people.
"""


def deadline_of(occasion: str) -> str | None:
    """The deadline that an occasion serves."""
    return next((deadline for served, deadline in SERVES.items() if served.value == occasion), None)
