"""Of what a client is reminded and when, in every order of what is learnt; a message says a day and nothing else."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Final

import pytest

from chassis.rules.refusal import Irrelevant
from contracts import registration
from contracts.lapas import Guarantor
from contracts.reference import load_reference
from contracts.registration import ClientDetails, RegistrationFact
from contracts.supervision import CheckInFrequency, CheckInMode, FirstCheckInScheduled
from services.notifications.domain import reminding
from services.notifications.domain.reminding import CAME, CONCERNS, ENDS, TEMPLATES, Client, Reminding
from services.notifications.wording import Wording
from tests.unit.notifications.builders import CLIENT, MOMENT, PARTICULARS, REGISTRATION, a_fact

REFERENCE: Final = load_reference()
ZONE: Final = REFERENCE.zone
PHONE: Final = "+6281200000101"
VISIT: Final = datetime(2026, 6, 2, 2, 0, tzinfo=UTC)
"""Tuesday 09:00 by the office's clock, four days after the contact."""
EVE: Final = datetime(2026, 6, 1, 16, 0, tzinfo=ZONE)
NOBODY: Final = Client(client_id=CLIENT)

CONTACT: Final = a_fact(registration.FirstContactMade, visit_at=VISIT, visit_unit="PLG-SKY")
DAYS: Final = FirstCheckInScheduled(
    client_id=CLIENT,
    registration_id=REGISTRATION,
    unit="PLG-HQ",
    window_from=date(2026, 7, 1),
    window_until=date(2026, 7, 31),
    frequency=CheckInFrequency.MONTHLY,
    mode=CheckInMode.IN_PERSON,
)


def the_details(**fields: object) -> ClientDetails:
    """Who the client is, as registration says."""
    said = {"client_id": CLIENT, "registration_id": REGISTRATION, "name": "Budi", "phone": "0812-0000-0101", **fields}
    return ClientDetails.model_validate(said)


def learn(*facts: RegistrationFact | ClientDetails | FirstCheckInScheduled, known: Client = NOBODY) -> Client:
    """The client after these, in this order."""
    for fact in facts:
        if isinstance(fact, ClientDetails):
            known = reminding.with_details(known, fact)
        elif isinstance(fact, FirstCheckInScheduled):
            known = reminding.to_report(known, fact, reference=REFERENCE)
        else:
            known = reminding.after(known, fact, reference=REFERENCE)
    return known


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0812-0000-0101", PHONE),
        ("0812 0000 0101", PHONE),
        ("+62 812.0000.0101", PHONE),
        ("6281200000101", PHONE),
        ("(0711) 350 123", "+62711350123"),
        ("+60123456789", "+60123456789"),
        ("08", None),
        ("ask the neighbour", None),
        ("0812-0000-0101 (wife)", None),
        ("0812 0000 0101 / 0813 0000 0202", None),
    ],
)
def test_a_number_is_read_as_people_write_it_and_what_is_none_is_none(written: str, number: str | None) -> None:
    assert reminding.international(written) == number


def test_of_a_child_only_the_guarantor_is_written_to() -> None:
    guardian = Guarantor.model_validate({"name": "Ibu", "phone": "0813-0000-0202"})

    assert reminding.number_of(the_details(guarantor=guardian)) == PHONE
    assert reminding.number_of(the_details(guarantor=guardian, juvenile=True)) == "+6281300000202"
    assert reminding.number_of(the_details(juvenile=True)) is None, "never the child's own"


@pytest.mark.parametrize("order", list(permutations((CONTACT, the_details(), DAYS))))
def test_in_whatever_order_it_is_learnt_the_clocks_are_the_same(
    order: Sequence[RegistrationFact | ClientDetails | FirstCheckInScheduled],
) -> None:
    assert reminding.clocks_of(learn(*order)) == {
        Reminding.APPOINTMENT: EVE,
        Reminding.REPORT: datetime(2026, 7, 1, 9, 0, tzinfo=ZONE),
    }


def test_who_was_told_of_the_next_morning_that_very_evening_is_not_written_to() -> None:
    late = a_fact(registration.FirstContactMade, contact_at=EVE + timedelta(hours=5), visit_at=VISIT)

    assert reminding.clocks_of(learn(the_details(), late))[Reminding.APPOINTMENT] is None
    assert (
        reminding.clocks_of(learn(the_details(), a_fact(registration.FirstContactMade)))[Reminding.APPOINTMENT] is None
    )


def hearing(kind: type[RegistrationFact]) -> Callable[[Client], Client]:
    """The client after a fact of this kind."""
    return lambda client: learn(a_fact(kind), known=client)


STILL: Final[dict[str, Callable[[Client], Client]]] = {
    "no number is known": lambda client: learn(the_details(phone=None), known=client),
    "the number was erased": lambda client: reminding.forgotten(client, now=MOMENT),
    "nothing is wanted at the number": reminding.refused,
    "it was said": lambda client: reminding.having_reminded(client, Reminding.APPOINTMENT),
    **{fact.__name__: hearing(fact) for fact in sorted((*CAME, *ENDS), key=lambda kind: kind.__name__)},
}


