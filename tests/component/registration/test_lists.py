"""A list of a prison, as CSV or as a workbook: taken row by row, and held against what is known here."""

import io
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from contracts.lapas import registration_id_of
from tests.component.house import House
from tests.component.registration.people import (
    a_cancellation,
    a_contact,
    a_release,
    an_announcement,
    officer,
    prison,
    registrar,
    status_of,
)

UPLOAD = "/v1/releases/upload"
COLUMNS = ("release_id", "facility", "name", "prison_register_no", "release_type", "released_at")
AFTERNOON = datetime(2026, 5, 29, 16, 30)  # noqa: DTZ001  a spreadsheet knows no zone
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def a_row(release_id: str, **said: Any) -> dict[str, Any]:
    """A row of a list as a prison fills it."""
    return {
        "release_id": release_id,
        "facility": "LP1-PLG",
        "name": "Budi Rahasia",
        "prison_register_no": "BI.1/2025",
        "release_type": "conditional_release",
        "released_at": AFTERNOON,
    } | said


def as_csv(*rows: dict[str, Any]) -> tuple[str, bytes, str]:
    lines = [",".join(COLUMNS), *(",".join(str(row[name]) for name in COLUMNS) for row in rows)]
    return "weekend.csv", "\n".join(lines).encode(), "text/csv"


def as_book(*rows: dict[str, Any]) -> tuple[str, bytes, str]:
    book, file = Workbook(), io.BytesIO()
    for row in (COLUMNS, *([row[name] for name in COLUMNS] for row in rows)):
        book.worksheets[0].append(tuple(row))
    book.save(file)
    return "weekend.xlsx", file.getvalue(), XLSX


async def uploaded(client: Any, file: tuple[str, bytes, str], **asked: Any) -> dict[str, Any]:
    answer = await client.post(UPLOAD, files={"file": file}, params=asked)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


@pytest.mark.parametrize("first", [as_csv, as_book])
async def test_a_workbook_and_a_csv_file_are_the_same_list(house: House, first: Any) -> None:
    second = as_book if first is as_csv else as_csv
    async with prison(house) as client:
        taken = await uploaded(client, first(a_row("R-1"), a_row("R-2", name="Citra")))
        again = await uploaded(client, second(a_row("R-1"), a_row("R-2", name="Citra")))

    assert (taken["accepted"], again["already_known"]) == (2, 2)
    assert await status_of(house, registration_id_of("R-1")) == "released"
    released = await house.pool.fetch("SELECT DISTINCT release ->> 'released_at' AS at FROM registration")
    assert [row["at"] for row in released] == ["2026-05-29T09:30:00Z"]


@pytest.mark.parametrize("kind", [as_csv, as_book])
async def test_a_list_is_held_against_what_is_known(house: House, kind: Any) -> None:
    """Known here; unknown here; known here, of a day that the list covers, and not in the list."""
    await house.hear(
        a_release(release_id="R-known"),
        a_release(release_id="R-missing", released_at="2026-05-29T01:00:00Z"),
        an_announcement(release_id="R-planned", releases_on="2026-05-30"),
        a_release(release_id="R-earlier", released_at="2026-05-28T16:59:00Z"),
        a_release(release_id="R-elsewhere", facility="LP-SKY"),
        an_announcement(release_id="R-gone"),
        a_cancellation(release_id="R-gone"),
    )
    house.office.set(house.office.now().replace(day=31))
    sunday = AFTERNOON.replace(day=31)
    async with prison(house) as client:
        report = await uploaded(client, kind(a_row("R-known"), a_row("R-new", name="Citra", released_at=sunday)))

    found = report["reconciliation"]
    assert (found["known"], found["unknown"]) == (1, 1)
    assert [row["known"] for row in report["rows"]] == [True, False]
    assert found["covers"] == [{"facility": "LP1-PLG", "first": "2026-05-29", "last": "2026-05-31"}]
    assert [(each["release_id"], each["day"], each["state"]) for each in found["missing"]] == [
        ("R-missing", "2026-05-29", "released"),
        ("R-planned", "2026-05-30", "announced"),
    ]


