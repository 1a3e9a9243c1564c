"""The weekend as three sheets that anybody can read: what prisons report, what officers do, what must come of it."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from contracts.event import Event
from contracts.lapas import (
    ClientReleased,
    ReleaseAnnounced,
    ReleaseCancelled,
    client_id_of,
    derived_release_id,
    registration_id_of,
)
from deploy.local.problem import Problem
from deploy.local.settings import REPOSITORY

T = TypeVar("T")

SAMPLES: Final = REPOSITORY / "deploy" / "samples"
OWN_COLUMNS: Final = ("row", "at", "door", "what", "expect", "case", "note")
"""Columns of the first sheet that belong to the demonstration; all others are what a prison fills in."""


class Door(StrEnum):
    """By which way a report reaches the office."""

    KAFKA = "kafka"
    HTTP = "http"
    CSV = "csv"


class What(StrEnum):
    """What a prison reports."""

    ANNOUNCED = "announced"
    RELEASED = "released"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"


EVENTS: Final[Mapping[What, type[Event]]] = {
    What.ANNOUNCED: ReleaseAnnounced,
    What.RELEASED: ClientReleased,
    What.CORRECTED: ClientReleased,
    What.CANCELLED: ReleaseCancelled,
}


class Outcome(StrEnum):
    """What becomes of one report; each has exactly one."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """The same message once more: not even looked at."""
    KNOWN = "known"
    """Another message that says what is known already."""
    IRRELEVANT = "irrelevant"
    REFUSED = "refused"
    CORRECTED = "corrected"
    """Unreadable, a dead letter, put right by operations, and then applied."""
    FOLLOWED = "followed"
    """Waited behind a dead letter of its key and followed in order."""
    LOST = "lost"
    DOUBLED = "doubled"


class Do(StrEnum):
    """What an officer does."""

    CONTACT = "contact"
    GUARANTOR = "guarantor"
    TRACE = "trace"
    BIOMETRICS = "biometrics"
    SUBMIT = "submit"
    APPROVE = "approve"
    RETURN = "return"
    REFUSE = "refuse"
    MEND = "mend"
    PLAN = "plan"
    WALK_IN = "walk_in"
    OFFER = "offer"
    ACKNOWLEDGE = "acknowledge"


class Shows(StrEnum):
    """What somebody who watches is to see in one case."""

    WALK_IN = "walk_in"
    """Met by an officer before any prison has said a word; the prison's report is bound to that."""
    CLIMBS = "climbs"
    """Nobody acknowledges the alert, and it climbs."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody acknowledges the alert, and it does not climb."""
    OFFERED = "offered"
    """Another office is asked and does not answer: our clocks go on."""


