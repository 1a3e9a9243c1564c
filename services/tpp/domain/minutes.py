"""After the session: the minutes, who signs them, and their way to the head of the office."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from chassis.rules.refusal import Refused
from chassis.rules.registers import Line as RegisterLine
from contracts.reference import Holds, Reference
from contracts.tpp import HearingKind, MinutesSigned, Panel, RecommendationHandedOver, TPPDecided
from services.tpp.domain.acts import Excuse, MinutesDraft, Signing
from services.tpp.domain.decided import Decided
from services.tpp.domain.hearing import (
    CaseDecision,
    Heard,
    Hearing,
    Minutes,
    NotSigned,
    Signature,
    Step,
)
from services.tpp.domain.item import Case, Item, ItemState

SIGN: Final = "MINUTES-SIGN"
SIGN_EXPRESS: Final = "MINUTES-SIGN-EXPRESS"
HAND_OVER: Final = "D41"


class OtherMinutes(Refused):
    """The minutes have been changed since: what is signed is what was read."""


class WasNotThere(Refused):
    """Only who was at the hearing signs its minutes."""


class SignedAlready(Refused):
    """This member has signed."""


class StillTimeToSign(Refused):
    """A missing signature is noted when the time to sign is over: 24 hours, 1 hour after an express hearing."""


class SignatureNeeded(Refused):
    """The signatures of chair and secretary cannot be missing."""


class MinutesUnsigned(Refused):
    """All who were there sign; with a reason noted for the others, chair, secretary and more than two thirds do."""


def register_line_of(hearing: Hearing, reference: Reference) -> RegisterLine:
    """The line of these minutes in the register that runs through the year."""
    register = reference.register_of(Holds.TPP_MINUTES, juvenile=hearing.panel is Panel.CHILD)
    return RegisterLine(
        register=register.code,
        kind=register.kind,
        unit=hearing.unit,
        subject=hearing.hearing_id,
        template=register.template,
    )


def check_draft(hearing: Hearing, *, by: str, now: datetime) -> None:
    """Raise unless minutes can be drafted now: before that no number is given."""
    hearing.require_secretary(by)
    Decided.of(hearing, Step.DRAFT_MINUTES, at=now)


def draft(hearing: Hearing, act: MinutesDraft, *, number: str, by: str, now: datetime) -> Decided:
    """The secretary drafts the minutes; drafted again they keep their number and need every signature anew."""
    hearing.require_secretary(by)
    minutes = Minutes(number=number, digest=digest_of(hearing, act, number=number), drafted_at=now)
    return Decided.of(hearing, Step.DRAFT_MINUTES, at=now, minutes=minutes)


def digest_of(hearing: Hearing, act: MinutesDraft, *, number: str) -> str:
    """The hash of everything that the minutes say: whoever signs it signs all of that."""
    said = record_of(hearing, number=number) | {"notes": act.notes, "summary": act.summary}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def record_of(hearing: Hearing, *, number: str) -> dict[str, Any]:
    """What the minutes say apart from the secretary's own words (domain: no., decree, attendance, decisions)."""
    return {
        "minutes_no": number,
        "hearing_id": str(hearing.hearing_id),
        "unit": hearing.unit,
        "panel": hearing.panel,
        "kind": hearing.kind,
        "mode": hearing.mode,
        "room": hearing.room,
        "decree_no": hearing.team.decree_no,
        "chair": hearing.chair,
        "secretary": hearing.secretary,
        "members": list(hearing.team.members),
        "starts_at": hearing.starts_at.isoformat(),
        "opened_at": _iso(hearing.opened_at),
        "concluded_at": _iso(hearing.concluded_at),
        "presence": [each.model_dump(mode="json") for each in hearing.presence],
        "cases": [line.model_dump(mode="json") for line in hearing.lines],
    }


def sign(hearing: Hearing, act: Signing, *, by: str, now: datetime) -> Decided:
    """Somebody who was there, or the secretary, signs the minutes."""
    minutes = _minutes(hearing, Step.SIGN)
    if by not in _signers(hearing):
        raise WasNotThere
    if act.minutes_hash != minutes.digest:
        raise OtherMinutes
    if any(each.member == by for each in minutes.signatures):
        raise SignedAlready
    signature = Signature(member=by, minutes_hash=act.minutes_hash, at=now)
    excused = tuple(each for each in minutes.not_signed if each.member != by)
    signed = minutes.model_copy(update={"signatures": (*minutes.signatures, signature), "not_signed": excused})
    return Decided.of(hearing, Step.SIGN, at=now, minutes=signed)


