"""The spreadsheet door for workbooks: the one filled sheet of an XLSX file, cell by cell as the text of a CSV file.

A cell shows a value and holds something else: a date is a number with a format, a formula may never have been
calculated, and of a long number a spreadsheet keeps fifteen digits. What is not certain is told by its column.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from openpyxl import load_workbook

from services.registration.intake_csv import (
    DAYS,
    FILE_BYTES_MAX,
    ROWS_MAX,
    Sheet,
    SheetUnreadable,
    UnreadableCell,
    sheet_of,
)

UNPACKED_BYTES_MAX: Final = 16 * 1024 * 1024
PARTS_MAX: Final = 500
COLUMNS_MAX: Final = 200
ROW_NUMBER_MAX: Final = 1_048_576
"""The last row that a spreadsheet has."""
DIGITS_MAX: Final = 15
"""Of a number, whatever is typed; an id card has sixteen."""

_ZIPPED: Final = b"PK\x03\x04"
_OLD: Final = b"\xd0\xcf\x11\xe0"
_SAID_IN_A_FORMAT: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_TIME_OF_DAY: Final = re.compile(r"[hHsS]")


def is_book(content: bytes) -> bool:
    """Whether this is a workbook, of whatever age, and no text."""
    return content.startswith((_ZIPPED, _OLD))


def read_book(content: bytes, *, zone: ZoneInfo) -> Sheet:
    """Read a workbook; raises SheetUnreadable for the file as a whole."""
    if len(content) > FILE_BYTES_MAX:
        raise SheetUnreadable(f"the file is larger than {FILE_BYTES_MAX // 1024} KiB", status=413)
    if content.startswith(_OLD):
        raise SheetUnreadable("the file is an old workbook or locked by a password; save it as XLSX without one")
    _check_size(content)
    return sheet_of(list(_lines_of(content)), zone=zone)


def _check_size(content: bytes) -> None:
    """A small file may unpack to gigabytes; no part is read beyond the size that it declares."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise SheetUnreadable("the file is no workbook that can be read") from None
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
        raise SheetUnreadable(f"the workbook unpacks to more than {UNPACKED_BYTES_MAX // 1024**2} MiB", status=413)


def _lines_of(content: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """The filled lines of the one filled sheet, each with its number and cells as text."""
    lines = _filled_lines(content)
    header = next(lines, (1, ()))
    if header[0] != 1:
        raise SheetUnreadable("the first row names the columns, and it is empty")
    names = [_text_of(*pair, column="") for pair in header[1]]
    yield 1, names
    columns = [name.strip().lower() for name in names]
    for number, cells in lines:
        yield (
            number,
            [_text_of(*pair, column=columns[at] if at < len(columns) else "") for at, pair in enumerate(cells)],
        )


def _filled_lines(content: bytes) -> Iterator[tuple[int, Sequence[tuple[Any, Any]]]]:
    """Each cell twice: as it was written, which shows a formula, and with the value that was calculated last."""
    try:
        # The library raises whatever a broken file makes it stumble over.
        written, calculated = (
            load_workbook(io.BytesIO(content), read_only=True, data_only=data_only, keep_links=False)
            for data_only in (False, True)
        )
        filled = [name for name in _shown(written) if any(_is_filled(cells) for _, cells in _rows(written[name]))]
    except SheetUnreadable:
        raise
    except Exception:  # noqa: BLE001
        raise SheetUnreadable("the file is no workbook that can be read") from None
    if len(filled) > 1:
        raise SheetUnreadable(f"{len(filled)} sheets of the workbook are filled; send the one that is meant")
    both = zip(*(_rows(book[name]) for name in filled for book in (written, calculated)), strict=True)
    taken = 0
    for (number, cells), (_, values) in _guarded(both):
        if _is_filled(cells):
            taken += 1
            yield number, list(zip(cells, values, strict=True))
        if taken > ROWS_MAX + 1:
            raise SheetUnreadable(f"the file has more than {ROWS_MAX} rows, which is as many as are taken", status=413)


def _guarded(rows: Iterable[Any]) -> Iterator[Any]:
    found = iter(rows)
    while True:
        try:
            row = next(found)
        except StopIteration:
            return
        except SheetUnreadable:
            raise
        except Exception:  # noqa: BLE001  as above
            raise SheetUnreadable("the file is no workbook that can be read") from None
        yield row


def _shown(book: Any) -> list[str]:
    """The worksheets that somebody sees who opens the workbook; lists of choices are usually hidden."""
    return [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """The rows with their numbers, all of the same width."""
    sheet.reset_dimensions()  # what a file says of its own size need not be true
    for number, cells in enumerate(sheet.iter_rows(max_col=COLUMNS_MAX + 1), start=1):
        if number > ROW_NUMBER_MAX:
            raise SheetUnreadable("the sheet has more rows than a spreadsheet can have")
        if any(cell.value is not None for cell in cells[COLUMNS_MAX:]):
            raise SheetUnreadable(f"the sheet has more than {COLUMNS_MAX} columns")
        yield number, [*cells[:COLUMNS_MAX], *[None] * (COLUMNS_MAX - len(cells))]


def _is_filled(cells: Sequence[Any]) -> bool:
    return any(cell is not None and cell.value is not None for cell in cells)


def _text_of(written: Any, calculated: Any, *, column: str) -> str:
    """The text of a cell as a CSV file would have it, or what is expected in its place."""
    if written is None or written.value is None:
        return ""
    if calculated is None or calculated.value is None:
        return UnreadableCell("a value: the formula in this cell was never calculated")
    if calculated.data_type == "e":
        return UnreadableCell("a value: the cell shows an error")
    if isinstance(calculated.value, datetime):
        return _moment(calculated.value, calculated.number_format, is_day=column in DAYS)
    return _plain(calculated.value)


def _plain(value: Any) -> str:
    if isinstance(value, bool | timedelta):
        return UnreadableCell("a text, a number or a date")
    if isinstance(value, int | float):
        return _number(value)
    return value.isoformat() if isinstance(value, date | time) else str(value).strip()


def _number(value: float) -> str:
    if abs(value) >= 10**DIGITS_MAX:
        return UnreadableCell(f"text: a spreadsheet keeps {DIGITS_MAX} digits of a number, so the last ones are lost")
    return str(int(value)) if value == int(value) else f"{value:.{DIGITS_MAX}g}"


def _moment(value: datetime, number_format: str | None, *, is_day: bool) -> str:
    """A date alone where the cell shows no time of day, or its column holds days; a spreadsheet keeps both alike."""
    moment = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
    shows_time = _TIME_OF_DAY.search(_SAID_IN_A_FORMAT.sub("", number_format or "")) is not None
    if moment.time() == time() and (is_day or not shows_time):
        return moment.date().isoformat()
    return moment.isoformat(sep=" ")
