"""The spreadsheet door: a CSV file becomes reports, row by row, and each row gets an outcome of its own.

A row is a cancellation where `cancelled_at` is filled, else a release where `released_at` is, else an announcement;
a column `event` (announcement, release, cancellation) says it outright. Times without an offset are those of the
office's wall clock; a release with a date alone is known by the day.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, ValidationError

from contracts.lapas import (
    Address,
    ClientReleased,
    Guarantor,
    Photo,
    ReleaseAnnounced,
    ReleaseCancelled,
    TimePrecision,
    registration_id_of,
)
from services.registration.domain.case import Status
from services.registration.domain.standing import Report

FILE_BYTES_MAX: Final = 1024 * 1024
ROWS_MAX: Final = 5_000
CELL_CHARS_MAX: Final = 2_000

EVENTS: Final[Mapping[str, type[Report]]] = {
    "announcement": ReleaseAnnounced,
    "release": ClientReleased,
    "cancellation": ReleaseCancelled,
}
INSTANTS: Final = ("released_at", "cancelled_at", "reported_at")
DAYS: Final = ("releases_on", "birth_on", "decree_on", "guidance_from", "guidance_until", "sentence_ends_on")
NUMBERS: Final = ("revision", "age_at_offence", "birth_year")
LISTS: Final = ("special_conditions",)
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "domicile_": tuple(Address.model_fields),
    "photo_": tuple(Photo.model_fields),
    "guarantor_": ("name", "relation", "phone", *Address.model_fields),
}
COLUMNS: Final = frozenset(
    {
        "event",
        *(
            name
            for event in EVENTS.values()
            for name in event.model_fields
            if name not in ("domicile", "guarantor", "photo", "attachments")
        ),
        *(f"{prefix}{name}" for prefix, names in PARTS.items() for name in names),
    }
)
COLUMN_OF_RULE: Final = {
    "released-in-the-future": "released_at",
    "cancelled-elsewhere": "facility",
    "another-person-under-this-id": "release_id",
    "registered-client-is-not-unmade": "release_id",
}
DAY_FORMATS: Final = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y")
CLOCK_FORMATS: Final = ("%H:%M", "%H:%M:%S", "%H.%M")

Outcome = Literal["accepted", "already_known", "irrelevant", "refused", "compared"]


class SheetUnreadable(Exception):
    """The file as a whole cannot be read; nothing of it was taken."""

    def __init__(self, reason: str, *, status: int = 422) -> None:
        """Say why, for whoever uploaded it."""
        super().__init__(reason)
        self.reason = reason
        self.status = status


class RowOutcome(BaseModel):
    """What became of one row."""

    row: int = Field(description="The row as the spreadsheet counts: the header is 1")
    outcome: Outcome
    known: bool | None = Field(default=None, description="Whether the release was known here before this list came")
    registration_id: UUID | None = None
    status: Status | None = None
    column: str | None = Field(default=None, description="The column in which something is wrong")
    reason: str | None = None
    rule: str | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the sheet: a report, or what is wrong with it and where."""

    number: int
    event: Report | None = None
    problem: str | None = None
    column: str | None = None

    def ended(self, outcome: Outcome, **more: Any) -> RowOutcome:
        """The outcome of a row that could be read."""
        registration = None if self.event is None else registration_id_of(self.event.release_id)
        return RowOutcome(row=self.number, outcome=outcome, registration_id=registration, **more)

    def refused(self, reason: str, *, column: str | None = None, rule: str | None = None) -> RowOutcome:
        """The outcome of a row that was not taken."""
        return self.ended("refused", reason=reason, column=column, rule=rule)


@dataclass(frozen=True)
class Sheet:
    """A file that could be read."""

    rows: Sequence[Row]
    unknown_columns: Sequence[str]


class UnreadableCell(str):
    """A cell that holds nothing which could be read; the text says what is expected there instead."""

    __slots__ = ()


class _CellWrong(ValueError):
    """A cell cannot be read as what its column holds."""

    def __init__(self, column: str, expected: str) -> None:
        super().__init__(expected)
        self.column = column
        self.expected = expected


def read_sheet(content: bytes, *, zone: ZoneInfo) -> Sheet:
    """Read a CSV file as a spreadsheet program writes it; raises SheetUnreadable for the file as a whole."""
    if len(content) > FILE_BYTES_MAX:
        raise SheetUnreadable(f"the file is larger than {FILE_BYTES_MAX // 1024} KiB", status=413)
    return sheet_of(list(enumerate(_lines_of(_text_of(content)), start=1)), zone=zone)


def sheet_of(numbered: Sequence[tuple[int, Sequence[str]]], *, zone: ZoneInfo) -> Sheet:
    """Read the lines of a list, each with its number, of which the first names the columns; raises SheetUnreadable."""
    header, *lines = numbered or [(1, [])]
    names = [name.strip().lower() for name in header[1]]
    if "facility" not in names:
        raise SheetUnreadable("the first row names the columns, and one of them is `facility`")
    twice = sorted(name for name, count in Counter(name for name in names if name).items() if count > 1)
    if twice:
        raise SheetUnreadable(f"the column {twice[0][:40]} is there twice")
    if len(lines) > ROWS_MAX:
        raise SheetUnreadable(f"the file has {len(lines)} rows; at most {ROWS_MAX} are taken at once", status=413)
    rows = [_row_of(number, names, cells, zone) for number, cells in lines if any(cells)]
    return Sheet(rows, [name[:60] for name in names if name and name not in COLUMNS])


