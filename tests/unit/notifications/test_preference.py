"""How somebody wants to be told: ways in their order, and hours of quiet that hold nothing that may not wait."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.notifications import Channel
from contracts.reference import load_reference
from services.notifications.domain.audience import DeskInvalid
from services.notifications.domain.holding import SERVES, deadline_of
from services.notifications.domain.ledger import Urgency
from services.notifications.domain.preference import (
    NEVER_HELD,
    RECEIPT_WITHIN,
    Preferences,
    QuietHours,
    first_ways,
    next_way,
    preferences_of,
)
from services.notifications.domain.telling import Occasion

REFERENCE = load_reference()
PALEMBANG = ZoneInfo("Asia/Jakarta")
NIGHT = QuietHours(time(21), time(6))
SIESTA = QuietHours(time(12), time(13))
I, E, G = Channel.IN_APP, Channel.EMAIL, Channel.GATEWAY  # noqa: E741  in-app, e-mail, gateway


def at(text: str) -> datetime:
    """An instant on the office's wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=PALEMBANG)


@pytest.mark.parametrize(
    ("channels", "urgency", "expected"),
    [
        ((I, E), Urgency.URGENT, (I, E)),
        ((I, G, E), Urgency.URGENT, (I, G)),
        ((G, E, I), Urgency.NORMAL, (G, I)),
        ((E, G), Urgency.NORMAL, (E,)),
        ((I,), Urgency.URGENT, (I,)),
        ((I, G), Urgency.QUIET, (I,)),
        ((G, E), Urgency.QUIET, (G,)),
    ],
)
def test_a_new_notice_lies_in_the_inbox_and_leaves_by_the_way_preferred_most(
    channels: tuple[Channel, ...], urgency: Urgency, expected: tuple[Channel, ...]
) -> None:
    assert first_ways(channels, urgency) == expected


def test_every_way_out_is_taken_once_in_the_order_preferred() -> None:
    assert next_way((I, G, E), tried={I, G}) is E
    assert next_way((I, G, E), tried={G, E}) is None
    assert next_way((I,), tried=()) is None


@pytest.mark.parametrize(
    ("hours", "now", "over"),
    [
        (NIGHT, "2026-05-29T20:59:59", None),
        (NIGHT, "2026-05-29T21:00:00", "2026-05-30T06:00:00"),
        (NIGHT, "2026-05-30T05:59:59", "2026-05-30T06:00:00"),
        (NIGHT, "2026-05-30T06:00:00", None),
        (NIGHT, "2026-12-31T23:30:00", "2027-01-01T06:00:00"),
        (SIESTA, "2026-05-29T11:59:59", None),
        (SIESTA, "2026-05-29T12:00:00", "2026-05-29T13:00:00"),
        (SIESTA, "2026-05-29T13:00:00", None),
    ],
)
def test_quiet_hours_are_those_of_the_offices_wall_clock(hours: QuietHours, now: str, over: str | None) -> None:
    found = hours.over_at(at(now).astimezone(UTC), zone=PALEMBANG)

    assert found == (at(over) if over else None)


@given(st.times(), st.times(), st.integers(0, 366 * 24 * 3600))
def test_they_end_within_a_day_and_outside_themselves(begins: time, ends: time, seconds: int) -> None:
    if begins == ends:
        return
    hours, now = QuietHours(begins, ends), at("2026-01-01T00:00:00") + timedelta(seconds=seconds)

    over = hours.over_at(now, zone=PALEMBANG)

    assert over is None or (now < over <= now + timedelta(days=1) and hours.over_at(over, zone=PALEMBANG) is None)


MIDNIGHT = at("2026-05-30T00:00:00")


def held(hours: QuietHours, urgency: Urgency, deadline: str | None) -> bool:
    preferences = Preferences(quiet_by_officer={"PO-HQ-01": hours})
    until = preferences.held_until(
        "PO-HQ-01", unit="PLG-HQ", urgency=urgency, deadline=deadline, now=MIDNIGHT, zone=PALEMBANG
    )
    return until is not None


ALL = QuietHours(time(21), time(6), holds_urgent=True)


