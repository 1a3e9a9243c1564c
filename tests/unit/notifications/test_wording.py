"""The words: every template fits what it is filled with, and says nothing that somebody else could read along."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jinja2 import UndefinedError

from contracts import registration
from contracts.lapas import ReleaseType
from contracts.operations import ReasonKind
from contracts.reference import load_reference
from contracts.registration import EventDeadLettered, RegistrationFact, Source
from services.notifications.domain import saying, telling
from services.notifications.domain.ledger import Letter
from services.notifications.domain.parcels import DIGEST
from services.notifications.domain.reminding import TEMPLATES as TEMPLATE_OF
from services.notifications.domain.telling import RESTRICTED_TEMPLATE, RULES, TOLD_AS, Occasion
from services.notifications.wording import CURRENT, TEMPLATES, Wording, local_time
from tests.unit.notifications.builders import MOMENT, REGISTRATION, a_fact

REFERENCE = load_reference()
WORDING = Wording(zone=REFERENCE.zone)
SUBJECT = re.compile(r"(Segera|Tugas baru|Kabar): 0412…")


def letter_of(fact: RegistrationFact) -> Letter:
    case = telling.learn(telling.learn(None, a_fact(registration.RegistrationAnnounced)), fact)
    occasion = telling.occasion_of(fact)
    assert occasion is not None
    words = saying.words_of_case(occasion, case, fact.model_dump(), reference=REFERENCE)
    return WORDING.letter(telling.template_of(occasion, juvenile=case.juvenile), words)


EXAMPLES: list[RegistrationFact] = [
    *(a_fact(kind) for kind in TOLD_AS),
    *(
        a_fact(registration.FirstContactOverdue, hours=hours, known_late=late)
        for hours in (48, 72)
        for late in (True, False)
    ),
    a_fact(registration.RegistrationOpened, source=Source.WALK_IN),
    a_fact(registration.RegistrationOpened, reported_late=True, missing=("GUARANTOR", "PHONE")),
    a_fact(registration.RegistrationOpened, release_type=ReleaseType.ASSIMILATION, guidance_unit=None, officer=None),
    a_fact(registration.TracingOverdue, step="VISIT"),
    a_fact(registration.RegistrationRefused, then="CLOSURE"),
    a_fact(registration.RegistrationSubmitted, guidance_unit=None),
]


@pytest.mark.parametrize("fact", EXAMPLES, ids=[type(fact).__name__ for fact in EXAMPLES])
def test_every_fact_has_its_words_and_a_subject_that_says_nothing(fact: RegistrationFact) -> None:
    letter = letter_of(fact)

    assert SUBJECT.fullmatch(letter.subject)
    assert f"/v1/registrations/{REGISTRATION}" in letter.body
    assert "None" not in letter.body


@pytest.mark.parametrize("kind", sorted(TOLD_AS, key=str), ids=str)
def test_of_a_child_no_channel_says_more_than_that_there_is_something(kind: type[RegistrationFact]) -> None:
    letter = letter_of(a_fact(kind, juvenile=True))

    assert letter.template == RESTRICTED_TEMPLATE
    assert SUBJECT.fullmatch(letter.subject)
    for secret in ("LP-SKY", "Sekayu", "PLG", "Palembang", "2026", "pukul", "jam", "bebas", "anak"):
        assert secret not in letter.body


@pytest.mark.parametrize("hours", [24, 48, 72])
def test_a_rung_known_late_says_so(hours: int) -> None:
    late, punctual = (
        letter_of(a_fact(registration.FirstContactOverdue, hours=hours, known_late=known_late)).body
        for known_late in (True, False)
    )

    assert "baru diketahui" in late
    assert "baru diketahui" not in punctual
    assert f"{hours} jam sejak bebas" in late


def test_a_release_reported_late_says_so() -> None:
    assert "baru diketahui" in letter_of(a_fact(registration.RegistrationOpened, reported_late=True)).body


@pytest.mark.parametrize("occasion", [Occasion.GATE_DAY_BEFORE, Occasion.GATE_SAME_DAY, Occasion.STILL_UNCONFIRMED])
def test_every_clock_has_its_words(occasion: Occasion) -> None:
    case = telling.learn(None, a_fact(registration.RegistrationAnnounced))

    letter = WORDING.letter(RULES[occasion].template, saying.words_of_case(occasion, case, {}, reference=REFERENCE))

    assert SUBJECT.fullmatch(letter.subject)
    assert "Sabtu, 30 Mei 2026" in letter.body


@pytest.mark.parametrize("reminder", [False, True])
def test_a_dead_letter_is_described_by_codes(*, reminder: bool) -> None:
    letter = EventDeadLettered(
        dead_letter_id=UUID("0412bbbb-0000-7000-8000-000000000000"),
        consumer="registration",
        source_topic="lapas.events",
        reason_kind=ReasonKind.BUG,
        holds_key=True,
        upstream=True,
        reminder=reminder,
        dead_lettered_at=MOMENT,
    )
    occasion = telling.occasion_of_letter(letter)

    said = WORDING.letter(RULES[occasion].template, saying.words_of_letter(occasion, letter))

    assert SUBJECT.fullmatch(said.subject)
    assert "lapas.events" in said.body
    assert "ditahan" in said.body
    assert ("Sudah satu jam" in said.body) is reminder


def test_operations_learn_of_whom_they_have_to_tell_themselves() -> None:
    case = telling.learn(None, a_fact(registration.RegistrationOpened))
    words = saying.words_of_case(
        Occasion.UNREACHABLE, case, {"template": "released", "recipients": ["PO-HQ-01"]}, reference=REFERENCE
    )

    assert "PO-HQ-01" in WORDING.letter(RULES[Occasion.UNREACHABLE].template, words).body


def test_every_template_is_used_and_every_use_has_a_template() -> None:
    used = {rule.template for rule in RULES.values()} | {RESTRICTED_TEMPLATE, DIGEST} | set(TEMPLATE_OF.values())
    assert used == set(CURRENT)


def test_every_current_version_lies_there_and_old_ones_stay() -> None:
    files = {path.name for path in Path(TEMPLATES).glob("[!_]*.txt")}

    assert files >= {f"{name}.v{version}.txt" for name, version in CURRENT.items()}


def test_a_word_that_is_missing_is_a_mistake_and_not_a_gap() -> None:
    with pytest.raises(UndefinedError):
        WORDING.letter("released", {"mark": "0412…"})


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        pytest.param(datetime(2026, 5, 29, 9, 30, tzinfo=UTC), "Jumat, 29 Mei 2026 pukul 16.30 WIB", id="an afternoon"),
        pytest.param(
            datetime(2026, 12, 31, 23, 5, tzinfo=UTC),
            "Jumat, 1 Januari 2027 pukul 06.05 WIB",
            id="a year earlier in UTC",
        ),
    ],
)
def test_times_are_those_of_the_office(instant: datetime, expected: str) -> None:
    assert local_time(instant, REFERENCE.zone) == expected


def body_lines(**fields: Any) -> list[str]:
    return letter_of(a_fact(registration.RegistrationOpened, **fields)).body.splitlines()


def test_lines_of_a_letter_stay_apart() -> None:
    lines = body_lines()

    assert "Kode kasus    : 0412AAAA" in lines
    assert "Waktu bebas   : Jumat, 29 Mei 2026 pukul 16.30 WIB" in lines
    assert "Asal          : Lapas Kelas IIB Sekayu" in lines
    assert "Unit penerima : Pos Bapas Sekayu" in lines


def test_a_day_is_written_as_in_a_letter() -> None:
    case = telling.learn(None, a_fact(registration.RegistrationAnnounced, releases_on=date(2026, 8, 17)))
    words = saying.words_of_case(Occasion.GATE_SAME_DAY, case, {}, reference=REFERENCE)

    assert "Senin, 17 Agustus 2026" in WORDING.letter("gate-reminder", words).body
