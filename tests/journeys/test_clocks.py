"""A weekend with a holiday behind it: nobody is forgotten; whoever has to act is told once, whatever part is away."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.roles import Role
from tests.journeys.cases import Case, a_release
from tests.journeys.house import House, eventually

RELEASED_AT = datetime.fromisoformat("2026-05-29T16:30:00+07:00")
"""A Friday; the Monday behind it is Pancasila Day."""
MINUTE = timedelta(minutes=1)
BOTH = ("IN_APP", "EMAIL")

DUTY_ON_SATURDAY = "AO-KAG-01"
DUTY_ON_SUNDAY = "PO-KAG-01"
GUIDES = "PO-KAG-01"
"""The probation officer proposed for whoever is released at Kayuagung: there is one."""
HEAD_OF_ADULTS = "SHA-HQ-01"
HEAD_OF_CHILDREN = "SHC-HQ-01"
KABAPAS = "HEAD-HQ-01"


@pytest.fixture
async def weekend(house: House) -> AsyncIterator[House]:
    """The house with an office clock that a journey steps through the weekend."""
    with house.clock_moves():
        yield house


def told_at_24(duty: str) -> list[str]:
    """Whoever is on duty, and the officer who is to guide, each once."""
    return sorted({duty, GUIDES})


def hours(count: int) -> datetime:
    """So many hours after the release."""
    return RELEASED_AT + timedelta(hours=count)


async def test_the_rungs_ring_at_24_48_and_72_calendar_hours_once_each(weekend: House) -> None:
    """Sunday and the holiday count like any day; a minute before the hour nothing rings."""
    case = Case(weekend, a_release(facility="LP-KAG")).published()
    await case.reaches("released")

    for number, rung in enumerate((24, 48, 72)):
        a_little_earlier = Case(
            weekend, a_release(facility="LP-KAG", released_at=(RELEASED_AT - 2 * MINUTE).isoformat())
        )
        assert (await a_little_earlier.posted()).is_success
        weekend.step_to(hours(rung) - MINUTE)
        await rings(a_little_earlier, rung)
        assert len(case.facts("first-contact-overdue")) == number
        weekend.step_to(hours(rung))
        await rings(case, rung)
        # Who is on duty is looked up when people are told: the clock stands until they are.
        await weekend.quiet()

    weekend.step_to(hours(75))
    await weekend.quiet()
    assert rungs_of(case) == [(24, False, True), (48, False, True), (72, False, True)]
    assert [datetime.fromisoformat(fact.data["due_at"]) for fact in case.facts("first-contact-overdue")] == [
        hours(24), hours(48), hours(72),
    ]  # fmt: skip
    assert (await case.reaches("tracing"))["due"].keys() == {"tracing-calls", "tracing-visit"}
    assert await alerts(case) == {
        "unseen-24": [(officer, channel) for officer in told_at_24(DUTY_ON_SATURDAY) for channel in BOTH],
        "unseen-48": [(HEAD_OF_ADULTS, channel) for channel in BOTH],
        "unseen-72": [(officer, channel) for officer in (KABAPAS, GUIDES) for channel in BOTH],
    }


async def test_whoever_is_alerted_reads_it_in_the_application_and_in_a_mail(weekend: House) -> None:
    """The head of the office at 72 hours: one item to acknowledge, one mail, and nobody's name in either."""
    case = Case(weekend, a_release(name="Zulkarnain Ternyata")).published()
    await case.reaches("released")
    weekend.step_to(hours(72))
    await rings(case, 72)
    await weekend.quiet()
    head = weekend.officer(KABAPAS)

    items = [item for item in await head.pages("notifications", "/v1/inbox") if item["about"] == str(case.id)]
    mails = [mail for mail in await mails_about(case) if mail["To"][0]["Address"] == "sinta.maharani@bapas.example"]

    [item], [mail] = items, mails
    code = case.id.hex[:8].upper()
    assert f"Kode kasus    : {code}" in item["body"]
    text = await weekend.text_of(mail)
    assert code in text
    assert "Zulkarnain" not in text + str(item)
    assert mail["Subject"].startswith("Segera: ")
    acknowledged = await head.post("notifications", f"/v1/inbox/{item['id']}/acknowledgement")
    assert acknowledged.json()["acknowledged_at"] is not None


