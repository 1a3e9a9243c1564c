"""The office's reference data, and what is refused of an office's own."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from contracts.lapas import ReleaseType
from contracts.reference import Clock, Reference, ReferenceInvalid, load_reference
from contracts.reference.loader import BUILT_IN
from contracts.roles import Role
from contracts.supervision import CheckInFrequency, CheckInMode, Stage


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference()


def test_the_office_has_a_head_office_and_five_outposts(reference: Reference) -> None:
    assert list(reference.units) == ["PLG-HQ", "PLG-SKY", "PLG-SRG", "PLG-TJR", "PLG-PBM", "PLG-KAG"]
    assert reference.head_office.code == "PLG-HQ"
    assert str(reference.zone) == "Asia/Jakarta"


@pytest.mark.parametrize(
    ("facility", "unit"),
    [
        ("LP1-PLG", "PLG-HQ"),
        ("LPP-PLG", "PLG-HQ"),
        ("RTN-PLG", "PLG-HQ"),
        ("LPKA-PLG", "PLG-HQ"),
        ("LP-SKY", "PLG-SKY"),
        ("LPN-BYA", "PLG-SRG"),
        ("LP-TJR", "PLG-TJR"),
        ("RTN-PBM", "PLG-PBM"),
        ("LP-KAG", "PLG-KAG"),
        ("LP-BGR", "PLG-HQ"),
    ],
)
def test_a_facility_releases_to_its_unit(reference: Reference, facility: str, unit: str) -> None:
    assert reference.receiving_unit(facility) == unit


@pytest.mark.parametrize(
    ("regency", "unit"),
    [
        ("OGAN_ILIR", "PLG-TJR"),
        ("Kab. Ogan Ilir", "PLG-TJR"),
        ("kabupaten ogan komering ilir", "PLG-KAG"),
        ("Kota Palembang", "PLG-HQ"),
        ("MUBA", "PLG-SKY"),
        ("Lahat", None),
        ("", None),
        (None, None),
    ],
)
def test_a_regency_is_served_by_one_unit(reference: Reference, regency: str | None, unit: str | None) -> None:
    assert reference.unit_of_regency(regency) == unit


def test_the_demo_weekend_is_long(reference: Reference) -> None:
    assert date(2026, 6, 1) in reference.holidays
    assert date(2026, 5, 29) not in reference.holidays
    assert {day.year for day in reference.holidays} == {2025, 2026, 2027}


@pytest.mark.parametrize(
    ("policy", "clock", "amount"),
    [
        ("D30-24", Clock.CAL_HOURS, 24),
        ("D30-48", Clock.CAL_HOURS, 48),
        ("D30-72", Clock.CAL_HOURS, 72),
        ("TRACING-CALLS", Clock.CAL_HOURS, 4),
        ("TRACING-VISIT", Clock.WORK_DAYS, 1),
        ("SUBMIT", Clock.WORK_DAYS, 2),
        ("RELEASE-UNCONFIRMED", Clock.CAL_HOURS, 4),
        ("SEARCH-REVIEW", Clock.CAL_DAYS, 7),
        ("TRANSFER-ANSWER", Clock.WORK_DAYS, 3),
        ("MISSING-FILES", Clock.WORK_DAYS, 5),
        ("ALERT-UNACKNOWLEDGED", Clock.CAL_HOURS, 2),
        ("DEAD-LETTER-OPEN", Clock.CAL_HOURS, 1),
        ("ROSTER-GAP", Clock.CAL_HOURS, 72),
        ("UNCONFIRMED-AGAIN", Clock.CAL_HOURS, 1),
    ],
)
def test_deadlines_are_rows(reference: Reference, policy: str, clock: Clock, amount: int) -> None:
    row = reference.policies[policy]

    assert (row.clock, row.amount) == (clock, amount)
    assert row.legal_source


def test_the_section_head_of_children_is_told_about_children(reference: Reference) -> None:
    amber = reference.policies["D30-48"]

    assert amber.breach_role_for(juvenile=True) is Role.SECTION_HEAD_CHILD
    assert amber.breach_role_for(juvenile=False) is Role.SECTION_HEAD_ADULT
    assert reference.policies["D30-72"].breach_role_for(juvenile=True) is Role.HEAD


def test_every_client_has_a_register(reference: Reference) -> None:
    for juvenile in (False, True):
        for release_type in (None, *ReleaseType):
            register = reference.register_for(release_type, juvenile=juvenile)

            assert register.code.startswith("KLA-" if juvenile else "KLD-")
    assert reference.register_for(ReleaseType.CONDITIONAL_RELEASE, juvenile=False).code == "KLD-PB"


def test_clients_report_monthly_in_person(reference: Reference) -> None:
    rule = reference.check_in_rule(Stage.FIRST)

    assert (rule.frequency, rule.mode) == (CheckInFrequency.MONTHLY, CheckInMode.IN_PERSON)


def test_somebody_can_act_in_every_step_of_a_registration(reference: Reference) -> None:
    roles = {officer.role for officer in reference.officers.values()}

    assert {Role.HEAD, Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD, Role.REGISTRAR_HEAD, Role.OPS} <= roles
    for unit in reference.units:
        assert reference.officers_of(unit, Role.PROBATION_OFFICER)
    assert any(officer.child_certified for officer in reference.officers_of("PLG-HQ", Role.PROBATION_OFFICER))


def test_the_version_is_a_fingerprint_of_the_files(reference: Reference, tmp_path: Path) -> None:
    same = _copy(tmp_path)

    assert load_reference(same).version == reference.version

    (same / "check_in.toml").write_text((same / "check_in.toml").read_text() + "\n# another version\n")

    assert load_reference(same).version != reference.version


def test_an_office_may_replace_single_files(tmp_path: Path, reference: Reference) -> None:
    (tmp_path / "holidays.toml").write_text('[[holiday]]\non = 2026-06-02\nkind = "JOINT_LEAVE"\nname = "Cuti"\n')

    changed = load_reference(tmp_path)

    assert changed.holidays == frozenset({date(2026, 6, 2)})
    assert changed.units == reference.units


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            "units.toml",
            "is_head_office = true",
            "is_head_office = false",
            "units.toml: one unit is the head office, not 0",
        ),
        ("units.toml", '["OKI"]', '["OKU"]', "units.toml: PLG-KAG serves OKU, which is no regency"),
        ("units.toml", '"PLG-SKY"', '"PLG-HQ"', "units.toml: PLG-HQ is there twice"),
        ("facilities.toml", '"PLG-KAG"', '"PLG-XXX"', "LP-KAG releases to PLG-XXX, which is no unit"),
        ("facilities.toml", '"LPKA-PLG"', '"ANAK-PLG"', "the code of ANAK-PLG does not say whether"),
        ("officers.toml", '"PLG-KAG"', '"PLG-XXX"', "works at PLG-XXX, which is no unit"),
        ("officers.toml", '"AHLI_MADYA"', '"GENERAL"', "officers.toml: "),
        ("check_in.toml", '"FINAL"', '"CONTINUED"', "check_in.toml: no row for stage FINAL"),
        ("registers.toml", 'code = "KLA-LN"', 'code = "KLA-LN"\nphone = 1', "registers.toml: "),
        ("office.toml", '"Asia/Jakarta"', '"Asia/Palembang"', "office.toml: Asia/Palembang is no time zone"),
        ("office.toml", "[office]", "[bureau]", "office.toml: one [office] is needed, not 0"),
        ("deadline_policies.toml", "amount = 72", "amount = 0", "deadline_policies.toml: "),
        ("holidays.toml", "on = 2026-06-01", "on = 2026-06-99", "holidays.toml: "),
        ("likeness.toml", "possible_from = 80", "possible_from = 87", "likeness.toml: "),
        ("likeness.toml", "facility = 15", "facility = 16", "likeness.toml: "),
        ("likeness.toml", "[likeness.birth]", "[likeness.age]", "likeness.toml: "),
    ],
)
def test_data_that_does_not_fit_is_refused_with_file_and_problem(
    tmp_path: Path, file: str, old: str, new: str, problem: str
) -> None:
    path = _copy(tmp_path) / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(ReferenceInvalid) as refusal:
        load_reference(tmp_path)

    assert problem in str(refusal.value)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceInvalid, match="is no directory"):
        load_reference(tmp_path / "nowhere")


def test_reference_data_holds_no_way_to_reach_anybody() -> None:
    text = (BUILT_IN / "officers.toml").read_text()

    assert "@" not in text
    assert "phone =" not in text


def _copy(directory: Path) -> Path:
    for path in BUILT_IN.glob("*.toml"):
        shutil.copy(path, directory)
    return directory
