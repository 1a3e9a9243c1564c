"""Whom no prison has reported, as the officer who faced them wrote it down; and by what a prison's report is theirs."""

from datetime import date
from typing import Any, Final

from contracts.lapas import Release, ReleasedPerson, derived_release_id
from contracts.personal import Day

_DAYS: Final = ("released_at", "releases_on", "released_on")


class WalkInReport(ReleasedPerson):
    """Who somebody is and from where they come, by their own word and by the papers that they carry."""

    released_on: Day | None = None


def day_of(release: Release) -> date | None:
    """The day, or the moment, of the release as far as this report names it."""
    return next((day for name in _DAYS if (day := getattr(release, name, None)) is not None), None)


def business_id_of(release: Release, *, on: date | None) -> str | None:
    """The release_id by prison, register number and decree, or release type and day; None where one of them is missing.

    It is the id with which a prison is answered that has none of its own, so a walk-in under it is found by either.
    """
    facts: dict[str, Any] = {
        "facility": release.facility,
        "prison_register_no": release.prison_register_no,
        "decree_no": release.decree_no,
        "release_type": release.release_type,
        "released_at": on,
    }
    told_apart = release.decree_no or (release.release_type and on)
    return derived_release_id(facts) if release.prison_register_no and told_apart else None