def excuse(hearing: Hearing, act: Excuse, *, by: str, now: datetime, reference: Reference) -> Decided:
    """The chair notes why a member has not signed, once the time to sign is over."""
    hearing.require_chair(by)
    minutes = _minutes(hearing, Step.EXCUSE)
    if act.member not in _signers(hearing):
        raise WasNotThere
    if act.member in (hearing.chair, hearing.secretary):
        raise SignatureNeeded
    if any(each.member == act.member for each in minutes.signatures):
        raise SignedAlready
    policy = SIGN_EXPRESS if hearing.kind is HearingKind.EXPRESS else SIGN
    if now < due_at(reference.policies[policy], minutes.drafted_at, OfficeCalendar.of(reference)):
        raise StillTimeToSign
    others = tuple(each for each in minutes.not_signed if each.member != act.member)
    noted = NotSigned(member=act.member, reason=act.reason, at=now)
    return Decided.of(hearing, Step.EXCUSE, at=now, minutes=minutes.model_copy(update={"not_signed": (*others, noted)}))


def ratify(hearing: Hearing, *, by: str, now: datetime) -> Decided:
    """The chair ratifies minutes that bear the signatures they need."""
    hearing.require_chair(by)
    minutes = _minutes(hearing, Step.RATIFY)
    signed = {each.member for each in minutes.signatures}
    excused = {each.member for each in minutes.not_signed}
    there = set(hearing.attended)
    enough = len(signed & there) * 3 > len(there) * 2
    if not {hearing.chair, hearing.secretary} <= signed or there - signed - excused or not enough:
        raise MinutesUnsigned
    ratified = minutes.model_copy(update={"ratified_at": now})
    return Decided.of(hearing, Step.RATIFY, at=now, minutes=ratified).said(
        MinutesSigned(
            **hearing.about(),
            minutes_no=minutes.number,
            minutes_hash=minutes.digest,
            present=len(there),
            signed=len(signed & there),
            not_signed=len(there - signed),
            signed_at=now,
        )
    )


def hand_over(hearing: Hearing, items: Sequence[Item], *, by: str, now: datetime, reference: Reference) -> Decided:
    """The secretary hands recommendation and summary to the head; each decision is made known to who asked for it.

    A case that was withdrawn since, or of which a later revision is known, is not told of any more.
    """
    hearing.require_secretary(by)
    minutes = _minutes(hearing, Step.HAND_OVER)
    told = [case for item in items if (case := _told(hearing, item, minutes, now=now)) is not None]
    concluded_at = hearing.concluded_at or now
    fact = RecommendationHandedOver(
        **hearing.about(),
        minutes_no=minutes.number,
        minutes_hash=minutes.digest,
        cases=len(told),
        concluded_at=concluded_at,
        handed_over_at=now,
        due_at=due_at(reference.policies[HAND_OVER], concluded_at, OfficeCalendar.of(reference)),
    )
    return Decided.of(hearing, Step.HAND_OVER, at=now, handed_over_at=now).said(fact).with_cases(*told)


def receive(hearing: Hearing, *, now: datetime) -> Decided:
    """The head of the office has the recommendation: the hearing is closed."""
    return Decided.of(hearing, Step.RECEIVE, at=now)


def _told(hearing: Hearing, item: Item, minutes: Minutes, *, now: datetime) -> Case | None:
    line = hearing.line(item.subject_id)
    if line.heard is None or line.decision is None or line.heard.item_id != item.item_id:
        return None
    if item.state not in (ItemState.DECIDED, ItemState.DEFERRED) or item.hearing_id != hearing.hearing_id:
        return None
    return replace(item, told_at=now).saying(_decision(hearing, item, line.heard, line.decision, minutes))


def _decision(hearing: Hearing, item: Item, heard: Heard, decision: CaseDecision, minutes: Minutes) -> TPPDecided:
    return TPPDecided(
        **item.about(hearing.hearing_id),
        report_hash=heard.report_hash,
        outcomes=decision.outcomes,
        way=decision.way,
        tally=decision.tally,
        members=len(hearing.team.members),
        present=decision.present,
        dissents=decision.dissents,
        minutes_no=minutes.number,
        minutes_hash=minutes.digest,
        rehear_by=decision.rehear_by,
        decided_at=decision.at,
    )


def _minutes(hearing: Hearing, step: Step) -> Minutes:
    """The minutes, in a hearing that allows this step; StepNotAllowed where there are none yet."""
    Decided.of(hearing, step, at=hearing.starts_at)
    if hearing.minutes is None:
        message = "a hearing past its session without minutes"
        raise AssertionError(message)
    return hearing.minutes


def _signers(hearing: Hearing) -> frozenset[str]:
    return frozenset({*hearing.attended, hearing.secretary})


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
