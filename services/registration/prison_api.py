"""HTTP for prisons that ask: what became of a release of their own, and what changed since they asked last."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.access import Principal, Scope, allow
from chassis.audit import nothing_restricted
from chassis.paging import CURSOR_CHARS_MAX, LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor
from chassis.problems import BadRequest, NotFound, Problem
from chassis.service import ServiceContext
from chassis.sight import Seen, Sight
from contracts.lapas import ReleaseId, registration_id_of
from contracts.roles import Role
from services.registration import prison_store
from services.registration.prison_store import Place
from services.registration.prison_views import Changes, OwnRelease, own_release_of

OTHER_HISTORY: Final = "the office's database was restored since: read once more from the beginning, without `since`"

Prison = Annotated[Principal, Depends(allow(Role.PRISON_SYSTEM, Role.PRISON_OFFICER, scope=Scope.FACILITY))]
Since = Annotated[
    str | None,
    Query(
        max_length=CURSOR_CHARS_MAX,
        description="`next_since` of the answer before; left out, everything is read from the beginning",
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"},
    ),
]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many releases at most")]


def routes(context: ServiceContext) -> Sequence[APIRouter]:
    """The doors at which a prison asks."""
    router = APIRouter(prefix="/v1", tags=["prisons"])

    @router.get("/releases/changes", dependencies=[Depends(nothing_restricted)])
    async def read_release_changes(caller: Prison, since: Since = None, limit: Limit = LIMIT_DEFAULT) -> Changes:
        """The own facility's releases that changed, each once and as it stands now; none is ever passed over."""
        place = await _place_of(since, context)
        facility = str(caller.facility)
        seen = Seen(context.pool, Sight(facility=facility))
        found = await prison_store.changed_after(seen, place, facility=facility, rows_max=limit + 1)
        shown = found[:limit]
        last = shown[-1].place if shown else place
        return Changes(
            items=[own_release_of(each.case, context.reference) for each in shown],
            next_since=encode_cursor(last.history, last.changed_by, last.registration_id),
            more=len(found) > limit,
        )

    # After the one above: a release whose id is `changes` is only found among the changes.
    @router.get("/releases/{release_id:path}")
    async def read_release(release_id: ReleaseId, caller: Prison) -> OwnRelease:
        """What became of a release; one of another facility is answered like one that does not exist."""
        facility = str(caller.facility)
        seen = Seen(context.pool, Sight(facility=facility))
        case = await prison_store.find_own(seen, registration_id_of(release_id), facility=facility)
        if case is None:
            raise NotFound("release")
        return own_release_of(case, context.reference)

    return (router,)


async def _place_of(since: str | None, context: ServiceContext) -> Place:
    """The place that a caller has read up to; raises Problem for one that no answer of this database has given."""
    beginning = await prison_store.beginning(context.pool)
    if not since:
        return beginning
    try:
        place = Place(*decode_cursor(since, str, int, UUID))
    except BadRequest:
        raise BadRequest(where="query.since", what="it must be the next_since of an answer") from None
    if place.changed_by < 0:
        raise BadRequest(where="query.since", what="it must be the next_since of an answer")
    if place.history != beginning.history:
        raise Problem(400, kind="other-history", detail=OTHER_HISTORY)
    return place
