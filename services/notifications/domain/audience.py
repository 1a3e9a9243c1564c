"""Who is meant: the roster's file, the contacts of officers, and the chain of people behind each audience. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from contracts.notifications import Channel
from contracts.reference import Officer
from contracts.roles import Role
from services.notifications.domain.roster import Roster, Shift

_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
"""As E.164 writes it."""


class Audience(StrEnum):
    """Somebody who is told, named by the part that they play in a case."""

    DUTY = "duty"
    """Whoever answers for the receiving unit: see FALLBACK."""
    OFFICER = "officer"
    """The probation officer proposed for or assigned to the client, if there is one yet."""
    TRACING_OFFICER = "tracing-officer"
    """The probation officer who looks for the client; none yet: whoever is on duty."""
    REGISTRAR = "registrar"
    """The registrar of the guidance unit; none: of head office; none: the head registrar."""
    SECTION_HEAD = "section-head"
    """The Kasi of adults or of children; none: the head of the office."""
    HEAD = "head"
    """The Kabapas."""
    OPERATIONS = "operations"
    """The team that keeps the network running."""
    TOLD_BEFORE = "told-before"
    """Everybody who was told about this case before."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How an officer is reached, in the order that the officer prefers."""

    officer: str
    email: str | None
    channels: tuple[Channel, ...]
    phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Contacts:
    """How officers are reached; somebody who is not listed reads the inbox of the application."""

    by_officer: Mapping[str, Contact] = field(default_factory=dict)

    def of(self, officer: str) -> Contact:
        """The contact of an officer."""
        return self.by_officer.get(officer) or Contact(officer=officer, email=None, channels=(Channel.IN_APP,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Everybody who could be told, at one instant."""

    officers: Mapping[str, Officer]
    roster: Roster
    head_office: str
    at: datetime
    unreachable: frozenset[str] = frozenset()
    """Those for whom no channel is known."""

    def with_role(self, role: Role, *, unit: str | None = None) -> tuple[str, ...]:
        """The officers who hold a role, of one unit or of all."""
        return tuple(
            sorted(
                officer.code
                for officer in self.officers.values()
                if officer.role is role and unit in {None, officer.unit}
            )
        )

    def on_duty(self, unit: str) -> tuple[str, ...]:
        """The officers on duty now for a unit, as far as they can be told."""
        return self._at_hand(self.roster.on_duty(unit, self.at))

    def backups(self, unit: str) -> tuple[str, ...]:
        """Who steps in for the officers on duty now for a unit, as far as they can be told."""
        shifts = self.roster.current(unit, self.at)
        return self._at_hand(dict.fromkeys(shift.backup for shift in shifts if shift.backup is not None))

    def _at_hand(self, officers: Iterable[str]) -> tuple[str, ...]:
        return tuple(each for each in officers if each in self.officers and each not in self.unreachable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """The part of a case that says who has to do with it."""

    receiving_unit: str
    guidance_unit: str | None = None
    officer: str | None = None
    juvenile: bool = False
    told: tuple[str, ...] = ()


Finder: TypeAlias = Callable[[Whereabouts, Staff], tuple[str, ...]]


def _on_duty_here(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.on_duty(case.receiving_unit)


def _on_duty_at_head_office(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.on_duty(staff.head_office)


def _backup_here(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.backups(case.receiving_unit)


def _backup_at_head_office(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.backups(staff.head_office)


def _officer(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return (case.officer,) if case.officer is not None else ()


def _registrars_of_guidance(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.with_role(Role.REGISTRAR, unit=case.guidance_unit or case.receiving_unit)


def _registrars_of_head_office(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.with_role(Role.REGISTRAR, unit=staff.head_office)


def _head_registrar(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.with_role(Role.REGISTRAR_HEAD)


def _section_head(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.with_role(Role.SECTION_HEAD_CHILD if case.juvenile else Role.SECTION_HEAD_ADULT)


def _head(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return staff.with_role(Role.HEAD)


def _operations(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    # The team reads one inbox under the name of its role, so that somebody without an officer's code is reached too.
    return staff.with_role(Role.OPS) or (Role.OPS,)


def _told_before(case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return case.told


class Answering(StrEnum):
    """In which place somebody answers for a unit."""

    ON_DUTY = "on-duty"
    BACKUP = "backup"
    HEAD_OFFICE = "head-office"
    HEAD_OFFICE_BACKUP = "head-office-backup"
    SECTION_HEAD = "section-head"
    HEAD = "head"


FALLBACK: Final[Mapping[Answering, Finder]] = {
    Answering.ON_DUTY: _on_duty_here,
    Answering.BACKUP: _backup_here,
    Answering.HEAD_OFFICE: _on_duty_at_head_office,
    Answering.HEAD_OFFICE_BACKUP: _backup_at_head_office,
    Answering.SECTION_HEAD: _section_head,
    Answering.HEAD: _head,
}
"""Who answers for a unit, in this order: somebody on duty who is not with us any more, or whom no channel reaches,
leaves it to the backup; a unit without anybody to head office; and at last to those who lead."""


def answering(case: Whereabouts, staff: Staff) -> tuple[Answering, tuple[str, ...]] | None:
    """Who answers for a unit now, and in which place; nobody in an office without people."""
    return next(((place, found) for place, find in FALLBACK.items() if (found := find(case, staff))), None)


CHAINS: Final[Mapping[Audience, Sequence[Finder]]] = {
    Audience.DUTY: tuple(FALLBACK.values()),
    Audience.OFFICER: (_officer,),
    Audience.TRACING_OFFICER: (_officer, _on_duty_here, _backup_here, _on_duty_at_head_office, _backup_at_head_office),
    Audience.REGISTRAR: (_registrars_of_guidance, _registrars_of_head_office, _head_registrar, _section_head),
    Audience.SECTION_HEAD: (_section_head, _head),
    Audience.HEAD: (_head,),
    Audience.OPERATIONS: (_operations,),
    Audience.TOLD_BEFORE: (_told_before,),
}
"""Whom each audience means: the first link that names somebody counts."""

LAST_RESORT: Final[Sequence[Finder]] = (_section_head, _head)
"""Who is told when a fact would reach nobody at all."""


def recipients(audiences: Sequence[Audience], case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    """Everybody whom these audiences mean, each once; empty only when nobody in the office could be told."""
    found = [officer for audience in audiences for officer in _first(CHAINS[audience], case, staff)]
    if not found and Audience.TOLD_BEFORE not in audiences:
        found = list(_first(LAST_RESORT, case, staff))
    return tuple(dict.fromkeys(found))


def _first(chain: Sequence[Finder], case: Whereabouts, staff: Staff) -> tuple[str, ...]:
    return next((found for find in chain if (found := find(case, staff))), ())


class DeskInvalid(Exception):
    """The duty roster or the list of contacts cannot be used."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Take every problem at once."""
        self.problems = tuple(problems)
        super().__init__("\n".join((f"{self.__doc__}", *(f"  {problem}" for problem in problems))))


def roster_of(document: Mapping[str, Any], *, officers: Mapping[str, object], units: Mapping[str, object],
              zone: ZoneInfo) -> Roster:  # fmt: skip
    """Read `[[duty]]` rows; a time without an offset is the office's."""
    problems: list[str] = []
    shifts: list[Shift] = []
    for number, row in enumerate(document.get("duty", ()), start=1):
        where = f"duty row {number}"
        starts_at, ends_at = (_instant(row.get(name), zone) for name in ("from", "to"))
        problems += _unknown(where, "unit", row.get("unit"), units)
        problems += _unknown(where, "officer", row.get("officer"), officers)
        problems += _unknown(where, "backup", row["backup"], officers) if row.get("backup") else []
        if starts_at is None or ends_at is None:
            problems.append(f"{where}: `from` and `to` are date-times such as 2026-01-03T08:00:00")
        elif ends_at <= starts_at:
            problems.append(f"{where}: it ends before it begins")
        else:
            shifts.append(
                Shift(
                    unit=str(row.get("unit")),
                    officer=str(row.get("officer")),
                    starts_at=starts_at,
                    ends_at=ends_at,
                    role=str(row.get("role", "")),
                    backup=row.get("backup") or None,
                )
            )
    if problems:
        raise DeskInvalid(problems)
    return Roster(tuple(shifts))


def contacts_of(
    document: Mapping[str, Any], *, officers: Mapping[str, object], available: Collection[Channel] = tuple(Channel)
) -> Contacts:
    """Read `[[contact]]` rows; an officer without an address gets no e-mail and one without a telephone no message.

    What is not `available`, since no gateway is set up, is as if nobody had asked for it.
    """
    problems: list[str] = []
    found: dict[str, Contact] = {}
    for number, row in enumerate(document.get("contact", ()), start=1):
        where = f"contact row {number}"
        officer, email, phone = str(row.get("officer")), row.get("email") or None, row.get("phone") or None
        known = {channel.value: channel for channel in Channel}
        wanted = [str(word) for word in row.get("channels", [Channel.IN_APP.value, Channel.EMAIL.value])]
        problems += _unknown(where, "officer", officer, {**officers, Role.OPS: None})
        problems += [f"{where}: {word!r} is none of {', '.join(known)}" for word in wanted if word not in known]
        problems += [f"{where}: {officer} is listed twice"] if officer in found else []
        if email is not None and not _is_address(email):
            problems.append(f"{where}: the e-mail address is not one")
        if phone is not None and _PHONE.fullmatch(str(phone)) is None:
            problems.append(f"{where}: the telephone number is not one such as +6281200000001")
        channels = tuple(known[word] for word in wanted if word in known)
        reached_by = {Channel.IN_APP, *([Channel.EMAIL] if email else []), *([Channel.GATEWAY] if phone else [])}
        usable = _usable(channels, reached_by & {Channel.IN_APP, *available})
        found[officer] = Contact(officer=officer, email=email, channels=usable, phone=phone)
    if problems:
        raise DeskInvalid(problems)
    return Contacts(found)


def _usable(channels: tuple[Channel, ...], reached_by: Collection[Channel]) -> tuple[Channel, ...]:
    """If no way is left the application remains; somebody for whom none is listed at all cannot be reached."""
    if not channels:
        return channels
    return tuple(channel for channel in channels if channel in reached_by) or (Channel.IN_APP,)


def _instant(value: object, zone: ZoneInfo) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def _unknown(where: str, what: str, code: object, known: Mapping[str, object]) -> list[str]:
    return [] if code in known else [f"{where}: {what} {code!r} is unknown"]


def _is_address(text: object) -> bool:
    local, at, domain = str(text).partition("@")
    return bool(local and at and domain) and "@" not in domain and not any(c.isspace() for c in str(text))
