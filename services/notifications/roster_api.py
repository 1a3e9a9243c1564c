"""HTTP for the duty roster: plans come in, shifts are swapped and removed, and anybody sees who is on duty."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.access import Principal, allow
from chassis.audit import nothing_restricted
from chassis.doors import AskedPage, IfMatch, Once, version_of
from chassis.idempotency import IdempotentRequest
from chassis.paging import Page, PageRequest
from chassis.problems import BadRequest, FieldProblem, NotFound, Problem
from chassis.service import ServiceContext
from chassis.transaction import Actor, Transaction
from contracts.personal import Instant, OfficerCode, UnitCode
from contracts.roles import DUTY_ROLES, Role
from services.notifications import roster_store
from services.notifications.domain import gaps
from services.notifications.domain.audience import Answering, Whereabouts, answering
from services.notifications.domain.roster import PlanInvalid, Shift, ShiftUnknown, VersionPassed, in_force
from services.notifications.handlers import Desk
from services.notifications.roster_handlers import Loaded, Plan, Removal, RosterDesk, ShiftView, Swap, horizon

ROWS_MAX: Final = 1_000
"""Shifts loaded at once: more than a month of the head office and five outposts by day and by night."""
PLANNERS: Final = (Role.REGISTRAR_HEAD, Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD, Role.HEAD)
"""Who makes the duty roster."""
READERS: Final = tuple(sorted({*DUTY_ROLES, *PLANNERS, Role.OPS}))

Planner = Annotated[Principal, Depends(allow(*PLANNERS))]
Reader = Annotated[Principal, Depends(allow(*READERS))]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


C = TypeVar("C")
R = TypeVar("R")


class ShiftRow(BaseModel):
    """A row of a plan."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    unit: UnitCode
    officer: OfficerCode
    starts_at: Instant = Field(alias="from", description="With a zone")
    ends_at: Instant = Field(alias="to", description="With a zone; at this minute the next one is on duty")
    role: Role
    backup: OfficerCode | None = Field(default=None, description="Who steps in when nothing reaches the officer")


class PlanBody(BaseModel):
    """A plan: a month of one unit, or of all."""

    model_config = ConfigDict(extra="forbid")

    shifts: list[ShiftRow] = Field(min_length=1, max_length=ROWS_MAX)


class SwapBody(BaseModel):
    """Who takes a shift, and why."""

    model_config = ConfigDict(extra="forbid")

    officer: OfficerCode
    backup: OfficerCode | None = None
    reason: Reason


class ChangeLine(BaseModel):
    """What was done to a shift: who, when, why."""

    act: str
    officer: str = Field(description="Who serves it since; of a removed shift, who served it last")
    backup: str | None
    changed_at: datetime
    changed_by: str
    reason: str | None


class ShiftOnDuty(BaseModel):
    """A shift that is on."""

    unit: str
    officer: str
    backup: str | None
    role: str
    starts_at: datetime = Field(serialization_alias="from")
    ends_at: datetime = Field(serialization_alias="to")


class OnDuty(BaseModel):
    """Who answers for a unit at an instant."""

    unit: str
    at: datetime
    shifts: list[ShiftOnDuty] = Field(description="What is planned for the unit")
    answering: list[str] = Field(description="The officers who are told; nobody only in an office without people")
    place: Answering | None = Field(description="In which place they answer")


class GapView(BaseModel):
    """A hole in the roster."""

    unit: str
    starts_at: datetime = Field(serialization_alias="from")
    ends_at: datetime | None = Field(serialization_alias="to", description="Absent where nothing is planned after it")
    told_at: datetime | None = Field(description="When somebody was told of it; absent where a file is the roster")
    told: list[str]


class Gaps(BaseModel):
    """The holes that are near enough to be told."""

    until: datetime
    items: list[GapView]


def roster_routes(context: ServiceContext, desk: Desk, roster: RosterDesk) -> APIRouter:
    """The doors of the duty roster."""
    router = APIRouter(prefix="/v1/roster", tags=["duty roster"])
    _add_changing(router, _Changes(context), roster)
    _add_plan(router, context)
    _add_duty(router, context, desk)
    return router


@dataclass(frozen=True)
class _Changes:
    """How a change of the roster is run, and what its refusals become."""

    context: ServiceContext

    async def run(
        self,
        handle: Callable[[C, Transaction], Awaitable[R]],
        command: C,
        planner: Principal,
        once: IdempotentRequest | None,
    ) -> R:
        """Run a change in one transaction of its own."""
        keys = [(roster_store.WATCHES, self.context.reference.office.code)]
        role = next((role for role in PLANNERS if role in planner.roles), None)
        actor = Actor("person", planner.subject, role, planner.unit)
        try:
            return await self.context.commands.run(handle, command, actor=actor, keys=keys, idempotency=once)
        except ShiftUnknown:
            raise NotFound("shift") from None
        except VersionPassed as passed:
            raise Problem(412, kind="version-passed", detail=passed.reason) from None


