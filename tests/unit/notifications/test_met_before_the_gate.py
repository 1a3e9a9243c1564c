"""Whoever was met before the gate is not told as somebody to be met, and nobody is sent there."""

from datetime import timedelta

from contracts import registration
from contracts.reference import load_reference
from services.notifications.domain import telling
from services.notifications.domain.ledger import Urgency
from services.notifications.domain.telling import RULES, Occasion
from tests.unit.notifications.builders import DAY, MOMENT, a_fact

REFERENCE = load_reference()


def test_whoever_was_met_before_the_gate_is_not_told_as_somebody_to_be_met() -> None:
    announced = telling.learn(None, a_fact(registration.RegistrationAnnounced))
    met = telling.learn(announced, a_fact(registration.FirstContactMade, before_gate=True))
    released = a_fact(registration.RegistrationOpened)

    assert telling.occasion_of(released, known=announced) is Occasion.RELEASED
    assert telling.occasion_of(released, known=met) is Occasion.RELEASED_AND_MET
    assert RULES[Occasion.RELEASED_AND_MET].urgency is Urgency.QUIET
    assert telling.learn(met, released).met, "and that is not forgotten"


def test_nobody_is_sent_to_the_gate_for_whoever_was_met_before_it() -> None:
    announced = telling.learn(None, a_fact(registration.RegistrationAnnounced))
    contact = a_fact(registration.FirstContactMade, before_gate=True)
    met = telling.learn(announced, contact)
    moved = a_fact(registration.RegistrationCorrected, releases_on=DAY + timedelta(days=3))

    for case, fact in ((met, contact), (telling.learn(met, moved), moved)):
        clocks = telling.clocks_after(case, fact, now=MOMENT, reference=REFERENCE)
        assert {kind: clocks[kind] for kind in telling.GATE_CLOCKS} == dict.fromkeys(telling.GATE_CLOCKS)
    assert telling.STILL_UNCONFIRMED not in telling.clocks_after(met, contact, now=MOMENT, reference=REFERENCE)
