"""How a register number looks: a template per register, filled from the sequence and the date in the office."""

from dataclasses import dataclass
from datetime import date, datetime
from string import Formatter
from typing import Final
from zoneinfo import ZoneInfo

from chassis.rules.calendar import JAKARTA

DEFAULT_TEMPLATE: Final = "{seq:04}/{reg}/{type}/{unit}/{roman_month}/{yyyy}"
TOKENS: Final = frozenset({"seq", "reg", "type", "unit", "roman_month", "yyyy", "reg_code"})

_ROMAN_MONTHS: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


class TemplateInvalid(ValueError):
    """The template of a register number cannot be filled."""


@dataclass(frozen=True, slots=True)
class RegisterNumber:
    """One entry of a register: its place in the series of a unit and a year of the office."""

    seq: int
    register: str
    kind: str
    unit: str
    issued_on: date
    reg_code: str = ""

    def text(self, template: str = DEFAULT_TEMPLATE) -> str:
        """The number as it is written on paper."""
        check_template(template)
        return template.format(
            seq=self.seq,
            reg=self.register,
            type=self.kind,
            unit=self.unit,
            roman_month=roman_month(self.issued_on),
            yyyy=f"{self.issued_on.year:04}",
            reg_code=self.reg_code,
        )


def check_template(template: str) -> None:
    """Refuse a template with a token that nobody fills, or without the sequence that makes a number unique."""
    try:
        fields = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise TemplateInvalid(str(error)) from None
    unknown = sorted(set(fields) - TOKENS)
    if unknown:
        message = f"the number template has unknown tokens {', '.join(unknown)}; known are {', '.join(sorted(TOKENS))}"
        raise TemplateInvalid(message)
    if "seq" not in fields:
        message = "the number template has no {seq}: two entries would bear the same number"
        raise TemplateInvalid(message)


def roman_month(day: date) -> str:
    """The month as Indonesian letters write it."""
    return _ROMAN_MONTHS[day.month - 1]


def local_date(instant: datetime, zone: ZoneInfo = JAKARTA) -> date:
    """The date in the office at that instant."""
    if instant.tzinfo is None:
        message = "an instant without a zone has no date in the office"
        raise ValueError(message)
    return instant.astimezone(zone).date()


def local_year(instant: datetime, zone: ZoneInfo = JAKARTA) -> int:
    """The year in the office at that instant: it begins seven hours before that of UTC."""
    return local_date(instant, zone).year
