"""The instruments are summed by the system, and which parts must be answered follows from what was answered."""

from typing import Any

import pytest

from contracts.lapas import Sex
from contracts.litmas import RiskBand
from services.litmas.reintegration.domain.instruments import (
    FACTORS,
    Answers,
    AnswersMisplaced,
    AssessmentIncomplete,
    missing_parts,
    scored,
)
from tests.unit.litmas.examples import needs, points


def answers(**parts: Any) -> Answers:
    """Answers as they are entered."""
    return Answers.model_validate({"risk": points(0)} | parts)


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (0, RiskBand.LOW), (6, RiskBand.LOW), (7, RiskBand.MEDIUM), (11, RiskBand.MEDIUM), (12, RiskBand.HIGH),
        (15, RiskBand.HIGH), (16, RiskBand.VERY_HIGH), (17, RiskBand.VERY_HIGH),
    ],
)  # fmt: skip
def test_the_risk_band_follows_from_the_sum_of_part_a(score: int, band: RiskBand) -> None:
    found = scored(
        answers(risk=points(score), additional=[], criminogenic=needs()), sex=Sex.MALE, offence_group="THEFT"
    )

    assert (found.risk_score, found.risk_band) == (score, band)


@pytest.mark.parametrize(
    ("scores", "total", "band"),
    [
        ({"FAMILY": 4, "EDUCATION_WORK": 1}, 10, RiskBand.LOW),
        ({"FAMILY": 5, "EDUCATION_WORK": 1}, 11, RiskBand.MEDIUM),
        ({"FAMILY": 6, "EDUCATION_WORK": 10, "SUBSTANCES": 2}, 22, RiskBand.MEDIUM),
        ({"FAMILY": 6, "EDUCATION_WORK": 10, "SUBSTANCES": 3}, 23, RiskBand.HIGH),
        ({"FAMILY": 6, "EDUCATION_WORK": 10, "SUBSTANCES": 6, "ANTISOCIAL_ATTITUDE": 4}, 29, RiskBand.HIGH),
        ({"FAMILY": 6, "EDUCATION_WORK": 10, "SUBSTANCES": 6, "ANTISOCIAL_ATTITUDE": 5}, 30, RiskBand.VERY_HIGH),
        (FACTORS, 38, RiskBand.VERY_HIGH),
    ],
    ids=["10", "11", "22", "23", "29", "30", "all"],
)
def test_the_needs_band_follows_from_the_sum_of_the_factors(scores: dict[str, int], total: int, band: RiskBand) -> None:
    found = scored(answers(risk=points(7), criminogenic=needs(**scores)), sex=Sex.MALE, offence_group=None)

    assert (found.needs_score, found.needs_band) == (total, band)


ROUTING = [
    pytest.param(7, {}, Sex.MALE, None, ("criminogenic",), id="seven points: the needs, always"),
    pytest.param(6, {}, Sex.MALE, None, ("additional",), id="fewer: part B"),
    pytest.param(6, {"additional": points(0, items=5)}, Sex.MALE, None, (), id="nothing ticked in B: no needs"),
    pytest.param(
        6, {"additional": points(1, items=5)}, Sex.MALE, None, ("criminogenic",), id="something ticked in B: the needs"
    ),
    pytest.param(6, {"additional": points(0, items=5)}, Sex.FEMALE, None, ("women",), id="a woman: part C"),
    pytest.param(
        6,
        {"additional": points(0, items=5), "women": points(1, items=3)},
        Sex.FEMALE,
        None,
        ("criminogenic",),
        id="something ticked in C: the needs",
    ),
    pytest.param(
        6,
        {"additional": points(0, items=5)},
        Sex.MALE,
        "NARCOTICS",
        ("narcotics", "criminogenic"),
        id="narcotics: part D and the needs",
    ),
    pytest.param(7, {"criminogenic": needs()[:6]}, Sex.MALE, None, ("criminogenic",), id="six of seven factors"),
]


@pytest.mark.parametrize(("score", "parts", "sex", "group", "missing"), ROUTING)
def test_which_parts_must_be_answered(
    score: int, parts: dict[str, Any], sex: Sex, group: str | None, missing: tuple[str, ...]
) -> None:
    given = answers(risk=points(score), **parts)

    assert missing_parts(given, sex=sex, offence_group=group) == missing
    if missing:
        with pytest.raises(AssessmentIncomplete, match=missing[0]):
            scored(given, sex=sex, offence_group=group)
    else:
        assert scored(given, sex=sex, offence_group=group).needs_score is None


def test_sixteen_of_seventeen_items_are_no_assessment() -> None:
    with pytest.raises(AssessmentIncomplete, match="risk"):
        scored(answers(risk=points(8)[:16], criminogenic=needs()), sex=Sex.MALE, offence_group=None)


@pytest.mark.parametrize(
    "parts",
    [
        {"risk": [*points(3)[:16], points(3)[0]]},
        {"risk": [points(3)[0] | {"points": 2}, *points(3)[1:]]},
        {"risk": points(8), "criminogenic": needs(FAMILY=7)},
        {"risk": points(8), "criminogenic": [*needs()[:6], needs()[0]]},
        {"risk": points(8), "criminogenic": [*needs()[:6], needs()[0] | {"item": "ZODIAC"}]},
    ],
    ids=[
        "an item twice",
        "two points for an item of one",
        "more than a factor has",
        "a factor twice",
        "no such factor",
    ],
)
def test_answers_that_the_instrument_does_not_have_are_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(AnswersMisplaced):
        scored(answers(**parts), sex=Sex.MALE, offence_group=None)