@pytest.mark.parametrize("why", STILL)
def test_a_client_is_not_reminded_when(why: str) -> None:
    client = STILL[why](learn(CONTACT, the_details()))

    assert reminding.clocks_of(client)[Reminding.APPOINTMENT] is None
    with pytest.raises(Irrelevant):
        reminding.due(client, Reminding.APPOINTMENT, now=EVE, zone=ZONE)


def test_the_first_report_is_reminded_of_though_the_appointment_is_over_and_not_when_the_case_is() -> None:
    registered = learn(CONTACT, the_details(), a_fact(registration.ClientRegistered), DAYS)

    assert reminding.clocks_of(registered)[Reminding.REPORT] is not None
    assert (
        reminding.clocks_of(learn(a_fact(registration.RegistrationClosed), known=registered))[Reminding.REPORT] is None
    )


def test_only_another_number_is_tried_after_one_was_refused() -> None:
    left_alone = reminding.refused(learn(CONTACT, the_details()))

    assert learn(the_details(name="Budi Santosa"), known=left_alone).refused
    assert reminding.clocks_of(learn(the_details(phone="0813-1111"), known=left_alone))[Reminding.APPOINTMENT] == EVE


def test_nothing_personal_stays_of_whom_registration_erases() -> None:
    assert PHONE not in repr(learn(CONTACT, the_details())), "nor is it shown by accident"
    assert reminding.forgotten(learn(CONTACT, the_details()), now=MOMENT).phone is None


@pytest.mark.parametrize(
    ("now", "held_until"),
    [
        (EVE, None),
        (EVE.replace(hour=19, minute=59), None),
        (EVE.replace(hour=20), EVE.replace(day=2, hour=7)),
        (EVE.replace(day=2, hour=6, minute=59), EVE.replace(day=2, hour=7)),
        (EVE.replace(day=2, hour=7), None),
    ],
)
def test_no_client_is_written_to_at_night(now: datetime, held_until: datetime | None) -> None:
    assert (
        reminding.due(learn(CONTACT, the_details()), Reminding.APPOINTMENT, now=now, zone=ZONE).held_until == held_until
    )


def test_what_would_come_after_its_hour_is_not_said() -> None:
    early = a_fact(registration.FirstContactMade, visit_at=EVE.replace(day=2, hour=6, minute=30))
    client = learn(early, the_details())

    with pytest.raises(Irrelevant, match="has come"):
        reminding.due(client, Reminding.APPOINTMENT, now=EVE.replace(hour=23), zone=ZONE)
    with pytest.raises(Irrelevant, match="has come"):
        reminding.due(learn(CONTACT, the_details()), Reminding.APPOINTMENT, now=VISIT, zone=ZONE)
    with pytest.raises(Irrelevant, match="are over"):
        reminding.due(learn(DAYS, the_details()), Reminding.REPORT, now=EVE.replace(month=8), zone=ZONE)


REVEALING: Final = (
    "bapas", "klien", "lapas", "rutan", "penjara", "tahanan", "napi", "bebas", "pembimbing", "kemasyarakatan", "wajib",
    "lapor", "hukum", "pidana", "anak", "petugas", "palembang", "sekayu", "kantor", "pos ", "http", "/v1", "budi",
    "kasus",
)  # fmt: skip
"""Words from which somebody who looks at the telephone could learn whose it is, and why."""


@pytest.mark.parametrize("what", Reminding)
@pytest.mark.parametrize("juvenile", [False, True])
def test_a_message_says_a_day_and_nothing_that_tells_from_whom_it_is(what: Reminding, *, juvenile: bool) -> None:
    guardian = Guarantor.model_validate({"name": "Ibu", "phone": "0813-0000-0202"})
    client = learn(CONTACT, the_details(juvenile=juvenile, guarantor=guardian), DAYS)
    now = EVE if what is Reminding.APPOINTMENT else datetime(2026, 7, 1, 9, tzinfo=ZONE)

    words = reminding.due(client, what, now=now, zone=ZONE).words
    letter = Wording(zone=ZONE).letter(TEMPLATES[what], words)

    said = f"{letter.subject} {letter.body} {letter.template}".casefold()
    assert [word for word in REVEALING if word in said] == []
    assert (
        "2 juni 2026 pukul 09.00 wib" if what is Reminding.APPOINTMENT else "1 juli 2026 dan jumat, 31 juli"
    ) in said


def test_every_fact_about_a_registration_ends_brings_or_leaves_alone() -> None:
    assert {registration.FirstContactMade} | ENDS | CAME == CONCERNS
    assert set(PARTICULARS) >= CONCERNS


def test_a_client_is_named_in_the_ledger_by_the_id() -> None:
    assert reminding.client_named(NOBODY.recipient) == CLIENT
    assert len(NOBODY.recipient) <= 40, "as long as an officer's code may be"
    assert reminding.client_named("PO-HQ-01") is None
