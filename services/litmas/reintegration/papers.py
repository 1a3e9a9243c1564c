"""The report as a document: which words stand where, set before it is signed, and kept under its hash.

It is set outside of any transaction, and the signature names the edition that was set: what changed meanwhile is not
signed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Response

from chassis import audit
from chassis.documents.papers import (
    AdultReport,
    Chapter,
    ChapterText,
    Labelled,
    Passage,
    Signature,
    day_in_words,
    time_in_words,
)
from chassis.documents.rendering import NotRendered, Renderer
from chassis.documents.verification import Issued, address_of, new_token
from chassis.objects import Objects, StoredObject
from chassis.problems import NotFound, Problem
from chassis.service import ServiceContext
from contracts.inquiries import Programme, Sentence, SentenceKind
from contracts.reference import Reference
from contracts.reference.letterhead import Letterhead, load_letterhead
from services.litmas.reintegration import store
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.sections import Section
from services.litmas.reintegration.domain.states import FIXED

KIND: Final = "adult-report"
LINE_CHARS_MAX: Final = 500
ANNEXES_MAX: Final = 60
NOT_KNOWN: Final = "-"
PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The file as it was signed",
    }
}
_NO_PAPER: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a paper does not take: control characters, and those that turn the direction of writing."""

PROGRAMMES: Final[Mapping[Programme, str]] = {
    Programme.DETENTION_CARE: "Perawatan Tahanan",
    Programme.INITIAL_PLACEMENT: "Penempatan Awal",
    Programme.INITIAL_PROGRAMME: "Pembinaan Awal",
    Programme.ASSIMILATION: "Asimilasi",
    Programme.CONDITIONAL_RELEASE: "Pembebasan Bersyarat",
    Programme.CONDITIONAL_LEAVE: "Cuti Bersyarat",
    Programme.PRE_RELEASE_LEAVE: "Cuti Menjelang Bebas",
    Programme.FAMILY_VISIT_LEAVE: "Cuti Mengunjungi Keluarga",
    Programme.TRANSFER: "Pemindahan",
    Programme.GUIDANCE: "Pembimbingan",
    Programme.ADULT_COURT: "Sidang Pengadilan",
    Programme.RESTORATIVE_JUSTICE: "Keadilan Restoratif",
    Programme.CLEMENCY: "Grasi",
    Programme.SENTENCE_CHANGE: "Perubahan Pidana",
    Programme.HALFWAY_HOUSE: "Rumah Singgah",
    Programme.COMMUNITY_SERVICE: "Pidana Kerja Sosial",
    Programme.SUPERVISION_SENTENCE: "Pidana Pengawasan",
}
BANDS: Final = {"LOW": "rendah", "MEDIUM": "sedang", "HIGH": "tinggi", "VERY_HIGH": "sangat tinggi"}
RECOMMENDATIONS: Final = {
    "RECOMMENDED": "Direkomendasikan",
    "RECOMMENDED_WITH_CONDITIONS": "Direkomendasikan dengan syarat",
    "NOT_RECOMMENDED": "Tidak direkomendasikan",
}
PASSAGES: Final = {
    Chapter.RESPONSES: (Section.VICTIM_RESPONSE, "Tanggapan korban"),
    Chapter.RECOMMENDATION: (Section.PROGRAMME_PLAN, "Rencana program"),
}


@dataclass(frozen=True)
class SetReport:
    """A report as it was set for the head's signature: the file, when it is signed, and the token in its QR code."""

    file: StoredObject
    signed_at: datetime
    token: str


