"""A workbook as prisons save it: what its cells show is read, and what cannot be known for certain is told."""

import io
import zipfile
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from contracts.lapas import ClientReleased, ReleaseAnnounced, TimePrecision
from services.registration.intake_csv import FILE_BYTES_MAX, ROWS_MAX, Row, Sheet, SheetUnreadable
from services.registration.intake_xlsx import COLUMNS_MAX, UNPACKED_BYTES_MAX, is_book, read_book

JAKARTA = ZoneInfo("Asia/Jakarta")
HEADER = ("release_id", "facility", "name", "released_at", "nik", "releases_on")
AFTERNOON = datetime(2026, 5, 29, 16, 30)  # noqa: DTZ001  a spreadsheet knows no zone
FRIDAY_1630 = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)


def a_book(*rows: tuple[Any, ...], header: tuple[Any, ...] = HEADER) -> Workbook:
    """A workbook with one sheet."""
    book = Workbook()
    for row in (header, *rows):
        book.worksheets[0].append(row)
    return book


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def read(book: Workbook) -> Sheet:
    return read_book(saved(book), zone=JAKARTA)


def one_row(*cells: Any, formats: dict[str, str] | None = None) -> Row:
    """The only row of a sheet, with the number formats of its cells."""
    book = a_book(("R-1", "LP1-PLG", *cells))
    for place, number_format in (formats or {}).items():
        book.worksheets[0][place].number_format = number_format
    (row,) = read(book).rows
    return row


