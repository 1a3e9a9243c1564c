"""What a prison says of one request gives the same case, in whatever order it comes and however often."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant
from contracts.lapas import LitmasRequested, LitmasRequestWithdrawn
from services.litmas.reintegration.domain import intake
from services.litmas.reintegration.domain.case import Litmas
from tests.unit.litmas.examples import LIST_OF_PAROLE, MONDAY, REFERENCE, a_request, a_withdrawal, kept, later, papers

Said = LitmasRequested | LitmasRequestWithdrawn

PAPERS = st.sampled_from([(), LIST_OF_PAROLE, LIST_OF_PAROLE[:3]])
PHONES = st.sampled_from([None, "0812 000 0001", "0812 000 0002"])


@st.composite
def histories(draw: st.DrawFn) -> list[Said]:
    """What a prison said in its true order, each with the next revision."""
    kinds = draw(st.lists(st.sampled_from(["ask", "withdraw"]), min_size=1, max_size=6))
    return [
        a_request(revision=revision, attachments=papers(*draw(PAPERS)), contact_phone=draw(PHONES))
        if kind == "ask"
        else a_withdrawal(revision=revision, withdrawn_at=later(revision / 10))
        for revision, kind in enumerate(kinds, start=1)
    ]


def outcome(said: list[Said]) -> Litmas | None:
    """The case after all of it."""
    known: Litmas | None = None
    for each in said:
        try:
            decided = (
                intake.receive(known, each, now=MONDAY, reference=REFERENCE)
                if isinstance(each, LitmasRequested)
                else intake.withdraw(known, each, now=MONDAY, reference=REFERENCE)
            )
        except Irrelevant:
            continue
        known = kept(known, decided)
    return known


def standing(case: Litmas | None) -> tuple[object, ...]:
    """What of a case must not depend on the order."""
    assert case is not None
    stands = None if case.status == "cancelled" else case.request
    return (case.status, stands, case.missing if stands else (), case.status == "cancelled" and case.withdrawal)


@given(histories(), st.randoms(use_true_random=False))
def test_in_any_order_the_same(said: list[Said], chance: Random) -> None:
    shuffled = list(said)
    chance.shuffle(shuffled)

    assert standing(outcome(shuffled)) == standing(outcome(said))


@given(histories(), st.integers(0, 5), st.integers(0, 5))
def test_twice_and_late_the_same(said: list[Said], which: int, where: int) -> None:
    again = said[which % len(said)]
    place = which % len(said) + 1 + where

    assert standing(outcome([*said[:place], again, *said[place:]])) == standing(outcome(said))
