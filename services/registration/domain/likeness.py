"""How alike two registered persons are: names by a library, birth, and what the prison's register says of both.

Two registrations may be of one human being: released twice, reported under two ids, or come by two doors. Nothing is
decided by it. Every number is a row of the likeness policy; two are alike whichever of them comes first.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations
from typing import Final, NamedTuple

from rapidfuzz import fuzz

from contracts.reference import LikenessPolicy
from services.registration.domain.case import Registration

NIK_DIGITS: Final = 16
NIK_DIGITS_APART: Final = 4
"""A number of fewer different digits fills a field of a form and is nobody's."""
WORDS_MAX: Final = 3
"""By so many words of a name somebody is looked for."""
WHOLE: Final = 100

_SPELT_ALIKE: Final = {
    "oe": "u", "dj": "j", "tj": "c", "nj": "ni", "sj": "s", "sy": "s", "ts": "s", "dz": "z", "kh": "k", "ch": "k",
    "ck": "k", "q": "k", "x": "ks", "ph": "f", "v": "f", "th": "t", "dh": "d", "y": "i", "z": "s",
}  # fmt: skip
"""One name in the old spelling and the new one, from the Arabic and by ear; in this order."""
_DOUBLED: Final = re.compile(r"(.)\1+")
_VOWELS: Final = re.compile(r"(?<!^)[aeiouh]")
_NO_WORD: Final = re.compile(r"[^\w]+|_+")
_INSIDE_A_WORD: Final = frozenset("'`\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}")


class Level(StrEnum):
    """How alike two are; what is less stands nowhere."""

    SUSPECTED = "suspected"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is known of who somebody is, as it was reported."""

    name: str
    alias: str | None
    father_name: str | None
    birth_on: date | None
    birth_year: int | None
    nik: str | None
    facility: str
    prison_register_no: str | None

    @property
    def fingerprint(self) -> str:
        """The same as long as nothing of it changes."""
        return _digest(*(str(getattr(self, name)) for name in self.__slots__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Who somebody is, as far as it is compared: freed from how it was written."""

    names: tuple[str, ...]
    """The name, then the alias."""
    father: str | None
    born_on: date | None
    born_in: int | None
    nik: str | None
    """Not the number: its digest."""
    facility: str
    register_no: str | None
    fingerprint: str


class Key(NamedTuple):
    """Something that two who are alike share, as a number by which it is found; for its size, not to hide anything."""

    value: int
    tells: bool
    """By itself it says a lot, however many share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How alike two are, in percent, and by what."""

    score: int
    same_nik: bool
    name: int
    birth: int
    facility: int
    level: Level | None


def identity_of(case: Registration | None) -> Identity | None:
    """Who a registration is of; nobody of their own where it only points to that of a walk-in."""
    if case is None or case.bound_to is not None or case.person is None:
        return None
    person = case.person
    return Identity(
        name=person.name,
        alias=person.alias,
        father_name=person.father_name,
        birth_on=person.birth_on,
        birth_year=person.birth_year,
        nik=person.nik,
        facility=person.facility,
        prison_register_no=person.prison_register_no,
    )


def features_of(identity: Identity, policy: LikenessPolicy) -> Features:
    """What of somebody is compared."""
    name, father = _name_and_father(identity.name, policy)
    alias = _name_and_father(identity.alias, policy)[0] if identity.alias is not None else ""
    named_father = _name_and_father(identity.father_name, policy)[0] if identity.father_name is not None else father
    born_on, born_in = _birth_of(identity, policy)
    return Features(
        names=tuple(dict.fromkeys(each for each in (name, alias) if each)),
        father=named_father or None,
        born_on=born_on,
        born_in=born_in,
        nik=_nik_of(identity.nik),
        facility=identity.facility,
        register_no=_number(identity.prison_register_no) or None,
        fingerprint=identity.fingerprint,
    )


def keys_of(person: Features) -> tuple[Key, ...]:
    """By what others are found who may be the same: two who share none of these are not compared."""
    return tuple(dict.fromkeys(_keys_of(person)))


def compare(one: Features, other: Features, policy: LikenessPolicy) -> Likeness:
    """How alike two are: the same NIK is certain, else name, birth and register make a score."""
    name = _names_alike(one, other, policy)
    birth = _births_alike(one, other, policy)
    facility = _facilities_alike(one, other, policy)
    same_nik = one.nik is not None and one.nik == other.nik
    weights = policy.weights
    score = round((name * weights.name + birth * weights.birth + facility * weights.facility) / WHOLE)
    score = WHOLE if same_nik else score
    level = Level.SUSPECTED if score >= policy.suspected_from else Level.POSSIBLE
    return Likeness(
        score=score,
        same_nik=same_nik,
        name=name,
        birth=birth,
        facility=facility,
        level=level if score >= policy.possible_from else None,
    )


def fingerprint_of(one: Features, other: Features) -> str:
    """The same for two as long as nothing changes of who either is, whichever is named first."""
    return _digest(*sorted((one.fingerprint, other.fingerprint)))


