"""A spreadsheet as prisons save it, read row by row."""

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.lapas import ClientReleased, ReleaseAnnounced, ReleaseCancelled, TimePrecision
from services.registration.intake_csv import (
    COLUMNS,
    FILE_BYTES_MAX,
    ROWS_MAX,
    Row,
    Sheet,
    SheetUnreadable,
    read_sheet,
)

JAKARTA = ZoneInfo("Asia/Jakarta")
HEADER = "release_id,facility,name,released_at"
FRIDAY_1630 = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)


def read(text: str) -> Sheet:
    """The sheet, saved as UTF-8."""
    return read_sheet(text.encode(), zone=JAKARTA)


def one_row(text: str) -> Row:
    """The only row of the sheet."""
    (row,) = read(text).rows
    return row


@pytest.mark.parametrize(
    "moment",
    [
        "2026-05-29T16:30:00+07:00",
        "2026-05-29T09:30Z",
        "2026-05-29T16:30",
        "2026-05-29 16:30:00",
        "29/05/2026 16:30",
        "29-05-2026 16.30",
    ],
)
def test_a_moment_is_read_with_its_offset_or_on_the_wall_clock_of_the_office(moment: str) -> None:
    event = one_row(f"{HEADER}\nR-1,LP1-PLG,Budi,{moment}\n").event

    assert isinstance(event, ClientReleased)
    assert event.released_at == FRIDAY_1630
    assert event.time_precision is TimePrecision.MINUTE


@pytest.mark.parametrize("day", ["2026-05-29", "29/05/2026"])
def test_a_release_with_a_date_alone_is_known_by_the_day(day: str) -> None:
    event = one_row(f"{HEADER}\nR-1,LP1-PLG,Budi,{day}\n").event

    assert isinstance(event, ClientReleased)
    assert event.time_precision is TimePrecision.DAY
    assert event.released_at == datetime(2026, 5, 28, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "cells", "event"),
    [
        ("releases_on", "2026-05-29", ReleaseAnnounced),
        ("releases_on,released_at", "2026-05-29,2026-05-29T16:30", ClientReleased),
        ("released_at,reason,cancelled_at", "2026-05-29T16:30,NOT_RELEASED,2026-05-29T17:00", ReleaseCancelled),
        ("event,releases_on,released_at", "announcement,2026-05-29,", ReleaseAnnounced),
    ],
    ids=["a day to come", "a release that was announced", "taken back", "said outright"],
)
def test_a_row_is_what_its_filled_cells_say(columns: str, cells: str, event: type) -> None:
    row = one_row(f"release_id,facility,name,{columns}\nR-1,LP1-PLG,Budi,{cells}\n")

    assert type(row.event) is event


def test_addresses_and_the_guarantor_have_columns_of_their_own() -> None:
    header = f"{HEADER},domicile_regency,guarantor_name,guarantor_phone,guarantor_street,guarantor_regency"
    event = one_row(f"{header}\nR-1,LP1-PLG,Budi,2026-05-29,OKI,Siti,0812-1,Jl. Melati 3,Ogan Ilir\n").event

    assert isinstance(event, ClientReleased)
    assert event.domicile is not None
    assert event.domicile.regency == "OKI"
    assert event.guarantor is not None
    assert event.guarantor.address is not None
    assert (event.guarantor.name, event.guarantor.address.regency) == ("Siti", "Ogan Ilir")


def test_a_sheet_as_a_spreadsheet_program_of_this_country_saves_it() -> None:
    lines = (
        "\ufeffsep=;",
        "Release_ID;Facility;Name;Released_At;catatan",
        'R-1;LP1-PLG;"Budi; alias Abud";29/05/2026 16:30;x',
        ";;;;",
    )

    sheet = read("\r\n".join(lines))

    assert sheet.unknown_columns == ["catatan"]
    (row,) = sheet.rows
    assert isinstance(row.event, ClientReleased)
    assert row.event.name == "Budi; alias Abud"


