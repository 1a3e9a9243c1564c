"""Who is told what and when: the office's table, what is known of a case, and the clocks at the gate."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import registration
from contracts.event import EVENT_TYPES
from contracts.notifications import Channel
from contracts.operations import ReasonKind
from contracts.reference import load_reference
from contracts.registration import EventDeadLettered, RegistrationFact, Source
from contracts.roles import Role
from services.notifications.domain import saying, telling
from services.notifications.domain.audience import Audience, Contact, Contacts, Staff, Whereabouts
from services.notifications.domain.ledger import NOBODY, Addressee, Urgency
from services.notifications.domain.roster import Roster, Shift
from services.notifications.domain.telling import (
    CLOCKS,
    GATE_DAY_BEFORE,
    GATE_SAME_DAY,
    LEARNT,
    NOT_OURS,
    RULES,
    STILL_UNCONFIRMED,
    TOLD_AS,
    Case,
    Occasion,
    Standing,
)
from tests.unit.notifications.builders import DAY, MOMENT, PARTICULARS, REGISTRATION, a_fact

REFERENCE = load_reference()
JAKARTA = REFERENCE.zone
SATURDAY = MOMENT + timedelta(days=1)
DUTY_AT_SEKAYU = Shift("PLG-SKY", "PO-SKY-01", MOMENT - timedelta(days=9), MOMENT + timedelta(days=9), "")


def here(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=JAKARTA)


def an_office(**changes: Any) -> Staff:
    office = Staff(
        officers=REFERENCE.officers,
        roster=Roster((DUTY_AT_SEKAYU,)),
        head_office=REFERENCE.head_office.code,
        at=MOMENT,
    )
    return replace(office, **changes)


def roles_told(fact: RegistrationFact, *, told: tuple[str, ...] = ()) -> set[Role]:
    case = replace(telling.learn(None, fact), told=told)
    occasion = telling.occasion_of(fact)
    assert occasion is not None
    people = telling.addressees(occasion, case.whereabouts, staff=an_office(), contacts=Contacts())
    return {REFERENCE.officers[each.recipient].role for each in people}


def test_every_fact_of_registration_is_told_or_is_nobodys_task() -> None:
    published = {
        event for event in EVENT_TYPES.values() if event.owner == "registration" and issubclass(event, RegistrationFact)
    }

    assert published == set(TOLD_AS) | LEARNT | NOT_OURS
    assert len(published) == len(TOLD_AS) + len(LEARNT) + len(NOT_OURS)
    assert published == set(PARTICULARS), "the tests have an example of each"


def test_every_occasion_says_who_in_which_words_and_how_loudly() -> None:
    assert set(RULES) == set(Occasion)
    assert all(rule.audiences for rule in RULES.values())


PO, HEAD, REG = Role.PROBATION_OFFICER, Role.HEAD, Role.REGISTRAR
KASI = Role.SECTION_HEAD_ADULT


@pytest.mark.parametrize(
    ("kind", "particulars", "expected"),
    [
        (registration.RegistrationAnnounced, {}, {REG, PO}),
        (registration.RegistrationOpened, {}, {PO}),
        (registration.RegistrationOpened, {"source": Source.WALK_IN}, {PO}),
        (registration.ReleaseUnconfirmed, {}, {PO, Role.OPS}),
        (registration.FirstContactOverdue, {"hours": 24}, {PO}),
        (registration.FirstContactOverdue, {"hours": 48}, {KASI}),
        (registration.FirstContactOverdue, {"hours": 72}, {HEAD, PO}),
        (registration.TracingOverdue, {}, {KASI}),
        (registration.RegistrationSubmitted, {}, {KASI}),
        (registration.RegistrationReturned, {}, {REG}),
        (registration.RegistrationRefused, {}, {REG}),
        (registration.ClientRegistered, {}, {PO}),
        (registration.SubmissionOverdue, {}, {KASI}),
        (registration.TransferOfferOverdue, {}, {KASI}),
        (registration.SearchReviewDue, {}, {KASI}),
        (registration.RegistrationConflict, {}, {KASI, HEAD}),
        (registration.ReleaseBreachReported, {}, {KASI, HEAD}),
        (registration.RegistrationSubmitted, {"juvenile": True}, {Role.SECTION_HEAD_CHILD}),
        (registration.FirstContactOverdue, {"hours": 48, "juvenile": True}, {Role.SECTION_HEAD_CHILD}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_the_office_is_told_as_its_table_says(
    kind: type[RegistrationFact], particulars: dict[str, Any], expected: set[Role]
) -> None:
    assert roles_told(a_fact(kind, **particulars)) == expected


def test_a_release_is_told_to_the_duty_of_the_receiving_unit_and_to_the_officer() -> None:
    fact = a_fact(registration.RegistrationOpened)
    people = telling.addressees(
        Occasion.RELEASED, telling.learn(None, fact).whereabouts, staff=an_office(), contacts=Contacts()
    )

    assert [each.recipient for each in people] == ["PO-SKY-01", "PO-HQ-02"]


@pytest.mark.parametrize(
    "kind",
    [
        registration.RegistrationCancelled,
        registration.RegistrationClosed,
        registration.ClientHandedOn,
        registration.TransferOfferEnded,
    ],
)
def test_the_end_of_a_case_or_of_an_offer_is_told_quietly_to_who_was_told(kind: type[RegistrationFact]) -> None:
    occasion = telling.occasion_of(a_fact(kind))
    assert occasion is not None

    assert RULES[occasion].urgency is Urgency.QUIET
    assert roles_told(a_fact(kind), told=("REG-HQ-01",)) == {REG}
    assert roles_told(a_fact(kind)) == set()


def test_only_the_highest_rung_of_those_known_late_is_told() -> None:
    assert telling.occasion_of(a_fact(registration.FirstContactOverdue, hours=24, escalate=False)) is None
    assert telling.occasion_of(a_fact(registration.FirstContactOverdue, hours=72)) is Occasion.UNSEEN_72


def a_dead_letter(**changes: Any) -> EventDeadLettered:
    base = {
        "dead_letter_id": UUID(int=7),
        "consumer": "registration",
        "source_topic": "lapas.events",
        "reason_kind": ReasonKind.MALFORMED,
        "holds_key": True,
        "upstream": True,
        "dead_lettered_at": MOMENT,
    }
    return EventDeadLettered(**{**base, **changes})


def test_a_dead_letter_of_a_prison_is_told_to_duty_and_operations_at_once_and_again() -> None:
    first, again = (telling.occasion_of_letter(a_dead_letter(reminder=reminder)) for reminder in (False, True))

    assert (first, again) == (Occasion.SET_ASIDE, Occasion.STILL_SET_ASIDE)
    assert all(RULES[each].audiences == (Audience.DUTY, Audience.OPERATIONS) for each in (first, again))
    assert all(RULES[each].urgency is Urgency.URGENT for each in (first, again))


# --- what is known of a case ------------------------------------------------------------------------------------------


def test_what_a_fact_does_not_say_stays_known() -> None:
    announced = telling.learn(None, a_fact(registration.RegistrationAnnounced))

    opened = telling.learn(
        announced, a_fact(registration.RegistrationOpened, guidance_unit=None, officer=None, facility="LP-KAG")
    )

    assert (opened.guidance_unit, opened.officer, opened.releases_on) == ("PLG-HQ", "PO-HQ-02", DAY)
    assert (opened.facility, opened.released_at, opened.standing) == ("LP-KAG", MOMENT, Standing.OPEN)


def test_a_case_known_only_from_a_late_fact_is_open() -> None:
    assert telling.learn(None, a_fact(registration.FirstContactOverdue, hours=72)).standing is Standing.OPEN


def test_those_who_were_told_are_remembered_once() -> None:
    case = telling.having_told(telling.learn(None, a_fact(registration.RegistrationOpened)), ["PO-HQ-01", "PO-HQ-02"])

    assert telling.having_told(case, ["PO-HQ-02", "SHA-HQ-01"]).told == ("PO-HQ-01", "PO-HQ-02", "SHA-HQ-01")


# --- clocks -----------------------------------------------------------------------------------------------------------


def clocks_when(fact: RegistrationFact, *, now: datetime, known: Case | None = None) -> dict[str, datetime | None]:
    return telling.clocks_after(telling.learn(known, fact), fact, now=now, reference=REFERENCE)


def test_an_announced_release_rings_at_four_the_day_before_and_at_seven_on_the_day() -> None:
    clocks = clocks_when(a_fact(registration.RegistrationAnnounced), now=here(2026, 5, 26, 9))

    assert clocks[GATE_DAY_BEFORE] == datetime(2026, 5, 29, 9, 0, tzinfo=UTC)
    assert clocks[GATE_SAME_DAY] == datetime(2026, 5, 30, 0, 0, tzinfo=UTC)


def test_an_announcement_after_four_on_the_day_before_is_told_at_once() -> None:
    now = here(2026, 5, 29, 20)
    clocks = clocks_when(a_fact(registration.RegistrationAnnounced), now=now)

    assert clocks[GATE_DAY_BEFORE] is not None
    assert clocks[GATE_DAY_BEFORE] < now
    assert clocks[GATE_SAME_DAY] == here(2026, 5, 30, 7)


def test_an_announcement_on_the_day_itself_is_told_once() -> None:
    clocks = clocks_when(a_fact(registration.RegistrationAnnounced), now=here(2026, 5, 30, 8))

    assert clocks[GATE_DAY_BEFORE] is None
    assert clocks[GATE_SAME_DAY] == here(2026, 5, 30, 7)


def test_an_announcement_of_a_day_that_is_over_rings_nothing() -> None:
    clocks = clocks_when(a_fact(registration.RegistrationAnnounced), now=here(2026, 5, 31, 0, 1))

    assert (clocks[GATE_DAY_BEFORE], clocks[GATE_SAME_DAY]) == (None, None)


@pytest.mark.parametrize(
    "kind",
    [
        registration.RegistrationOpened,
        registration.RegistrationCancelled,
        registration.RegistrationClosed,
        registration.ClientHandedOn,
    ],
)
def test_a_release_that_happened_or_will_not_happen_stops_the_clocks(kind: type[RegistrationFact]) -> None:
    announced = telling.learn(None, a_fact(registration.RegistrationAnnounced))

    assert clocks_when(a_fact(kind), now=MOMENT, known=announced) == dict.fromkeys(CLOCKS)


def test_a_release_moved_to_another_day_moves_its_reminders() -> None:
    announced = telling.learn(None, a_fact(registration.RegistrationAnnounced))
    moved = a_fact(registration.RegistrationCorrected, releases_on=date(2026, 6, 3))

    assert clocks_when(moved, now=MOMENT, known=announced) == {
        GATE_DAY_BEFORE: here(2026, 6, 2, 16),
        GATE_SAME_DAY: here(2026, 6, 3, 7),
        STILL_UNCONFIRMED: None,
    }


def test_a_correction_of_something_else_leaves_the_reminders_alone() -> None:
    announced = telling.learn(None, a_fact(registration.RegistrationAnnounced))

    assert clocks_when(a_fact(registration.RegistrationCorrected), now=MOMENT, known=announced) == {}


def test_an_unconfirmed_release_is_told_again_after_an_hour() -> None:
    announced = telling.learn(None, a_fact(registration.RegistrationAnnounced))
    unconfirmed = a_fact(registration.ReleaseUnconfirmed)

    assert clocks_when(unconfirmed, now=MOMENT, known=announced) == {STILL_UNCONFIRMED: MOMENT + timedelta(hours=1)}


def test_a_release_dated_anew_after_it_was_missed_is_announced_again() -> None:
    missed = telling.learn(
        telling.learn(None, a_fact(registration.RegistrationAnnounced)), a_fact(registration.ReleaseUnconfirmed)
    )
    moved = a_fact(registration.RegistrationCorrected, releases_on=date(2026, 6, 3))

    assert telling.learn(missed, moved).standing is Standing.ANNOUNCED
    assert clocks_when(moved, now=SATURDAY, known=missed)[STILL_UNCONFIRMED] is None


def ring(kind: str, *, now: datetime, case: Case | None = None) -> Occasion | None:
    known = case or telling.learn(None, a_fact(registration.RegistrationAnnounced))
    return telling.occasion_of_clock(kind, known, now=now, reference=REFERENCE)


@pytest.mark.parametrize(
    ("kind", "now", "expected"),
    [
        pytest.param(GATE_DAY_BEFORE, here(2026, 5, 29, 16), Occasion.GATE_DAY_BEFORE, id="on time"),
        pytest.param(GATE_DAY_BEFORE, here(2026, 5, 30, 7), None, id="overtaken by the one of the day"),
        pytest.param(GATE_SAME_DAY, here(2026, 5, 30, 7), Occasion.GATE_SAME_DAY, id="on the day"),
        pytest.param(GATE_SAME_DAY, here(2026, 5, 30, 23, 59), Occasion.GATE_SAME_DAY, id="late, the same day"),
        pytest.param(GATE_SAME_DAY, here(2026, 5, 31), None, id="the day is over"),
        pytest.param(STILL_UNCONFIRMED, here(2026, 5, 31), Occasion.STILL_UNCONFIRMED, id="still unconfirmed"),
    ],
)
def test_a_clock_that_rings_late_says_only_what_is_still_of_use(
    kind: str, now: datetime, expected: Occasion | None
) -> None:
    assert ring(kind, now=now) is expected


@pytest.mark.parametrize("kind", CLOCKS)
def test_a_clock_of_a_case_that_is_open_or_over_tells_nobody(kind: str) -> None:
    opened = telling.learn(None, a_fact(registration.RegistrationOpened))

    assert ring(kind, now=here(2026, 5, 29, 16), case=opened) is None


@given(now=st.datetimes(min_value=datetime(2026, 5, 20), max_value=datetime(2026, 6, 5), timezones=st.just(UTC)))  # noqa: DTZ001
def test_whenever_a_release_is_announced_each_coming_reminder_is_told_once(now: datetime) -> None:
    case = telling.learn(None, a_fact(registration.RegistrationAnnounced))
    clocks = clocks_when(a_fact(registration.RegistrationAnnounced), now=now)
    rung = [
        telling.occasion_of_clock(kind, case, now=max(due_at, now), reference=REFERENCE)
        for kind, due_at in clocks.items()
        if due_at is not None
    ]

    assert None not in rung
    assert len(rung) == (0 if now >= here(2026, 5, 31) else 1 if now >= here(2026, 5, 30, 7) else 2)


# --- a plan -----------------------------------------------------------------------------------------------------------


def reached_by(*channels: Channel) -> Contacts:
    return Contacts({"PO-SKY-01": Contact("PO-SKY-01", "a@bapas.example", channels)})


AT_SEKAYU = Whereabouts(receiving_unit="PLG-SKY", told=("PO-SKY-01",))


@pytest.mark.parametrize(
    ("occasion", "channels", "expected"),
    [
        pytest.param(
            Occasion.GATE_DAY_BEFORE, (Channel.EMAIL, Channel.IN_APP), (Channel.EMAIL, Channel.IN_APP), id="all"
        ),
        pytest.param(Occasion.CANCELLED, (Channel.EMAIL, Channel.IN_APP), (Channel.IN_APP,), id="quiet: no mail"),
        pytest.param(Occasion.CANCELLED, (Channel.EMAIL,), (Channel.EMAIL,), id="quiet, but mail is all there is"),
        pytest.param(Occasion.GATE_DAY_BEFORE, (), (None,), id="no way at all is a row too"),
    ],
)
def test_how_loudly_somebody_is_told_depends_on_the_occasion(
    occasion: Occasion, channels: tuple[Channel, ...], expected: tuple[Channel | None, ...]
) -> None:
    people = telling.addressees(occasion, AT_SEKAYU, staff=an_office(), contacts=reached_by(*channels))

    assert people == tuple(Addressee("PO-SKY-01", channel) for channel in expected)


def test_an_office_without_anybody_leaves_a_row_that_says_so() -> None:
    people = telling.addressees(
        Occasion.UNSEEN_48, AT_SEKAYU, staff=an_office(officers={}, roster=Roster()), contacts=Contacts()
    )

    assert people == (Addressee(NOBODY, None),)


@given(
    kind=st.sampled_from(sorted(TOLD_AS, key=lambda kind: kind.__name__)),
    juvenile=st.booleans(),
    officer=st.sampled_from([None, "PO-HQ-02"]),
    guidance_unit=st.sampled_from([None, "PLG-HQ", "PLG-KAG"]),
    channels=st.lists(st.sampled_from(list(Channel)), unique=True),
)
def test_nobody_is_told_the_same_thing_twice_by_the_same_channel(
    *,
    kind: type[RegistrationFact],
    juvenile: bool,
    officer: str | None,
    guidance_unit: str | None,
    channels: list[Channel],
) -> None:
    fact = a_fact(kind, juvenile=juvenile, officer=officer, guidance_unit=guidance_unit)
    occasion = telling.occasion_of(fact)
    assert occasion is not None

    people = telling.addressees(
        occasion, telling.learn(None, fact).whereabouts, staff=an_office(), contacts=reached_by(*channels)
    )

    assert len(set(people)) == len(people)
    assert people or Audience.TOLD_BEFORE in RULES[occasion].audiences


def test_what_is_known_of_a_case_holds_nothing_personal() -> None:
    assert {field.name for field in fields(Case)} == {
        "registration_id", "receiving_unit", "guidance_unit", "officer", "juvenile", "standing", "facility",
        "releases_on", "released_at", "met", "told", "alerts",
    }  # fmt: skip


def test_a_child_is_spoken_of_only_by_a_mark_and_a_link() -> None:
    case = telling.learn(None, a_fact(registration.RegistrationOpened, juvenile=True, facility="LPKA-PLG"))

    words = saying.words_of_case(Occasion.RELEASED, case, {}, reference=REFERENCE)

    assert set(words) == {"mark", "link", "urgency"}
    assert words["mark"] == "0412…"
    assert str(REGISTRATION) in words["link"]
