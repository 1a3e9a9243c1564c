"""Reference data as types: what the office is made of and which rules it set itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.lapas import ReleaseType
from contracts.personal import Code, FacilityCode, OfficerCode, UnitCode
from contracts.roles import Role
from contracts.supervision import CheckInFrequency, CheckInMode, Stage

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Percent = Annotated[int, Field(gt=0, lt=100)]
Share = Annotated[int, Field(ge=0, le=100)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,30}$")]
DayOfYear = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
WHOLE: Final = 100
_COMMON_WORDS: Final = frozenset({"KABUPATEN", "KAB", "KOTA"})


class Row(BaseModel):
    """A row of a reference file; what it does not know is a mistake of whoever wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FacilityType(StrEnum):
    """What kind of institution releases somebody."""

    LAPAS = "LAPAS"
    RUTAN = "RUTAN"
    LPP = "LPP"
    LPKA = "LPKA"
    LPAS = "LPAS"


class Clock(StrEnum):
    """How a duration counts."""

    CAL_HOURS = "CAL_HOURS"
    CAL_DAYS = "CAL_DAYS"
    WORK_DAYS = "WORK_DAYS"
    WORK_HOURS = "WORK_HOURS"


class HolidayKind(StrEnum):
    """Why the office is closed."""

    NATIONAL = "NATIONAL"
    JOINT_LEAVE = "JOINT_LEAVE"


class CheckInWindow(StrEnum):
    """When a report counts for its period."""

    CALENDAR_MONTH = "CALENDAR_MONTH"


class Grade(StrEnum):
    """Grades of probation officers and of their assistants."""

    AHLI_PERTAMA = "AHLI_PERTAMA"
    AHLI_MUDA = "AHLI_MUDA"
    AHLI_MADYA = "AHLI_MADYA"
    AHLI_UTAMA = "AHLI_UTAMA"
    TERAMPIL = "TERAMPIL"
    MAHIR = "MAHIR"
    PENYELIA = "PENYELIA"


class Office(Row):
    """The office as a whole: its zone and its hours."""

    code: Code
    name: Name
    zone: Name
    opens: time
    closes: time


class Reminder(Row):
    """A time of day at which somebody is reminded of a day to come."""

    id: Code
    days_before: int = Field(ge=0, le=30)
    at: time


class Regency(Row):
    """A regency or city of the working area."""

    code: Code
    name: Name


class Unit(Row):
    """The head office or an outpost, the regencies it serves, and the number that its clients are given."""

    code: UnitCode
    name: Name
    is_head_office: bool = False
    regencies: tuple[Code, ...] = ()
    phone: Name | None = None


class Facility(Row):
    """An institution that releases people, and the unit that receives them."""

    code: FacilityCode
    name: Name
    type: FacilityType
    regency: Code
    receiving_unit: UnitCode


class Holiday(Row):
    """A day on which the office is closed."""

    on: date
    kind: HolidayKind
    name: Name


class DeadlinePolicy(Row):
    """A duration that the office answers for, with its source."""

    id: Code
    applies_to: Name
    start_event: Name
    start_time: time | None = None
    stop_event: Name
    clock: Clock
    amount: int = Field(gt=0, le=100_000)
    warn_at: tuple[Percent, ...] = ()
    breach_role: Role | None = None
    breach_role_child: Role | None = None
    legal_source: Name
    statutory: bool

    def breach_role_for(self, *, juvenile: bool) -> Role | None:
        """Who is told when the time is over: for a child the section head of children where there is one."""
        return self.breach_role_child or self.breach_role if juvenile else self.breach_role


class Officer(Row):
    """Somebody who works here: role, unit and grade, never how to reach them."""

    code: OfficerCode
    role: Role
    unit: UnitCode
    grade: Grade | None = None
    child_certified: bool = False


class CheckInRule(Row):
    """How often and how a client of a stage reports."""

    stage: Stage
    frequency: CheckInFrequency
    mode: CheckInMode
    window: CheckInWindow
    first_window_months_later: int = Field(ge=0, le=3)


class Holds(StrEnum):
    """What stands in a register."""

    CLIENTS = "CLIENTS"
    REFUSALS = "REFUSALS"
    LITMAS = "LITMAS"
    LITMAS_ORDERS = "LITMAS_ORDERS"
    TPP_MINUTES = "TPP_MINUTES"


class Register(Row):
    """A register of the office and the looks of its numbers; release types part those of clients."""

    code: Code
    holds: Holds = Holds.CLIENTS
    juvenile: bool
    release_types: tuple[ReleaseType, ...] = ()
    kind: Code
    template: Name = "{seq:04}/{reg}/{unit}/{roman_month}/{yyyy}"


