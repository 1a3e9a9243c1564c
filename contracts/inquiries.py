"""What a social inquiry report (litmas) is asked for: the words that prisons, `litmas` and `tpp` share."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from contracts.event import Fact
from contracts.personal import Code, Day, DocumentNo

PROGRAMMES_MAX: Final = 8
TERM_YEARS_MAX: Final = 99
TERM_MONTHS_MAX: Final = 1_200
TERM_DAYS_MAX: Final = 36_500


class Programme(StrEnum):
    """What is decided with the help of a report about an adult; one report may serve several (UU 22/2022)."""

    DETENTION_CARE = "DETENTION_CARE"
    """perawatan tahanan"""
    INITIAL_PLACEMENT = "INITIAL_PLACEMENT"
    """penempatan awal"""
    INITIAL_PROGRAMME = "INITIAL_PROGRAMME"
    """pembinaan awal"""
    ASSIMILATION = "ASSIMILATION"
    """asimilasi"""
    CONDITIONAL_RELEASE = "CONDITIONAL_RELEASE"
    """pembebasan bersyarat (PB)"""
    CONDITIONAL_LEAVE = "CONDITIONAL_LEAVE"
    """cuti bersyarat (CB)"""
    PRE_RELEASE_LEAVE = "PRE_RELEASE_LEAVE"
    """cuti menjelang bebas (CMB)"""
    FAMILY_VISIT_LEAVE = "FAMILY_VISIT_LEAVE"
    """cuti mengunjungi keluarga (CMK)"""
    TRANSFER = "TRANSFER"
    """pemindahan"""
    GUIDANCE = "GUIDANCE"
    """pembimbingan"""
    ADULT_COURT = "ADULT_COURT"
    """sidang pengadilan, dewasa"""
    RESTORATIVE_JUSTICE = "RESTORATIVE_JUSTICE"
    """keadilan restoratif, dewasa (UU 20/2025)"""
    CLEMENCY = "CLEMENCY"
    """grasi"""
    SENTENCE_CHANGE = "SENTENCE_CHANGE"
    """perubahan pidana"""
    HALFWAY_HOUSE = "HALFWAY_HOUSE"
    """rumah singgah"""
    COMMUNITY_SERVICE = "COMMUNITY_SERVICE"
    """pidana kerja sosial (2026)"""
    SUPERVISION_SENTENCE = "SUPERVISION_SENTENCE"
    """pidana pengawasan (2026)"""


Programmes = Annotated[tuple[Programme, ...], Field(min_length=1, max_length=PROGRAMMES_MAX)]


class SentenceKind(StrEnum):
    """What was imposed."""

    TERM = "TERM"
    LIFE = "LIFE"
    DEATH = "DEATH"


class Sentence(Fact):
    """The sentence as the judgment has it; the parts of a term are added up by nobody."""

    kind: SentenceKind = SentenceKind.TERM
    years: int = Field(default=0, ge=0, le=TERM_YEARS_MAX)
    months: int = Field(default=0, ge=0, le=TERM_MONTHS_MAX)
    days: int = Field(default=0, ge=0, le=TERM_DAYS_MAX)


class Delegation(Fact):
    """Another office asks us (*pelimpahan*), by a letter of its own; the result goes back to it."""

    office: Code
    letter_no: DocumentNo
    letter_on: Day | None = None


class WithdrawalReason(StrEnum):
    """Why a prison takes its request back."""

    WITHDRAWN = "WITHDRAWN"
    MOVED = "MOVED"
    DIED = "DIED"
    NEW_OFFENCE = "NEW_OFFENCE"
    DISCIPLINE = "DISCIPLINE"
    """An entry in register F."""
    RELEASED = "RELEASED"
    OTHER = "OTHER"


class DecreeOutcome(StrEnum):
    """What became of the proposal that the report was for."""

    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