@dataclass(frozen=True)
class Press:
    """Sets reports, keeps them, and hands out copies of those that are signed."""

    context: ServiceContext
    objects: Objects
    letterhead: Letterhead
    renderer: Renderer = field(default_factory=Renderer)

    @classmethod
    def of(cls, context: ServiceContext) -> "Press":
        """The press of a running service."""
        settings = context.settings
        return cls(context, Objects.from_settings(settings), load_letterhead(settings.reference_dir))

    async def set_copy(self, case: Litmas) -> StoredObject:
        """The report as a file, for the team to read. Raises Problem where it cannot be set or kept."""
        return await self._file_of(case, on=self.context.office_clock.now())

    async def set_report(self, case: Litmas, *, signed_by: str) -> SetReport:
        """The report as a file, for the head to sign. Raises Problem where it cannot be set or kept."""
        at, token = self.context.office_clock.now(), new_token()
        verify_at = address_of(token, base=self.context.settings.public_url)
        file = await self._file_of(case, on=at, signed=Signed(by=signed_by, at=at, verify_at=verify_at))
        return SetReport(file, at, token)

    async def copy_of(self, case: Litmas) -> Response:
        """The file that the head signed, byte for byte. Raises NotFound for a report that is not signed."""
        if case.signature is None or case.status not in FIXED:
            raise NotFound("signed report")
        audit.saw("litmas", [case.litmas_id], ["report"])
        content = await self.objects.get(case.signature.reference)
        headers = {"Content-Disposition": f'attachment; filename="{case.litmas_id}.pdf"', "Cache-Control": "no-store"}
        return Response(content, media_type="application/pdf", headers=headers)

    async def _file_of(self, case: Litmas, *, on: datetime, signed: "Signed | None" = None) -> StoredObject:
        written = await store.read_sections(self.context.pool, case.litmas_id)
        texts = {section: row.text for section, row in written.items()}
        reference = self.context.reference
        paper = paper_of(case, texts, letterhead=self.letterhead, reference=reference, on=on, signed=signed)
        try:
            rendered = await self.renderer.render(paper)
        except NotRendered as failure:
            raise Problem(503, kind="not-set", detail="the report could not be set as a file") from failure
        return await self.objects.put(KIND, rendered.pdf)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """The head's signature on a report: by whom, when, and where anybody can check it."""

    by: str
    at: datetime
    verify_at: str


def issued(case: Litmas, report: SetReport) -> Issued:
    """What anybody who holds the signed report may be told."""
    number = case.numbered.register_no if case.numbered is not None else NOT_KNOWN
    return Issued(
        token=report.token,
        kind=KIND,
        number=number,
        subject=case.litmas_id,
        revision=case.revision,
        signed_at=report.signed_at,
        file=report.file,
    )


def paper_of(
    case: Litmas,
    texts: Mapping[Section, str],
    *,
    letterhead: Letterhead,
    reference: Reference,
    on: datetime,
    signed: Signed | None = None,
) -> AdultReport:
    """What stands on the report of this day."""
    zone = reference.zone
    return AdultReport(
        letterhead=letterhead,
        number=case.numbered.register_no if case.numbered is not None else NOT_KNOWN,
        place=letterhead.place,
        dated_on=on.astimezone(zone).date(),
        programmes=tuple(PROGRAMMES[programme] for programme in case.programmes),
        revision=case.revision,
        subject=_subject_of(case, reference),
        author=_author_of(case, reference),
        chapters=tuple(_chapter_of(chapter, case, texts) for chapter in Chapter),
        signatures=tuple(_signatures_of(case, signed, zone)),
        annexes=tuple(_line(attachment.kind) for attachment in case.letter.attachments)[:ANNEXES_MAX],
        verify_at=None if signed is None else signed.verify_at,
    )


def _signatures_of(case: Litmas, signed: Signed | None, zone: ZoneInfo) -> Iterator[Signature]:
    if case.draft is not None:
        at = time_in_words(case.draft.at, zone)
        yield Signature(capacity="Pembimbing Kemasyarakatan", name=_line(case.draft.by), signed=at)
    capacity = "Mengetahui, Kepala Balai Pemasyarakatan"
    if signed is None:
        yield Signature(capacity=capacity, name="Kepala Balai Pemasyarakatan")
    else:
        yield Signature(capacity=capacity, name=_line(signed.by), signed=time_in_words(signed.at, zone))


def _subject_of(case: Litmas, reference: Reference) -> tuple[Labelled, ...]:
    person, facility = case.letter, reference.facilities.get(case.facility)
    return tuple(
        _form(
            ("Nama", " bin/binti ".join(filter(None, (person.name, person.father_name)))),
            ("Alias", person.alias),
            ("No. register UPT", person.prison_register_no),
            ("UPT", case.facility if facility is None else facility.name),
        )
    )


def _author_of(case: Litmas, reference: Reference) -> tuple[Labelled, ...]:
    officer = reference.officers.get(case.officer or "")
    grade = officer.grade.replace("_", " ").title() if officer is not None and officer.grade is not None else None
    assignment = case.assignment.number if case.assignment is not None else None
    return tuple(_form(("Petugas", case.officer), ("Jenjang", grade), ("Surat Tugas", assignment)))


