"""What a prison sees of its own release: how far it has come, in the office's words, and what is still missing.

Nothing of what the office learns about the person: not where, by whom or how somebody was met, and no other person.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from contracts.reference import Reference
from services.registration.domain.case import Registration, Status
from services.registration.domain.whereabouts import FILE_PREFIX


class Progress(StrEnum):
    """How far a release has come, as far as its prison has to do with it."""

    ANNOUNCED = "announced"
    RELEASED = "released"
    MET = "met"
    REGISTERED = "registered"
    IN_QUESTION = "in_question"
    CANCELLED = "cancelled"
    HANDED_ON = "handed_on"
    CLOSED = "closed"


PROGRESS: Final[Mapping[Status, Progress]] = {
    Status.RELEASE_ANNOUNCED: Progress.ANNOUNCED,
    Status.PRE_REGISTERED: Progress.ANNOUNCED,
    Status.RELEASED: Progress.RELEASED,
    Status.CONTACT_OVERDUE: Progress.RELEASED,
    Status.TRACING: Progress.RELEASED,
    Status.ABSCONDED_SUSPECTED: Progress.RELEASED,
    Status.PROVISIONALLY_REGISTERED: Progress.MET,
    Status.SUBMITTED: Progress.MET,
    Status.REGISTERED: Progress.REGISTERED,
    Status.CANCELLED: Progress.CANCELLED,
    Status.CONFLICT: Progress.IN_QUESTION,
    Status.CLOSED: Progress.CLOSED,
    Status.HANDED_ON: Progress.HANDED_ON,
}
WORDS: Final[Mapping[Progress, str]] = {
    Progress.ANNOUNCED: "Rencana bebas sudah diterima Bapas.",
    Progress.RELEASED: "Pembebasan sudah dicatat; klien belum bertemu petugas Bapas.",
    Progress.MET: "Klien sudah bertemu petugas Bapas; registrasi sedang diproses.",
    Progress.REGISTERED: "Klien sudah terdaftar di Bapas.",
    Progress.IN_QUESTION: "Keterangan UPT dan temuan petugas Bapas berbeda; mohon hubungi Bapas.",
    Progress.CANCELLED: "Pembebasan dibatalkan.",
    Progress.HANDED_ON: "Klien dilimpahkan ke Bapas lain.",
    Progress.CLOSED: "Berkas ditutup.",
}
MISSING_WORDS: Final[Mapping[str, str]] = {
    "PRISON_REGISTER_NO": "nomor registrasi UPT",
    "RELEASE_TYPE": "jenis pembebasan",
    "DECREE_NO": "nomor SK",
    "DECREE_ON": "tanggal SK",
    "CATEGORY": "dewasa atau anak",
    "AGE_AT_OFFENCE": "umur saat tindak pidana",
    "FATHER_NAME": "bin/binti",
    "SEX": "jenis kelamin",
    "NIK": "NIK",
    "PHONE": "nomor telepon",
    "DOMICILE": "alamat domisili",
    "GUARANTOR": "penjamin",
    "GUARANTOR_NAME": "nama penjamin",
    "GUARANTOR_RELATION": "hubungan penjamin",
    "GUARANTOR_PHONE": "nomor telepon penjamin",
    "GUARANTOR_ADDRESS": "alamat penjamin",
    "GUIDANCE_FROM": "awal masa bimbingan",
    "GUIDANCE_UNTIL": "akhir masa bimbingan",
    "SENTENCE_ENDS_ON": "tanggal bebas murni",
    "HANDOVER_NO": "nomor BA serah terima",
    "PHOTO": "foto",
    "OFFENCE_GROUP": "jenis tindak pidana",
    "EMPLOYMENT": "pekerjaan",
    "SCHOOLING": "pendidikan",
    "SUPERVISING_PROSECUTOR": "kejaksaan pengawas",
    "BIRTH_DATE": "tanggal atau tahun lahir",
    "LITMAS_NO": "nomor litmas",
    "FACILITY_UNKNOWN": "kode UPT belum dikenal Bapas",
}
OTHER_FILE: Final = "berkas lain"
"""A paper that the counter names by a code of its own."""


class Missing(BaseModel):
    """Something that the office still waits for; none of it delays anything."""

    what: str = Field(description="The code under which the office lists it")
    words: str = Field(description="The same in Bahasa Indonesia")


class OwnRelease(BaseModel):
    """A release as its prison sees it."""

    release_id: str
    registration_id: UUID
    facility: str
    state: Progress
    words: str = Field(description="The state as the office says it, in Bahasa Indonesia")
    revision: int = Field(description="The latest revision that was taken; a correction carries a higher one")
    receiving_unit: str
    receiving_unit_name: str
    releases_on: date | None
    released_at: datetime | None
    met_at: datetime | None
    registered_at: datetime | None
    register_no: str | None
    ended_at: datetime | None
    missing: list[Missing]


class Changes(BaseModel):
    """Releases that changed, each as it stands now; the same one may come again when it changes again."""

    items: list[OwnRelease]
    next_since: str = Field(description="Pass it as `since` to go on, now or at any later time")
    more: bool = Field(description="Whether there is more to read at once")


def own_release_of(case: Registration, reference: Reference) -> OwnRelease:
    """The release as its prison is shown it."""
    unit, state = reference.units.get(case.receiving_unit), PROGRESS[case.status]
    kept = (case.announcement, case.release, case.cancellation, case.revocation)
    last = max((report for report in kept if report is not None), key=lambda report: report.revision)
    return OwnRelease(
        release_id=last.release_id,
        registration_id=case.registration_id,
        facility=case.facility,
        state=state,
        words=WORDS[state],
        revision=last.revision,
        receiving_unit=case.receiving_unit,
        receiving_unit_name=case.receiving_unit if unit is None else unit.name,
        releases_on=case.announcement.releases_on if case.announcement is not None else None,
        released_at=case.released_at,
        met_at=case.contact.at if case.contact is not None else None,
        registered_at=case.registered.at if case.registered is not None else None,
        register_no=case.registered.register_no if case.registered is not None else None,
        ended_at=case.closure.at if case.closure is not None else None,
        missing=[Missing(what=code, words=words_of(code)) for code in case.missing],
    )


def words_of(code: str) -> str:
    """What is missing, in Bahasa Indonesia."""
    return MISSING_WORDS.get(code.removeprefix(FILE_PREFIX), OTHER_FILE if code.startswith(FILE_PREFIX) else code)
