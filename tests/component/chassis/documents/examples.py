"""One paper of each kind, as the office would fill it in; the people are invented."""

from datetime import date
from typing import Any, Final

from chassis.documents.papers import (
    AdultReport,
    Assignment,
    Attendance,
    BoardMinutes,
    CaseDecided,
    Chapter,
    ChapterText,
    CoverLetter,
    Disposition,
    Labelled,
    OfficeNote,
    Officer,
    Paper,
    Passage,
    Quorum,
    Signature,
    Tally,
)
from contracts.reference.letterhead import load_letterhead

VERIFY_AT: Final = "https://bapas-palembang.example/v1/verify/GQ3TCMRQGA2DCNJSGY3TQOJQGE"
NUMBER: Final = "0412/LIT-D/PB/PLG-TJR/V/2026"
BAPAS_HEAD: Final = Signature(
    capacity="Mengetahui, Kepala Balai Pemasyarakatan",
    name="Drs. Ahmad Fauzi, M.Si.",
    service_no="19700314 199503 1 001",
    grade="Pembina Tingkat I",
    signed="29 Mei 2026 pukul 14.05 WIB",
)
AUTHOR: Final = Signature(
    capacity="Pembimbing Kemasyarakatan",
    name="Rina Marlina, S.H.",
    service_no="19880120 201012 2 003",
    grade="PK Ahli Muda",
    signed="27 Mei 2026 pukul 09.40 WIB",
)
LONG: Final = " ".join(
    ["Klien menerangkan bahwa ia tinggal bersama keluarga besarnya dan membantu usaha dagang orang tuanya sejak muda."]
    * 9
)

TEXTS: Final[dict[Chapter, dict[str, Any]]] = {
    Chapter.INTRODUCTION: {
        "form": (
            Labelled(label="Surat permintaan", value="W6.PAS.PAS.3-PK.04.01-118 tanggal 4 Mei 2026"),
            Labelled(label="Maksud", value="Bahan pertimbangan usul Pembebasan Bersyarat"),
            Labelled(label="Waktu penelitian", value="11 s.d. 22 Mei 2026"),
        ),
        "text": "Data dikumpulkan dengan cara:\n\n- wawancara dengan klien, keluarga, dan warga\n"
        "- observasi lingkungan\n- studi dokumen\n\n" + LONG,
    },
    Chapter.RESPONSES: {
        "passages": tuple(
            Passage(title=f"Tanggapan {who}", text="Menerima dan mendukung usul.\n\n" + LONG)
            for who in ("klien", "keluarga/penjamin", "korban", "masyarakat", "pemerintah setempat", "lapas")
        )
    },
    Chapter.ASSESSMENT: {
        "form": (
            Labelled(label="Instrumen", value="RRI dan Kriminogenik, PAS-31.OT.02.02/2021 versi 02"),
            Labelled(label="Tingkat risiko", value="Sedang (skor 8)"),
            Labelled(label="Kebutuhan kriminogenik", value="Sedang (skor 15): pendidikan/pekerjaan, pergaulan"),
        ),
        "text": LONG,
    },
    Chapter.RECOMMENDATION: {
        "text": "Klien direkomendasikan untuk memperoleh Pembebasan Bersyarat dengan syarat:\n\n"
        "- wajib lapor setiap bulan secara langsung\n- mengikuti pelatihan kerja\n- tidak meninggalkan kota tanpa izin",
    },
}


def signed_report(**said: Any) -> AdultReport:
    """The report on a parole case, signed by its author and the head."""
    chapters = tuple(
        ChapterText(chapter=chapter, **TEXTS.get(chapter, {"text": f"{LONG}\n\n{LONG}"})) for chapter in Chapter
    )
    return AdultReport(
        **{
            **common(number=NUMBER),
            "programmes": ("Pembebasan Bersyarat",),
            "revision": 2,
            "subject": (
                Labelled(label="Nama", value="Budi Santoso bin Harun"),
                Labelled(label="No. register lapas", value="BI.123/2024"),
                Labelled(label="Asal", value="Lapas Kelas IIA Tanjung Raja"),
            ),
            "author": (
                Labelled(label="Nama", value="Rina Marlina, S.H."),
                Labelled(label="NIP", value="19880120 201012 2 003"),
                Labelled(label="Jabatan", value="PK Ahli Muda"),
            ),
            "chapters": chapters,
            "signatures": (AUTHOR, BAPAS_HEAD),
            "annexes": ("Surat jaminan keluarga", "Salinan KTP dan KK penjamin", "Dokumentasi kunjungan rumah"),
            **said,
        }
    )


def common(*, number: str) -> dict[str, Any]:
    """What all papers bear."""
    head = load_letterhead()
    return {
        "letterhead": head,
        "number": number,
        "place": head.place,
        "dated_on": date(2026, 5, 29),
        "signatures": (BAPAS_HEAD,),
        "verify_at": VERIFY_AT,
    }