NOT_REGISTERED: Final = "none"
"""How a case ends that never becomes a registration."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """One message of a prison."""

    row: int
    at: datetime
    door: Door
    what: What
    expect: Outcome
    case: str
    note: str
    cells: Mapping[str, str] = field(repr=False)
    """The columns that a prison fills in, as they stand in the sheet."""

    @property
    def event(self) -> type[Event]:
        """The class of the event that says it."""
        return EVENTS[self.what]

    @property
    def facility(self) -> str:
        """The prison."""
        return self.cells["facility"]

    @property
    def data(self) -> dict[str, Any]:
        """The report as JSON: empty cells left out, addresses and the guarantor as objects of their own."""
        return json_of(self.cells, self.event)

    @property
    def release_id(self) -> str:
        """The prison's own id of the release, or the one that follows from what it says."""
        return self.cells["release_id"] or derived_release_id(self.data)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that an officer does."""

    at: datetime
    officer: str
    case: str
    do: Do
    when: datetime | None
    method: str
    identity: str
    biometrics: str
    detail: str
    text: str


@dataclass(frozen=True, kw_only=True)
class End:
    """How a case stands when the demonstration is over."""

    case: str
    ends_as: str
    note: str
    shows: Shows | None = None


@dataclass(frozen=True)
class Scenario:
    """The weekend."""

    reports: Sequence[Report]
    acts: Sequence[Act]
    ends: Sequence[End]

    @cached_property
    def moments(self) -> tuple[datetime, ...]:
        """The instants at which somebody reports or does something."""
        return tuple(sorted({*(report.at for report in self.reports), *(act.at for act in self.acts)}))

    @cached_property
    def release_ids(self) -> Mapping[str, str]:
        """The release of each case; of a walk-in that which follows from the papers, for no prison has named it yet."""
        # A row that cannot be read may have no id that could be derived; its case is reported again.
        found: dict[str, str] = {}
        for report in self.reports:
            if report.cells["release_id"] or report.expect is not Outcome.REFUSED:
                walked_in = report.case in self.walked_in
                found.setdefault(report.case, derived_release_id(report.data) if walked_in else report.release_id)
        return found

    @cached_property
    def walked_in(self) -> frozenset[str]:
        """The cases that begin with somebody who stands before an officer."""
        return frozenset(act.case for act in self.acts if act.do is Do.WALK_IN)

    @cached_property
    def registrations(self) -> Mapping[str, UUID]:
        """The registration that each case opens, if it opens one."""
        return {case: registration_id_of(release_id) for case, release_id in self.release_ids.items()}

    @cached_property
    def case_of(self) -> Mapping[UUID, str]:
        """The case of each registration."""
        return {registration: case for case, registration in self.registrations.items()}

    @cached_property
    def clients(self) -> Mapping[str, str]:
        """The case of each client, by the name that the ledger of notifications gives to a client: an id."""
        return {f"CLIENT-{client_id_of(one).hex.upper()}": case for case, one in self.registrations.items()}

    def shown(self, what: Shows) -> list[str]:
        """The cases in which something is to be seen."""
        return [end.case for end in self.ends if end.shows is what]

    def reports_at(self, moment: datetime) -> list[Report]:
        """What is reported at this instant."""
        return [report for report in self.reports if report.at == moment]

    def acts_at(self, moment: datetime) -> list[Act]:
        """What is done at this instant, after what is reported then."""
        return [act for act in self.acts if act.at == moment]

    def first(self, case: str) -> Report:
        """The first readable report of a case."""
        return next(report for report in self.reports if report.case == case and report.expect is not Outcome.REFUSED)


def load(folder: Path = SAMPLES) -> Scenario:
    """Read the three sheets; raises Problem with the line that cannot be read."""
    return Scenario(
        reports=_sheet(folder / "weekend.csv", report_of),
        acts=_sheet(folder / "weekend_acts.csv", _act),
        ends=_sheet(folder / "weekend_ends.csv", _end),
    )


def report_of(cells: Mapping[str, str]) -> Report:
    """One line of the first sheet."""
    return Report(
        row=int(cells["row"]),
        at=_instant(cells["at"]),
        door=Door(cells["door"]),
        what=What(cells["what"]),
        expect=Outcome(cells["expect"]),
        case=cells["case"],
        note=cells["note"],
        cells={name: text for name, text in cells.items() if name not in OWN_COLUMNS},
    )


def json_of(cells: Mapping[str, str], event: type[Event]) -> dict[str, Any]:
    """The cells that an event knows, as its JSON."""
    fields = event.model_fields
    known = {name: _value(name, text) for name, text in cells.items() if text and name in fields}
    if "domicile" not in fields:
        return known
    domicile = _part(cells, "domicile_", ("regency",))
    guarantor: dict[str, Any] = _part(cells, "guarantor_", ("name", "relation", "phone"))
    if address := _part(cells, "guarantor_", ("regency",)):
        guarantor["address"] = address
    return known | ({"domicile": domicile} if domicile else {}) | ({"guarantor": guarantor} if guarantor else {})


def _part(cells: Mapping[str, str], prefix: str, names: Sequence[str]) -> dict[str, Any]:
    return {name: cells[prefix + name] for name in names if cells[prefix + name]}


def _value(name: str, text: str) -> str | int:
    return int(text) if name in {"revision", "age_at_offence"} else text


def _act(cells: Mapping[str, str]) -> Act:
    return Act(
        at=_instant(cells["at"]),
        officer=cells["officer"],
        case=cells["case"],
        do=Do(cells["act"]),
        when=_instant(cells["when"]) if cells["when"] else None,
        **{name: cells[name] for name in ("method", "identity", "biometrics", "detail", "text")},
    )


def _end(cells: Mapping[str, str]) -> End:
    shows = Shows(cells["shows"]) if cells["shows"] else None
    return End(case=cells["case"], ends_as=cells["ends_as"], note=cells["note"], shows=shows)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        message = f"{text} has no offset"
        raise ValueError(message)
    return instant


def _sheet(file: Path, line_of: Callable[[dict[str, str]], T]) -> list[T]:
    found = []
    with file.open(encoding="utf-8", newline="") as sheet:
        for line, cells in enumerate(csv.DictReader(sheet), start=2):
            if None in cells or None in cells.values():
                raise Problem(f"{file}, line {line}: it has too many or too few columns.")
            try:
                found.append(line_of(cells))
            except (KeyError, TypeError, ValueError) as failure:
                raise Problem(f"{file}, line {line}: {type(failure).__name__} {failure}") from failure
    return found
