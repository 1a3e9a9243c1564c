"""The same reports give the same case, in whatever order they come and however often."""

from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant
from contracts.lapas import CancelReason, ClientReleased, ReleaseAnnounced, ReleaseCancelled
from services.registration.domain import clocks
from services.registration.domain.case import Registration, Status
from tests.unit.registration.examples import (
    REFERENCE,
    a_cancellation,
    a_release,
    an_announcement,
    hours_later,
    report,
)

NOW = hours_later(60)

Report = ReleaseAnnounced | ClientReleased | ReleaseCancelled

PHONES = st.sampled_from([None, "0812 000 0001", "0812 000 0002"])


@st.composite
def histories(draw: st.DrawFn) -> list[Report]:
    """What a prison said about one release in its true order, each report with the next revision."""
    kinds = draw(st.lists(st.sampled_from(["announce", "release", "cancel"]), min_size=1, max_size=6))
    return [draw(_report(kind, revision)) for revision, kind in enumerate(kinds, start=1)]


def _report(kind: str, revision: int) -> st.SearchStrategy[Report]:
    if kind == "announce":
        return st.builds(
            lambda day, phone: an_announcement(revision=revision, releases_on=f"2026-02-0{day}", phone=phone),
            st.integers(1, 5),
            PHONES,
        )
    if kind == "release":
        return st.builds(
            lambda hour, phone: a_release(revision=revision, released_at=hours_later(hour), phone=phone),
            st.integers(-30, 59),
            PHONES,
        )
    return st.builds(
        lambda reason, hour: a_cancellation(revision=revision, reason=reason, cancelled_at=hours_later(hour)),
        st.sampled_from(CancelReason),
        st.integers(-30, 59),
    )


def outcome(reports: list[Report]) -> Registration:
    """The case after all reports."""
    known: Registration | None = None
    for each in reports:
        try:
            known = report(known, each, now=NOW).case
        except Irrelevant:
            continue
    assert known is not None
    return known


def essence(case: Registration) -> Registration:
    """The case without what tells of the way that it took to come here.

    Taken back before or after the release makes two words for one thing: nobody is waited for.
    """
    status = Status.CLOSED if case.status is Status.CANCELLED else case.status
    return replace(case, status=status, sequence=0, rungs_recorded=0, closure=None, unconfirmed_on=None, tracing=None)


@given(history=histories(), data=st.data())
def test_reports_in_any_order_and_any_number_give_the_same_case(history: list[Report], data: st.DataObject) -> None:
    doubled = history + data.draw(st.lists(st.sampled_from(history), max_size=4))
    shuffled = data.draw(st.permutations(doubled))

    assert essence(outcome(shuffled)) == essence(outcome(history))


def running(case: Registration) -> dict[str, datetime | None]:
    """The clocks that run; a search counts from when we learnt that it was time for it, which order does change."""
    due = clocks.timers_of(case, REFERENCE)
    return {kind: None if kind.startswith("tracing") else instant for kind, instant in due.items()}


@given(history=histories(), data=st.data())
def test_reports_in_any_order_leave_the_same_clocks(history: list[Report], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(history))

    assert running(outcome(shuffled)) == running(outcome(history))


@given(history=histories())
def test_whoever_was_released_last_is_waited_for(history: list[Report]) -> None:
    """Whatever was said before: a person who is out is on the board."""
    case = outcome([*history, a_release(revision=len(history) + 1)])

    assert case.status in (Status.RELEASED, Status.CONTACT_OVERDUE, Status.TRACING)
