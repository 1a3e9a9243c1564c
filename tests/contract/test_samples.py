"""The samples of deploy fit the reference data that they are about."""

import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from contracts.reference import load_reference

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
JAKARTA = timezone(timedelta(hours=7))


def _rows(file: str, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads((SAMPLES / file).read_text())[table]
    return rows


def test_every_officer_can_be_reached_and_nobody_else() -> None:
    contacts = _rows("officer_contacts.toml", "contact")

    assert sorted(contact["officer"] for contact in contacts) == sorted(load_reference().officers)
    assert all(contact["email"].endswith(".example") for contact in contacts)
    assert len({contact["email"] for contact in contacts}) == len(contacts)


def test_duty_is_done_by_officers_in_their_own_role() -> None:
    officers = load_reference().officers

    for duty in _rows("duty_roster.toml", "duty"):
        assert duty["role"] == officers[duty["officer"]].role
        assert duty["backup"] in officers
        assert duty["from"] < duty["to"]


def test_somebody_is_on_duty_all_weekend_but_at_tanjung_raja_on_sunday() -> None:
    duties = _rows("duty_roster.toml", "duty")
    hours = [datetime(2026, 5, 29, 0, 30, tzinfo=JAKARTA) + timedelta(hours=count) for count in range(5 * 24)]

    uncovered = {
        (unit, hour.date().isoformat())
        for unit in load_reference().units
        for hour in hours
        if not any(
            duty["unit"] == unit and duty["from"].astimezone(UTC) <= hour < duty["to"].astimezone(UTC)
            for duty in duties
        )
    }

    assert uncovered == {("PLG-TJR", "2026-05-31")}
