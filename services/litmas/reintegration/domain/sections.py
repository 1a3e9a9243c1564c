"""The report as text: its sections, which of them a report needs, and when it is complete."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from chassis.rules.refusal import Refused
from contracts.inquiries import Programme
from contracts.litmas import LitmasDrafted
from services.litmas.reintegration.domain.acts import SubmitDraft, WriteSection
from services.litmas.reintegration.domain.case import Acting, Draft, Litmas, Recommendation
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.field_work import of_the_officer
from services.litmas.reintegration.domain.states import TRANSITIONS, Step

SECTION_CHARS_MIN: Final = 3


class Section(StrEnum):
    """The sections that an author writes; the signatures, the thirteenth of an integration report, are the desks'."""

    INTRODUCTION = "INTRODUCTION"
    IDENTITY = "IDENTITY"
    FAMILY = "FAMILY"
    LIFE_HISTORY = "LIFE_HISTORY"
    ENVIRONMENT = "ENVIRONMENT"
    OFFENCE = "OFFENCE"
    PRISON_LIFE = "PRISON_LIFE"
    RESPONSES = "RESPONSES"
    VICTIM_RESPONSE = "VICTIM_RESPONSE"
    ASSESSMENT = "ASSESSMENT"
    ANALYSIS = "ANALYSIS"
    CONCLUSION = "CONCLUSION"
    RECOMMENDATION = "RECOMMENDATION"
    PROGRAMME_PLAN = "PROGRAMME_PLAN"


EARLY: Final = frozenset({Programme.INITIAL_PROGRAMME, Programme.INITIAL_PLACEMENT, Programme.DETENTION_CARE})
"""At the beginning of a sentence the victim is not asked, and a plan for the programme is made."""


class NoAssessment(Refused):
    """No draft without a completed assessment."""


class ReportIncomplete(Refused):
    """Sections of the report are not written yet."""


class SectionNotInThisReport(Refused):
    """A report of this kind has no such section."""


class TextChangedMeanwhile(Refused):
    """Somebody wrote in this section since you read it: your text was not saved, read theirs first."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A section as it stands: its text, by whom and when, and how often it was saved."""

    litmas_id: UUID
    section: Section
    text: str
    edition: int
    written_by: str
    written_at: datetime
    sequence: int = 0

    @property
    def key(self) -> str:
        """Which section of which report."""
        return key_of(self.litmas_id, self.section)


def key_of(litmas_id: UUID, section: Section) -> str:
    """The key of a section."""
    return f"{litmas_id}/{section.value}"


def needed(programmes: Iterable[Programme]) -> tuple[Section, ...]:
    """The sections of a report for these programmes, in their order."""
    wanted = frozenset(programmes)
    left_out: set[Section] = set()
    if wanted and wanted <= EARLY:
        left_out.add(Section.VICTIM_RESPONSE)
    if not wanted & EARLY:
        left_out.add(Section.PROGRAMME_PLAN)
    return tuple(section for section in Section if section not in left_out)


def write(
    case: Litmas,
    before: Written | None,
    section: Section,
    act: WriteSection,
    *,
    expected: int,
    by: Acting,
    now: datetime,
) -> Written:
    """The officer saves a section as it was read: edition 0 stands for one that nobody has written."""
    of_the_officer(case, by)
    TRANSITIONS.move(case.status, Step.WRITE)
    if section not in needed(case.programmes):
        raise SectionNotInThisReport
    edition = before.edition if before is not None else 0
    if before is not None and before.text == act.text and expected == edition - 1:
        return before
    if expected != edition:
        raise TextChangedMeanwhile
    return Written(
        litmas_id=case.litmas_id,
        section=section,
        text=act.text,
        edition=edition + 1,
        written_by=by.id,
        written_at=now,
    )


def unwritten(case: Litmas, texts: Mapping[Section, str]) -> tuple[Section, ...]:
    """The sections that are still empty."""
    return tuple(
        section for section in needed(case.programmes) if len(texts.get(section, "").strip()) < SECTION_CHARS_MIN
    )


def submit(case: Litmas, act: SubmitDraft, texts: Mapping[Section, str], *, by: Acting, now: datetime) -> Decided:
    """The report leaves its author: complete, and with an assessment."""
    of_the_officer(case, by)
    TRANSITIONS.move(case.status, Step.DRAFT)
    if case.assessed is None:
        raise NoAssessment
    empty = unwritten(case, texts)
    if empty:
        raise ReportIncomplete(f"these sections are not written yet: {', '.join(empty)}")
    revision = case.revision + 1
    content = content_hash(case, texts, act.recommendation, revision=revision)
    draft = Draft(by=by.id, at=now, revision=revision, content_hash=content, recommendation=act.recommendation)
    decided = Decided(case=case).moved(
        Step.DRAFT, at=now, reason=f"revision {revision}", draft=draft, revision=revision, initialed=None
    )
    return decided.said(LitmasDrafted, revision=revision, drafted_at=now)


def content_hash(case: Litmas, texts: Mapping[Section, str], recommendation: Recommendation, *, revision: int) -> str:
    """What a revision of the report says, as one hash: the same words give the same hash wherever it is made."""
    assessed = case.assessed
    said = {
        "litmas_id": str(case.litmas_id),
        "revision": revision,
        "programmes": list(case.programmes),
        "assessment": None if assessed is None else assessed.model_dump(mode="json", exclude={"by", "at"}),
        "recommendation": recommendation.value,
        "sections": [[section.value, texts.get(section, "")] for section in needed(case.programmes)],
    }
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