def rewritten(content: bytes, part: str, change: Any) -> bytes:
    """The workbook with one of its parts changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            held = before.read(name)
            after.writestr(name, change(held) if name == part else held)
    return file.getvalue()


def unreadable(content: bytes) -> SheetUnreadable:
    with pytest.raises(SheetUnreadable) as refusal:
        read_book(content, zone=JAKARTA)
    return refusal.value


@pytest.mark.parametrize(
    ("cell", "number_format"),
    [
        pytest.param(AFTERNOON, "yyyy-mm-dd hh:mm", id="a date and time"),
        pytest.param(AFTERNOON, "dd/mm/yyyy", id="a time that is not shown is there all the same"),
        pytest.param(datetime(2026, 5, 29, 16, 29, 59, 999_600), "yyyy-mm-dd h:mm", id="as a number is rounded"),  # noqa: DTZ001
        pytest.param("29/05/2026 16:30", "General", id="text"),
        pytest.param("2026-05-29T16:30:00+07:00", "@", id="text with an offset"),
    ],
)
def test_a_moment_is_read_on_the_wall_clock_of_the_office(cell: Any, number_format: str) -> None:
    event = one_row("Budi", cell, formats={"D2": number_format}).event

    assert isinstance(event, ClientReleased)
    assert (event.released_at, event.time_precision) == (FRIDAY_1630, TimePrecision.MINUTE)


@pytest.mark.parametrize(
    ("number_format", "precision"),
    [
        ("dd/mm/yyyy", TimePrecision.DAY),
        ('[$-421]dd mmmm yyyy;"hari"', TimePrecision.DAY),
        ("dd/mm/yyyy hh:mm", TimePrecision.MINUTE),
    ],
)
def test_a_date_alone_is_known_by_the_day_and_midnight_by_the_minute(
    number_format: str, precision: TimePrecision
) -> None:
    event = one_row("Budi", datetime(2026, 5, 29), formats={"D2": number_format}).event  # noqa: DTZ001

    assert isinstance(event, ClientReleased)
    assert (event.released_at, event.time_precision) == (datetime(2026, 5, 28, 17, tzinfo=UTC), precision)


@pytest.mark.parametrize("number_format", ["dd/mm/yyyy", "dd/mm/yyyy hh:mm"])
def test_a_day_is_a_day_however_its_cell_shows_it(number_format: str) -> None:
    row = one_row("Budi", None, None, datetime(2026, 5, 29), formats={"F2": number_format})  # noqa: DTZ001

    assert isinstance(row.event, ReleaseAnnounced)
    assert row.event.releases_on == date(2026, 5, 29)


def test_a_number_is_read_as_it_is_written() -> None:
    event = one_row("Budi", AFTERNOON, 1671).event

    assert isinstance(event, ClientReleased)
    assert event.nik == "1671"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param(1671010101080001, "15 digits", id="an id card as a number has lost its last digit"),
        pytest.param("=A2", "never calculated", id="a formula without its value"),
        pytest.param("#REF!", "error", id="an error"),
        pytest.param(True, "a text", id="a tick"),
    ],
)
def test_what_is_not_certain_is_told_by_its_column_and_guessed_by_nobody(cell: Any, expected: str) -> None:
    row = one_row("Budi", AFTERNOON, cell)

    assert row.event is None
    assert row.column == "nik"
    assert expected in (row.problem or "")


def test_a_formula_that_was_calculated_counts_by_its_value() -> None:
    content = saved(a_book(("R-1", "LP1-PLG", '="Bu"&"di"', AFTERNOON)))
    shown = rewritten(
        content,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(
            b'<c r="C2"><f>"Bu"&amp;"di"</f><v></v></c>', b'<c r="C2" t="str"><f>"Bu"&amp;"di"</f><v>Budi</v></c>'
        ).replace(b'<c r="C2"><f>"Bu"&amp;"di"</f><v /></c>', b'<c r="C2" t="str"><f>"Bu"&amp;"di"</f><v>Budi</v></c>'),
    )

    (row,) = read_book(shown, zone=JAKARTA).rows

    assert isinstance(row.event, ClientReleased)
    assert row.event.name == "Budi"


def test_a_row_of_formulas_alone_moves_no_other_row() -> None:
    book = a_book(("=A1", "=A1"), ("R-2", "LP1-PLG", "Citra", AFTERNOON))

    first, second = read(book).rows

    assert (first.number, first.event) == (2, None)
    assert second.event is not None
    assert second.event.subject == "R-2"


def test_rows_keep_the_numbers_that_the_spreadsheet_shows() -> None:
    book = a_book(("R-1", "LP1-PLG", "Budi", AFTERNOON))
    book.worksheets[0]["B9"] = "LP1-PLG"

    assert [row.number for row in read(book).rows] == [2, 9]


def test_a_hidden_sheet_is_left_aside_and_two_filled_ones_are_asked_about() -> None:
    book = a_book(("R-1", "LP1-PLG", "Budi", AFTERNOON))
    book.create_sheet("empty")
    lists = book.create_sheet("lists")
    lists["A1"] = "conditional_release"
    lists.sheet_state = "hidden"
    assert len(read(book).rows) == 1

    lists.sheet_state = "visible"

    assert "2 sheets" in unreadable(saved(book)).reason


def test_what_the_file_says_of_its_own_size_is_not_believed() -> None:
    content = saved(a_book(*((f"R-{number}", "LP1-PLG", "Budi", AFTERNOON) for number in range(3))))
    lying = rewritten(content, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'ref="A1:F4"', b'ref="A1:A1"'))

    assert lying != content
    assert len(read_book(lying, zone=JAKARTA).rows) == 3


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param(b"PK\x03\x04 and no more", 422, id="broken"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 422, id="old, or locked"),
        pytest.param(b"PK\x03\x04" + b"0" * FILE_BYTES_MAX, 413, id="too large"),
    ],
)
def test_a_file_that_is_no_workbook_is_told(content: bytes, status: int) -> None:
    assert is_book(content)
    assert unreadable(content).status == status


def test_a_small_file_that_unpacks_to_a_large_one_is_not_unpacked() -> None:
    content = rewritten(saved(a_book()), "xl/worksheets/sheet1.xml", lambda xml: xml + b" " * (UNPACKED_BYTES_MAX + 1))

    assert len(content) < FILE_BYTES_MAX
    assert unreadable(content).status == 413


@pytest.mark.parametrize(
    ("book", "status", "words"),
    [
        pytest.param(lambda: a_book(*((f"R-{n}", "LP1-PLG") for n in range(ROWS_MAX + 1))), 413, "rows", id="rows"),
        pytest.param(lambda: a_book(header=(*["facility"] * (COLUMNS_MAX + 1),)), 422, "columns", id="columns"),
        pytest.param(lambda: a_book(header=("name",)), 422, "facility", id="no prison"),
        pytest.param(lambda: a_book(header=()), 422, "facility", id="empty"),
        pytest.param(lambda: a_book(header=("facility", "facility")), 422, "twice", id="a column twice"),
    ],
)
def test_a_sheet_that_cannot_be_a_list_is_told(book: Any, status: int, words: str) -> None:
    refusal = unreadable(saved(book()))

    assert (refusal.status, words in refusal.reason) == (status, True), refusal.reason


def test_a_row_at_the_end_of_the_world_is_told() -> None:
    content = saved(a_book(("R-1", "LP1-PLG", "Budi", AFTERNOON)))
    far = rewritten(
        content,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b'<row r="2"', b'<row r="99999999999"').replace(b'2"', b'99999999999"'),
    )

    assert unreadable(far).status == 422


@given(st.binary(max_size=400))
def test_no_bytes_escape_as_anything_but_a_reason(noise: bytes) -> None:
    unreadable(b"PK\x03\x04" + noise)


@cache
def a_sound_book() -> bytes:
    """A file that is the same in every try; the library writes the time of day into each that it makes."""
    return saved(a_book(("R-1", "LP1-PLG", "Budi", AFTERNOON, time(8))))


@given(st.data())
def test_a_damaged_workbook_is_a_reason_or_a_sheet(data: st.DataObject) -> None:
    content = bytearray(a_sound_book())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        sheet = read_book(bytes(content), zone=JAKARTA)
    except SheetUnreadable:
        return
    assert len(sheet.rows) <= 1