async def test_a_childs_clock_tells_the_section_for_children_and_nothing_of_the_child(weekend: House) -> None:
    case = Case(weekend, a_release(facility="LPKA-PLG", name="Anak Rahasia")).published()
    await case.reaches("released")
    weekend.step_to(hours(48))
    await rings(case, 48)
    await weekend.quiet()

    head = weekend.officer(HEAD_OF_CHILDREN)
    items = [item for item in await head.pages("notifications", "/v1/inbox") if item["about"] == str(case.id)]

    # Of the 48 hours, and of the release that nobody on duty has acknowledged.
    assert [item["template"] for item in items] == ["restricted"] * 2
    assert all("LPKA" not in item["body"] for item in items)
    assert {fact.topic for fact in case.facts()} == {"registration.juvenile.events"}
    of_adults = await weekend.officer(HEAD_OF_ADULTS).pages("notifications", "/v1/inbox")
    assert str(case.id) not in {item["about"] for item in of_adults}


async def test_clocks_ring_while_kafka_is_away_and_the_facts_leave_afterwards(weekend: House) -> None:
    case = Case(weekend, a_release(facility="LP-KAG")).published()
    await case.reaches("released")
    await weekend.quiet()
    kafka = weekend.stack.ground.kafka
    assert kafka is not None
    kafka.kill()
    try:
        weekend.step_to(hours(24))
        await reaches_rungs(case, 1)
        weekend.step_to(hours(48))
        await reaches_rungs(case, 2)
        waiting = await weekend.rows("registration", "SELECT count(*) AS n FROM outbox WHERE key = $1", str(case.id))
        met = await Case(weekend, a_release(facility="LP-KAG")).posted()
    finally:
        kafka.start()

    await weekend.quiet()

    assert waiting == [{"n": 2}]
    assert met.status_code == 201
    assert rungs_of(case) == [(24, False, True), (48, False, True)]
    # Told on Sunday, when Kafka is back: whoever is on duty by then has to act.
    assert await alerts(case) == {
        "unseen-24": [(officer, channel) for officer in told_at_24(DUTY_ON_SUNDAY) for channel in BOTH],
        "unseen-48": [(HEAD_OF_ADULTS, channel) for channel in BOTH],
    }


async def test_rungs_that_passed_while_the_service_was_down_become_one_notice_known_late(weekend: House) -> None:
    case = Case(weekend, a_release(facility="LP-KAG")).published()
    await case.reaches("released")
    await weekend.quiet()
    weekend.stack.kill_service("registration")
    weekend.step_to(hours(72) + timedelta(hours=2))

    weekend.stack.start_service("registration")

    await rings(case, 72)
    await weekend.quiet()
    assert rungs_of(case) == [(24, True, False), (48, True, False), (72, True, True)]
    assert await alerts(case) == {
        "unseen-72": [(officer, channel) for officer in (KABAPAS, GUIDES) for channel in BOTH]
    }
    texts = [await weekend.text_of(mail) for mail in await mails_about(case)]
    assert sum("(baru diketahui)" in text for text in texts) == 2


async def rings(case: Case, rung: int) -> None:
    """Wait until this rung of the case is known to everybody."""

    async def look() -> bool:
        return rung in [fact.data["hours"] for fact in case.facts("first-contact-overdue")]

    await eventually(look, f"the rung of {rung} hours")


async def reaches_rungs(case: Case, count: int) -> None:
    """Wait until the office has recorded so many rungs; what it says of it may still be on its way."""

    async def look() -> bool:
        rows = await case.house.rows(
            "registration", "SELECT rungs_recorded FROM registration WHERE registration_id = $1", case.id
        )
        return bool(rows[0]["rungs_recorded"] == count)

    await eventually(look, f"{count} rungs")


def rungs_of(case: Case) -> list[tuple[int, bool, bool]]:
    """The rungs that were made known: hours, known late, to be escalated."""
    facts = [fact.data for fact in case.facts("first-contact-overdue")]
    return [(fact["hours"], fact["known_late"], fact["escalate"]) for fact in facts]


async def alerts(case: Case) -> dict[str, list[tuple[str, str]]]:
    """Who was told of each rung by which channel; every mail of the ledger has arrived once."""
    lines = [line for line in await case.told() if line["occasion"].startswith("unseen")]
    assert {line["status"] for line in lines} <= {"delivered"}
    sent = [mail["MessageID"] for mail in await mails_about(case)]
    assert sorted(sent) == sorted(set(sent))
    found: dict[str, list[tuple[str, str]]] = {}
    for line in lines:
        found.setdefault(line["occasion"], []).append((line["recipient"], line["channel"]))
    return found


async def mails_about(case: Case) -> Sequence[dict[str, Any]]:
    """The mails that the ledger owes for the rungs of a case, found in the mailbox of the mail server."""
    ledger = await case.house.somebody(Role.OPS, unit="PLG-HQ").pages(
        "notifications", "/v1/notifications", about=str(case.id)
    )
    ids = {line["message_id"].strip("<>") for line in ledger if line["message_id"] and line["template"] == "unseen"}
    found = [mail for mail in await case.house.mails() if mail["MessageID"] in ids]
    assert {mail["MessageID"] for mail in found} == ids
    return found
