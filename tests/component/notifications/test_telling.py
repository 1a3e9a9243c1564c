"""Telling on a real database: a fact arrives, and the right people are in the ledger."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from contracts import registration, supervision
from contracts.lapas import registration_id_of
from contracts.notifications import NotificationDeliveredV2, NotificationFailedV2
from contracts.operations import ReasonKind
from contracts.registration import EventDeadLettered, Source
from contracts.roles import Role
from tests.component.house import FRIDAY, TRACEPARENT, House, record_of
from tests.component.notifications.conftest import ROSTER
from tests.unit.notifications.builders import REGISTRATION, a_fact

JAKARTA_OFFSET = timedelta(hours=7)


async def ledger(house: House) -> list[tuple[str, str, str, str]]:
    """Who was told by which channel on which occasion, and how far it came."""
    rows = await house.pool.fetch("SELECT recipient, channel, occasion, state FROM notification ORDER BY seq")
    return [(row["recipient"], row["channel"], row["occasion"], row["state"]) for row in rows]


async def told(house: House) -> set[tuple[str, str]]:
    """Who was told on which occasion."""
    return {(recipient, occasion) for recipient, _, occasion, _ in await ledger(house)}


def here(day: date, hour: int) -> datetime:
    """A moment on the office's wall clock."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=FRIDAY.tzinfo) - JAKARTA_OFFSET


async def test_a_release_is_told_at_once_to_duty_and_officer_by_each_of_their_channels(house: House) -> None:
    assert await house.hear(a_fact(registration.RegistrationOpened)) == ["applied"]

    assert await ledger(house) == [
        ("PO-SKY-01", "IN_APP", "released", "delivered"),
        ("PO-SKY-01", "EMAIL", "released", "pending"),
        ("PO-HQ-02", "IN_APP", "released", "delivered"),
        ("PO-HQ-02", "EMAIL", "released", "pending"),
    ]
    said = await house.published()
    assert [type(fact) for fact in said] == [NotificationDeliveredV2] * 2
    assert {(fact.recipient, fact.about) for fact in said if isinstance(fact, NotificationDeliveredV2)} == {
        ("PO-SKY-01", REGISTRATION),
        ("PO-HQ-02", REGISTRATION),
    }


async def test_a_fact_that_is_delivered_twice_is_told_once(house: House) -> None:
    record = record_of(a_fact(registration.RegistrationOpened))

    outcomes = [(await house.deliver(each)).ended[0].outcome for each in (record, record)]

    assert outcomes == ["applied", "duplicate"]
    assert len(await ledger(house)) == 4
    assert len(await house.published()) == 2


async def test_even_an_inbox_that_forgot_tells_nobody_twice(house: House) -> None:
    record = record_of(a_fact(registration.RegistrationOpened))
    await house.deliver(record)
    await house.pool.execute("DELETE FROM inbox")
    await house.pool.execute("DELETE FROM consumer_offset")

    await house.deliver(record)

    assert len(await ledger(house)) == 4


async def test_the_whole_life_of_a_case_in_one_batch_is_told_in_order(house: House) -> None:
    facts = [
        a_fact(registration.RegistrationAnnounced),
        a_fact(registration.RegistrationOpened),
        a_fact(registration.FirstContactMade),
        a_fact(registration.RegistrationSubmitted),
        a_fact(registration.RegistrationReturned),
        a_fact(registration.RegistrationSubmitted),
        a_fact(registration.ClientRegistered),
    ]

    assert await house.hear(*facts) == ["applied"] * 7

    occasions = Counter(occasion for _, _, occasion, _ in await ledger(house))
    assert list(occasions) == ["announced", "released", "submitted", "returned", "registered"]
    assert occasions["submitted"] == 2, "two submissions are two events: the Kasi is told of each"


async def test_a_kasi_without_an_address_is_told_in_the_application(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationSubmitted))

    assert await ledger(house) == [("SHA-HQ-01", "IN_APP", "submitted", "delivered")]


