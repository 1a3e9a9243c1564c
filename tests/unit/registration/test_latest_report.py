"""Name and prison of a registration are those of one report: the latest, whatever the others say."""

from itertools import product

import pytest

from contracts.lapas import ClientReleased, ReleaseAnnounced, registration_id_of
from services.registration.domain.case import Registration, Status
from services.registration.domain.walked_in import WalkInReport

ID = "LP1-PLG.2026.0417"
REVISIONS = (None, 1, 2)


def told(announced: int | None, released: int | None, *, walked_in: bool) -> Registration:
    """A case of which these were said, each under another name and of another prison."""
    return Registration(
        registration_id=registration_id_of(ID),
        release_id=ID,
        status=Status.RELEASED,
        receiving_unit="PLG-HQ",
        holder_unit="PLG-HQ",
        walk_in=WalkInReport(facility="LP-A", name="Walked In") if walked_in else None,
        announcement=None
        if announced is None
        else ReleaseAnnounced.model_validate(
            {"release_id": ID, "facility": "LP-B", "name": "Told Before", "releases_on": "2026-05-29"}
            | {"revision": announced}
        ),
        release=None
        if released is None
        else ClientReleased.model_validate(
            {"release_id": ID, "facility": "LP-C", "name": "Told After", "released_at": "2026-05-29T16:30:00+07:00"}
            | {"revision": released}
        ),
    )


@pytest.mark.parametrize(("announced", "released", "walked_in"), list(product(REVISIONS, REVISIONS, (False, True))))
def test_the_latest_report_names_whom_all_reports_together_name(
    announced: int | None, released: int | None, *, walked_in: bool
) -> None:
    case = told(announced, released, walked_in=walked_in)

    together = case.person

    assert (together is None) == (case.latest is None)
    if together is not None and case.latest is not None:
        assert (case.latest.name, case.latest.facility) == (together.name, together.facility)
        assert case.facility == together.facility
