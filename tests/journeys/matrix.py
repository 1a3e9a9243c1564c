"""The access matrix: every cell of routes, roles, places and cases, and what the policy says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Final

from contracts.reference import Reference
from contracts.reference.access_policy import AccessPolicy, AccessRow, Reach
from contracts.roles import Role

PRISONS: Final = frozenset({Role.PRISON_OFFICER, Role.PRISON_SYSTEM})
ELSEWHERE: Final = "JKT-HQ"
"""A unit of another Bapas."""
FAR_FACILITY: Final = "LP-KAG"
IN_CHARGE: Final = "PO-HQ-01"
"""The probation officer who is in charge of the cases."""
CERTIFIED: Final = (IN_CHARGE, "PO-HQ-02")
"""Probation officers who are certified for children."""


class Answer(Enum):
    """What became of a question, as far as access goes."""

    UNKNOWN_CALLER = "UNKNOWN_CALLER"
    REFUSED = "REFUSED"
    HIDDEN = "HIDDEN"
    LET_IN = "LET_IN"
    NAMED = "NAMED"
    """Let in, and shown who the person is."""


@dataclass(frozen=True)
class Matter:
    """A case, or what stands for one, that a question is about."""

    unit: str = "PLG-HQ"
    facility: str = "LP1-PLG"
    juvenile: bool | None = None
    addressed_to: frozenset[str] = frozenset()
    officer: str | None = None


@dataclass(frozen=True)
class Asker:
    """Who asks: one role, at a place; by default somebody whom the reference data does not know."""

    role: Role
    unit: str | None
    facility: str | None
    subject: str = "somebody"

    @property
    def certified(self) -> bool:
        """Whether the asker may take cases of children, in the role for which that is certified."""
        return self.subject in CERTIFIED and self.role is Role.PROBATION_OFFICER


@dataclass(frozen=True)
class Cell:
    """One question: by whom, on which route, about which case."""

    route: tuple[str, str, str]
    asker: Asker
    matter: Matter


def askers(matter: Matter) -> Iterator[Asker]:
    """Every role at every place as seen from a case: its unit, another, another Bapas, none; its prison, another.

    Where there is no case a facility says nothing, and the roles of prisons alone are asked with another and without.
    To whom the matter is addressed asks in every role.
    """
    near = "PLG-SKY" if matter.unit == "PLG-HQ" else "PLG-HQ"
    for role in Role:
        facilities: list[str | None] = [matter.facility]
        facilities += [FAR_FACILITY] if matter.juvenile is not None or role in PRISONS else []
        facilities += [None] if role in PRISONS else []
        for unit, facility in product((matter.unit, near, ELSEWHERE, None), facilities):
            yield Asker(role, unit, facility)
            for officer in CERTIFIED if role is Role.PROBATION_OFFICER else ():
                yield Asker(role, unit, facility, officer)
        for addressee in sorted(matter.addressed_to.difference(CERTIFIED if role is Role.PROBATION_OFFICER else ())):
            yield Asker(role, matter.unit, matter.facility, addressee)


def at_home(row: AccessRow, matter: Matter) -> Iterator[Asker]:
    """Every role once, where the case is; by a door that counts how often it is asked, a few."""
    roles = (Role.HEAD, Role.PRISON_SYSTEM, Role.OPS) if row.open_to == "HOLDER" else Role
    return (Asker(role, matter.unit, matter.facility) for role in roles)


def expected(row: AccessRow, cell: Cell, reference: Reference) -> Answer:
    """What the policy says of a cell."""
    asker, matter = cell.asker, cell.matter
    if row.open_to is not None:
        return Answer.UNKNOWN_CALLER if row.open_to == "SIGNER" else Answer.LET_IN
    if asker.role not in row.roles or not _stands_inside(row, asker, reference):
        return Answer.REFUSED
    if at_the_door(row, matter):
        return Answer.LET_IN
    if not _reaches(row.reach(asker.role, juvenile=bool(matter.juvenile)), asker, matter):
        return Answer.HIDDEN if row.hides else Answer.REFUSED
    named = _reaches(row.names(asker.role, juvenile=bool(matter.juvenile)), asker, matter)
    return Answer.NAMED if named else Answer.LET_IN


def at_the_door(row: AccessRow, matter: Matter) -> bool:
    """Whether a route about cases is asked about none: then only who is let in at all can be seen."""
    return row.about_a_case and matter.juvenile is None


def _stands_inside(row: AccessRow, asker: Asker, reference: Reference) -> bool:
    """Whether the asker is of a place from which the role reaches anything at all."""
    reaches = {reach for role, reach in row.pairs() if role is asker.role}
    if Reach.ANY in reaches:
        return True
    return asker.facility is not None if Reach.FACILITY in reaches else asker.unit in reference.units


def _reaches(reach: Reach | None, asker: Asker, matter: Matter) -> bool:
    return {
        None: False,
        Reach.OWN: asker.subject in matter.addressed_to,
        Reach.IN_CHARGE: asker.subject == matter.officer,
        Reach.FACILITY: matter.juvenile is None or asker.facility == matter.facility,
        Reach.UNIT: asker.unit == matter.unit,
        Reach.CERTIFIED: asker.certified,
        Reach.BAPAS: True,
        Reach.ANY: True,
    }[reach]


Answers = Mapping[Cell, Answer]


def contradictions(policy: AccessPolicy, answers: Answers, reference: Reference) -> list[str]:
    """The cells in which the services answered otherwise than the policy says."""
    rows = {row.key: row for row in policy.rows}
    return [
        f"{' '.join(cell.route)}: {cell.asker} about {cell.matter}: {answer.name} where the policy says {said.name}"
        for cell, answer in answers.items()
        if (said := expected(rows[cell.route], cell, reference)) is not answer
    ]


def changed(row: AccessRow) -> Iterator[tuple[str, AccessRow]]:
    """Every policy that differs from this one in a single word: a role more, a role less, a reach further or nearer."""
    columns = ("adult", "child", "adult_named", "child_named") if row.about_a_case else ("all",)
    for column, role in product(() if row.open_to else columns, Role):
        said: dict[Role, Reach] = dict(getattr(row, column))
        for reach in _other_reaches(said.get(role), role):
            content = {**row.model_dump(), column: {**said, role: reach}}
            if reach is None:
                del content[column][role]
            try:
                yield f"{column}: {role} {said.get(role)} -> {reach}", AccessRow.model_validate(content)
            except ValueError:  # nobody can be named to whom nothing is shown, and a row lets somebody in
                continue
    if row.open_to is not None:
        other = "EVERYBODY" if row.open_to == "SIGNER" else "SIGNER"
        yield f"open to {other}", row.model_copy(update={"open_to": other})


def changed_at_the_door(row: AccessRow) -> Iterator[tuple[str, AccessRow]]:
    """Every policy that lets one role more in, or one less."""
    columns = ("adult", "child", "adult_named", "child_named")
    for role in Role:
        content = row.model_dump()
        for column in columns:
            content[column].pop(role, None)
        if role not in row.roles:
            content["adult"][role] = Reach.FACILITY if role in PRISONS else Reach.BAPAS
        if content["adult"] or content["child"]:
            yield f"{role} changed", AccessRow.model_validate(content)


def _other_reaches(reach: Reach | None, role: Role) -> Sequence[Reach | None]:
    if role in PRISONS:
        return (None,) if reach is Reach.FACILITY else (Reach.FACILITY,)
    others: tuple[Reach | None, ...] = (None, Reach.UNIT, Reach.BAPAS, Reach.ANY)
    return [each for each in others if each is not reach]
