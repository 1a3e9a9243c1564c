"""A list beside what is known: the days that it covers, and what is counted."""

from datetime import date
from zoneinfo import ZoneInfo

from contracts.lapas import ClientReleased, ReleaseAnnounced, ReleaseCancelled
from contracts.reference import load_reference
from services.registration.domain.intake import announce
from services.registration.intake_csv import Row
from services.registration.reconciliation import MISSING_MAX, Span, UploadReport, reconciled, spans_of

ZONE = ZoneInfo("Asia/Jakarta")
SHARED = {"name": "Budi", "facility": "LP1-PLG"}
OUT = ClientReleased.model_validate(SHARED | {"release_id": "R-1", "released_at": "2026-05-29T23:30:00+07:00"})
PLANNED = ReleaseAnnounced.model_validate(SHARED | {"release_id": "R-2", "releases_on": "2026-06-02"})
TAKEN_BACK = ReleaseCancelled.model_validate(
    {"facility": "LP-SKY", "release_id": "R-3", "reason": "OTHER", "cancelled_at": "2026-05-30T08:00:00+07:00"}
)


def test_a_list_covers_the_days_of_the_office_from_its_first_release_to_its_last() -> None:
    assert spans_of([PLANNED, OUT, TAKEN_BACK], zone=ZONE) == [
        Span("LP1-PLG", date(2026, 5, 29), date(2026, 6, 2)),
    ]


def test_a_report_counts_its_rows() -> None:
    row = Row(number=2, event=OUT)
    rows = [
        row.refused("x"),
        *(row.ended("accepted").model_copy(update={"known": known}) for known in (True, False, False)),
    ]

    report = UploadReport.of(rows, unknown_columns=[], reconciliation=reconciled(rows, [], [], zone=ZONE))

    assert (report.accepted, report.already_known, report.irrelevant, report.refused, report.compared) == (
        3,
        0,
        0,
        1,
        0,
    )
    assert (report.reconciliation.known, report.reconciliation.unknown) == (1, 2)


def test_of_many_missing_so_many_are_shown_and_that_there_are_more() -> None:
    case = announce(None, PLANNED, now=OUT.released_at, reference=load_reference()).case

    few, many = (reconciled([], [], [case] * count, zone=ZONE) for count in (1, MISSING_MAX + 1))

    assert (few.missing[0].release_id, few.missing[0].day, few.more_missing) == ("R-2", date(2026, 6, 2), False)
    assert (len(many.missing), many.more_missing) == (MISSING_MAX, True)
