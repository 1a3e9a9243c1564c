"""What a prison sees of its own request: the desk that holds it, in the office's words, and what is still missing.

The prison sees the same states as the office; nothing of what the report says, and not who heard whom.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from contracts.inquiries import Programme
from contracts.litmas import CancelledFor, Outcome
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.states import Status

WORDS: Final[Mapping[Status, str]] = {
    Status.REQUEST_RECEIVED: "Permintaan diterima; menunggu disposisi Kepala Bapas.",
    Status.RETURNED_INCOMPLETE: "Permintaan dikembalikan: berkas belum lengkap.",
    Status.DISPOSED: "Sudah didisposisi; menunggu penunjukan PK.",
    Status.ASSIGNED: "PK sudah ditunjuk.",
    Status.PREPARING: "PK menyiapkan berkas dan jadwal kunjungan.",
    Status.IN_FIELD: "PK dalam perjalanan ke UPT.",
    Status.DATA_COLLECTION: "Penggalian data dan asesmen berlangsung.",
    Status.ANALYSIS: "PK menganalisis data.",
    Status.DRAFTED: "Konsep litmas di Subseksi Registrasi.",
    Status.DRAFT_RETURNED: "Konsep litmas diperbaiki PK.",
    Status.NUMBERED_CHECKED: "Litmas bernomor; menunggu paraf Kasi.",
    Status.INITIALED: "Litmas sudah diparaf.",
    Status.IN_TPP: "Litmas menunggu sidang TPP.",
    Status.TPP_DEFERRED: "Litmas akan disidangkan ulang.",
    Status.TPP_REVISION: "Litmas diperbaiki sesuai catatan TPP.",
    Status.TPP_REJECTED: "Litmas ditolak TPP; menunggu keputusan lanjut.",
    Status.TPP_APPROVED: "Litmas disetujui TPP; menunggu tanda tangan Kepala Bapas.",
    Status.SIGNED: "Litmas sudah ditandatangani; menunggu pengiriman.",
    Status.DELIVERED: "Litmas sudah dikirim ke UPT.",
    Status.ARCHIVED: "Litmas sudah dikirim dan diarsipkan.",
    Status.CANCELLED: "Permintaan dibatalkan.",
    Status.CLOSED_REJECTED: "Litmas ditolak TPP dan ditutup; tidak ada litmas yang diterbitkan.",
}
"""Every state has an answer for the prison."""
MISSING_WORDS: Final[Mapping[str, str]] = {
    "JUDGMENT_EXCERPT": "petikan putusan",
    "EXECUTION_RECORD": "berita acara pelaksanaan putusan",
    "PROGRAMME_REPORT": "laporan perkembangan pembinaan atau asesmen",
    "PROSECUTOR_NOTICE": "surat pemberitahuan ke Kejaksaan Negeri",
    "REGISTER_F": "salinan register F",
    "CHANGE_LIST": "salinan daftar perubahan",
    "STATEMENT": "surat pernyataan",
    "FAMILY_GUARANTEE": "surat jaminan keluarga diketahui lurah/kades",
}


class Missing(BaseModel):
    """A paper that the office waits for."""

    what: str = Field(description="The code under which the list has it")
    words: str = Field(description="The same in Bahasa Indonesia")


class OwnRequest(BaseModel):
    """A request as its prison sees it."""

    request_id: str
    litmas_id: UUID
    facility: str
    state: Status
    words: str = Field(description="The state as the office says it, in Bahasa Indonesia")
    revision: int = Field(description="The latest revision that was taken; a correction carries a higher one")
    programmes: list[Programme]
    received_at: datetime
    missing: list[Missing]
    register_no: str | None
    delivered_at: datetime | None
    addenda: int
    cancelled_for: CancelledFor | None
    outcome: Outcome | None


class Changes(BaseModel):
    """Requests that changed, each as it stands now; the same one may come again when it changes again."""

    items: list[OwnRequest]
    next_since: str = Field(description="Pass it as `since` to go on, now or at any later time")
    more: bool = Field(description="Whether there is more to read at once")


def own_request_of(case: Litmas) -> OwnRequest:
    """The request as its prison is shown it."""
    said = [each.revision for each in (case.request, case.withdrawal) if each is not None]
    numbered, delivery, ending, result = case.numbered, case.delivery, case.ending, case.result
    return OwnRequest(
        request_id=case.request_id,
        litmas_id=case.litmas_id,
        facility=case.facility,
        state=case.status,
        words=WORDS[case.status],
        revision=max(said),
        programmes=list(case.programmes),
        received_at=case.received_at,
        missing=[Missing(what=code, words=MISSING_WORDS.get(code, code)) for code in case.missing],
        register_no=numbered.register_no if numbered is not None and delivery is not None else None,
        delivered_at=delivery.at if delivery is not None else None,
        addenda=case.addenda,
        cancelled_for=ending.reason if ending is not None else None,
        outcome=result.outcome if result is not None else None,
    )
