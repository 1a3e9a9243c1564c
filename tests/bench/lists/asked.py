"""What is asked: every list that an officer or a prison opens, in the ways that cost most, never twice quite alike."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from chassis.paging import encode_cursor
from contracts.reference import Reference
from services.registration.domain.case import AWAITED, Registration, Status
from tests.bench.lists.cases import FAMILY, GIVEN, Made

PAGE_MAX: Final = 200
RARE: Final = Status.CONFLICT
KNOWN_OFTEN: Final = 400
"""So many different cases, names and places are asked for in turns."""

Question: TypeAlias = tuple[str, dict[str, Any]]
"""A path and what is asked along with it."""


@dataclass(frozen=True)
class Route:
    """One list as one kind of caller opens it; `ask` draws what is asked this time."""

    name: str
    service: str
    caller: str
    """An officer's code, or `prison` for whoever asks about the own facility."""
    ask: Callable[[random.Random], Question]
    is_largest_page: bool = False
    """Four times the rows of a page as it is opened: held against the bound where one asks, shown where eight do."""


def plain(path: str, **query: Any) -> Callable[[random.Random], Question]:
    """Always the same question."""
    return lambda _: (path, query)


def registration_routes(made: Sequence[Made], *, reference: Reference, now: datetime) -> Iterator[Route]:
    """All lists of registration."""
    some = random.Random(2)  # noqa: S311  the same house is asked the same
    cases = [each.case for each in some.sample(made, min(KNOWN_OFTEN, len(made)))]
    awaited = [each.case for each in made if each.case.status in AWAITED]
    unreported = [each.case for each in made if each.case.is_unreported]
    units, board, found = sorted(reference.units), "/v1/registrations/board", "/v1/registrations"

    def reading(
        name: str, ask: Callable[[random.Random], Question], *, caller: str = "PO-HQ-04", largest: bool = False
    ) -> Route:
        return Route(name, "registration", caller, ask, largest)

    yield reading("board of the whole office", plain(board))
    yield reading("board of a unit", lambda chance: (board, {"unit": chance.choice(units)}))
    yield reading("board, further down", lambda chance: (board, {"cursor": _board_place(chance.choice(awaited))}))
    yield reading(f"board, {PAGE_MAX} a page", plain(board, limit=PAGE_MAX), largest=True)
    yield reading("all cases", plain(found))
    yield reading("all cases, further down", lambda chance: (found, {"cursor": _place(chance.choice(cases))}))
    yield reading("of a state", lambda chance: (found, {"status": chance.choice(tuple(Status)).value}))
    yield reading("of a unit", lambda chance: (found, {"unit": chance.choice(units)}))
    yield reading("of a unit and a state", lambda chance: (found, {**_unit(chance, units), **_state(chance)}))
    yield reading("of a unit, in conflict", lambda chance: (found, {**_unit(chance, units), "status": RARE.value}))
    yield reading("of a prison", lambda chance: (found, {"facility": chance.choice(cases).facility}))
    yield reading("of a prison and a state", lambda chance: (found, {**_facility(chance, cases), **_state(chance)}))
    yield reading("of a prison and a unit that is not its", lambda chance: (found, _apart(chance, cases, units)))
    yield reading("by a first name", lambda chance: (found, {"q": chance.choice(GIVEN)}))
    yield reading("by two letters", lambda chance: (found, {"q": chance.choice(GIVEN)[:2]}))
    yield reading("by a whole name", lambda chance: (found, {"q": f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}"}))
    yield reading("by a name that nobody has", plain(found, q="Zzyzx"))
    yield reading("by a first name, of a unit and a state", lambda chance: (found, _narrow(chance, units)))
    yield reading(
        "by a first name, children too", lambda chance: (found, {"q": chance.choice(GIVEN)}), caller="SHC-HQ-01"
    )
    yield reading("one case", lambda chance: (f"{found}/{chance.choice(cases).registration_id}", {}))
    yield reading("a timeline", lambda chance: (f"{found}/{chance.choice(cases).registration_id}/timeline", {}))
    yield reading("offers to other offices", plain("/v1/transfer-offers"))
    yield reading("fingerprints of a month", lambda chance: ("/v1/fingerprint-rates", _days(chance, now, 30)))
    yield reading("fingerprints of a year", lambda chance: ("/v1/fingerprint-rates", _days(chance, now, 365)))
    yield reading("walk-ins not reported", plain("/v1/walk-ins"))
    yield reading("releases that may be a walk-in's", lambda chance: (_matches(chance.choice(unreported)), {}))
    twice, head = "/v1/suspected-duplicates", "SHA-HQ-01"
    yield reading("suspected duplicates", plain(twice), caller=head)
    yield reading("suspected duplicates of a unit", lambda chance: (twice, _unit(chance, units)), caller=head)
    yield reading("suspicions dismissed, of a unit", lambda chance: (twice, _dismissed(chance, units)), caller=head)
    yield from _prison_routes(cases)


def _prison_routes(cases: Sequence[Registration]) -> Iterator[Route]:
    """What a prison's system asks for."""
    changes = "/v1/releases/changes"
    yield Route("changes, from the beginning", "registration", "prison", plain(changes))
    whole = plain(changes, limit=PAGE_MAX)
    yield Route(f"changes, {PAGE_MAX} a page", "registration", "prison", whole, is_largest_page=True)
    own = [case for case in cases if case.facility == OWN and not case.is_unreported]
    yield Route("an own release", "registration", "prison", lambda chance: (_release(chance.choice(own)), {}))


OWN: Final = "LP1-PLG"
"""The prison that asks: the one with most releases."""


def notification_routes(abouts: Sequence[UUID], shifts: Sequence[UUID], *, reference: Reference) -> Iterator[Route]:
    """All lists of notifications; whoever is asked about and whichever shift are drawn from what there is."""
    units = sorted(reference.units)
    ledger, roster = "/v1/notifications", "/v1/roster"

    def reading(name: str, ask: Callable[[random.Random], Question], *, caller: str = "HEAD-HQ-01") -> Route:
        return Route(name, "notifications", caller, ask)

    yield reading("ledger", plain(ledger))
    yield reading("ledger, for whoever may not know children", plain(ledger), caller="REG-HQ-01")
    yield reading("ledger of a case", lambda chance: (ledger, {"about": str(chance.choice(abouts))}))
    yield reading("ledger, failed", plain(ledger, status="failed"))
    yield reading("ledger, waiting", plain(ledger, status="pending"))
    yield reading("ledger, further down", lambda chance: (ledger, {"cursor": encode_cursor(chance.randrange(10**5))}))
    yield reading("alerts", plain("/v1/alerts"))
    yield reading("alerts that are open", plain("/v1/alerts", state=["open", "unanswered"]))
    yield reading("alerts that are over", plain("/v1/alerts", state=["acknowledged", "withdrawn"]))
    yield reading("alerts of a case", lambda chance: ("/v1/alerts", {"about": str(chance.choice(abouts))}))
    yield reading("roster from now on", plain(f"{roster}/shifts"))
    yield reading("roster of a unit", lambda chance: (f"{roster}/shifts", {"unit": chance.choice(units)}))
    yield reading("roster since ever", plain(f"{roster}/shifts", since="2001-01-01T00:00:00+07:00"))
    yield reading("history of a shift", lambda chance: (f"{roster}/shifts/{chance.choice(shifts)}/history", {}))
    yield reading("who is on duty", lambda chance: (f"{roster}/on-duty", {"unit": chance.choice(units)}))
    yield reading("holes in the roster", plain(f"{roster}/gaps"))
    yield reading("own inbox", plain("/v1/inbox"), caller="PO-HQ-02")
    yield reading("own inbox, unread", plain("/v1/inbox", unread=True), caller="PO-HQ-02")
    yield reading("how many unread", plain("/v1/inbox/unread-count"), caller="PO-HQ-02")


def _unit(chance: random.Random, units: Sequence[str]) -> dict[str, Any]:
    return {"unit": chance.choice(units)}


def _dismissed(chance: random.Random, units: Sequence[str]) -> dict[str, Any]:
    return {**_unit(chance, units), "state": "dismissed"}


def _state(chance: random.Random) -> dict[str, Any]:
    return {"status": chance.choice(tuple(Status)).value}


def _facility(chance: random.Random, cases: Sequence[Registration]) -> dict[str, Any]:
    return {"facility": chance.choice(cases).facility}


def _apart(chance: random.Random, cases: Sequence[Registration], units: Sequence[str]) -> dict[str, Any]:
    """Two words that hold of many each and of nobody together."""
    case = chance.choice(cases)
    others = [unit for unit in units if unit not in {case.receiving_unit, "PLG-HQ"}]
    return {"facility": case.facility, "unit": chance.choice(others)}


def _narrow(chance: random.Random, units: Sequence[str]) -> dict[str, Any]:
    return {"q": chance.choice(GIVEN), **_unit(chance, units), **_state(chance)}


def _days(chance: random.Random, now: datetime, days: int) -> dict[str, Any]:
    until = (now - timedelta(days=chance.randrange(400))).date()
    return {"from": str(until - timedelta(days=days)), "until": str(until)}


def _place(case: Registration) -> str:
    return encode_cursor(case.registration_id)


def _board_place(case: Registration) -> str:
    return encode_cursor(case.released_at, case.registration_id)


def _matches(case: Registration) -> str:
    return f"/v1/walk-ins/{case.registration_id}/matches"


def _release(case: Registration) -> str:
    return f"/v1/releases/{case.release_id}"