def _text_of(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SheetUnreadable("the file is not UTF-8; save it as `CSV UTF-8`") from None
    if "\x00" in text:
        raise SheetUnreadable("the file is no text; save it as `CSV UTF-8`")
    return text


def _lines_of(text: str) -> list[list[str]]:
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep="):
        delimiter, text = first.strip()[4:5] or ",", rest
    else:
        delimiter = max(",;\t", key=first.count)
    try:
        return [[cell.strip() for cell in cells] for cells in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except (csv.Error, TypeError):
        raise SheetUnreadable("the file is no CSV: a quote is not closed, or a cell is far too long") from None


def _row_of(number: int, names: Sequence[str], cells: Sequence[str], zone: ZoneInfo) -> Row:
    if len(cells) > len(names) and any(cells[len(names) :]):
        return Row(number=number, problem="the row has more cells than the header has columns")
    filled = {name: cell for name, cell in zip(names, cells, strict=False) if cell and name in COLUMNS}
    try:
        event_class = _event_class(filled)
        return Row(number=number, event=event_class.model_validate(_data_of(filled, zone), extra="ignore"))
    except _CellWrong as wrong:
        return Row(number=number, column=wrong.column, problem=wrong.expected)
    except ValidationError as invalid:
        error = invalid.errors(include_input=False, include_url=False)[0]
        return Row(number=number, column=_column_of(error["loc"]), problem=error["msg"])


def _event_class(filled: Mapping[str, str]) -> type[Report]:
    said = filled.get("event", "").lower()
    if said:
        if said not in EVENTS:
            raise _CellWrong("event", f"one of {', '.join(EVENTS)}")
        return EVENTS[said]
    if "cancelled_at" in filled:
        return ReleaseCancelled
    return ReleaseAnnounced if "releases_on" in filled and "released_at" not in filled else ClientReleased


def _data_of(filled: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    """The cells as the data of an event: addresses and the guarantor as objects of their own."""
    for column, cell in filled.items():
        if isinstance(cell, UnreadableCell):
            raise _CellWrong(column, str(cell))
        if len(cell) > CELL_CHARS_MAX:
            raise _CellWrong(column, f"at most {CELL_CHARS_MAX} characters")
    data: dict[str, Any] = {column: _value_of(column, cell, zone) for column, cell in filled.items()}
    if "released_at" in filled and "time_precision" not in filled and _is_day(filled["released_at"]):
        data["time_precision"] = TimePrecision.DAY
    for prefix, names in PARTS.items():
        part = {name: data.pop(f"{prefix}{name}") for name in names if f"{prefix}{name}" in data}
        if part:
            data[prefix.rstrip("_")] = part
    if "guarantor" in data:
        data["guarantor"] = _guarantor_of(data["guarantor"])
    return data


def _guarantor_of(part: dict[str, Any]) -> dict[str, Any]:
    address = {name: part.pop(name) for name in Address.model_fields if name in part}
    known = {name: part[name] for name in Guarantor.model_fields if name in part}
    return known | ({"address": address} if address else {})


def _value_of(column: str, cell: str, zone: ZoneInfo) -> Any:
    if column in INSTANTS:
        return _instant_of(column, cell, zone)
    if column in DAYS:
        day = _day_of(cell)
        if day is None:
            raise _CellWrong(column, "a date, as in 2026-05-31 or 31/05/2026")
        return day
    if column in NUMBERS:
        if not (cell.isascii() and cell.isdigit()):
            raise _CellWrong(column, "a whole number")
        return int(cell[:20])
    return tuple(part.strip() for part in cell.split("|") if part.strip()) if column in LISTS else cell


def _instant_of(column: str, cell: str, zone: ZoneInfo) -> datetime:
    """A moment: with an offset as it stands, without one on the wall clock of the office."""
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        moment = _local_moment(column, cell)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _local_moment(column: str, cell: str) -> datetime:
    day_text, _, clock_text = cell.partition(" ")
    day = _day_of(day_text)
    clock = next(_readings(clock_text.strip(), CLOCK_FORMATS), None)
    if day is None or (clock is None and clock_text):
        raise _CellWrong(column, "a date and time, as in 2026-05-31T15:00+07:00 or 31/05/2026 15:00")
    return datetime.combine(day, clock.time() if clock is not None else time())


def _day_of(cell: str) -> date | None:
    reading = next(_readings(cell, DAY_FORMATS), None)
    return None if reading is None else reading.date()


def _is_day(cell: str) -> bool:
    return _day_of(cell) is not None


def _readings(text: str, formats: Sequence[str]) -> Iterator[datetime]:
    for form in formats:
        try:
            yield datetime.strptime(text, form)  # noqa: DTZ007  a wall clock's reading gets its zone afterwards
        except ValueError:
            continue


def _column_of(place: tuple[int | str, ...]) -> str | None:
    """The column of a field: `guarantor_regency` for the regency in the guarantor's address."""
    steps = [str(step) for step in place if isinstance(step, str) and step != "address"]
    return "_".join(steps) or None
