"""Who acts in the network: the roles a token may carry."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is allowed to do; a person may hold several."""

    HEAD = "HEAD"
    SECTION_HEAD_ADULT = "SECTION_HEAD_ADULT"
    SECTION_HEAD_CHILD = "SECTION_HEAD_CHILD"
    REGISTRAR_HEAD = "REGISTRAR_HEAD"
    REGISTRAR = "REGISTRAR"
    PROBATION_OFFICER = "PROBATION_OFFICER"
    ASSISTANT_OFFICER = "ASSISTANT_OFFICER"
    SERVICE_COUNTER = "SERVICE_COUNTER"
    TPP_CHAIR = "TPP_CHAIR"
    TPP_SECRETARY = "TPP_SECRETARY"
    TPP_MEMBER = "TPP_MEMBER"
    PRISON_OFFICER = "PRISON_OFFICER"
    AUTHORITY = "AUTHORITY"
    DIRECTORATE = "DIRECTORATE"
    OPS = "OPS"
    PRISON_SYSTEM = "PRISON_SYSTEM"


DUTY_ROLES: Final = frozenset(
    {
        Role.PROBATION_OFFICER,
        Role.ASSISTANT_OFFICER,
        Role.SERVICE_COUNTER,
        Role.REGISTRAR,
        Role.REGISTRAR_HEAD,
    }
)
"""Who may record a first contact, anywhere in the Bapas and at any hour."""
