"""What becomes of a suspicion: the table of its moves, whole, and the same pairs whatever the order of the reports."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant
from chassis.rules.transitions import StepNotAllowed
from contracts.lapas import client_id_of
from contracts.registration import ClientsLinked, ClientsUnlinked
from services.registration.domain import duplicates, likeness
from services.registration.domain.case import Registration
from services.registration.domain.duplicates import TRANSITIONS, Found, Pair, State, Step
from services.registration.domain.likeness import Features, Level, Likeness
from services.registration.domain.standing import Report
from tests.unit.registration.examples import REFERENCE, a_release, an_announcement, hours_later, report

ONE, OTHER = UUID(int=1), UUID(int=2)
NOW, LATER = hours_later(1), hours_later(2)

EXPECTED = {
    ("-", "SUSPECT"): "OPEN",
    ("OPEN", "SUSPECT"): "OPEN",
    ("LAPSED", "SUSPECT"): "OPEN",
    ("DISMISSED", "SUSPECT"): "OPEN",
    ("OPEN", "LAPSE"): "LAPSED",
    ("OPEN", "DISMISS"): "DISMISSED",
    ("OPEN", "LINK"): "LINKED",
    ("LAPSED", "LINK"): "LINKED",
    ("DISMISSED", "LINK"): "LINKED",
    ("LINKED", "UNLINK"): "DISMISSED",
}


@pytest.mark.parametrize(("state", "step"), list(product([None, *State], Step)))
def test_what_is_written_down_moves_and_everything_else_is_refused(state: State | None, step: Step) -> None:
    after = EXPECTED.get(("-" if state is None else state.name, step.name))

    if after is None:
        with pytest.raises(StepNotAllowed):
            TRANSITIONS.move(state, step)
    else:
        assert TRANSITIONS.move(state, step) is State[after]


def test_every_state_is_reached() -> None:
    assert TRANSITIONS.unreachable() == frozenset()


def found(score: int = 90, *, level: Level | None = Level.SUSPECTED, facts: str = "as they were") -> Found:
    """What a comparison of the two comes to."""
    told = Likeness(score=score, same_nik=False, name=score, birth=score, facility=score, level=level)
    return Found(first=OTHER, second=ONE, likeness=told, fingerprint=facts, policy_version="v1")


def suspected() -> Pair:
    """The two, suspected."""
    judged = duplicates.judge(None, found(), now=NOW)
    assert judged is not None
    return judged.pair


def dismissed() -> Pair:
    """The two, told apart by a person."""
    return duplicates.dismiss(suspected(), "the brother").pair


def linked() -> Pair:
    """The two, one human being."""
    return duplicates.link(suspected(), "the same papers", now=NOW, juvenile=False).pair


def test_two_that_are_alike_are_suspected_in_one_order() -> None:
    pair = suspected()

    assert (pair.first, pair.second) == (ONE, OTHER)
    assert (pair.state, pair.level, pair.score) == (State.OPEN, Level.SUSPECTED, 90)
    assert pair.duplicate_id == duplicates.pair_id_of(OTHER, ONE) == duplicates.pair_id_of(ONE, OTHER)
    assert pair.suspected_at == NOW


def test_two_that_are_not_alike_are_nothing() -> None:
    assert duplicates.judge(None, found(level=None), now=NOW) is None


def test_the_same_comparison_twice_changes_nothing() -> None:
    assert duplicates.judge(suspected(), found(), now=LATER) is None


def test_another_policy_alone_changes_nothing() -> None:
    assert duplicates.judge(suspected(), replace(found(), policy_version="v2"), now=LATER) is None


def test_more_evidence_keeps_the_place_in_the_queue() -> None:
    judged = duplicates.judge(suspected(), found(95), now=LATER)

    assert judged is not None
    assert (judged.pair.score, judged.pair.suspected_at) == (95, NOW)


def test_a_correction_that_makes_them_different_ends_the_suspicion() -> None:
    judged = duplicates.judge(suspected(), found(20, level=None, facts="corrected"), now=LATER)

    assert judged is not None
    assert (judged.pair.state, judged.step) == (State.LAPSED, Step.LAPSE)
    assert duplicates.judge(judged.pair, found(20, level=None, facts="corrected"), now=LATER) is None
    again = duplicates.judge(judged.pair, found(), now=LATER)
    assert again is not None
    assert (again.pair.state, again.pair.suspected_at) == (State.OPEN, LATER)


@pytest.mark.parametrize("level", [Level.SUSPECTED, Level.POSSIBLE, None])
def test_who_was_told_apart_is_not_suspected_again_on_the_same_facts(level: Level | None) -> None:
    assert duplicates.judge(dismissed(), found(100, level=level), now=LATER) is None


def test_who_was_told_apart_is_suspected_again_on_other_facts() -> None:
    judged = duplicates.judge(dismissed(), found(facts="corrected"), now=LATER)

    assert judged is not None
    assert (judged.before, judged.pair.state, judged.pair.suspected_at) == (State.DISMISSED, State.OPEN, LATER)
    assert duplicates.judge(dismissed(), found(20, level=None, facts="corrected"), now=LATER) is None


@pytest.mark.parametrize("level", [Level.SUSPECTED, None])
def test_what_a_person_linked_no_comparison_parts(level: Level | None) -> None:
    assert duplicates.judge(linked(), found(10, level=level, facts="corrected"), now=LATER) is None


def test_a_link_names_both_clients_and_changes_neither() -> None:
    judged = duplicates.link(suspected(), "the same papers", now=NOW, juvenile=True)

    (fact,) = judged.facts
    assert isinstance(fact, ClientsLinked)
    assert (fact.registration_id, fact.other_registration_id) == (ONE, OTHER)
    assert (fact.client_id, fact.other_client_id) == (client_id_of(ONE), client_id_of(OTHER))
    assert fact.topic == "registration.juvenile.events"
    assert (judged.pair.state, judged.pair.sequence, judged.reason) == (State.LINKED, 1, "the same papers")


def test_two_that_are_parted_again_are_not_suspected_on_the_same_facts() -> None:
    judged = duplicates.unlink(linked(), "it was the brother", now=LATER, juvenile=False)

    (fact,) = judged.facts
    assert isinstance(fact, ClientsUnlinked)
    assert (fact.topic, judged.pair.state, judged.pair.sequence) == ("registration.events", State.DISMISSED, 2)
    assert duplicates.judge(judged.pair, found(), now=LATER) is None


@pytest.mark.parametrize("pair", [suspected(), dismissed(), linked()], ids=lambda pair: pair.state.value)
def test_of_who_stands_for_nobody_any_more_only_what_is_open_ends(pair: Pair) -> None:
    ended = duplicates.lapse(pair)

    assert (ended is not None) is (pair.state is State.OPEN)


@dataclass
class Queue:
    """The whole of it without a database: reports change who somebody is, and sooner or later they are compared."""

    cases: dict[str, Registration] = field(default_factory=dict)
    persons: dict[UUID, Features] = field(default_factory=dict)
    pairs: dict[UUID, Pair] = field(default_factory=dict)
    waiting: list[UUID] = field(default_factory=list)

    def hear(self, event: Report) -> None:
        """A prison reports."""
        before = self.cases.get(event.subject)
        try:
            case = report(before, event, now=hours_later(60)).case
        except Irrelevant:
            return
        self.cases[event.subject] = case
        if likeness.identity_of(before) != likeness.identity_of(case):
            self.waiting.append(case.registration_id)

    def compare(self) -> None:
        """Whoever waits is compared with everybody who shares a key."""
        by_id = {case.registration_id: case for case in self.cases.values()}
        for registration_id in self.waiting:
            identity = likeness.identity_of(by_id[registration_id])
            assert identity is not None
            self.persons[registration_id] = likeness.features_of(identity, REFERENCE.likeness)
        for registration_id in self.waiting:
            for other in [*self.persons]:
                self._compare(registration_id, other)
        self.waiting.clear()

    def _compare(self, one: UUID, other: UUID) -> None:
        a, b = self.persons[one], self.persons[other]
        known = self.pairs.get(duplicates.pair_id_of(one, other))
        if one == other or (known is None and not {*likeness.keys_of(a)} & {*likeness.keys_of(b)}):
            return
        told = Found(
            first=one,
            second=other,
            likeness=likeness.compare(a, b, REFERENCE.likeness),
            fingerprint=likeness.fingerprint_of(a, b),
            policy_version="v1",
        )
        judged = duplicates.judge(known, told, now=NOW)
        if judged is not None:
            self.pairs[judged.pair.duplicate_id] = judged.pair

    def open(self) -> dict[UUID, Pair]:
        """What waits for a person to look."""
        return {key: pair for key, pair in self.pairs.items() if pair.state is State.OPEN}


NAMES = st.sampled_from(["Budi Santoso", "Budi Santosa", "Boedi S.", "Ahmad Fauzi", "Achmad Fauzi bin Karto"])
BIRTHS = st.sampled_from([None, "1990-05-12", "1990-12-05", "1991-05-12"])
NIKS = st.sampled_from([None, "1671061205900003", "1671061205900004"])


@st.composite
def histories(draw: st.DrawFn) -> list[Report]:
    """What prisons say of four releases, each in its own revisions."""
    reports: list[Report] = []
    for release in range(4):
        for revision in range(1, draw(st.integers(1, 3)) + 1):
            person = {"name": draw(NAMES), "birth_on": draw(BIRTHS), "nik": draw(NIKS)}
            a_report = draw(st.sampled_from([a_release, an_announcement]))
            # In one edition another number and another name would be another person under a known id: refused.
            number = {"prison_register_no": f"BI.{release // 2}", "decree_no": f"D-{release}"}
            reports.append(a_report(release_id=f"R-{release}", revision=revision, **person, **number))
    return reports


def pairs_after(history: Iterable[Report], rounds: Iterable[bool]) -> dict[UUID, Pair]:
    """The open pairs when all is said; between two reports there is a comparison, or none."""
    queue = Queue()
    for event, compares in zip(history, rounds, strict=False):
        queue.hear(event)
        if compares:
            queue.compare()
    queue.compare()
    return queue.open()


@given(history=histories(), data=st.data())
def test_reports_in_any_order_and_any_number_suspect_the_same_pairs(history: list[Report], data: st.DataObject) -> None:
    doubled = history + data.draw(st.lists(st.sampled_from(history), max_size=4))
    shuffled = data.draw(st.permutations(doubled))
    rounds = data.draw(st.lists(st.booleans(), min_size=len(shuffled), max_size=len(shuffled)))

    assert pairs_after(shuffled, rounds) == pairs_after(history, [True] * len(history))