def an_assignment() -> Assignment:
    return Assignment(
        **common(number="0017/ST-LIT-D/PLG-TJR/V/2026"),
        basis=("Undang-Undang Nomor 22 Tahun 2022 tentang Pemasyarakatan", "Disposisi Kepala Bapas tanggal 5 Mei 2026"),
        officers=(
            Officer(
                name="Rina Marlina, S.H.", service_no="19880120 201012 2 003", grade="PK Ahli Muda", capacity="Ketua"
            ),
            Officer(name="Joko Susilo", service_no="19910708 201503 1 002", grade="APK Mahir", capacity="Pendamping"),
        ),
        task="Melaksanakan penelitian kemasyarakatan untuk usul Pembebasan Bersyarat",
        concerning="Budi Santoso bin Harun, BI.123/2024",
        at="Lapas Kelas IIA Tanjung Raja dan Kabupaten Ogan Ilir",
        period="11 s.d. 22 Mei 2026",
    )


def a_disposition() -> Disposition:
    return Disposition(
        **common(number="0231/SM/PLG-HQ/V/2026"),
        letter=(
            Labelled(label="Surat dari", value="Lapas Kelas IIA Tanjung Raja"),
            Labelled(label="Nomor dan tanggal", value="W6.PAS.PAS.3-PK.04.01-118, 4 Mei 2026"),
            Labelled(label="Diterima", value="5 Mei 2026 pukul 08.12 WIB"),
        ),
        from_whom="Kepala Balai Pemasyarakatan",
        to_whom="Kepala Seksi Bimbingan Klien Dewasa",
        instruction="Tugaskan PK dan selesaikan dalam tujuh hari kerja.",
        due="6 Mei 2026 pukul 16.30 WIB",
    )


def a_cover_letter() -> CoverLetter:
    return CoverLetter(
        **common(number="W6.PAS.PAS.9-PK.04.01-204"),
        register_no=NUMBER,
        to_whom=("Kepala Lapas Kelas IIA Tanjung Raja", "di Tanjung Raja"),
        concerning="Penyampaian laporan penelitian kemasyarakatan",
        text="Bersama ini disampaikan laporan penelitian kemasyarakatan sebagai bahan pertimbangan.",
        enclosed=(Labelled(label="Laporan litmas atas nama Budi Santoso", value="1 berkas, 9 halaman"),),
        copies=("Direktur Jenderal Pemasyarakatan",),
    )


def an_office_note() -> OfficeNote:
    return OfficeNote(
        **common(number="0088/ND/PLG-HQ/V/2026"),
        register_no=NUMBER,
        from_whom="Kepala Seksi Bimbingan Klien Dewasa",
        to_whom="Kepala Balai Pemasyarakatan",
        copies=("Kepala Subseksi Registrasi",),
        concerning="Laporan penelitian kemasyarakatan untuk ditandatangani",
        text="Laporan terlampir telah diperiksa, diparaf, dan disetujui sidang TPP tanggal 28 Mei 2026.",
    )


AGREED: Final = CaseDecided(
    register_no=NUMBER,
    concerning="Pembebasan Bersyarat",
    presented_by="Rina Marlina, S.H.",
    discussion="Anggota menanyakan kesiapan penjamin.\n\n- penjamin hadir\n- pekerjaan tersedia",
    decisions=(Labelled(label="Pembebasan Bersyarat", value="Disetujui"),),
    conditions=("wajib lapor setiap bulan", "mengikuti pelatihan kerja"),
)
VOTED: Final = CaseDecided(
    register_no="0413/LIT-D/CB/PLG-HQ/V/2026",
    concerning="Cuti Bersyarat",
    presented_by="Joko Susilo",
    discussion="Keadaan lingkungan dibahas.",
    decisions=(Labelled(label="Cuti Bersyarat", value="Ditolak"),),
    tally=Tally(in_favour=1, against=3),
    dissents=(Labelled(label="Anggota 4", value="Lingkungan dinilai cukup mendukung."),),
    excluded=(Labelled(label="Anggota 5", value="keluarga klien"),),
)


def the_minutes() -> BoardMinutes:
    members = tuple(
        Attendance(
            name=f"Anggota {place}",
            capacity="Ketua" if place == 1 else "Anggota",
            votes=True,
            present=place < 6,
            how="di ruang sidang, 09.00-11.20 WIB" if place < 6 else "tidak hadir: dinas luar",
        )
        for place in range(1, 8)
    )
    signatures = tuple(
        Signature(
            capacity=one.capacity,
            name=one.name,
            signed="28 Mei 2026 pukul 12.00 WIB" if place else None,
            not_signed=None if place else "cuti sejak 28 Mei 2026",
        )
        for place, one in enumerate(members[:5])
    )
    return BoardMinutes(
        **common(number="0021/TPP/PLG-HQ/V/2026") | {"signatures": signatures},
        hearing=(
            Labelled(label="SK TPP", value="W6.PAS.PAS.9-OT.02.02-3 tanggal 2 Januari 2026"),
            Labelled(label="Waktu", value="Kamis, 28 Mei 2026 pukul 09.00 s.d. 11.20 WIB"),
            Labelled(label="Tempat dan cara", value="Ruang sidang Bapas, tatap muka"),
        ),
        agenda=(f"{NUMBER}: Pembebasan Bersyarat", "0413/LIT-D/CB/PLG-HQ/V/2026: Cuti Bersyarat"),
        attendance=members,
        quorum=Quorum(members=7, present=5, needed=5),
        cases=(AGREED, VOTED),
    )


def papers() -> dict[str, Paper]:
    """All of them by the name of their template."""
    every = (signed_report(), an_assignment(), a_disposition(), a_cover_letter(), an_office_note(), the_minutes())
    return {paper.template: paper for paper in every}