async def test_somebody_who_cannot_be_reached_is_a_failure_that_operations_learn_of(house: House) -> None:
    await house.hear(a_fact(registration.FirstContactOverdue, hours=72))

    rows = await ledger(house)
    assert ("HEAD-HQ-01", "IN_APP", "unseen-72", "failed") in rows
    assert ("PO-HQ-02", "EMAIL", "unseen-72", "pending") in rows
    assert {recipient for recipient, _, occasion, _ in rows if occasion == "unreachable"} == {"OPS-HQ-01", "OPS-HQ-02"}
    failed = [fact for fact in await house.published() if isinstance(fact, NotificationFailedV2)]
    assert [(fact.recipient, fact.reason) for fact in failed] == [("HEAD-HQ-01", "NO_CHANNEL")]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(24, {"PO-SKY-01", "PO-HQ-02"}), (48, {"SHA-HQ-01"}), (72, {"HEAD-HQ-01", "PO-HQ-02"})],
)
async def test_each_rung_without_contact_reaches_the_next_person(house: House, hours: int, expected: set[str]) -> None:
    await house.hear(a_fact(registration.FirstContactOverdue, hours=hours))

    assert {who for who, occasion in await told(house) if occasion == f"unseen-{hours}"} == expected


async def test_rungs_that_were_passed_unknown_are_told_once_with_the_words_for_it(house: House) -> None:
    await house.hear(
        a_fact(registration.FirstContactOverdue, hours=24, known_late=True, escalate=False),
        a_fact(registration.FirstContactOverdue, hours=48, known_late=True),
    )

    assert await told(house) == {("SHA-HQ-01", "unseen-48")}
    assert "baru diketahui" in await house.pool.fetchval("SELECT body FROM notification")


async def test_with_nobody_on_duty_the_roster_is_climbed(house: House) -> None:
    await house.step_to(here(date(2026, 7, 15), 9))
    await house.hear(a_fact(registration.RegistrationOpened, officer=None))

    assert await told(house) == {("SHA-HQ-01", "released")}


def change(file: Path, text: str) -> None:
    """Write a file anew, as somebody with an editor does."""
    file.write_text(text)


async def test_a_roster_that_is_changed_while_the_service_runs_counts_at_once(house: House, roster_file: Path) -> None:
    change(roster_file, ROSTER.replace("PO-SKY-01", "AO-SKY-01"))
    await house.hear(a_fact(registration.RegistrationOpened))
    change(roster_file, "[[duty]]\nunit = 'PLG-XYZ'\n")
    await house.hear(a_fact(registration.ReleaseUnconfirmed))

    assert {who for who, occasion in await told(house) if occasion == "released"} == {"AO-SKY-01", "PO-HQ-02"}
    assert ("AO-SKY-01", "unconfirmed") in await told(house), "a broken file is kept as it was before"


# --- at the gate ------------------------------------------------------------------------------------------------------

MONDAY = date(2026, 6, 1)


async def test_an_announced_release_is_met_at_the_gate(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY))
    assert {who for who, _ in await told(house)} == {"REG-HQ-01", "REG-HQ-02", "PO-HQ-02"}

    assert await house.step_to(here(date(2026, 5, 31), 15)) == 0
    assert await house.step_to(here(date(2026, 5, 31), 16)) == 1
    assert ("PO-SKY-01", "gate-day-before") in await told(house)
    await take_care(house)
    assert await house.step_to(here(MONDAY, 7)) == 1
    assert ("PO-SKY-01", "gate-same-day") in await told(house)
    await take_care(house)
    assert await house.clocks() == {}


async def take_care(house: House) -> None:
    """The officer on duty acknowledges all that is in the inbox."""
    async with house.client(Role.PROBATION_OFFICER, subject="PO-SKY-01", unit="PLG-SKY") as officer:
        for item in (await officer.get("/v1/inbox", params={"unread": True})).json()["items"]:
            await officer.post(f"/v1/inbox/{item['id']}/acknowledgement")


async def test_a_day_that_is_moved_away_and_back_reminds_nobody_twice(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY))
    await house.step_to(here(date(2026, 5, 31), 16))
    told_first, said_first = await ledger(house), await house.published()

    for number, day in enumerate((date(2026, 6, 3), MONDAY)):
        moved = a_fact(registration.RegistrationCorrected, revision=number + 2, releases_on=day)
        assert await house.hear(moved) == ["applied"]
    assert await house.step_to(here(date(2026, 5, 31), 17)) == 1

    by_clock = [line for line in await ledger(house) if line[2] == "gate-day-before"]
    assert by_clock == [line for line in told_first if line[2] == "gate-day-before"]
    ids = Counter(fact.notification_id for fact in await house.published() if isinstance(fact, NotificationDeliveredV2))
    assert len(said_first) <= ids.total()
    assert set(ids.values()) == {1}


