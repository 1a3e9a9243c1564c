"""Every state has words for the prison, and so has everything that may be missing."""

import pytest

from services.registration.domain.case import Status
from services.registration.domain.whereabouts import WANTED
from services.registration.prison_views import MISSING_WORDS, PROGRESS, WORDS, Progress, words_of


@pytest.mark.parametrize("status", list(Status))
def test_every_state_of_a_registration_is_one_that_a_prison_understands(status: Status) -> None:
    assert WORDS[PROGRESS[status]].endswith(".")


def test_no_word_is_kept_for_a_state_that_no_case_reaches() -> None:
    assert set(PROGRESS.values()) == set(Progress) == set(WORDS)


@pytest.mark.parametrize("name", WANTED)
def test_what_the_office_chases_has_a_name_in_its_own_language(name: str) -> None:
    assert MISSING_WORDS[name.upper()]


def test_a_paper_of_the_counter_is_a_paper_whatever_its_code() -> None:
    assert words_of("FILE_SK_ASLI") == "berkas lain"
    assert words_of("SOMETHING_NEW") == "SOMETHING_NEW"