def _add_changing(router: APIRouter, changes: _Changes, roster: RosterDesk) -> None:
    @router.post("/shifts", status_code=201)
    async def load_shifts(body: PlanBody, planner: Planner, once: Once) -> Loaded:
        """Load a plan, as a whole or not at all; the same plan once more changes nothing."""
        try:
            return await changes.run(roster.load, Plan([_shift_of(row) for row in body.shifts]), planner, once)
        except PlanInvalid as invalid:
            raise _unprocessable(invalid, place=lambda row: f"body.shifts.{row}") from None

    @router.post("/shifts/{shift_id}/swap")
    async def swap_shift(
        shift_id: UUID, body: SwapBody, planner: Planner, once: Once, if_match: IfMatch = None
    ) -> ShiftView:
        """Let somebody else take a shift, one that has begun too; who, when and why stay in its history."""
        command = Swap(
            shift_id=shift_id,
            officer=body.officer,
            backup=body.backup,
            reason=body.reason,
            version=version_of(if_match),
        )
        try:
            return await changes.run(roster.swap, command, planner, once)
        except PlanInvalid as invalid:
            raise _unprocessable(invalid, place=lambda _: "body") from None

    @router.delete("/shifts/{shift_id}")
    async def remove_shift(
        shift_id: UUID,
        planner: Planner,
        once: Once,
        reason: Annotated[Reason, Query()],
        if_match: IfMatch = None,
    ) -> ShiftView:
        """Take a shift that lies ahead out of the plan; its history stays."""
        command = Removal(shift_id=shift_id, reason=reason, version=version_of(if_match))
        return await changes.run(roster.remove, command, planner, once)


def _add_plan(router: APIRouter, context: ServiceContext) -> None:
    @router.get("/shifts", dependencies=[Depends(nothing_restricted)])
    async def list_shifts(
        reader: Reader,
        page: AskedPage,
        unit: Annotated[UnitCode | None, Query()] = None,
        since: Annotated[Instant | None, Query(description="Shifts that end after it; now when left out")] = None,
        until: Annotated[Instant | None, Query(description="Shifts that begin before it")] = None,
    ) -> Page[ShiftView]:
        """What is planned, in the order in which it begins."""
        rows = await roster_store.shifts(
            context.pool,
            unit=unit,
            since=since or context.office_clock.now(),
            until=until,
            after=_place(page),
            rows_max=page.fetch,
        )
        return page.page(rows, item=_view, cursor=lambda row: (row["starts_at"], row["shift_id"]))

    @router.get("/shifts/{shift_id}/history", dependencies=[Depends(nothing_restricted)])
    async def read_history(reader: Reader, page: AskedPage, shift_id: UUID) -> Page[ChangeLine]:
        """What was done to a shift, by whom, when and why; also of one that was removed."""
        after = page.after(int)
        rows = await roster_store.changes(
            context.pool, shift_id, after=None if after is None else after[0], rows_max=page.fetch
        )
        if not rows and after is None:
            raise NotFound("shift")
        return page.page(rows, item=lambda row: ChangeLine(**_shown(row, ChangeLine)), cursor=lambda row: (row["seq"],))


def _add_duty(router: APIRouter, context: ServiceContext, desk: Desk) -> None:
    @router.get("/on-duty", dependencies=[Depends(nothing_restricted)])
    async def read_on_duty(
        reader: Reader,
        unit: Annotated[UnitCode, Query()],
        at: Annotated[Instant | None, Query(description="Now when left out")] = None,
    ) -> OnDuty:
        """Who answers for a unit: on duty, else the backup, else head office, else the section head."""
        _known(unit, context)
        moment = at or context.office_clock.now()
        staff = await desk.at_hand.staff(unit, context.pool, reference=context.reference, at=moment)
        found = answering(Whereabouts(receiving_unit=unit), staff)
        return OnDuty(
            unit=unit,
            at=moment,
            shifts=[ShiftOnDuty(**asdict(shift)) for shift in staff.roster.current(unit, moment)],
            answering=[] if found is None else list(found[1]),
            place=None if found is None else found[0],
        )

    @router.get("/gaps")
    async def list_gaps(reader: Reader, unit: Annotated[UnitCode | None, Query()] = None) -> Gaps:
        """The holes in the roster that are near enough to be told; of units with a roster, kept here or in the file."""
        if unit is not None:
            _known(unit, context)
        now, file = context.office_clock.now(), desk.at_hand.roster()
        kept = await roster_store.kept_units(context.pool)
        shifts = await roster_store.ahead(context.pool, units=kept, now=now)
        plan, until = in_force(file, kept=kept, shifts=shifts), horizon(now, context.reference)
        units = [each for each in context.reference.units if unit in {None, each}]
        rostered = {*kept, *(shift.unit for shift in plan.shifts)}
        holes = [
            gap for each in units if each in rostered for gap in gaps.holes(each, plan.shifts, now=now, until=until)
        ]
        told = await roster_store.told_gaps(context.pool, office=context.reference.office.code)
        return Gaps(until=until, items=[_gap_view(gap, told) for gap in holes])


def _shift_of(row: ShiftRow) -> Shift:
    return Shift(
        unit=row.unit,
        officer=row.officer,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        role=row.role.value,
        backup=row.backup,
    )


def _unprocessable(invalid: PlanInvalid, *, place: Callable[[int], str]) -> Problem:
    errors = [
        FieldProblem(where=f"{place(each.row)}.{each.field}", kind="invalid", what=each.words)
        for each in invalid.problems
    ]
    return Problem(422, kind="invalid", detail="the plan holds what cannot be", errors=errors)


def _known(unit: str, context: ServiceContext) -> None:
    if unit not in context.reference.units:
        raise BadRequest(where="query.unit", what="no unit of this office has this code")


def _place(page: PageRequest) -> tuple[datetime, UUID] | None:
    after = page.after(datetime, UUID)
    return None if after is None else (after[0], after[1])


def _shown(row: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields}


def _view(row: Mapping[str, Any]) -> ShiftView:
    return ShiftView(id=row["shift_id"], **{name: row[name] for name in ShiftView.model_fields if name != "id"})


def _gap_view(gap: gaps.Gap, told: Iterable[gaps.ToldGap]) -> GapView:
    known = next((each for each in told if each.gap.covers(gap)), None)
    return GapView(
        unit=gap.unit,
        starts_at=gap.starts_at,
        ends_at=gap.ends_at,
        told_at=known.told_at if known else None,
        told=list(known.told) if known else [],
    )
