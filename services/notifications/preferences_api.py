"""HTTP for officers who say how they want to be told. Translates; never decides."""

from datetime import time
from typing import Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from chassis.audit import nothing_restricted
from chassis.doors import IfMatch, Once, version_of
from chassis.problems import FieldProblem, Problem
from chassis.service import ServiceContext
from chassis.transaction import Actor
from contracts.notifications import Channel
from services.notifications import preference_store
from services.notifications.api import Reader
from services.notifications.domain.preference import QuietHours, WishInvalid, WishPassed
from services.notifications.handlers import Desk
from services.notifications.preference_handlers import PreferenceDesk, PreferencesView, QuietHoursBody, Say, view_of


class PreferencesBody(BaseModel):
    """How somebody wants to be told."""

    model_config = ConfigDict(extra="forbid")

    channels: list[Literal["GATEWAY", "EMAIL"]] = Field(
        max_length=2, description="Ways out, the preferred one first; the inbox is always there"
    )
    quiet_hours: QuietHoursBody | None = None


def preference_routes(context: ServiceContext, desk: Desk, preferences: PreferenceDesk) -> APIRouter:
    """The doors of preferences."""
    router = APIRouter(prefix="/v1/preferences", tags=["preferences"])

    @router.get("/me", dependencies=[Depends(nothing_restricted)])
    async def read_my_preferences(reader: Reader) -> PreferencesView:
        """By which channels the caller is told, in which order, and in which hours not."""
        wish = await preference_store.wish_of(context.pool, reader.subject)
        return view_of(reader.subject, wish, desk, context.reference)

    @router.put("/me")
    async def say_my_preferences(
        body: PreferencesBody, reader: Reader, once: Once, if_match: IfMatch = None
    ) -> PreferencesView:
        """Say how the caller wants to be told; from the next notice on."""
        command = Say(
            officer=reader.subject,
            channels=tuple(Channel(each) for each in body.channels),
            quiet=_quiet_of(body.quiet_hours),
            version=version_of(if_match),
        )
        actor = Actor("person", reader.subject, role=",".join(sorted(reader.roles)), unit=reader.unit)
        keys = [(preference_store.WISHES, reader.subject)]
        try:
            return await context.commands.run(preferences.say, command, actor=actor, keys=keys, idempotency=once)
        except WishPassed as passed:
            raise Problem(412, kind="version-passed", detail=passed.reason) from None
        except WishInvalid as invalid:
            errors = [
                FieldProblem(where=f"body.{where}", kind="invalid", what=what) for where, what in invalid.problems
            ]
            raise Problem(422, kind="validation", detail="How you want to be told cannot be.", errors=errors) from None

    return router


def _quiet_of(body: QuietHoursBody | None) -> QuietHours | None:
    if body is None:
        return None
    begins, ends = time.fromisoformat(body.begins), time.fromisoformat(body.ends)
    return QuietHours(begins, ends, holds_urgent=body.holds == "urgent")