def _keys_of(person: Features) -> Iterator[Key]:
    if person.nik is not None:
        yield _key("nik", person.nik, tells=True)
    if person.register_no is not None:
        yield _key("number", person.facility, person.register_no, tells=True)
    if person.born_on is not None:
        yield _key("birth", person.born_on.isoformat())
    for name in person.names:
        codes = tuple(dict.fromkeys(_by_ear(word) for word in name.split()))
        whole = "".join(codes)
        yield _key("name", whole)
        for one, other in combinations(codes[:WORDS_MAX], 2):
            yield _key("words", *sorted((one, other)))
        if person.born_in is not None:
            year = str(person.born_in)
            yield _key("name-year", whole, year)
            yield from (_key("word-year", code, year) for code in codes[:WORDS_MAX])


def _key(*parts: str, tells: bool = False) -> Key:
    digest = blake2b("|".join(parts).encode(errors="replace"), digest_size=8).digest()
    return Key(int.from_bytes(digest, signed=True), tells)


def _names_alike(one: Features, other: Features, policy: LikenessPolicy) -> int:
    found = 0.0
    for place, name in enumerate(one.names):
        for other_place, other_name in enumerate(other.names):
            worth = WHOLE if place == other_place == 0 else policy.name.alias
            found = max(found, _alike(name, other_name) * worth / WHOLE)
    if one.father is not None and other.father is not None:
        share = policy.name.father
        found = (found * (WHOLE - share) + _alike(one.father, other.father) * share) / WHOLE
    return round(found)


def _alike(one: str, other: str) -> float:
    """Whatever the order of the words; a word that only one has counts half of what it would."""
    one, other = sorted((one, other))  # the library need not promise that it does not matter which comes first
    return (fuzz.token_sort_ratio(one, other) + fuzz.token_set_ratio(one, other)) / 2


def _births_alike(one: Features, other: Features, policy: LikenessPolicy) -> int:
    worth = policy.birth
    if one.born_in is None or other.born_in is None:
        return worth.unknown
    years = abs(one.born_in - other.born_in)
    if years:
        return worth.year_beside if years == 1 else worth.other
    if one.born_on is None or other.born_on is None:
        return worth.same_year
    if one.born_on == other.born_on:
        return worth.same_date
    exchanged = (one.born_on.month, one.born_on.day) == (other.born_on.day, other.born_on.month)
    return worth.day_and_month_exchanged if exchanged else worth.same_year


def _facilities_alike(one: Features, other: Features, policy: LikenessPolicy) -> int:
    worth = policy.facility
    if one.facility != other.facility:
        return worth.other_facility
    same = one.register_no is not None and one.register_no == other.register_no
    return worth.same_number if same else worth.same_facility


def _birth_of(identity: Identity, policy: LikenessPolicy) -> tuple[date | None, int | None]:
    born_on = identity.birth_on
    if born_on is None:
        return None, identity.birth_year
    return (None if born_on.strftime("%m-%d") in policy.unsure_days else born_on), born_on.year


def _nik_of(written: str | None) -> str | None:
    digits = "".join(letter for letter in written or "" if letter in "0123456789")
    is_one = len(digits) == NIK_DIGITS and len(set(digits)) >= NIK_DIGITS_APART
    return _digest("nik", digits) if is_one else None


def _number(written: str | None) -> str:
    """A number of a register without what people write differently: case, spaces and what parts its groups."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", written or "").upper() if letter.isalnum())


def _name_and_father(written: str, policy: LikenessPolicy) -> tuple[str, str]:
    words = _plain(written).split()
    parted = next((place for place, word in enumerate(words) if place and word in policy.patronymics), len(words))
    return _spelt(words[:parted], policy), _spelt(words[parted + 1 :], policy)


def _spelt(words: list[str], policy: LikenessPolicy) -> str:
    usual = _usual(policy)
    without = [word for word in words if word not in policy.titles] or words
    return " ".join(_alike_spelt(usual.get(word, word)) for word in without)


@lru_cache(maxsize=4)
def _usual(policy: LikenessPolicy) -> dict[str, str]:
    return {word: spelling.name for spelling in policy.spellings for word in spelling.written}


def _plain(written: str) -> str:
    letters = unicodedata.normalize("NFKD", written)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter) and letter not in _INSIDE_A_WORD)
    return _NO_WORD.sub(" ", plain.casefold())


@lru_cache(maxsize=4_096)
def _alike_spelt(word: str) -> str:
    for written, spelt in _SPELT_ALIKE.items():
        word = word.replace(written, spelt)
    return _DOUBLED.sub(r"\1", word)


def _by_ear(word: str) -> str:
    """What is heard of a word first: how it begins, and its consonants."""
    return _DOUBLED.sub(r"\1", _VOWELS.sub("", word))


def _digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(errors="replace"), digest_size=16).hexdigest()
