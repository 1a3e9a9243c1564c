"""Cases of several years as the service itself would hold them: every state, unit, prison, children, walk-ins. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from contracts.lapas import (
    Address,
    Attachment,
    CancelReason,
    ClientReleased,
    Guarantor,
    ReleaseAnnounced,
    ReleaseCancelled,
    ReleaseType,
    Sex,
    registration_id_of,
)
from contracts.reference import Reference
from contracts.registration import ClosingReason, ContactMethod, IdentityLevel
from contracts.roles import Role
from services.registration.domain.case import (
    ANNOUNCED,
    AWAITED,
    BiometricStatus,
    Closure,
    Contact,
    Registered,
    Registration,
    Status,
    Submitted,
    Tracing,
    TransferOffer,
)
from services.registration.domain.walked_in import WalkInReport

YEARS: Final = 8
SHARES: Final = (
    (Status.CLOSED, 560), (Status.REGISTERED, 340), (Status.PROVISIONALLY_REGISTERED, 15), (Status.RELEASED, 12),
    (Status.CONTACT_OVERDUE, 5), (Status.TRACING, 5), (Status.ABSCONDED_SUSPECTED, 3), (Status.SUBMITTED, 6),
    (Status.RELEASE_ANNOUNCED, 12), (Status.PRE_REGISTERED, 5), (Status.CANCELLED, 15), (Status.CONFLICT, 1),
    (Status.HANDED_ON, 21),
)  # fmt: skip
"""Of a thousand: almost all cases are over, and of the others more are open than any office of this size has."""
RECENT: Final = (*AWAITED, Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED, Status.CONFLICT)
RECENT_DAYS: Final = 14.0
WALK_INS_PER_CENT: Final = 4
OFFERED_PER_CENT: Final = 4
HEAD_OFFICE_PER_CENT: Final = 45
ONE_NAME_PER_CENT: Final = 12
GIVEN: Final = (
    "Muhammad", "Ahmad", "Budi", "Agus", "Siti", "Dewi", "Andi", "Rudi", "Hendra", "Yanto", "Iwan", "Joko", "Eko",
    "Dedi", "Rina", "Yuni", "Fitri", "Arif", "Bayu", "Candra", "Dimas", "Edi", "Fajar", "Gunawan", "Heru", "Indra",
    "Kurnia", "Lukman", "Maman", "Nanda", "Oki", "Putra", "Rahmat", "Slamet", "Toni", "Usman", "Wahyu", "Yusuf",
    "Zainal", "Ayu",
)  # fmt: skip
FAMILY: Final = (
    "Santoso", "Wijaya", "Saputra", "Hidayat", "Pratama", "Kusuma", "Lestari", "Rahayu", "Setiawan", "Susanto",
    "Nugroho", "Hasan", "Ibrahim", "Harahap", "Nasution", "Siregar", "Lubis", "Simanjuntak", "Tanjung", "Marpaung",
    "Utama", "Firmansyah", "Ramadhan", "Hakim", "Suryadi", "Suharto", "Permana", "Maulana", "Anwar", "Efendi",
    "Sihombing", "Ginting", "Sembiring", "Purba", "Damanik", "Batubara", "Daulay", "Hutapea", "Manurung", "Panjaitan",
)  # fmt: skip
CONDITIONS: Final = ("NO_CONTACT_WITH_VICTIM", "WEEKLY_REPORT")
SHA256: Final = "0f" * 32


@dataclass(frozen=True)
class Made:
    """A case, and how many lines its history has."""

    case: Registration
    known_at: datetime
    lines: int


def cases(count: int, *, now: datetime, reference: Reference, seed: int = 1) -> Iterator[Made]:
    """So many cases, the same for the same arguments, in no order of time, of names or of places."""
    maker = _Maker(random.Random(seed), now, reference)  # noqa: S311  a house that can be made again
    states, weights = zip(*SHARES, strict=True)
    for number in range(count):
        yield maker.make(number, maker.chance.choices(states, weights)[0])


class _Maker:
    """Draws cases one after the other."""

    def __init__(self, chance: random.Random, now: datetime, reference: Reference) -> None:
        self.chance = chance
        self._now = now
        self._reference = reference
        self._facilities = sorted(reference.facilities)
        self._weights = [weight_of(reference, code) for code in self._facilities]
        self._numbers: dict[tuple[str, int], int] = {}

    def make(self, number: int, status: Status) -> Made:
        """A case that has come to this state."""
        chance = self.chance
        facility = chance.choices(self._facilities, self._weights)[0]
        unit = self._reference.facilities[facility].receiving_unit
        juvenile = facility.startswith("LPKA") or chance.random() < 0.01
        age = timedelta(days=chance.uniform(0.1, RECENT_DAYS) if status in RECENT else chance.uniform(20, 365 * YEARS))
        released_at = self._now + timedelta(days=chance.randrange(1, 40)) if status in ANNOUNCED else self._now - age
        told = self._person(number, facility, released_at, juvenile=juvenile)
        case = self._reported(told, status, released_at, unit, juvenile=juvenile)
        return Made(case, min(released_at, self._now), _lines(status))

    def _person(self, number: int, facility: str, released_at: datetime, *, juvenile: bool) -> dict[str, Any]:
        chance, street = self.chance, f"Jl. Jenderal Sudirman No. {number % 400} RT 03 RW 05"
        home = Address(street=street, village="Talang Aman", regency="Palembang")
        one_name = chance.randrange(100) < ONE_NAME_PER_CENT
        names = [chance.choice(GIVEN), *([] if one_name else chance.choices(FAMILY, k=chance.choice((1, 1, 2))))]
        return {
            "release_id": f"{facility}.{released_at.year}.{number:06}",
            "facility": facility,
            "prison_register_no": f"BI.{number}/{released_at.year - 2}",
            "decree_no": f"PAS-{number}.PK.05.09 Tahun {released_at.year}",
            "release_type": chance.choice(tuple(ReleaseType)[:4]),
            "age_at_offence": 16 if juvenile else chance.randrange(19, 60),
            "name": " ".join(names),
            "father_name": f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}",
            "birth_on": date(1965 + number % 38, 1 + number % 12, 1 + number % 28),
            "sex": chance.choice(tuple(Sex)),
            "nik": f"16710{number:011}",
            "phone": "+62 812-7000-1234",
            "domicile": home,
            "guarantor": Guarantor(name="Ratna Sari", relation="SPOUSE", phone="+62 812-7000-4321", address=home),
            "special_conditions": CONDITIONS,
            "litmas_no": f"LIT.{number}/{released_at.year}",
            "attachments": [Attachment(kind="DECREE", reference=f"s3://papers/{number}.pdf", sha256=SHA256, pages=3)],
        }

    def _reported(
        self, told: dict[str, Any], status: Status, released_at: datetime, unit: str, *, juvenile: bool
    ) -> Registration:
        chance, facility = self.chance, told["facility"]
        release_id = told["release_id"]
        guidance = unit if chance.randrange(100) >= HEAD_OFFICE_PER_CENT else "PLG-HQ"
        facts: dict[str, Any] = {
            "registration_id": registration_id_of(release_id),
            "release_id": release_id,
            "status": status,
            "receiving_unit": unit,
            "guidance_unit": guidance,
            "holder_unit": guidance,
            "juvenile": juvenile,
            "missing": ("SENTENCE_ENDS_ON",),
            "officer": chance.choice(self._officers(guidance)),
            "sequence": _lines(status),
        }
        if status is Status.CANCELLED:
            facts["cancellation"] = ReleaseCancelled(
                release_id=release_id, facility=facility, reason=CancelReason.NOT_RELEASED, cancelled_at=released_at
            )
        if status in ANNOUNCED or chance.random() < 0.5:
            facts["announcement"] = ReleaseAnnounced(**told, releases_on=released_at.date())
        if status in {*ANNOUNCED, Status.CANCELLED}:
            return Registration(**facts)
        walked_in = status not in AWAITED and chance.randrange(100) < WALK_INS_PER_CENT
        if walked_in:
            facts["walk_in"] = WalkInReport(**_without(told, "release_id"), released_on=released_at.date())
        if walked_in and status is Status.PROVISIONALLY_REGISTERED:
            facts.pop("announcement", None)
        else:
            facts["release"] = ClientReleased(**told, released_at=released_at, reported_at=released_at)
        return Registration(
            **facts, **self._history(status, released_at, guidance, juvenile=juvenile, walked_in=walked_in)
        )

    def _officers(self, unit: str) -> Sequence[str]:
        officers = self._reference.officers.items()
        return [code for code, each in officers if each.unit == unit and each.role is Role.PROBATION_OFFICER]

    def _history(
        self, status: Status, released_at: datetime, unit: str, *, juvenile: bool, walked_in: bool
    ) -> dict[str, Any]:
        chance, found = self.chance, dict[str, Any]()
        if status is not Status.HANDED_ON and chance.randrange(100) < OFFERED_PER_CENT and status in RECENT:
            found["offer"] = TransferOffer(
                to_office="BAPAS-JAMBI", offered_at=released_at, answer_due_at=released_at + timedelta(days=3), by=unit
            )
        if status in {Status.TRACING, Status.ABSCONDED_SUSPECTED}:
            begun = released_at + timedelta(hours=72)
            found["tracing"] = Tracing(started_at=begun, calls_due_at=begun, visit_due_at=begun + timedelta(days=1))
            found["rungs_recorded"] = 3
        if status in AWAITED:
            return found
        at = released_at + timedelta(hours=chance.uniform(1, 60))
        found["contact"] = Contact(
            at=at, method=ContactMethod.AT_OUTPOST, by=f"AO-{unit}", slip_code="S-1", walked_in=walked_in
        )
        level = chance.choices((IdentityLevel.L3, IdentityLevel.L1), (80, 20))[0]
        found["identity_level"] = level
        captured = level is IdentityLevel.L3
        found["biometric_status"] = BiometricStatus.CAPTURED if captured else BiometricStatus.DEVICE_DOWN
        found["submission_from"] = at
        if status is Status.HANDED_ON:
            found["handed_on_to"] = "BAPAS-JAMBI"
        if status in {Status.SUBMITTED, Status.REGISTERED, Status.CLOSED}:
            found["submitted"] = Submitted(by=f"AO-{unit}", at=at + timedelta(hours=1))
        if status in {Status.REGISTERED, Status.CLOSED}:
            found["registered"] = self._registered(at + timedelta(days=1), unit, juvenile=juvenile)
        if status is Status.CLOSED:
            found["closure"] = Closure(reason=chance.choice(tuple(ClosingReason)), at=at + timedelta(days=400))
        return found

    def _registered(self, at: datetime, unit: str, *, juvenile: bool) -> Registered:
        register = "KLA-PB" if juvenile else "KLD-PB"
        number = self._numbers[register, at.year] = self._numbers.get((register, at.year), 0) + 1
        text = f"{number}/{register}/{unit}/{at.year}"
        return Registered(
            register_code=register, register_no=text, unit=unit, year=at.year, seq=number, at=at, by="SHA-HQ-01"
        )


def weight_of(reference: Reference, code: str) -> int:
    """A prison in Palembang frees several times as many as one beside an outpost; children are few."""
    if code.startswith("LPKA"):
        return 3
    return 20 if reference.facilities[code].receiving_unit == "PLG-HQ" else 6


def _lines(status: Status) -> int:
    return {Status.CLOSED: 7, Status.REGISTERED: 6, Status.RELEASE_ANNOUNCED: 1, Status.CANCELLED: 2}.get(status, 4)


def _without(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != name}
