"""The office's reference data: versioned files with typed models, read by every service."""

from contracts.reference.loader import ReferenceInvalid, load_reference
from contracts.reference.models import (
    CheckInRule,
    CheckInWindow,
    Clock,
    DeadlinePolicy,
    Facility,
    FacilityType,
    Holds,
    LikenessPolicy,
    Officer,
    Reference,
    Register,
    Reminder,
    Unit,
)

__all__ = [
    "CheckInRule",
    "CheckInWindow",
    "Clock",
    "DeadlinePolicy",
    "Facility",
    "FacilityType",
    "Holds",
    "LikenessPolicy",
    "Officer",
    "Reference",
    "ReferenceInvalid",
    "Register",
    "Reminder",
    "Unit",
    "load_reference",
]
