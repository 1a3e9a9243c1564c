"""How alike two persons are: by name as it is written here, by birth, and by the prison's register; data says how."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.lapas import ReleasedPerson
from contracts.reference import LikenessPolicy
from services.registration.domain.likeness import (
    Features,
    Identity,
    Level,
    compare,
    features_of,
    fingerprint_of,
    identity_of,
    keys_of,
)
from tests.unit.registration.examples import REFERENCE, a_released_client

POLICY = REFERENCE.likeness
BORN = date(1990, 5, 12)
NIK = "1671061205900003"


def somebody(name: str = "Budi Santoso", **known: Any) -> Features:
    """A person as reported, ready to be compared."""
    nothing: dict[str, Any] = dict.fromkeys(each.name for each in fields(Identity))
    return features_of(Identity(**nothing | {"name": name, "facility": "LP1-PLG"} | known), POLICY)


def level(one: Features, other: Features) -> Level | None:
    """How alike two are, by the policy that comes with the contracts."""
    return compare(one, other, POLICY).level


@pytest.mark.parametrize(
    ("written", "other"),
    [
        pytest.param("Muhammad Rizki", "M. Rizky", id="shortened"),
        pytest.param("Achmad Saputra", "AHMAD SAPOETRA", id="old spelling"),
        pytest.param("H. Syarifuddin, SH", "Sarifudin", id="titles"),
        pytest.param("Siti Nur'aini", "St. Nuraini", id="an apostrophe"),
        pytest.param("Joko Susilo", "Susilo  Joko", id="turned round"),
        pytest.param("José Amaral", "Jose Amaral", id="accents"),
    ],
)
def test_one_name_written_in_two_ways_is_as_good_as_one(written: str, other: str) -> None:
    assert compare(somebody(written), somebody(other), POLICY).name == 100


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(
            somebody(nik=NIK), somebody("Quite Other", nik="16.7106.120590.0003"), Level.SUSPECTED, id="the same NIK"
        ),
        pytest.param(somebody(birth_on=BORN), somebody(birth_on=BORN), Level.SUSPECTED, id="name and date"),
        pytest.param(
            somebody(birth_on=BORN), somebody("Budi Susanto", birth_on=BORN), Level.POSSIBLE, id="nearly the name"
        ),
        pytest.param(somebody(birth_on=BORN), somebody(birth_year=1990), Level.POSSIBLE, id="name and year"),
        pytest.param(
            somebody(prison_register_no="BI. 12/2025"),
            somebody("Budi Santosa", prison_register_no="bi12/2025", birth_year=1990),
            Level.POSSIBLE,
            id="nearly the name, and the number",
        ),
        pytest.param(
            somebody(prison_register_no="BI. 12/2025"),
            somebody(prison_register_no="bi12/2025"),
            Level.SUSPECTED,
            id="the name and the number",
        ),
        pytest.param(somebody(birth_on=BORN), somebody(birth_year=1971), None, id="the name, and another age"),
        pytest.param(somebody(birth_on=BORN), somebody("Agus Wijaya", birth_on=BORN), None, id="the date alone"),
        pytest.param(
            somebody(prison_register_no="B1/25"),
            somebody("Agus Wijaya", prison_register_no="B1/25"),
            None,
            id="the number alone",
        ),
        pytest.param(
            somebody(birth_on=date(1990, 12, 5)), somebody(birth_on=BORN), Level.SUSPECTED, id="day and month exchanged"
        ),
        pytest.param(
            somebody("Udin", alias="Budi Santoso", birth_on=BORN), somebody(birth_on=BORN), Level.SUSPECTED, id="alias"
        ),
        pytest.param(
            somebody("Budi bin Karto", birth_on=BORN),
            somebody("Budi bin Slamet", birth_on=BORN),
            Level.POSSIBLE,
            id="another father",
        ),
        pytest.param(
            somebody("Budi bin Karto", birth_on=BORN),
            somebody("Budi", father_name="Karto", birth_on=BORN),
            Level.SUSPECTED,
            id="the father in a field of its own",
        ),
    ],
)
def test_two_are_suspected_or_possible_by_what_is_known(one: Features, other: Features, expected: Level | None) -> None:
    assert level(one, other) is expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(somebody(nik="0000000000000000"), somebody("Agus", nik="0000000000000000"), id="all the same"),
        pytest.param(somebody(nik="12345"), somebody("Agus", nik="12345"), id="too short"),
        pytest.param(somebody(nik="-"), somebody("Agus", nik="-"), id="no digit"),
    ],
)
def test_what_fills_the_field_of_a_nik_is_nobodys_number(one: Features, other: Features) -> None:
    assert one.nik is None
    assert level(one, other) is None


def test_the_first_of_january_stands_for_a_year_alone() -> None:
    told = compare(somebody(birth_on=date(1990, 1, 1)), somebody(birth_on=date(1990, 1, 1)), POLICY)

    assert told.birth == POLICY.birth.same_year


def test_two_who_are_alike_share_something_by_which_they_are_found() -> None:
    pairs = [
        (somebody("Muhammad Rizki"), somebody("M. Rizky Pratama")),
        (somebody("Abdul Rahman"), somebody("Abdulrahman")),
        (somebody("Joko Susilo Widodo"), somebody("Widodo Joko")),
        (somebody("Budi", birth_on=BORN), somebody("Bambang", birth_on=BORN)),
        (somebody("Dewi Sartika", birth_year=1990), somebody("Dwi Sulastri", birth_on=BORN)),
        (somebody("Budi", prison_register_no="A.1"), somebody("Agus", prison_register_no="a 1")),
        (somebody("Budi", nik=NIK), somebody("Agus", nik=NIK)),
    ]

    assert [(one.names, other.names) for one, other in pairs if not {*keys_of(one)} & {*keys_of(other)}] == []


def test_a_number_in_the_register_of_another_prison_says_nothing() -> None:
    here, there = somebody(prison_register_no="A.1"), somebody("Agus", prison_register_no="A.1", facility="LP-SKY")

    assert not {*keys_of(here)} & {*keys_of(there)}


NAMES = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(["M.", "Muhammad", "bin", "H.", "Rizki", "Rizky", "Siti", "Budi", "-", ","]), min_size=1)
    .map(" ".join),
)  # fmt: skip
PERSONS = st.builds(
    Identity,
    name=NAMES,
    alias=st.none() | NAMES,
    father_name=st.none() | NAMES,
    birth_on=st.none() | st.dates(date(1900, 1, 1), date(2199, 12, 31)),
    birth_year=st.none() | st.integers(1900, 2199),
    nik=st.none() | st.text(max_size=20) | st.just(NIK),
    facility=st.sampled_from(["LP1-PLG", "LP-SKY"]),
    prison_register_no=st.none() | st.text(max_size=10),
)


@given(one=PERSONS, other=PERSONS)
@example(
    one=Identity(
        name="bin", alias="", father_name="-", birth_on=None, birth_year=None, nik="", facility="",
        prison_register_no="",
    ),
    other=Identity(
        name="", alias=None, father_name=None, birth_on=None, birth_year=None, nik=None, facility="",
        prison_register_no=None,
    ),
)  # fmt: skip
def test_whatever_is_written_two_are_as_alike_as_the_other_two(one: Identity, other: Identity) -> None:
    a, b = features_of(one, POLICY), features_of(other, POLICY)

    told = compare(a, b, POLICY)
    assert told == compare(b, a, POLICY)
    assert 0 <= told.score <= 100
    assert fingerprint_of(a, b) == fingerprint_of(b, a)
    assert all(-(2**63) <= key.value < 2**63 for key in keys_of(a))


@given(one=PERSONS)
def test_the_same_person_twice_is_found(one: Identity) -> None:
    known = features_of(one, POLICY)

    assert keys_of(known) == keys_of(features_of(one, POLICY))
    if known.names and known.born_on is not None:
        assert level(known, known) is Level.SUSPECTED


def test_every_field_of_who_somebody_is_makes_another_fingerprint() -> None:
    whole = Identity(
        name="Budi", alias="Udin", father_name="Karto", birth_on=BORN, birth_year=1990, nik=NIK, facility="LP1-PLG",
        prison_register_no="A.1",
    )  # fmt: skip
    other: dict[str, Any] = {"birth_on": date(1991, 1, 2), "birth_year": 1991}

    changed = [replace(whole, **{each.name: other.get(each.name, "other")}) for each in fields(Identity)]
    assert len({whole.fingerprint, *(each.fingerprint for each in changed)}) == len(fields(Identity)) + 1


def test_a_registration_that_points_to_another_is_nobody_of_its_own() -> None:
    known = a_released_client()

    assert identity_of(known) is not None
    assert identity_of(replace(known, bound_to=known.registration_id)) is None
    assert identity_of(None) is None


def test_who_somebody_is_has_only_fields_that_a_prison_reports() -> None:
    assert {each.name for each in fields(Identity)} <= set(ReleasedPerson.model_fields)


def changed_policy(**said: Any) -> LikenessPolicy:
    """The policy with other rows."""
    return LikenessPolicy.model_validate(POLICY.model_dump() | said)


def test_another_threshold_or_weight_is_another_answer() -> None:
    one, other = somebody(birth_on=BORN), somebody("Budi Susanto", birth_on=BORN)

    assert compare(one, other, changed_policy(suspected_from=82)).level is Level.SUSPECTED
    assert compare(one, other, changed_policy(possible_from=86)).level is None
    weighed = changed_policy(weights={"name": 20, "birth": 60, "facility": 20})
    assert compare(one, other, weighed).score > compare(one, other, POLICY).score


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"possible_from": 87}, id="the lower threshold is not below"),
        pytest.param({"weights": {"name": 60, "birth": 25, "facility": 16}}, id="more than the whole"),
        pytest.param({"shared_by_max": 0}, id="nobody can be found"),
        pytest.param({"unsure_days": ["31-12"]}, id="no such day"),
        pytest.param({"spellings": [{"name": "ahmad", "written": ["a", "a"]}]}, id="a word twice"),
        pytest.param({"surprise": 1}, id="a word that means nothing"),
    ],
)
def test_a_policy_that_does_not_fit_together_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed_policy(**said)