async def test_a_service_that_was_down_reminds_once(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY))

    await house.step_to(here(MONDAY, 9))

    assert Counter(occasion for _, occasion in await told(house))["gate-day-before"] == 0
    assert ("PO-SKY-01", "gate-same-day") in await told(house)


@pytest.mark.parametrize("kind", [registration.RegistrationCancelled, registration.RegistrationOpened])
async def test_a_release_that_came_or_was_taken_back_reminds_nobody(
    house: House, kind: type[registration.RegistrationFact]
) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY), a_fact(kind))

    await take_care(house)
    assert await house.clocks() == {}
    assert await house.step_to(here(MONDAY, 9)) == 0


async def test_a_cancellation_is_told_quietly_to_those_who_had_been_told(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY))
    await house.hear(a_fact(registration.RegistrationCancelled))

    quiet = [(who, channel) for who, channel, occasion, _ in await ledger(house) if occasion == "cancelled"]
    assert sorted(quiet) == [("PO-HQ-02", "IN_APP"), ("REG-HQ-01", "IN_APP"), ("REG-HQ-02", "IN_APP")]


async def test_who_heard_that_an_offer_was_not_answered_hears_that_it_ended(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY))
    await house.hear(a_fact(registration.TransferOfferOverdue))
    await house.step_to(FRIDAY + timedelta(hours=2))

    await house.hear(a_fact(registration.TransferOfferEnded))

    quiet = [(who, channel) for who, channel, occasion, _ in await ledger(house) if occasion == "offer-ended"]
    assert quiet == [("SHA-HQ-01", "IN_APP")], "nobody who was told of other things of this case"
    assert [row["state"] for row in await house.pool.fetch("SELECT state FROM alert")] == ["withdrawn"]


async def test_of_an_offer_of_which_nobody_was_told_nobody_hears_that_it_ended(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY))

    await house.hear(a_fact(registration.TransferOfferEnded))

    assert "offer-ended" not in {occasion for _, occasion in await told(house)}


async def test_somebody_who_was_met_before_the_gate_raises_no_alert_when_released(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationAnnounced, releases_on=MONDAY))
    await house.hear(a_fact(registration.FirstContactMade, before_gate=True))

    await house.hear(a_fact(registration.RegistrationOpened))

    quiet = [(who, channel) for who, channel, occasion, _ in await ledger(house) if occasion == "released-and-met"]
    assert quiet == [("PO-SKY-01", "IN_APP"), ("PO-HQ-02", "IN_APP")]
    assert "released" not in {occasion for _, occasion in await told(house)}
    assert await house.pool.fetch("SELECT 1 FROM alert") == []
    assert not {"gate-day-before", "gate-same-day"} & set(await house.clocks())


async def test_a_release_that_a_prison_does_not_confirm_is_told_at_once_and_after_an_hour(house: House) -> None:
    await house.hear(
        a_fact(registration.RegistrationAnnounced, releases_on=date(2026, 5, 29)),
        a_fact(registration.ReleaseUnconfirmed, releases_on=date(2026, 5, 29)),
    )
    assert {who for who, occasion in await told(house) if occasion == "unconfirmed"} == {
        "PO-SKY-01", "OPS-HQ-01", "OPS-HQ-02",
    }  # fmt: skip

    await house.step_to(FRIDAY + timedelta(hours=1))

    assert {who for who, occasion in await told(house) if occasion == "still-unconfirmed"} == {
        "PO-SKY-01", "OPS-HQ-01", "OPS-HQ-02",
    }  # fmt: skip


async def test_a_release_that_was_confirmed_within_the_hour_is_not_told_again(house: House) -> None:
    await house.hear(
        a_fact(registration.ReleaseUnconfirmed), a_fact(registration.RegistrationOpened, source=Source.ANNOUNCED)
    )

    await take_care(house)
    assert await house.step_to(FRIDAY + timedelta(hours=2)) == 0


# --- what could not be handled ----------------------------------------------------------------------------------------


