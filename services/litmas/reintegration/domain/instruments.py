"""The instruments of PAS-31.OT.02.02/2021, version 02: what is asked, how it is summed, and what the sum means.

Officers mis-add: the scores are summed here, and each answer carries the evidence for it. Which parts must be answered
follows from the risk score, sex and offence group.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from chassis.rules.refusal import Refused
from contracts.event import Fact
from contracts.lapas import Sex
from contracts.litmas import RiskBand
from contracts.personal import Code, Personal

VERSION: Final = "PAS-31-02"
EVIDENCE_CHARS_MAX: Final = 1_000
RISK_ITEMS: Final = 17
ADDITIONAL_ITEMS_MAX: Final = 20

NEEDS_CRIMINOGENIC_FROM: Final = 7
RISK_BANDS: Final = ((6, RiskBand.LOW), (11, RiskBand.MEDIUM), (15, RiskBand.HIGH), (17, RiskBand.VERY_HIGH))
NEEDS_BANDS: Final = ((10, RiskBand.LOW), (22, RiskBand.MEDIUM), (29, RiskBand.HIGH), (40, RiskBand.VERY_HIGH))
FACTORS: Final = {
    "FAMILY": 6,
    "EDUCATION_WORK": 10,
    "SUBSTANCES": 6,
    "SOCIAL_RELATIONS": 5,
    "LEISURE": 2,
    "MONEY": 2,
    "ANTISOCIAL_ATTITUDE": 7,
}
"""The seven criminogenic factors, and the highest score of each."""
NARCOTICS: Final = "NARCOTICS"

Evidence = Annotated[
    str,
    Personal("evidence"),
    StringConstraints(min_length=3, max_length=EVIDENCE_CHARS_MAX, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"),
]


class Answer(Fact):
    """An item that was answered: its points, and the evidence for them."""

    item: Code
    points: Annotated[int, Field(ge=0, le=10)]
    evidence: Evidence


class Answers(Fact):
    """The answers of one assessment, part by part; a part that does not apply is left out."""

    risk: Annotated[tuple[Answer, ...], Field(max_length=RISK_ITEMS)]
    """RRI part A: seventeen items of no or one point."""
    additional: Annotated[tuple[Answer, ...], Field(max_length=ADDITIONAL_ITEMS_MAX)] | None = None
    """RRI part B."""
    women: Annotated[tuple[Answer, ...], Field(max_length=ADDITIONAL_ITEMS_MAX)] | None = None
    """RRI part C."""
    narcotics: Annotated[tuple[Answer, ...], Field(max_length=ADDITIONAL_ITEMS_MAX)] | None = None
    """RRI part D."""
    criminogenic: Annotated[tuple[Answer, ...], Field(max_length=len(FACTORS))] | None = None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What an assessment comes to."""

    risk_score: int
    risk_band: RiskBand
    needs_score: int | None = None
    needs_band: RiskBand | None = None


class AssessmentIncomplete(Refused):
    """Parts of the instruments that apply to this person are not answered."""


class AnswersMisplaced(Refused):
    """Answers stand where the instrument has no such item, twice, or with more points than the item has."""


def scored(answers: Answers, *, sex: Sex | None, offence_group: str | None) -> Scores:
    """Sum the answers and say which band they come to; raises AssessmentIncomplete and AnswersMisplaced."""
    _check_items(answers)
    missing = missing_parts(answers, sex=sex, offence_group=offence_group)
    if missing:
        raise AssessmentIncomplete(f"these parts of the instruments are not answered: {', '.join(missing)}")
    risk = _sum(answers.risk)
    if answers.criminogenic is None:
        return Scores(risk_score=risk, risk_band=band_of(risk, RISK_BANDS))
    needs = _sum(answers.criminogenic)
    return Scores(
        risk_score=risk,
        risk_band=band_of(risk, RISK_BANDS),
        needs_score=needs,
        needs_band=band_of(needs, NEEDS_BANDS),
    )


def missing_parts(answers: Answers, *, sex: Sex | None, offence_group: str | None) -> tuple[str, ...]:
    """The parts that apply and are not answered.

    Seven points or more: the criminogenic needs. Fewer: part B, part C for a woman, part D and the needs for a
    narcotics offence; otherwise the needs only where B or C has something to tell.
    """
    found = [] if len(answers.risk) == RISK_ITEMS else ["risk"]
    needs = _sum(answers.risk) >= NEEDS_CRIMINOGENIC_FROM
    if not needs:
        narcotics = offence_group == NARCOTICS
        wanted = {"additional": True, "women": sex is Sex.FEMALE, "narcotics": narcotics}
        found += [part for part, applies in wanted.items() if applies and getattr(answers, part) is None]
        needs = narcotics or _sum(answers.additional) > 0 or (sex is Sex.FEMALE and _sum(answers.women) > 0)
    if needs and len(answers.criminogenic or ()) != len(FACTORS):
        found.append("criminogenic")
    return tuple(found)


def band_of(score: int, bands: tuple[tuple[int, RiskBand], ...]) -> RiskBand:
    """The band of a score."""
    return next((band for upto, band in bands if score <= upto), bands[-1][1])


def _check_items(answers: Answers) -> None:
    parts = (answers.risk, answers.additional, answers.women, answers.narcotics)
    for part in parts:
        items = [answer.item for answer in part or ()]
        if len(items) != len(set(items)) or any(answer.points > 1 for answer in part or ()):
            raise AnswersMisplaced
    factors = answers.criminogenic or ()
    if len({answer.item for answer in factors}) != len(factors):
        raise AnswersMisplaced
    if any(answer.points > FACTORS.get(answer.item, -1) for answer in factors):
        raise AnswersMisplaced


def _sum(part: tuple[Answer, ...] | None) -> int:
    return sum(answer.points for answer in part or ())