@pytest.mark.parametrize(
    ("header", "cells", "column"),
    [
        (HEADER, "R-1,LP1-PLG,Budi,29-05-2026 jam 15", "released_at"),
        (HEADER, "R-1,LP1-PLG,,2026-05-29", "name"),
        (HEADER, "R-1,lapas satu,Budi,2026-05-29", "facility"),
        (HEADER, "R-1,LP1-PLG,Budi,", "released_at"),
        (f"{HEADER},revision", "R-1,LP1-PLG,Budi,2026-05-29,dua", "revision"),
        (f"{HEADER},birth_on", "R-1,LP1-PLG,Budi,2026-05-29,31/02/1990", "birth_on"),
        (f"{HEADER},guarantor_regency", f"R-1,LP1-PLG,Budi,2026-05-29,{'x' * 400}", "guarantor_regency"),
        (f"{HEADER},release_type", "R-1,LP1-PLG,Budi,2026-05-29,bebas", "release_type"),
        (f"{HEADER},event", "R-1,LP1-PLG,Budi,2026-05-29,holiday", "event"),
        (HEADER, ",LP1-PLG,Budi,2026-05-29", "release_id"),
    ],
)
def test_a_row_that_cannot_be_read_says_where(header: str, cells: str, column: str) -> None:
    row = one_row(f"{header}\n{cells}\n")

    assert row.event is None
    assert row.column == column
    assert row.problem
    assert "Budi" not in row.problem


def test_one_bad_row_does_not_hold_the_others_up() -> None:
    rows = read(f"{HEADER}\nR-1,LP1-PLG,Budi,never\nR-2,LP1-PLG,Citra,2026-05-29\nR-3,LP1-PLG,D,2026-05-29,,,x\n").rows

    assert [row.number for row in rows] == [2, 3, 4]
    assert [row.event is not None for row in rows] == [False, True, False]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"name,released_at\nBudi,2026-05-29\n", 422),
        (b"facility,name,name\nLP1-PLG,Budi,Budi\n", 422),
        ("facility,name\nLP1-PLG,Budi\n".encode("utf-16"), 422),
        ("facility,name\nLP1-PLG,René\n".encode("latin-1"), 422),
        (b"PK\x03\x04\x00\x00facility", 422),
        (b"facility\n" + b"LP1-PLG\n" * (ROWS_MAX + 1), 413),
        (b"facility\n" + b"x" * FILE_BYTES_MAX, 413),
    ],
    ids=["empty", "no prison", "a column twice", "UTF-16", "not UTF-8", "a workbook", "too many rows", "too large"],
)
def test_a_file_that_cannot_be_read_is_not_taken_at_all(content: bytes, status: int) -> None:
    with pytest.raises(SheetUnreadable) as refused:
        read_sheet(content, zone=JAKARTA)

    assert refused.value.status == status


def test_every_column_that_is_read_belongs_to_a_report() -> None:
    assert {"guarantor_regency", "domicile_street", "photo_sha256", "released_at", "cancelled_at"} <= COLUMNS
    assert not {"guarantor", "domicile", "photo", "guarantor_address", "attachments"} & COLUMNS


@given(st.binary(max_size=300))
def test_no_file_makes_the_reader_fall_over(content: bytes) -> None:
    with suppress(SheetUnreadable):
        assert read_sheet(b"facility,name,released_at\n" + content, zone=JAKARTA).unknown_columns == []


@given(st.sampled_from(sorted(COLUMNS)), st.text(max_size=60))
def test_no_cell_makes_the_reader_fall_over(column: str, cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    try:
        rows = read(f"facility,{column if column != 'facility' else 'name'}\nLP1-PLG,{quoted}\n").rows
    except (SheetUnreadable, UnicodeEncodeError):
        return

    assert all(row.event is not None or row.problem for row in rows)