@pytest.mark.parametrize("deadline", ["D02", "D03", "D04", "D05", "D06", "D07", "D08", "D09", "D30"])
@pytest.mark.parametrize("urgency", Urgency)
def test_no_quiet_hours_hold_what_serves_a_childs_case_or_the_first_contact(deadline: str, urgency: Urgency) -> None:
    assert not held(ALL, urgency, deadline)


@pytest.mark.parametrize("deadline", [None, "D01", "D10", "D22", "D31", "SUBMIT"])
def test_all_else_waits_as_its_recipient_wants(deadline: str | None) -> None:
    assert held(NIGHT, Urgency.NORMAL, deadline)
    assert not held(NIGHT, Urgency.URGENT, deadline)
    assert held(ALL, Urgency.URGENT, deadline)


def test_the_deadlines_that_are_never_held_are_these() -> None:
    assert frozenset({*(f"D0{number}" for number in range(2, 10)), "D30"}) == NEVER_HELD
    assert set(SERVES.values()) <= NEVER_HELD


MAY_BE_HELD = {
    Occasion.ANNOUNCED, Occasion.SUBMITTED, Occasion.RETURNED, Occasion.REFUSED, Occasion.REGISTERED,
    Occasion.SUBMISSION_OVERDUE, Occasion.CONFLICT, Occasion.BREACH, Occasion.CANCELLED, Occasion.CLOSED,
    Occasion.HANDED_ON,
}  # fmt: skip


@pytest.mark.parametrize("occasion", sorted({*SERVES, *MAY_BE_HELD}))
def test_what_may_wait_is_what_serves_no_deadline_of_a_person(occasion: Occasion) -> None:
    assert (deadline_of(occasion.value) is None) is (occasion in MAY_BE_HELD)


def preferences(document: dict[str, Any]) -> Preferences:
    return preferences_of(document, officers=REFERENCE.officers, units=REFERENCE.units)


def test_an_officers_hours_win_over_those_of_the_unit() -> None:
    found = preferences(
        {
            "quiet_hours": [
                {"unit": "PLG-HQ", "from": time(21), "to": time(6)},
                {"officer": "PO-HQ-02", "from": time(1), "to": time(2)},
            ],
            "receipt_within_minutes": {"urgent": 5},
        }
    )
    asked: dict[str, Any] = {"urgency": Urgency.NORMAL, "deadline": None, "now": MIDNIGHT, "zone": PALEMBANG}

    assert found.held_until("PO-HQ-01", unit="PLG-HQ", **asked) == at("2026-05-30T06:00:00")
    assert found.held_until("PO-HQ-02", unit="PLG-HQ", **asked) is None
    assert found.held_until("OPS", unit=None, **asked) is None
    assert found.receipt_within == {**RECEIPT_WITHIN, Urgency.URGENT: timedelta(minutes=5)}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"quiet_hours": [{"from": time(1), "to": time(2)}]}, "names an officer, or a unit"),
        ({"quiet_hours": [{"unit": "PLG-HQ", "officer": "PO-HQ-01", "from": time(1), "to": time(2)}]}, "or a unit"),
        ({"quiet_hours": [{"unit": "X", "from": time(1), "to": time(2)}]}, "unit 'X' is unknown"),
        ({"quiet_hours": [{"officer": "X", "from": time(1), "to": time(2)}]}, "officer 'X' is unknown"),
        ({"quiet_hours": [{"unit": "PLG-HQ", "from": "21:00", "to": time(2)}]}, "are times of the day"),
        ({"quiet_hours": [{"unit": "PLG-HQ", "from": time(2), "to": time(2)}]}, "ends when it begins"),
        ({"quiet_hours": [{"unit": "PLG-HQ", "from": time(1), "to": time(2), "holds": "all"}]}, "normal or urgent"),
        ({"quiet_hours": [{"unit": "PLG-HQ", "from": time(1), "to": time(2)}] * 2}, "has quiet hours already"),
        ({"receipt_within_minutes": {"urgent": 0}}, "at least one"),
        ({"receipt_within_minutes": {"loud": 5}}, "loud is an urgency"),
    ],
)
def test_what_cannot_be_right_is_refused_in_words(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeskInvalid, match=problem):
        preferences(document)