def a_dead_letter(**changes: object) -> EventDeadLettered:
    base: dict[str, object] = {
        "dead_letter_id": UUID("0412bbbb-0000-7000-8000-000000000000"),
        "consumer": "registration",
        "source_topic": "lapas.events",
        "event_type": "lapas.client-released.v1",
        "reason_kind": ReasonKind.MALFORMED,
        "holds_key": True,
        "upstream": True,
        "dead_lettered_at": FRIDAY,
    }
    return EventDeadLettered.model_validate({**base, **changes})


async def test_a_prisons_message_that_could_not_be_handled_is_told_to_duty_and_operations(house: House) -> None:
    assert await house.hear(a_dead_letter(), a_dead_letter(reminder=True)) == ["applied"] * 2

    everybody = {"PO-HQ-01", "OPS-HQ-01", "OPS-HQ-02"}
    assert await told(house) == {(who, each) for who in everybody for each in ("set-aside", "still-set-aside")}


async def test_a_message_of_our_own_that_could_not_be_handled_wakes_nobody(house: House) -> None:
    ours = supervision.EventDeadLettered.model_validate(
        a_dead_letter(upstream=False).model_dump() | {"consumer": "supervision", "source_topic": "registration.events"}
    )

    assert await house.hear(ours, a_dead_letter(upstream=False)) == ["irrelevant"] * 2
    assert await ledger(house) == []


# --- children, traces, personal data ----------------------------------------------------------------------------------


async def test_of_a_child_the_ledger_says_no_more_than_that_there_is_something(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened, juvenile=True, facility="LPKA-PLG"))

    rows = await house.pool.fetch("SELECT template, subject, body FROM notification")
    assert {row["template"] for row in rows} == {"restricted"}
    assert all("LPKA" not in row["body"] and "Sekayu" not in row["body"] for row in rows)
    assert {topic for topic, _ in await house.topics()} == {"notifications.juvenile.events"}


async def test_a_notice_belongs_to_the_trace_of_the_fact_that_it_tells_of(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened), traceparent=TRACEPARENT)

    traces = {
        row["traceparent"].split("-")[1] for row in await house.pool.fetch("SELECT traceparent FROM notification")
    }
    assert traces == {TRACEPARENT.split("-")[1]}


async def test_who_was_told_is_told_for_each_case_alone(house: House) -> None:
    other = registration_id_of("another release")
    await house.hear(
        a_fact(registration.RegistrationAnnounced),
        a_fact(registration.RegistrationAnnounced, registration_id=other, officer="PO-HQ-03"),
        a_fact(registration.RegistrationCancelled, registration_id=other, officer="PO-HQ-03"),
    )

    assert {who for who, occasion in await told(house) if occasion == "cancelled"} == {
        "REG-HQ-01", "REG-HQ-02", "PO-HQ-03",
    }  # fmt: skip


async def test_everybody_who_is_told_can_read_it(house: House) -> None:
    await house.hear(a_fact(registration.RegistrationOpened))

    async with house.client(Role.PROBATION_OFFICER, subject="PO-SKY-01", unit="PLG-SKY") as officer:
        items = (await officer.get("/v1/inbox")).json()["items"]

    assert [(item["subject"], item["about"]) for item in items] == [("Segera: 0412…", str(REGISTRATION))]


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
async def test_a_prison_from_which_nothing_comes_is_told_to_duty_and_operations(house: House, *, again: bool) -> None:
    silent = registration.FacilitySilent(
        silence_id=UUID("5d1f7a0e-2b64-5c1d-9a3e-6f0b8c2d4e11"),
        facility="LP-SKY",
        receiving_unit="PLG-SKY",
        last_heard_on=None if again else date(2026, 5, 22),
        silent_days=7,
        due_at=FRIDAY,
        again=again,
    )

    assert await house.hear(silent) == ["applied"]

    assert {who for who, occasion in await told(house) if occasion == "facility-silent"} == {
        "PO-SKY-01",
        "OPS-HQ-01",
        "OPS-HQ-02",
    }
    body = await house.pool.fetchval("SELECT body FROM notification LIMIT 1")
    assert await house.pool.fetchval("SELECT subject FROM notification LIMIT 1") == "Tugas baru: 5D1F…"
    assert "Lapas Kelas IIB Sekayu" in body
    assert ("belum pernah" in body, "Masih belum ada kabar" in body) == (again, again)
