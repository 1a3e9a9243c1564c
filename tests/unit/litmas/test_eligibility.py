"""The law's conditions are looked at from the papers: met, not met, or unknown; and nothing is decided by it."""

from datetime import date
from typing import Any

import pytest

from services.litmas.reintegration.domain.eligibility import RULES, Verdict, advised
from tests.unit.litmas.examples import a_request

TODAY = date(2026, 6, 8)
PAROLE = {
    "sentence": {"years": 3, "months": 6}, "sentence_from": "2024-02-10", "two_thirds_on": "2026-06-01",
    "register_f": False, "guarantor": {"name": "Nurhayati"},
}  # fmt: skip


def verdicts(programme: str = "CONDITIONAL_RELEASE", **said: Any) -> dict[str, Verdict]:
    """How the rules look for one programme."""
    found = advised(a_request(**(PAROLE | {"programmes": [programme]} | said)), on=TODAY)
    return {each.rule: each.verdict for each in found}


def test_all_that_conditional_release_asks_for_looks_met() -> None:
    assert set(verdicts().values()) == {Verdict.MET}
    assert len(verdicts()) == 5


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"two_thirds_on": "2026-06-09"}, "TWO_THIRDS_SERVED"),
        ({"sentence_from": "2025-10-01"}, "TWO_THIRDS_ARE_NINE_MONTHS"),
        ({"register_f": True}, "GOOD_CONDUCT"),
        ({"sentence": {"kind": "LIFE"}}, "NOT_LIFE_OR_DEATH"),
        ({"guarantor": None}, "FAMILY_GUARANTEE"),
    ],
)
def test_a_condition_that_does_not_look_met_is_told(said: dict[str, Any], rule: str) -> None:
    found = verdicts(**said)

    assert found[rule] is Verdict.NOT_MET
    assert [name for name, verdict in found.items() if verdict is not Verdict.MET] == [rule]


def test_what_the_prison_leaves_out_is_unknown_and_not_unmet() -> None:
    found = verdicts(two_thirds_on=None, register_f=None, sentence=None)

    assert {rule for rule, verdict in found.items() if verdict is Verdict.UNKNOWN} == {
        "TWO_THIRDS_SERVED", "TWO_THIRDS_ARE_NINE_MONTHS", "GOOD_CONDUCT", "NOT_LIFE_OR_DEATH",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ({"years": 1, "months": 6}, Verdict.MET),
        ({"months": 18}, Verdict.MET),
        ({"years": 1, "months": 7}, Verdict.NOT_MET),
        ({"kind": "LIFE"}, Verdict.NOT_MET),
    ],
)
def test_conditional_leave_is_for_sentences_up_to_a_year_and_a_half(sentence: dict[str, Any], verdict: Verdict) -> None:
    assert verdicts("CONDITIONAL_LEAVE", sentence=sentence)["AT_MOST_18_MONTHS"] is verdict


def test_every_rule_has_its_source_and_two_programmes_have_both_their_rules() -> None:
    both = advised(a_request(**(PAROLE | {"programmes": ["CONDITIONAL_RELEASE", "FAMILY_VISIT_LEAVE"]})), on=TODAY)

    assert all("art." in rule.source or "papers" in rule.source for rule in RULES)
    assert {each.programme for each in both} == {"CONDITIONAL_RELEASE", "FAMILY_VISIT_LEAVE"}
    assert len({(each.programme, each.rule) for each in both}) == len(both)


def test_a_programme_without_rules_of_its_own_has_no_advice() -> None:
    assert advised(a_request(programmes=["TRANSFER"]), on=TODAY) == ()
