"""Prisons from which nothing comes are noticed, once per span, and forgotten as soon as they speak."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.reference import Reference, ReferenceInvalid, load_reference
from contracts.registration import FacilitySilent
from services.registration.domain.silence import POLICY, Watch, check_policies, look, next_look

REFERENCE = load_reference()
FRIDAY = date(2026, 5, 29)
START = Watch(watch_id="facilities")


def morning(days: int, *, hour: int = 8) -> datetime:
    """So many days after the Friday, on the office's wall clock."""
    return datetime(2026, 5, 29, hour, tzinfo=REFERENCE.zone).astimezone(UTC) + timedelta(days=days)


def with_policy(row: str, **changes: object) -> Reference:
    """The reference data with one row of the policies changed."""
    policy = REFERENCE.policies[POLICY].model_copy(update={"id": row, **changes})
    return replace(REFERENCE, policies={**REFERENCE.policies, row: policy})


def silent_ones(facts: tuple[FacilitySilent, ...]) -> set[str]:
    return {fact.facility for fact in facts}


def all_spoke(on: date) -> dict[str, date]:
    return dict.fromkeys(REFERENCE.facilities, on)


@pytest.mark.parametrize(
    ("days", "silent"),
    [(6, False), (7, True), (8, True)],
    ids=["a day too early", "to the morning", "a day late"],
)
def test_a_prison_is_silent_when_its_days_have_passed(days: int, *, silent: bool) -> None:
    watch, _ = look(START, all_spoke(FRIDAY), now=morning(0), reference=REFERENCE)

    _, facts = look(watch, all_spoke(FRIDAY), now=morning(days), reference=REFERENCE)

    assert ("LP-SKY" in silent_ones(facts)) is silent
    assert "LPKA-PLG" not in silent_ones(facts), "which has a row of its own"


def test_what_is_told_names_the_last_word_and_the_unit() -> None:
    heard = all_spoke(FRIDAY + timedelta(days=7)) | {"LP-SKY": FRIDAY}
    watch, _ = look(START, heard, now=morning(1), reference=REFERENCE)

    _, (fact,) = look(watch, heard, now=morning(7), reference=REFERENCE)

    assert (fact.facility, fact.receiving_unit, fact.last_heard_on) == ("LP-SKY", "PLG-SKY", FRIDAY)
    assert (fact.silent_days, fact.due_at, fact.again) == (7, morning(7), False)


def test_a_silence_is_told_once_and_again_when_its_span_has_passed_once_more() -> None:
    watch = START
    told: list[tuple[int, bool]] = []
    for day in range(23):
        watch, facts = look(watch, {"LP-SKY": FRIDAY}, now=morning(day), reference=REFERENCE)
        told += [(day, fact.again) for fact in facts if fact.facility == "LP-SKY"]

    assert told == [(7, False), (14, True), (21, True)]
    assert watch.sequence == 3 * (len(REFERENCE.facilities) - 1)


def test_mornings_that_were_missed_are_one_notice() -> None:
    watch, _ = look(START, all_spoke(FRIDAY), now=morning(0), reference=REFERENCE)

    watch, late = look(watch, all_spoke(FRIDAY), now=morning(20), reference=REFERENCE)
    _, next_day = look(watch, all_spoke(FRIDAY), now=morning(21), reference=REFERENCE)

    assert [fact.silent_days for fact in late if fact.facility == "LP-SKY"] == [20]
    assert next_day == ()


def test_a_word_ends_the_silence_and_the_next_one_is_a_new_one() -> None:
    watch, first = look(START, {"LP-SKY": FRIDAY}, now=morning(7), reference=REFERENCE)
    spoke = FRIDAY + timedelta(days=8)
    watch, none = look(watch, {"LP-SKY": spoke}, now=morning(9), reference=REFERENCE)
    watch, second = look(watch, {"LP-SKY": spoke}, now=morning(15), reference=REFERENCE)

    assert (len(first), silent_ones(none), "LP-SKY" in silent_ones(second)) == (1, set(), True)
    again = next(fact for fact in second if fact.facility == "LP-SKY")
    assert (again.again, again.silence_id == first[0].silence_id) == (False, False)


def test_a_prison_that_never_spoke_is_counted_from_the_first_look() -> None:
    watch, at_first = look(START, {}, now=morning(0), reference=REFERENCE)

    _, facts = look(watch, {}, now=morning(7), reference=REFERENCE)

    assert at_first == ()
    assert {fact.last_heard_on for fact in facts} == {None}
    assert len(facts) == len(REFERENCE.facilities) - 1


def test_an_earlier_day_that_becomes_known_later_takes_nothing_back() -> None:
    """A clock that was set back, or a restored table: the last word stays the last word."""
    watch, _ = look(START, {"LP-SKY": FRIDAY}, now=morning(0), reference=REFERENCE)

    after, _ = look(watch, {"LP-SKY": FRIDAY - timedelta(days=30)}, now=morning(1), reference=REFERENCE)

    assert next(each for each in after.facilities if each.facility == "LP-SKY").since == FRIDAY


def test_a_prison_that_leaves_the_reference_data_is_not_waited_for() -> None:
    watch, _ = look(START, all_spoke(FRIDAY), now=morning(0), reference=REFERENCE)
    without = replace(REFERENCE, facilities={"LP1-PLG": REFERENCE.facilities["LP1-PLG"]})

    after, facts = look(watch, {}, now=morning(30), reference=without)

    assert (silent_ones(facts), [each.facility for each in after.facilities]) == ({"LP1-PLG"}, ["LP1-PLG"])


def test_a_row_may_count_working_days() -> None:
    """Monday 1 June is a holiday: three working days after the Friday end on Thursday."""
    reference = with_policy(f"{POLICY}.LP-SKY", clock="WORK_DAYS", amount=3)
    watch, _ = look(START, {"LP-SKY": FRIDAY}, now=morning(0), reference=reference)

    early, facts = (look(watch, {"LP-SKY": FRIDAY}, now=morning(days), reference=reference)[1] for days in (5, 7))

    assert "LP-SKY" not in silent_ones(early)
    assert "LP-SKY" in silent_ones(facts)


@pytest.mark.parametrize(
    ("now", "expected"),
    [(morning(0, hour=7), morning(0)), (morning(0), morning(1)), (morning(0, hour=23), morning(1))],
    ids=["before eight", "at eight", "at night"],
)
def test_the_next_look_is_the_next_morning(now: datetime, expected: datetime) -> None:
    assert next_look(now, REFERENCE) == expected


def test_a_service_without_the_row_does_not_start() -> None:
    policies = {name: row for name, row in REFERENCE.policies.items() if name != POLICY}

    with pytest.raises(ReferenceInvalid, match=POLICY):
        check_policies(replace(REFERENCE, policies=policies))


def test_a_row_for_a_prison_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(ReferenceInvalid, match="LP-NOWHERE"):
        check_policies(with_policy(f"{POLICY}.LP-NOWHERE"))