async def test_a_list_may_only_be_compared(house: House) -> None:
    await house.hear(a_release(release_id="R-1"), a_release(release_id="R-2"))
    async with prison(house) as client:
        report = await uploaded(client, as_book(a_row("R-1"), a_row("R-9")), take="false")

    assert (report["compared"], report["accepted"]) == (2, 0)
    assert (report["reconciliation"]["known"], report["reconciliation"]["unknown"]) == (1, 1)
    assert [each["release_id"] for each in report["reconciliation"]["missing"]] == ["R-2"]
    assert await house.pool.fetchval("SELECT count(*) FROM registration") == 2
    assert await status_of(house, registration_id_of("R-9")) is None


@pytest.mark.parametrize("take", ["true", "false"])
async def test_a_prison_learns_nothing_of_another_from_a_list(house: House, take: str) -> None:
    """Neither by naming the other prison, nor by trying its ids under the own name."""
    await house.hear(a_release(release_id="R-1", facility="LP-SKY"), a_release(release_id="R-2", facility="LP-SKY"))
    async with prison(house) as client:
        report = await uploaded(
            client, as_csv(a_row("R-1", facility="LP-SKY"), a_row("R-0", facility="LP-SKY")), take=take
        )
        tried = await uploaded(client, as_csv(a_row("R-2", name="Anybody"), a_row("R-0", name="Anybody")), take="false")

    first, second = (row | {"row": 0, "registration_id": None} for row in report["rows"])
    assert first == second
    assert (first["outcome"], first["column"], first["known"]) == ("refused", "facility", None)
    assert report["reconciliation"] == {
        "known": 0, "unknown": 0, "covers": [], "missing": [], "more_missing": False,
    }  # fmt: skip
    assert [row["known"] for row in tried["rows"]] == [False, False]
    assert await house.pool.fetchval("SELECT count(*) FROM registration WHERE facility = 'LP-SKY'") == 2


async def test_a_registrar_compares_the_lists_of_every_prison(house: House) -> None:
    await house.hear(a_release(release_id="R-1", facility="LP-SKY"), a_release(release_id="R-2", facility="LP-SKY"))
    async with registrar(house) as client:
        report = await uploaded(client, as_book(a_row("R-1", facility="LP-SKY"), a_row("R-5")), take="false")

    assert [each["release_id"] for each in report["reconciliation"]["missing"]] == ["R-2"]
    assert [row["known"] for row in report["rows"]] == [True, False]


async def test_a_listed_release_that_stands_where_somebody_walked_in_is_not_missing(house: House) -> None:
    papers = {"name": "Budi Rahasia", "facility": "LP1-PLG", "prison_register_no": "BI.1/2025", "decree_no": "W6-1"}
    async with officer(house) as client:
        await client.post("/v1/walk-ins", json={"person": papers, "contact": a_contact()})
    await house.hear(a_release(release_id="SDP-77", decree_no="W6-1"), a_release(release_id="R-2"))

    async with prison(house) as client:
        report = await uploaded(client, as_csv(a_row("SDP-77")), take="false")

    assert [row["known"] for row in report["rows"]] == [True]
    assert [each["release_id"] for each in report["reconciliation"]["missing"]] == ["R-2"]


async def test_a_list_shows_nobody_by_name(house: House) -> None:
    await house.hear(a_release(release_id="R-2", name="Dewi Rahasia"))
    async with prison(house) as client:
        answer = await client.post(UPLOAD, files={"file": as_csv(a_row("R-1"))})

    assert "R-2" in answer.text
    assert "Rahasia" not in answer.text


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (("a.xlsx", b"PK\x03\x04 and no more", XLSX), 422),
        (("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-excel"), 422),
        (("a.xlsx", b"PK\x03\x04" + b"0" * 1024 * 1024, XLSX), 413),
    ],
    ids=["broken", "old or locked", "too large"],
)
async def test_a_workbook_that_cannot_be_read_is_told_and_nothing_of_it_is_taken(
    house: House, file: tuple[str, bytes, str], status: int
) -> None:
    async with prison(house) as client:
        answer = await client.post(UPLOAD, files={"file": file})

    assert (answer.status_code, answer.json()["type"]) == (status, "urn:bapas:problem:sheet-unreadable")
    assert await house.pool.fetchval("SELECT count(*) FROM registration") == 0


async def test_a_cell_that_is_not_certain_costs_its_row_alone(house: House) -> None:
    async with prison(house) as client:
        report = await uploaded(client, as_book(a_row("R-1", prison_register_no="=B2"), a_row("R-2", name="Citra")))

    assert [(row["outcome"], row["column"]) for row in report["rows"]] == [
        ("refused", "prison_register_no"),
        ("accepted", None),
    ]
