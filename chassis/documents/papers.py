"""What stands on each paper of the office, as typed data: the templates only set it (domain: 4.1, 4.2, 10.7)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.reference.letterhead import Letterhead

LINE_CHARS_MAX: Final = 500
PROSE_CHARS_MAX: Final = 40_000
ROWS_MAX: Final = 400

# No control characters, and none that turn the direction of writing: they let a text read otherwise than it is.
_TURNING: Final = "\\u202a-\\u202e\\u2066-\\u2069"
_LINE: Final = rf"^[^\x00-\x1f\x7f-\x9f{_TURNING}]*$"
_PROSE: Final = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_TURNING}]*$"

Line = Annotated[str, StringConstraints(min_length=1, max_length=LINE_CHARS_MAX, pattern=_LINE)]
Prose = Annotated[str, StringConstraints(max_length=PROSE_CHARS_MAX, pattern=_PROSE)]
"""Text as it was written: blank lines part paragraphs, lines that begin with `- ` are a list."""
Address = Annotated[str, StringConstraints(pattern=r"^https?://[\x21-\x7e]{3,400}$")]

_MONTHS: Final = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November",
    "Desember",
)  # fmt: skip


def day_in_words(day: date) -> str:
    """A day as Indonesian letters write it, as in `29 Mei 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def time_in_words(at: datetime, zone: ZoneInfo) -> str:
    """An instant as a person in the office reads it, as in `29 Mei 2026 pukul 16.30 WIB`."""
    local = at.astimezone(zone)
    return f"{day_in_words(local.date())} pukul {local:%H.%M} {local.tzname()}"


class Part(BaseModel):
    """Something on a paper; what it does not know is a mistake of whoever fills it in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Labelled(Part):
    """A line of a form: what it is, and what is said."""

    label: Line
    value: Prose


class Signature(Part):
    """Who stands below: in which capacity, and when it was signed, or why not."""

    capacity: Line
    name: Line
    service_no: Line | None = None
    grade: Line | None = None
    signed: Line | None = None
    """When, in words; none for a signature that is still awaited or will be by hand."""
    not_signed: Line | None = None


class Paper(Part):
    """What every paper bears: letterhead, number, day, signatures, and where its genuineness is checked."""

    template: ClassVar[str]
    version: ClassVar[int] = 1

    letterhead: Letterhead
    number: Line
    place: Line
    dated_on: date
    signatures: Annotated[tuple[Signature, ...], Field(max_length=40)] = ()
    verify_at: Address | None = None


class Chapter(StrEnum):
    """The chapters of a report on an adult that are written; the thirteenth are the signatures (domain: 4.1)."""

    INTRODUCTION = "INTRODUCTION"
    IDENTITY = "IDENTITY"
    FAMILY = "FAMILY"
    LIFE_HISTORY = "LIFE_HISTORY"
    ENVIRONMENT = "ENVIRONMENT"
    OFFENCE = "OFFENCE"
    PRISON_LIFE = "PRISON_LIFE"
    RESPONSES = "RESPONSES"
    ASSESSMENT = "ASSESSMENT"
    ANALYSIS = "ANALYSIS"
    CONCLUSION = "CONCLUSION"
    RECOMMENDATION = "RECOMMENDATION"


TITLES: Final = {
    Chapter.INTRODUCTION: "Pendahuluan",
    Chapter.IDENTITY: "Identitas Klien",
    Chapter.FAMILY: "Identitas Keluarga dan Penjamin",
    Chapter.LIFE_HISTORY: "Riwayat Hidup Klien",
    Chapter.ENVIRONMENT: "Keadaan Keluarga, Lingkungan, dan Ekonomi",
    Chapter.OFFENCE: "Tindak Pidana",
    Chapter.PRISON_LIFE: "Kehidupan di Lembaga Pemasyarakatan",
    Chapter.RESPONSES: "Tanggapan",
    Chapter.ASSESSMENT: "Asesmen",
    Chapter.ANALYSIS: "Analisis",
    Chapter.CONCLUSION: "Kesimpulan",
    Chapter.RECOMMENDATION: "Rekomendasi",
}
SIGNATURES_TITLE: Final = "Pengesahan"


class Passage(Part):
    """A piece of a chapter under a heading of its own, as the responses of the victim."""

    title: Line
    text: Prose


class ChapterText(Part):
    """A chapter: a form, then text, then passages; a chapter without all of them says why it is left out."""

    chapter: Chapter
    form: Annotated[tuple[Labelled, ...], Field(max_length=ROWS_MAX)] = ()
    text: Prose = ""
    passages: Annotated[tuple[Passage, ...], Field(max_length=20)] = ()
    left_out: Line | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "ChapterText":
        says = bool(self.form or self.text.strip() or self.passages)
        if says == (self.left_out is not None):
            raise ValueError(f"chapter {self.chapter} says something or why it is left out, not both and not neither")
        return self


class AdultReport(Paper):
    """The social inquiry report on an adult, with all thirteen sections of domain 4.1."""

    template: ClassVar[str] = "adult-report"

    programmes: Annotated[tuple[Line, ...], Field(min_length=1, max_length=10)]
    revision: Annotated[int, Field(ge=1)]
    subject: Annotated[tuple[Labelled, ...], Field(min_length=1, max_length=20)]
    """Who the report is about, as on the cover."""
    author: Annotated[tuple[Labelled, ...], Field(min_length=1, max_length=10)]
    chapters: Annotated[tuple[ChapterText, ...], Field(max_length=12)]
    annexes: Annotated[tuple[Line, ...], Field(max_length=60)] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> "AdultReport":
        if [each.chapter for each in self.chapters] != list(Chapter):
            raise ValueError(f"a report has its {len(Chapter)} chapters, each once and in order")
        return self


class Officer(Part):
    """Somebody who is sent."""

    name: Line
    service_no: Line
    grade: Line
    capacity: Line


class Assignment(Paper):
    """Surat Tugas: who is sent where, for what and how long."""

    template: ClassVar[str] = "assignment"

    basis: Annotated[tuple[Prose, ...], Field(min_length=1, max_length=20)]
    officers: Annotated[tuple[Officer, ...], Field(min_length=1, max_length=20)]
    task: Prose
    concerning: Line
    at: Line
    period: Line


class Disposition(Paper):
    """Lembar disposisi: what the head decides about a letter that came in."""

    template: ClassVar[str] = "disposition"

    letter: Annotated[tuple[Labelled, ...], Field(min_length=1, max_length=20)]
    from_whom: Line
    to_whom: Line
    instruction: Prose
    due: Line
    read_at: Line | None = None


class CoverLetter(Paper):
    """Surat pengantar: what goes out with it, to whom, and who gets a copy."""

    template: ClassVar[str] = "cover-letter"

    register_no: Line
    to_whom: Annotated[tuple[Line, ...], Field(min_length=1, max_length=6)]
    concerning: Line
    text: Prose
    enclosed: Annotated[tuple[Labelled, ...], Field(min_length=1, max_length=60)]
    copies: Annotated[tuple[Line, ...], Field(max_length=20)] = ()


class OfficeNote(Paper):
    """Nota dinas: from one desk of the office to another."""

    template: ClassVar[str] = "office-note"

    register_no: Line
    from_whom: Line
    to_whom: Line
    copies: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    concerning: Line
    text: Prose


class Attendance(Part):
    """A member, and whether and how they took part."""

    name: Line
    capacity: Line
    votes: bool
    present: bool
    how: Line


class Quorum(Part):
    """More than two thirds of the members (domain: 3.4)."""

    members: Annotated[int, Field(ge=1)]
    present: Annotated[int, Field(ge=0)]
    needed: Annotated[int, Field(ge=1)]


class Tally(Part):
    """How was voted where there was no consensus."""

    in_favour: Annotated[int, Field(ge=0)]
    against: Annotated[int, Field(ge=0)]
    abstained: Annotated[int, Field(ge=0)] = 0


class CaseDecided(Part):
    """What was decided on one case, and how it came about."""

    register_no: Line
    concerning: Line
    presented_by: Line
    discussion: Prose
    decisions: Annotated[tuple[Labelled, ...], Field(min_length=1, max_length=12)]
    tally: Tally | None = None
    """None where the members agreed."""
    conditions: Annotated[tuple[Line, ...], Field(max_length=60)] = ()
    dissents: Annotated[tuple[Labelled, ...], Field(max_length=40)] = ()
    excluded: Annotated[tuple[Labelled, ...], Field(max_length=40)] = ()
    """Who did not take part in this case, and why."""


class BoardMinutes(Paper):
    """Berita acara of a hearing of the assessment team (domain: 3.4, 4.2)."""

    template: ClassVar[str] = "board-minutes"

    hearing: Annotated[tuple[Labelled, ...], Field(min_length=1, max_length=20)]
    """Decree of the team, time, place, mode."""
    agenda: Annotated[tuple[Line, ...], Field(min_length=1, max_length=ROWS_MAX)]
    attendance: Annotated[tuple[Attendance, ...], Field(min_length=1, max_length=60)]
    quorum: Quorum
    cases: Annotated[tuple[CaseDecided, ...], Field(max_length=ROWS_MAX)]
