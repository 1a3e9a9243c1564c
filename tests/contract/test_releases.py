"""Who a release is: the same facts are the same release, whichever door they come through."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid5

import pytest

from contracts.envelope import Malformed, parse
from contracts.lapas import (
    CancelReason,
    ClientReleased,
    ReleaseAnnounced,
    ReleaseCancelled,
    client_id_of,
    registration_id_of,
)

JAKARTA = timezone(timedelta(hours=7))
FRIDAY = datetime(2026, 5, 29, 16, 30, tzinfo=JAKARTA)


def _released(**changes: Any) -> ClientReleased:
    facts = {"facility": "LP1-PLG", "name": "Budi", "released_at": FRIDAY}
    return ClientReleased.model_validate(facts | changes)


def test_the_prisons_own_id_is_kept() -> None:
    assert _released(release_id="SDP/17 a").release_id == "SDP/17 a"


def test_announcement_release_and_cancellation_of_one_decree_are_one_release() -> None:
    facts: dict[str, Any] = {
        "facility": "LP1-PLG",
        "prison_register_no": "B.I 17/2025",
        "decree_no": "PAS-1 Tahun 2026",
    }

    announced = ReleaseAnnounced(**facts, name="Budi", releases_on=date(2026, 5, 28))
    released = _released(**facts)
    cancelled = ReleaseCancelled(**facts, reason=CancelReason.NEW_CASE, cancelled_at=FRIDAY)

    assert announced.release_id == released.release_id == cancelled.release_id


@pytest.mark.parametrize("spelling", ["b.i 17/2025", " B.I  17/2025 ", "B.I17/2025", "\uff22.I 17/2025"])
def test_the_spelling_of_a_number_does_not_make_another_release(spelling: str) -> None:
    usual = _released(prison_register_no="B.I 17/2025", decree_no="PAS-1 Tahun 2026")

    assert _released(prison_register_no=spelling, decree_no="pas-1 tahun 2026").release_id == usual.release_id


def test_without_decree_type_and_local_date_take_its_place() -> None:
    late = datetime(2026, 5, 29, 23, 30, tzinfo=JAKARTA)
    facts: dict[str, Any] = {"prison_register_no": "A.III 7/2026", "release_type": "full_term"}

    released = _released(**facts, released_at=late)
    in_utc = _released(**facts, released_at=late.astimezone(UTC))
    announced = ReleaseAnnounced(**facts, facility="LP1-PLG", name="Budi", releases_on=date(2026, 5, 29))
    cancelled = ReleaseCancelled(
        **facts, facility="LP1-PLG", reason=CancelReason.NEW_CASE, cancelled_at=FRIDAY, releases_on=date(2026, 5, 29)
    )
    next_day = _released(**facts, released_at=late + timedelta(hours=1))

    assert released.release_id == in_utc.release_id == announced.release_id == cancelled.release_id
    assert released.release_id != next_day.release_id


def test_two_people_of_one_decree_are_two_releases() -> None:
    one = _released(prison_register_no="B.I 17/2025", decree_no="PAS-1")
    other = _released(prison_register_no="B.I 18/2025", decree_no="PAS-1")

    assert one.release_id != other.release_id


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param("", id="nothing"),
        pytest.param(', "decree_no": "PAS-1"', id="a decree may be for many"),
        pytest.param(', "prison_register_no": "B.I 17/2025"', id="a register number alone"),
        pytest.param(', "release_id": null', id="null"),
        pytest.param(', "release_id": ""', id="empty"),
    ],
)
def test_a_release_that_cannot_be_told_from_another_is_malformed(facts: str) -> None:
    value = f'{{"facility": "LP1-PLG", "name": "Budi", "released_at": "2026-05-29T16:30:00+07:00"{facts}}}'

    with pytest.raises(Malformed, match=r"^field release_id: not_identified$"):
        parse(ClientReleased, value)


def test_a_missing_place_is_named_before_what_follows_from_it() -> None:
    with pytest.raises(Malformed, match=r"^field facility: missing$"):
        parse(ClientReleased, '{"name": "Budi", "released_at": "2026-05-29T16:30:00+07:00"}')


def test_ids_of_registration_and_client_follow_from_the_release() -> None:
    registration = registration_id_of("LP1-PLG.2026.0417")

    assert registration == registration_id_of("LP1-PLG.2026.0417")
    assert registration != registration_id_of("LP1-PLG.2026.0418")
    assert client_id_of(registration) not in {registration, client_id_of(registration_id_of("LP1-PLG.2026.0418"))}


def test_these_ids_never_change() -> None:
    """The recipe of the glossary, by which a prison finds the id itself."""
    by_hand = uuid5(UUID("5d1c3f0e-6a1b-5b6e-9c57-0c1f4a3f7e21"), "LP1-PLG|B.I17/2025|PAS-1TAHUN2026")
    released = _released(prison_register_no="B.I 17/2025", decree_no="PAS-1 Tahun 2026")
    registration = registration_id_of(released.release_id)

    assert released.release_id == str(by_hand) == "7bbdfb55-6d13-53d2-9906-72d0231bd43d"
    assert str(registration) == "f768739a-bbe4-5bd7-a77b-25382543bf2b"
    assert str(client_id_of(registration)) == "a613ddf2-c122-554a-9b14-c149cda6d8f9"


@pytest.mark.parametrize(
    ("facts", "child"),
    [
        pytest.param({}, False, id="an adult"),
        pytest.param({"category": "CHILD"}, True, id="by category"),
        pytest.param({"age_at_offence": 17}, True, id="by age at the offence"),
        pytest.param({"age_at_offence": 18}, False, id="of age at the offence"),
        pytest.param({"category": "ADULT", "age_at_offence": 16}, True, id="the age decides"),
        pytest.param({"facility": "LPKA-PLG"}, True, id="by institution"),
        pytest.param({"birth_on": date(2015, 1, 1)}, False, id="never by the age today"),
    ],
)
def test_a_child_travels_on_the_topic_of_children(facts: dict[str, Any], child: bool) -> None:  # noqa: FBT001  a column
    released = _released(release_id="1", **facts)

    assert released.is_juvenile is child
    assert released.topic == ("lapas.juvenile.events" if child else "lapas.events")


@pytest.mark.parametrize("year", [1899, 2201, 9999])
def test_a_year_in_which_no_calendar_can_count_is_malformed(year: int) -> None:
    value = f'{{"facility": "X", "name": "B", "release_id": "1", "released_at": "{year}-01-01T00:00:00Z"}}'

    with pytest.raises(Malformed, match=r"^field released_at: out_of_range$"):
        parse(ClientReleased, value)


def test_a_release_in_2099_is_readable() -> None:
    value = '{"facility": "X", "name": "B", "release_id": "1", "released_at": "2099-01-01T00:00:00Z"}'

    event, _ = parse(ClientReleased, value)

    assert isinstance(event, ClientReleased)


def test_only_place_name_and_moment_are_needed() -> None:
    required = {name for name, field in ClientReleased.model_fields.items() if field.is_required()}

    assert required == {"facility", "name", "released_at"}