def _chapter_of(chapter: Chapter, case: Litmas, texts: Mapping[Section, str]) -> ChapterText:
    section, title = PASSAGES.get(chapter, (None, ""))
    passage = _prose(texts.get(section, "")) if section is not None else ""
    passages = (Passage(title=title, text=passage),) if passage.strip() else ()
    form, text = tuple(_form(*FORMS.get(chapter, _nothing)(case))), _prose(texts.get(Section(chapter.value), ""))
    empty = not (form or text.strip() or passages)
    left_out = "Tidak diperlukan untuk jenis litmas ini." if empty else None
    return ChapterText(chapter=chapter, form=form, text=text, passages=passages, left_out=left_out)


def _introduction(case: Litmas) -> tuple[tuple[str, str | None], ...]:
    letter = case.letter
    return (
        ("Surat permintaan", letter.letter_no),
        ("Tanggal surat", _day(letter.letter_on)),
        ("Maksud", ", ".join(PROGRAMMES[programme] for programme in case.programmes)),
        ("Dilimpahkan oleh", letter.delegated_by.office if letter.delegated_by is not None else None),
    )


def _identity(case: Litmas) -> tuple[tuple[str, str | None], ...]:
    person = case.letter
    born = _day(person.birth_on) or (str(person.birth_year) if person.birth_year is not None else None)
    sex = {"FEMALE": "Perempuan", "MALE": "Laki-laki"}.get(person.sex or "")
    return (("Nama", person.name), ("Tanggal lahir", born), ("Jenis kelamin", sex), ("NIK", person.nik))


def _family(case: Litmas) -> tuple[tuple[str, str | None], ...]:
    guarantor = case.letter.guarantor
    if guarantor is None:
        return ()
    return (("Penjamin", guarantor.name), ("Hubungan", guarantor.relation), ("Telepon", guarantor.phone))


def _offence(case: Litmas) -> tuple[tuple[str, str | None], ...]:
    letter = case.letter
    return (
        ("Golongan tindak pidana", letter.offence_group),
        ("Pengadilan", letter.court),
        ("Nomor perkara", letter.case_no),
        ("Pidana", _sentence(letter.sentence)),
        ("1/3 masa pidana", _day(letter.one_third_on)),
        ("1/2 masa pidana", _day(letter.half_on)),
        ("2/3 masa pidana", _day(letter.two_thirds_on)),
        ("Ekspirasi", _day(letter.sentence_ends_on)),
    )


def _assessment(case: Litmas) -> tuple[tuple[str, str | None], ...]:
    found = case.assessed
    if found is None:
        return ()
    needs = None if found.needs_band is None else f"{BANDS[found.needs_band]} ({found.needs_score})"
    return (
        ("Instrumen", "RRI dan Kriminogenik, PAS-31.OT.02.02/2021 versi 02"),
        ("Tingkat risiko residivisme", f"{BANDS[found.risk_band]} ({found.risk_score})"),
        ("Kebutuhan kriminogenik", needs),
    )


def _recommendation(case: Litmas) -> tuple[tuple[str, str | None], ...]:
    return (("Rekomendasi", RECOMMENDATIONS[case.draft.recommendation] if case.draft is not None else None),)


def _nothing(_case: Litmas) -> tuple[tuple[str, str | None], ...]:
    return ()


FORMS: Final = {
    Chapter.INTRODUCTION: _introduction,
    Chapter.IDENTITY: _identity,
    Chapter.FAMILY: _family,
    Chapter.OFFENCE: _offence,
    Chapter.ASSESSMENT: _assessment,
    Chapter.RECOMMENDATION: _recommendation,
}
"""What a chapter shows of what is known already, so that nobody types it a second time."""


def _form(*rows: tuple[str, str | None]) -> Iterator[Labelled]:
    return (Labelled(label=label, value=_line(value)) for label, value in rows if value)


def _sentence(sentence: Sentence | None) -> str | None:
    if sentence is None:
        return None
    if sentence.kind is not SentenceKind.TERM:
        return {SentenceKind.LIFE: "Seumur hidup", SentenceKind.DEATH: "Pidana mati"}[sentence.kind]
    parts = ((sentence.years, "tahun"), (sentence.months, "bulan"), (sentence.days, "hari"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or None


def _day(day: date | None) -> str | None:
    return None if day is None else day_in_words(day)


def _line(text: str) -> str:
    return " ".join(_NO_PAPER.sub(" ", text).split())[:LINE_CHARS_MAX] or NOT_KNOWN


def _prose(text: str) -> str:
    return _NO_PAPER.sub("", text.replace("\r\n", "\n").replace("\t", " "))
