"""Reports come twice, late, and out of order between cases: what waits in the end is the same."""

from collections.abc import Iterable, Sequence
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant
from contracts.litmas import LitmasCancelled, LitmasSubmittedToBoard
from services.tpp.domain import item
from services.tpp.domain.item import Item, ItemState, ItemStep
from tests.unit.tpp.examples import HEARING, REFERENCE, REPORT, a_cancellation, a_submission

Told = LitmasSubmittedToBoard | LitmasCancelled
SUBJECTS = tuple(uuid5(REPORT, str(number)) for number in range(3))


def after(events: Iterable[Told]) -> dict[UUID, Item]:
    """The cases after these events, each handled as the service does."""
    known: dict[UUID, Item] = {}
    for event in events:
        before = known.get(event.litmas_id)
        try:
            if isinstance(event, LitmasCancelled):
                known[event.litmas_id] = item.withdraw(before, event)
            else:
                known[event.litmas_id] = item.submit(before, event, reference=REFERENCE)
        except Irrelevant:
            continue
    return known


def history(submissions: int, *, cancelled: bool, subject: UUID) -> list[Told]:
    """What a report's owner says of it, in its order."""
    told: list[Told] = [a_submission(submission=number + 1, subject=subject) for number in range(submissions)]
    return [*told, a_cancellation(subject)] if cancelled else told


histories = st.tuples(*(st.tuples(st.integers(1, 4), st.booleans()) for _ in SUBJECTS))


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[list[Told]], list[Told]]:
    """Histories of three reports, and one way in which they may arrive: interleaved, with anything told again."""
    told = [
        history(count, cancelled=cancelled, subject=subject)
        for (count, cancelled), subject in zip(draw(histories), SUBJECTS, strict=True)
    ]
    turns = draw(st.permutations([place for place, each in enumerate(told) for _ in each]))
    ahead = [iter(each) for each in told]
    arrived = [next(ahead[place]) for place in turns]
    for _ in range(draw(st.integers(0, 5))):
        again = draw(st.integers(0, len(arrived) - 1))
        arrived.insert(draw(st.integers(again + 1, len(arrived))), arrived[again])
    return told, arrived


@given(deliveries())
def test_twice_late_and_out_of_order_between_cases_ends_in_the_same_state(
    delivery: tuple[Sequence[list[Told]], list[Told]],
) -> None:
    told, arrived = delivery

    assert after(arrived) == after(event for each in told for event in each)


@given(st.permutations([1, 2, 3, 4]))
def test_of_several_submissions_the_latest_waits_in_whatever_order_they_come(order: list[int]) -> None:
    known = after(a_submission(submission=number) for number in order)

    assert known[REPORT].submission == 4


@given(state=st.sampled_from(ItemState), submission=st.integers(1, 3), listed=st.booleans())
def test_a_later_submission_never_loses_the_case_and_never_ends_up_undecidable(
    *, state: ItemState, submission: int, listed: bool
) -> None:
    first = after([a_submission(submission=2)])[REPORT]
    waiting = first.moved(ItemStep.LIST, hearing_id=HEARING) if listed else first
    if state is ItemState.WITHDRAWN:
        waiting = item.withdraw(waiting, a_cancellation())

    known = after_from(waiting, a_submission(submission=submission))

    if state is ItemState.WITHDRAWN:
        assert known.state is ItemState.WITHDRAWN
    else:
        assert known.submission == max(2, submission)
        assert (known.hearing_id is not None) is listed
        assert known.state is (ItemState.ON_AGENDA if listed else ItemState.QUEUED)


def after_from(known: Item, event: LitmasSubmittedToBoard) -> Item:
    """The case after one more submission."""
    try:
        return item.submit(known, event, reference=REFERENCE)
    except Irrelevant:
        return known
