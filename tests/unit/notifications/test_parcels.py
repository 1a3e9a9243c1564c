"""What leaves in one message: a retry keeps its id, its words and its order, whoever packs it and in which order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.notifications import Channel
from contracts.reference import load_reference
from services.notifications.domain import ledger
from services.notifications.domain.ledger import Addressee, Letter, Matter, Notice, State, Urgency
from services.notifications.domain.parcels import DIGEST, dispatch_of, packed, words_of_digest
from services.notifications.wording import Wording

EVENING = datetime(2026, 5, 29, 14, 30, tzinfo=UTC)
MORNING = datetime(2026, 5, 29, 23, 0, tzinfo=UTC)
LEASE = MORNING + timedelta(minutes=1)


def held(number: int, *, recipient: str = "PO-HQ-02", channel: Channel = Channel.GATEWAY) -> Notice:
    matter = Matter(about=UUID(int=number), occasion="registered", urgency=Urgency.NORMAL, cause=f"event-{number}")
    letter = Letter(template="registered", version=1, subject=f"Tugas baru: {number:04}…", body=f"Isi {number}\n")
    notice, facts = ledger.owe(
        Addressee(recipient, channel),
        matter,
        letter,
        mail_domain="bapas.example",
        now=EVENING + timedelta(minutes=number),
        held_until=MORNING,
    )
    assert facts == []
    return notice


def test_what_is_held_waits_for_its_time_on_the_offices_clock() -> None:
    notice = held(1)

    assert (notice.state, notice.held_until, notice.parcel) == (State.HELD, MORNING, None)
    assert not ledger.is_due(notice, at=MORNING + timedelta(days=9), now=MORNING - timedelta(seconds=1))
    assert not ledger.is_due(notice, at=MORNING)
    assert ledger.is_due(notice, at=EVENING, now=MORNING)


def test_a_bundle_is_what_the_same_person_waits_for_by_the_same_way_till_the_same_time() -> None:
    assert held(1).bundle == held(2).bundle
    assert len({held(1).bundle, held(1, recipient="PO-HQ-03").bundle, held(1, channel=Channel.EMAIL).bundle}) == 3


def test_what_does_not_wait_is_a_parcel_of_its_own() -> None:
    matter = Matter(about=UUID(int=1), occasion="released", urgency=Urgency.URGENT, cause="event")
    letter = Letter(template="released", version=1, subject="s", body="b")
    notice, _ = ledger.owe(Addressee("X", Channel.GATEWAY), matter, letter, mail_domain="x.example", now=EVENING)

    parcel = packed([ledger.claim(notice, lease_until=LEASE)], digest_version=1)

    assert parcel.parcel_id == notice.parcel == notice.notification_id
    assert (parcel.digest_version, dispatch_of(parcel).message_id) == (None, notice.message_id)


def test_one_that_waited_alone_leaves_as_it_is() -> None:
    notice = held(1)

    parcel = packed([notice], digest_version=1)

    assert (parcel.parcel_id, parcel.digest_version) == (notice.notification_id, None)
    assert dispatch_of(parcel).letter == Letter("registered", 1, notice.subject, notice.body)


@given(st.permutations(range(1, 6)))
def test_several_are_the_same_parcel_in_whatever_order_they_are_found(order: list[int]) -> None:
    parcel = packed([held(number) for number in order], digest_version=3)

    assert parcel == packed([held(number) for number in range(1, 6)], digest_version=3)
    assert [notice.about.int for notice in parcel.notices] == [1, 2, 3, 4, 5]
    assert {(notice.parcel, notice.digest_version) for notice in parcel.notices} == {(parcel.parcel_id, 3)}
    assert parcel.parcel_id not in {notice.notification_id for notice in parcel.notices}


def test_a_retry_keeps_the_id_and_the_version_of_the_words() -> None:
    first = packed([held(1), held(2)], digest_version=1)

    again = packed([replace(notice, attempts=2) for notice in first.notices], digest_version=7)

    assert (again.parcel_id, again.digest_version) == (first.parcel_id, 1)
    assert dispatch_of(again, Letter(DIGEST, 1, "s", "b")).message_id == f"<{first.parcel_id}@bapas.example>"


@pytest.mark.parametrize("count", [2, 20])
def test_a_digest_says_each_once_in_order(count: int) -> None:
    parcel = packed([held(number) for number in range(1, count + 1)], digest_version=1)

    letter = Wording(zone=load_reference().zone).letter(DIGEST, words_of_digest(parcel), version=1)

    assert (letter.template, letter.version, letter.subject) == (DIGEST, 1, f"Tugas baru: {count} pemberitahuan")
    places = [letter.body.index(f"Isi {number}\n") for number in range(1, count)]
    assert places == sorted(places)
    assert all(letter.body.count(f"Tugas baru: {number:04}…") == 1 for number in range(1, count + 1))
