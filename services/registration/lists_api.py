"""HTTP for lists: a spreadsheet of a prison is taken row by row, or only compared with what is known here."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, UploadFile

from chassis import audit
from chassis.access import Forbidden, Principal, require_facility
from chassis.problems import Problem
from chassis.rules.refusal import Irrelevant, Refused
from chassis.service import ServiceContext
from chassis.sight import Seen, Sight, Source
from contracts.lapas import registration_id_of
from services.registration import intake_csv, intake_xlsx, prison_store
from services.registration.domain.intake import AlreadyKnown
from services.registration.domain.standing import Report
from services.registration.intake_csv import Row, RowOutcome, Sheet
from services.registration.reconciliation import MISSING_MAX, Reconciliation, UploadReport, reconciled, spans_of
from services.registration.reports_api import Intake, Reporter, own_facility_of

Take = Annotated[bool, Query(description="`false` compares the list with what is known here and takes nothing")]


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The door for lists."""
    router = APIRouter(prefix="/v1", tags=["reports"])
    intake = Intake(context)

    @router.post("/releases/upload")
    async def upload_releases(file: UploadFile, caller: Reporter, take: Take = True) -> UploadReport:  # noqa: FBT002  a parameter of the query
        """Report the rows of a CSV or XLSX file, each with an outcome of its own, and compare it with what is known."""
        content = await file.read(intake_csv.FILE_BYTES_MAX + 1)
        try:
            sheet = await asyncio.to_thread(_read, content, context)
        except intake_csv.SheetUnreadable as unreadable:
            raise Problem(unreadable.status, kind="sheet-unreadable", detail=unreadable.reason) from None
        return await _Upload(sheet, caller, intake).run(take=take)

    return (router,)


def _read(content: bytes, context: ServiceContext) -> Sheet:
    read = intake_xlsx.read_book if intake_xlsx.is_book(content) else intake_csv.read_sheet
    return read(content, zone=context.reference.zone)


@dataclass(frozen=True)
class _Upload:
    """A list in the hand of whoever brought it."""

    sheet: Sheet
    caller: Principal
    intake: Intake

    @property
    def _source(self) -> Source:
        """What the caller may learn of: everything at the office, at a prison its own releases."""
        pool, own = self.intake.context.pool, own_facility_of(self.caller)
        return pool if own is None else Seen(pool, Sight(facility=own))

    async def run(self, *, take: bool) -> UploadReport:
        """Take the rows, or only look at them, and say what the list has that is known here, and what it lacks."""
        own = own_facility_of(self.caller)
        said = [row.event for row in self.sheet.rows if row.event is not None and own in {None, row.event.facility}]
        listed = [registration_id_of(event.release_id) for event in said]
        known = await prison_store.known(self._source, listed, facility=own)
        rows = []
        for row in self.sheet.rows:
            outcome = await self._outcome_of(row, take=take)
            is_own = row.event is not None and own in {None, row.event.facility}
            rows.append(outcome.model_copy(update={"known": outcome.registration_id in known if is_own else None}))
        return UploadReport.of(
            rows,
            unknown_columns=self.sheet.unknown_columns,
            reconciliation=await self._reconciled(rows, said),
        )

    async def _reconciled(self, rows: Sequence[RowOutcome], said: Sequence[Report]) -> Reconciliation:
        context = self.intake.context
        zone = context.reference.zone
        spans = spans_of(said, zone=zone)
        missing = await prison_store.unlisted(
            self._source,
            spans=[(span.facility, span.first, span.last) for span in spans],
            listed=[registration_id_of(event.release_id) for event in said],
            zone=zone.key,
            rows_max=MISSING_MAX + 1,
        )
        return reconciled(rows, spans, missing, zone=zone)

    async def _outcome_of(self, row: Row, *, take: bool) -> RowOutcome:
        if row.event is None:
            return row.refused(row.problem or "it cannot be read", column=row.column)
        try:
            return await self._taken(row, row.event) if take else self._looked_at(row, row.event)
        except Forbidden as forbidden:
            audit.refused()
            return row.refused(forbidden.detail, column="facility")
        except Refused as refused:
            return row.refused(refused.reason, rule=refused.rule, column=intake_csv.COLUMN_OF_RULE.get(refused.rule))

    async def _taken(self, row: Row, event: Report) -> RowOutcome:
        try:
            receipt = await self.intake.take(event, self.caller)
        except AlreadyKnown as known:
            return row.ended("already_known", reason=known.reason)
        except Irrelevant as irrelevant:
            return row.ended("irrelevant", reason=irrelevant.reason, rule=irrelevant.rule)
        return row.ended("accepted", reason=receipt.note, status=receipt.status)

    def _looked_at(self, row: Row, event: Report) -> RowOutcome:
        if own_facility_of(self.caller) is not None:
            require_facility(self.caller, event.facility)
        return row.ended("compared")
