"""What a list of a prison says beside what is known here: known, unknown, and known but missing in the list."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from chassis.rules.numbering import local_date
from contracts.lapas import ClientReleased
from services.registration.domain.case import Registration
from services.registration.domain.standing import Report
from services.registration.intake_csv import RowOutcome
from services.registration.prison_views import PROGRESS, WORDS, Progress

MISSING_MAX: Final = 500


@dataclass(frozen=True)
class Span:
    """The days that a list covers of one facility: from its first release to its last."""

    facility: str
    first: date
    last: date


class Covered(BaseModel):
    """The days of which a list says who is released from a facility."""

    facility: str
    first: date
    last: date


class Unlisted(BaseModel):
    """A release that is known here, of a day that the list covers, and that the list does not have."""

    release_id: str
    facility: str
    day: date
    state: Progress
    words: str = Field(description="The state as the office says it, in Bahasa Indonesia")


class Reconciliation(BaseModel):
    """A list beside what is known here. Whoever is missing was released without the list, or reported in error: ask."""

    known: int = Field(description="Rows whose release was known here before the list came")
    unknown: int = Field(description="Rows of whose release nobody had told us")
    covers: list[Covered]
    missing: list[Unlisted] = Field(description=f"At most {MISSING_MAX}")
    more_missing: bool


class UploadReport(BaseModel):
    """What became of a file, row by row, and what it says beside what was known."""

    accepted: int
    already_known: int
    irrelevant: int
    refused: int
    compared: int = Field(description="Rows that were only looked at, because nothing was to be taken")
    unknown_columns: list[str] = Field(description="Columns that nobody here knows; their cells were left aside")
    reconciliation: Reconciliation
    rows: list[RowOutcome]

    @classmethod
    def of(
        cls, rows: Sequence[RowOutcome], *, unknown_columns: Sequence[str], reconciliation: Reconciliation
    ) -> "UploadReport":
        """Count the outcomes of the rows."""
        counts: Mapping[str, int] = Counter(row.outcome for row in rows)
        names = ("accepted", "already_known", "irrelevant", "refused", "compared")
        return cls(
            **{name: counts.get(name, 0) for name in names},
            unknown_columns=list(unknown_columns),
            reconciliation=reconciliation,
            rows=list(rows),
        )


def spans_of(reports: Iterable[Report], *, zone: ZoneInfo) -> list[Span]:
    """The days that a list covers, by facility; a report that names no day covers none."""
    days: dict[str, list[date]] = {}
    for report in reports:
        day = _day_of(report, zone)
        if day is not None:
            days.setdefault(report.facility, []).append(day)
    return [Span(facility, min(found), max(found)) for facility, found in sorted(days.items())]


def reconciled(
    rows: Iterable[RowOutcome], spans: Iterable[Span], missing: Sequence[Registration], *, zone: ZoneInfo
) -> Reconciliation:
    """The answer to a list; of the missing one more is given than shown, where there are more."""
    known = Counter(row.known for row in rows if row.known is not None)
    return Reconciliation(
        known=known[True],
        unknown=known[False],
        covers=[Covered(facility=span.facility, first=span.first, last=span.last) for span in spans],
        missing=[_unlisted_of(case, zone) for case in missing[:MISSING_MAX]],
        more_missing=len(missing) > MISSING_MAX,
    )


def _unlisted_of(case: Registration, zone: ZoneInfo) -> Unlisted:
    report = case.release or case.announcement
    day = None if report is None else _day_of(report, zone)
    if report is None or day is None:
        message = "missing in a list without any day"
        raise AssertionError(message)
    state = PROGRESS[case.status]
    return Unlisted(release_id=report.release_id, facility=case.facility, day=day, state=state, words=WORDS[state])


def _day_of(report: Report, zone: ZoneInfo) -> date | None:
    return local_date(report.released_at, zone) if isinstance(report, ClientReleased) else report.releases_on
