"""The two clocks: ids that only grow, an office whose time can be stepped in all processes alike."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest

from chassis.clock import OfficeClock, OfficeClockInvalid, SteppedClock, SystemClock, Uuid7, write_office_clock

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FRIDAY_EVENING = datetime(2025, 9, 26, 9, 30, tzinfo=UTC)


def test_ids_are_of_version_seven_and_carry_the_time() -> None:
    made = SteppedClock(NOON).new_id()

    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == int(NOON.timestamp() * 1000)


def test_ids_only_grow_even_when_the_clock_stands_or_goes_back() -> None:
    ids = Uuid7()

    made = [ids.new(1_000) for _ in range(10_000)] + [ids.new(500) for _ in range(10)] + [ids.new(1_010)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_made_by_many_threads_are_all_different() -> None:
    clock = SystemClock()
    made: list[UUID] = []
    threads = [Thread(target=lambda: made.extend(clock.new_id() for _ in range(2_000))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 8_000


def test_the_system_clock_tells_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_a_stepped_clock_stands_until_it_is_stepped() -> None:
    clock = SteppedClock(NOON)
    before = (clock.now(), clock.monotonic())

    clock.step(timedelta(hours=24))

    assert before == (NOON, 0.0)
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(hours=24), 86_400.0)
    assert clock.nanoseconds() == int((NOON + timedelta(hours=24)).timestamp()) * 1_000_000_000


def test_a_stepped_clock_never_goes_back() -> None:
    clock = SteppedClock(NOON)

    with pytest.raises(ValueError, match="backwards"):
        clock.set(NOON - timedelta(seconds=1))


def test_without_a_file_the_office_has_the_systems_time() -> None:
    office = OfficeClock(SteppedClock(NOON))

    assert office.now() == NOON
    assert office.factor == 1.0


def test_a_file_that_is_not_there_yet_changes_nothing(tmp_path: Path) -> None:
    assert OfficeClock(SteppedClock(NOON), file=tmp_path / "clock.json").now() == NOON


def test_a_file_moves_the_office_and_lets_it_run_faster(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    system = SteppedClock(NOON)
    write_office_clock(file, system=NOON, office=FRIDAY_EVENING, factor=60)
    office = OfficeClock(system, file=file)
    before = office.now()

    system.step(timedelta(minutes=1))

    assert before == FRIDAY_EVENING
    assert office.now() == FRIDAY_EVENING + timedelta(hours=1)
    assert office.factor == 60


def test_replacing_the_file_steps_every_clock_that_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    write_office_clock(file, system=NOON, office=FRIDAY_EVENING, factor=0)
    clocks = [OfficeClock(SteppedClock(NOON), file=file) for _ in range(2)]
    assert [clock.now() for clock in clocks] == [FRIDAY_EVENING] * 2

    write_office_clock(file, system=NOON, office=FRIDAY_EVENING + timedelta(hours=72), factor=0)
    os.utime(file, ns=(1, 1))

    assert [clock.now() for clock in clocks] == [FRIDAY_EVENING + timedelta(hours=72)] * 2


def test_taking_the_file_away_gives_real_time_back(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    write_office_clock(file, system=NOON, office=FRIDAY_EVENING, factor=1)
    office = OfficeClock(SteppedClock(NOON), file=file)
    assert office.now() == FRIDAY_EVENING

    file.unlink()

    assert office.now() == NOON


def test_the_day_is_that_of_the_office(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    write_office_clock(file, system=NOON, office=datetime(2025, 12, 31, 23, 0, tzinfo=UTC), factor=0)

    office = OfficeClock(SteppedClock(NOON), file=file)

    assert office.today() == date(2026, 1, 1)
    assert office.local().hour == 6


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("not json", id="not JSON"),
        pytest.param("[]", id="another shape"),
        pytest.param(json.dumps({"system": NOON.isoformat()}), id="a part is missing"),
        pytest.param(json.dumps({"system": "2026-01-05T12:00", "office": NOON.isoformat()}), id="no zone"),
        pytest.param(
            json.dumps({"system": NOON.isoformat(), "office": NOON.isoformat(), "factor": -1}), id="backwards"
        ),
    ],
)
def test_a_broken_clock_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "clock.json"
    file.write_text(content)

    with pytest.raises(OfficeClockInvalid, match=r"clock\.json"):
        OfficeClock(SteppedClock(NOON), file=file).now()
