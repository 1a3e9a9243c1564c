"""Whole histories: what means the same ends the same and is told the same, and nobody who is out is ever lost.

A small office in memory does what the handlers do: it keeps registrations, hears prisons, and lets officers act.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.rules.refusal import Irrelevant, Refused
from contracts.event import Event
from contracts.lapas import CancelReason, ClientReleased, ReleaseAnnounced, ReleaseCancelled, registration_id_of
from contracts.registration import ClientDetails, ClosingReason, OfferOutcome
from services.registration.domain import binding, casework, clocks, intake, meeting, walk_ins
from services.registration.domain.acts import (
    Biometrics,
    Closing,
    EndOfOffer,
    HandOn,
    OfferTransfer,
    Return,
    Submission,
    Suspicion,
    TraceEntry,
    TraceKind,
    WalkIn,
)
from services.registration.domain.case import AWAITED, ENDED, BiometricStatus, Registration, Status
from services.registration.domain.decided import Decided, concluded
from services.registration.domain.standing import Stands, what_stands
from services.registration.domain.walked_in import business_id_of, day_of
from tests.unit.registration.examples import (
    DUTY_OFFICER,
    HEAD,
    REFERENCE,
    REGISTRAR,
    SECTION_HEAD_ADULT,
    a_cancellation,
    a_release,
    an_announcement,
    approve,
    hours_later,
    meet,
)

Report = ReleaseAnnounced | ClientReleased | ReleaseCancelled
NOW = hours_later(60)
SEEN = hours_later(59.5)
"""After every release of the histories: a contact that came before its release is another story."""
DECREE = {"decree_no": "PAS-77.PK.05.03"}


@dataclass
class Office:
    """Registrations as the handlers keep them, and everything that was made known, in order."""

    now: datetime = NOW
    cases: dict[UUID, Registration] = field(default_factory=dict)
    facts: list[Event] = field(default_factory=list)

    def keep(self, before: Registration | None, decided: Decided) -> Registration:
        """Save what was decided."""
        decided = concluded(before, decided)
        self.cases[decided.case.registration_id] = decided.case
        self.facts += decided.facts
        return decided.case

    def known(self, event: Report) -> Registration | None:
        """The case under which a report counts: its own, or that of a walk-in."""
        release = self.cases.get(registration_id_of(event.release_id))
        if release is not None and release.bound_to is not None:
            return self.cases[release.bound_to]
        key = business_id_of(event, on=day_of(event))
        walk_in = None if key is None else self.cases.get(registration_id_of(key))
        if walk_in is None or not binding.awaits_its_report(walk_in) or not binding.can_be_bound(release):
            return release
        self.keep(release, binding.point(release, walk_in, by=event, now=self.now, reference=REFERENCE))
        return self.keep(walk_in, binding.carry_over(walk_in, release, now=self.now, reference=REFERENCE))

    def hear(self, event: Report) -> None:
        """A report of the prison; what is refused or irrelevant changes nothing."""
        cases, facts = dict(self.cases), list(self.facts)
        rules: dict[type, Callable[..., Decided]] = {
            ReleaseAnnounced: intake.announce,
            ClientReleased: intake.open_on_release,
            ReleaseCancelled: intake.cancel,
        }
        try:
            known = self.known(event)
            self.keep(known, rules[type(event)](known, event, now=self.now, reference=REFERENCE))
        except (Irrelevant, Refused):
            self.cases, self.facts = cases, facts

    def walk_in(self, act: WalkIn) -> None:
        """Somebody stands at the counter."""
        key = walk_ins.business_key_of(act) or "WALK-IN.1"
        business_id = registration_id_of(key)
        alike = [case for case in self.cases.values() if case.business_id == business_id and case.bound_to is None]
        known = self.cases.get(business_id) or next(iter(alike), None)
        try:
            decided = walk_ins.arrive(
                known, act, release_id=key, by=DUTY_OFFICER, slip_code="K7M2P9QX", now=self.now, reference=REFERENCE
            )
        except (Irrelevant, Refused):
            return
        self.keep(known, decided)

    def ring(self) -> None:
        """Every clock that is due rings, in order, as it does in a process that was never away."""
        while True:
            running = [
                (due, kind, case.registration_id)
                for case in self.cases.values()
                for kind, due in clocks.timers_of(case, REFERENCE).items()
                if due <= self.now
            ]
            if not running:
                return
            due, kind, registration_id = min(running)
            case = self.cases[registration_id]
            self.keep(case, RINGS[kind](case, due, self.now))

    @property
    def told(self) -> list[str]:
        """What was made known, without who somebody is."""
        return [type(fact).__name__ for fact in self.facts if not isinstance(fact, ClientDetails)]

    @property
    def people(self) -> list[Registration]:
        """The registrations that stand for somebody."""
        return [case for case in self.cases.values() if case.bound_to is None]


RINGS: Final[dict[str, Callable[[Registration, datetime, datetime], Decided]]] = {
    clocks.FIRST_CONTACT: lambda case, due, _: clocks.check_first_contact(case, now=due, reference=REFERENCE),
    clocks.TRACING_CALLS: lambda case, due, _: clocks.miss_calls(case, due=due),
    clocks.TRACING_VISIT: lambda case, due, _: clocks.miss_visit(case, due=due),
    clocks.SUBMISSION: lambda case, due, _: clocks.miss_submission(case, due=due),
    clocks.RELEASE_UNCONFIRMED: lambda case, due, now: clocks.miss_release(case, due=due, now=now, reference=REFERENCE),
    clocks.SEARCH_REVIEW: lambda case, due, _: clocks.review_search(case, due=due, now=due, reference=REFERENCE),
    clocks.TRANSFER_ANSWER: lambda case, due, _: clocks.miss_answer(case, due=due),
    clocks.MISSING_FILES: lambda case, due, _: clocks.chase_files(case, due=due, now=due, reference=REFERENCE),
}

A_WALK_IN = WalkIn.model_validate(
    {
        "person": {"facility": "LP1-PLG", "name": "Budi Santoso", "prison_register_no": "BI.123/2024", **DECREE},
        "contact": {"contact_at": SEEN, "method": "AT_OUTPOST", "identity_level": "L2"},
    }
)


def _report(kind: str, revision: int) -> st.SearchStrategy[Report]:
    if kind == "announce":
        return st.builds(
            lambda day: an_announcement(revision=revision, releases_on=f"2026-02-0{day}", **DECREE), st.integers(1, 5)
        )
    if kind == "release":
        return st.builds(lambda hour: a_release(revision=revision, released_at=hours_later(hour)), st.integers(-30, 59))
    return st.builds(
        lambda reason, hour: a_cancellation(
            revision=revision,
            reason=reason,
            cancelled_at=hours_later(hour),
            prison_register_no="BI.123/2024",
            **DECREE,
        ),
        st.sampled_from(CancelReason),
        st.integers(-30, 59),
    )


@st.composite
def histories(draw: st.DrawFn, kinds: tuple[str, ...] = ("announce", "release", "cancel")) -> list[Report]:
    """What a prison said about one release in its true order, each report with the next revision."""
    drawn = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5))
    return [draw(_report(kind, revision)) for revision, kind in enumerate(drawn, start=1)]


def play(order: list[Report | WalkIn]) -> Office:
    """An office that learns of these in this order."""
    office = Office()
    for each in order:
        if isinstance(each, WalkIn):
            office.walk_in(each)
        else:
            office.hear(each)
    return office


def essence(office: Office) -> dict[str, Any]:
    """How it stands, without under which id it was opened and what was said on the way."""
    [case] = office.people
    contact = case.contact
    return {
        "status": case.status,
        "reports": (case.announcement, case.release, case.cancellation, case.revocation),
        "contact": None if contact is None else (contact.at, contact.walked_in),
        "due": clocks.timers_of(case, REFERENCE),
        "person": case.person,
    }


# --- the same, whatever the order -------------------------------------------------------------------------------------


@settings(max_examples=400)
@given(history=histories(), data=st.data())
def test_a_walk_in_among_shuffled_and_doubled_reports_ends_the_same(history: list[Report], data: st.DataObject) -> None:
    doubled = history + data.draw(st.lists(st.sampled_from(history), max_size=3))
    shuffled: list[Report | WalkIn] = list(data.draw(st.permutations(doubled)))
    shuffled.insert(data.draw(st.integers(0, len(shuffled))), A_WALK_IN)

    assert essence(play(shuffled)) == essence(play([*history, A_WALK_IN]))


@given(history=histories(), data=st.data())
def test_what_comes_twice_or_late_once_more_is_told_once(history: list[Report], data: st.DataObject) -> None:
    """A delay of what is known already, however long, changes nothing and tells nothing."""
    order: list[Report | WalkIn] = [*history]
    order.insert(data.draw(st.integers(0, len(order))), A_WALK_IN)
    repeated: list[Report | WalkIn] = []
    for place, each in enumerate(order):
        repeated += [each, *data.draw(st.lists(st.sampled_from(order[: place + 1]), max_size=2))]

    once, often = play(order), play(repeated)

    assert often.told == once.told
    assert often.cases == once.cases


@given(history=histories(kinds=("announce", "release")), data=st.data())
def test_without_a_cancellation_a_person_is_opened_once_and_met_once_in_every_order(
    history: list[Report], data: st.DataObject
) -> None:
    shuffled: list[Report | WalkIn] = list(data.draw(st.permutations(history)))
    shuffled.insert(data.draw(st.integers(0, len(shuffled))), A_WALK_IN)

    told = play(shuffled).told

    assert told.count("RegistrationOpened") == 1
    assert told.count("FirstContactMade") == 1
    assert "RegistrationConflict" not in told


@given(history=histories(), data=st.data())
def test_the_matters_of_two_people_never_touch(history: list[Report], data: st.DataObject) -> None:
    """However two histories are interleaved, each is told as if it were alone."""
    other = [a_release(release_id="R-9", name="Citra Dewi", prison_register_no="BI.9/2024", decree_no="PAS-9")]
    alone = play([*history])
    order: list[Report | WalkIn] = [*history]
    order.insert(data.draw(st.integers(0, len(order))), other[0])

    office = play(order)
    second = registration_id_of("R-9")

    assert [fact for fact in office.facts if getattr(fact, "registration_id", second) != second] == alone.facts


# --- nobody is lost ---------------------------------------------------------------------------------------------------

Move = Callable[[Office, Registration], Decided]


def _trace(kind: TraceKind) -> Move:
    return lambda office, case: meeting.record_trace(
        case, TraceEntry(kind=kind, at=office.now), now=office.now, reference=REFERENCE
    )


ACTS: Final[dict[str, Move]] = {
    "meet": lambda office, case: meet(case, contact_at=office.now, now=office.now),
    "meet inside": lambda office, case: meet(case, contact_at=office.now, now=office.now, method="AT_OUTPOST"),
    "guarantor": lambda office, case: meet(case, contact_at=office.now, now=office.now, whom="GUARANTOR_ALONE"),
    "call": _trace(TraceKind.CALL_CLIENT),
    "visit": _trace(TraceKind.HOME_VISIT),
    "fingerprint": lambda office, case: meeting.record_biometrics(
        case, Biometrics(status=BiometricStatus.NOT_AVAILABLE, at=office.now), now=office.now
    ),
    "suspect": lambda office, case: meeting.suspect_absconded(
        case, Suspicion(reason="rumah kosong"), by=HEAD, now=office.now
    ),
    "prepare": lambda office, case: casework.prepare(case, now=office.now),
    "submit": lambda office, case: casework.submit(
        case, Submission(), by=REGISTRAR, now=office.now, reference=REFERENCE
    ),
    "approve": lambda office, case: approve(case, now=office.now),
    "return": lambda office, case: casework.give_back(
        case, Return(reason="belum lengkap"), by=SECTION_HEAD_ADULT, now=office.now
    ),
    "offer": lambda office, case: casework.offer_transfer(
        case, OfferTransfer(to_office="BPS-LAHAT", letter_no="W6-7"), by=HEAD, now=office.now, reference=REFERENCE
    ),
    "declined": lambda office, case: casework.end_offer(
        case, EndOfOffer(outcome=OfferOutcome.DECLINED, reason="di luar wilayah"), by=HEAD, now=office.now
    ),
    "accepted": lambda office, case: casework.hand_on(
        case,
        HandOn(to_office="BPS-LAHAT", acceptance_no="W6-12", accepted_on="2026-01-20"),  # type: ignore[arg-type]
        by=HEAD,
        now=office.now,
        reference=REFERENCE,
    ),
    "close": lambda office, case: casework.close(
        case, Closing(reason=ClosingReason.DIED, evidence="DEATH_CERTIFICATE"), by=HEAD, now=office.now
    ),
}


def act(office: Office, name: str) -> None:
    """An officer acts on every case; a rule that says no changes nothing."""
    for case in office.people:
        try:
            decided = ACTS[name](office, case)
        except (Irrelevant, Refused):
            assert office.cases[case.registration_id] == case
            continue
        office.keep(case, decided)


def why_lost(case: Registration) -> str | None:
    """Why nobody would ever think of this person again; nothing where somebody does."""
    running = clocks.timers_of(case, REFERENCE)
    if case.status in AWAITED:
        return None if running else "outside, not met, and no clock runs"
    if case.status in (Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED, Status.CONFLICT, Status.REGISTERED):
        return None if case.contact is not None else "no contact is on record"
    if case.status is Status.CLOSED:
        return None if case.closure is not None and case.closure.evidence else "closed without evidence"
    if case.status is Status.HANDED_ON:
        return None if case.handed_on_to else "handed on to nobody"
    if case.status is Status.CANCELLED:
        return None if case.taken_back_by is not None else "cancelled by nobody"
    return "released, and still announced" if what_stands(case) is Stands.RELEASE else None


STEPS = st.one_of(
    st.sampled_from(sorted(ACTS)),
    st.sampled_from(sorted(ACTS)),
    st.integers(1, 200),
    st.sampled_from(["walk in", "announce", "release", "cancel"]),
)


@settings(max_examples=300)
@given(steps=st.lists(STEPS, min_size=1, max_size=25), data=st.data())
def test_nobody_who_is_out_is_ever_without_a_clock_a_contact_or_a_named_end(
    steps: list[str | int], data: st.DataObject
) -> None:
    """At every moment of a random history of reports, acts, hours that pass and clocks that ring."""
    office, revision = Office(now=hours_later(0)), 0
    for step in steps:
        if isinstance(step, int):
            office.now += timedelta(hours=step)
            office.ring()
        elif step == "walk in":
            contact = A_WALK_IN.contact.model_copy(update={"contact_at": office.now})
            office.walk_in(A_WALK_IN.model_copy(update={"contact": contact}))
        elif step in ACTS:
            act(office, step)
        else:
            revision = max(1, revision + data.draw(st.integers(-1, 1)))
            office.hear(data.draw(_report(step, revision)))

        for case in office.people:
            assert why_lost(case) is None, (case.status, why_lost(case))
            assert case.status not in ENDED or clocks.timers_of(case, REFERENCE) == {}
            assert case.offer is None or case.status not in (*ENDED, Status.REGISTERED)
        assert len([case for case in office.people if case.status not in ENDED]) <= 1, "two for one release"