class BoardRules(Row):
    """How the assessment team works where no law says it."""

    consent_part: bool
    members_min: int = Field(ge=1, le=60)
    odd_members: bool
    attendance_percent_min: int = Field(ge=0, le=100)


class LikenessWeights(Row):
    """How much of a score each likeness makes, in percent; together all of it."""

    name: Share
    birth: Share
    facility: Share


class NameLikeness(Row):
    """Of a name, how much is the father's, and what one is worth that is the other's alias; in percent."""

    father: Share
    alias: Share


class BirthLikeness(Row):
    """What two birth dates are worth, in percent."""

    same_date: Share
    day_and_month_exchanged: Share
    same_year: Share
    year_beside: Share
    unknown: Share
    other: Share


class FacilityLikeness(Row):
    """What two prisons and the numbers in their registers are worth, in percent."""

    same_number: Share
    same_facility: Share
    other_facility: Share


class Spelling(Row):
    """A name, and how else people write it."""

    name: Word
    written: tuple[Word, ...]


class LikenessPolicy(Row):
    """When two registrations are suspected to be of one person, or may possibly be; who decides is a person."""

    id: Code
    suspected_from: Percent
    possible_from: Percent
    shared_by_max: int = Field(ge=1, le=1_000)
    unsure_days: tuple[DayOfYear, ...]
    titles: tuple[Word, ...]
    patronymics: tuple[Word, ...]
    source: Name
    weights: LikenessWeights
    name: NameLikeness
    birth: BirthLikeness
    facility: FacilityLikeness
    spellings: tuple[Spelling, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> "LikenessPolicy":
        if self.possible_from >= self.suspected_from:
            raise ValueError("possible_from lies below suspected_from")
        weights = (self.weights.name, self.weights.birth, self.weights.facility)
        if sum(weights) != WHOLE:
            raise ValueError(f"the weights make {sum(weights)} percent and not {WHOLE}")
        written = [word for spelling in self.spellings for word in (spelling.name, *spelling.written)]
        if len(written) != len(set(written)):
            raise ValueError("a word is a spelling of one name")
        return self


@dataclass(frozen=True)
class Reference:
    """All reference data of one version."""

    version: str
    office: Office
    regencies: Mapping[str, Regency]
    units: Mapping[str, Unit]
    facilities: Mapping[str, Facility]
    holidays: frozenset[date]
    policies: Mapping[str, DeadlinePolicy]
    reminders: Mapping[str, Reminder]
    officers: Mapping[str, Officer]
    check_in: tuple[CheckInRule, ...]
    registers: Mapping[str, Register]
    likeness: LikenessPolicy
    board: BoardRules

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the office's wall clocks."""
        return ZoneInfo(self.office.zone)

    @property
    def head_office(self) -> Unit:
        """The unit that answers where no other does."""
        return next(unit for unit in self.units.values() if unit.is_head_office)

    def receiving_unit(self, facility: str) -> str:
        """The unit that receives people from a facility; head office for one that we do not know."""
        known = self.facilities.get(facility)
        return known.receiving_unit if known else self.head_office.code

    def unit_of_regency(self, regency: str | None) -> str | None:
        """The unit that serves a regency, given by code or by name as people write it; none outside our area."""
        wanted = _plain(regency or "")
        found = {code for code, row in self.regencies.items() if wanted in {_plain(code), _plain(row.name)}}
        return next((unit.code for unit in self.units.values() if found & set(unit.regencies)), None)

    def check_in_rule(self, stage: Stage) -> CheckInRule:
        """How a client of a stage reports."""
        return next(rule for rule in self.check_in if rule.stage is stage)

    def register_for(self, release_type: ReleaseType | None, *, juvenile: bool) -> Register:
        """The register that a client belongs into; the one for all others where the release type has none."""
        own = self._registers_of(Holds.CLIENTS, juvenile=juvenile)
        exact = [register for register in own if release_type in register.release_types]
        return exact[0] if exact else next(register for register in own if not register.release_types)

    def register_of(self, holds: Holds, *, juvenile: bool) -> Register:
        """The register of what is not parted further; children stand in one of their own (UU 11/2012 art. 25)."""
        return self._registers_of(holds, juvenile=juvenile)[0]

    def _registers_of(self, holds: Holds, *, juvenile: bool) -> list[Register]:
        return [each for each in self.registers.values() if each.holds is holds and each.juvenile is juvenile]

    def officers_of(self, unit: str, role: Role) -> tuple[Officer, ...]:
        """The officers of a unit in a role, in the order of the file."""
        return tuple(each for each in self.officers.values() if each.unit == unit and each.role is role)


def _plain(name: str) -> str:
    """A place name without what people write differently: case, punctuation and the kind of place."""
    letters = "".join(letter if letter.isalnum() else " " for letter in name.upper())
    return " ".join(word for word in letters.split() if word not in _COMMON_WORDS)
