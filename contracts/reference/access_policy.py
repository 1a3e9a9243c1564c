"""Who may do what by which route, as rows that the services are compared with (domain: authority matrix).

A file of `access/` holds the rows of one service, `every_service.toml` those of each; a service adds its own file.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, TypeAdapter, model_validator

from contracts.reference.loader import ReferenceInvalid
from contracts.reference.models import Row
from contracts.roles import Role

ACCESS: Final = Path(__file__).parent / "access"
EVERY_SERVICE: Final = "every_service"

_OF_A_FACILITY: Final = frozenset({Role.PRISON_OFFICER, Role.PRISON_SYSTEM})
_HOW_FAR: Final = ("adult", "child", "adult_named", "child_named", "all")


class Reach(StrEnum):
    """How far a role reaches by a route; a role that a row does not name reaches nothing."""

    OWN = "OWN"
    """What is addressed to the caller, who is of this Bapas."""
    IN_CHARGE = "IN_CHARGE"
    """Cases of which the caller is the officer in charge."""
    FACILITY = "FACILITY"
    """The caller's own facility."""
    UNIT = "UNIT"
    """The caller's own unit."""
    CERTIFIED = "CERTIFIED"
    """The whole Bapas, for officers who are certified for children (UU 11/2012 art. 64)."""
    BAPAS = "BAPAS"
    """The whole Bapas."""
    ANY = "ANY"
    """All offices."""


Reaches = Mapping[Role, Reach]
RoutePath = Annotated[str, StringConstraints(pattern=r"^/[^\s]*$")]


class AccessRow(Row):
    """What one route lets whom do.

    `adult` and `child` say who reaches cases of adults and of children, `adult_named` and `child_named` who is also
    shown who somebody is; `all` stands for a route that neither shows nor acts on a case. `hides` says that whoever has
    the role and does not reach the case is answered as if there were none; otherwise such a caller is refused.
    """

    service: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: RoutePath
    source: Annotated[str, StringConstraints(min_length=3)] = Field(description="Which row or decision says so")
    adult: Reaches = Field(default_factory=dict)
    child: Reaches = Field(default_factory=dict)
    adult_named: Reaches = Field(default_factory=dict)
    child_named: Reaches = Field(default_factory=dict)
    all: Reaches = Field(default_factory=dict)
    hides: bool = False
    open_to: Literal["EVERYBODY", "SIGNER", "HOLDER"] | None = None
    """HOLDER: whoever holds a paper of ours in hand, by the token in its QR code."""

    @model_validator(mode="after")
    def _fits_together(self) -> "AccessRow":
        said = [bool(self.all), bool(self.adult or self.child), self.open_to is not None]
        if sum(said) != 1:
            raise ValueError("a row says either all, or adult and child, or open_to")
        for named, reached in ((self.adult_named, self.adult), (self.child_named, self.child)):
            if not named.keys() <= reached.keys():
                raise ValueError("only who reaches a case can be shown whose it is")
        for role, reach in self.pairs():
            if (role in _OF_A_FACILITY) != (reach is Reach.FACILITY):
                raise ValueError(f"{role} reaches {reach}: the roles of prisons reach their facility, and only they")
        if Reach.CERTIFIED in {*self.adult.values(), *self.adult_named.values(), *self.all.values()}:
            raise ValueError("officers are certified for children alone")
        return self

    @property
    def key(self) -> tuple[str, str, str]:
        """The route: service, method, path."""
        return (self.service, self.method, self.path)

    @property
    def about_a_case(self) -> bool:
        """Whether the route shows or acts on cases, so that adults and children are told apart."""
        return bool(self.adult or self.child)

    @property
    def roles(self) -> frozenset[Role]:
        """Whom the route lets in at all."""
        return frozenset({*self.all, *self.adult, *self.child})

    def pairs(self) -> Iterable[tuple[Role, Reach]]:
        """Every role with each of its reaches."""
        for column in _HOW_FAR:
            yield from getattr(self, column).items()

    def reach(self, role: Role, *, juvenile: bool) -> Reach | None:
        """How far a role reaches; None for not at all."""
        if not self.about_a_case:
            return self.all.get(role)
        return (self.child if juvenile else self.adult).get(role)

    def names(self, role: Role, *, juvenile: bool) -> Reach | None:
        """How far a role is shown who somebody is; None for nowhere."""
        return (self.child_named if juvenile else self.adult_named).get(role)


@dataclass(frozen=True)
class AccessPolicy:
    """All rows, one a route."""

    rows: tuple[AccessRow, ...]

    def of(self, service: str) -> dict[tuple[str, str], AccessRow]:
        """The rows of a service by method and path."""
        return {(row.method, row.path): row for row in self.rows if row.service == service}

    @property
    def services(self) -> tuple[str, ...]:
        """The services that have rows of their own."""
        return tuple(sorted({row.service for row in self.rows}))


def load_access_policy(directory: Path = ACCESS) -> AccessPolicy:
    """The policy of a directory; raises ReferenceInvalid for a file that cannot be read or a route with two rows."""
    files = {file.stem: file for file in sorted(directory.glob("*.toml"))}
    shared = files.pop(EVERY_SERVICE, None)
    rows: dict[tuple[str, str, str], AccessRow] = {}
    for service, file in files.items():
        for row in (*_rows(file, service), *(_rows(shared, service) if shared is not None else ())):
            if rows.setdefault(row.key, row) is not row:
                raise ReferenceInvalid(f"{file.name}: {row.method} {row.path} has two rows")
    return AccessPolicy(tuple(rows.values()))


class _File(Row):
    roles: dict[str, list[Role]] = Field(default_factory=dict)
    route: list[dict[str, Any]] = Field(default_factory=list)


def _rows(file: Path, service: str) -> list[AccessRow]:
    try:
        content = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        found = [{**route, **_spelled_out(route, content.roles), "service": service} for route in content.route]
        return TypeAdapter(list[AccessRow]).validate_python(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReferenceInvalid(f"{file.name}: {error}") from error


def _spelled_out(route: Mapping[str, Any], groups: Mapping[str, list[Role]]) -> dict[str, dict[str, str]]:
    """Turn each `{reach: [role or group, …]}` of a row into `{role: reach}`; a role has one reach in a column."""
    columns: dict[str, dict[str, str]] = {}
    for column in _HOW_FAR:
        reaches: dict[str, str] = {}
        for reach, who in route.get(column, {}).items():
            for name in who:
                for role in groups[name] if name.islower() else [Role(name)]:
                    if reaches.setdefault(role, reach) != reach:
                        raise KeyError(f"{route['path']}: {role} has two reaches as {column}")
        columns[column] = reaches
    return columns
