"""A prison's release opens one registration, whoever publishes it, by whichever door, however often."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from tests.journeys.cases import Case, a_release
from tests.journeys.house import House
from tests.journeys.topics import Record

LATENCIES = 20


async def by_kafka(case: Case) -> None:
    """The door of a system that publishes."""
    case.published()


async def by_http(case: Case) -> None:
    """The door of a system that calls."""
    assert (await case.posted()).status_code in {200, 201}


async def by_csv(case: Case) -> None:
    """The door of a prison that has nothing but a spreadsheet."""
    report = (await case.uploaded()).json()
    assert report["accepted"] + report["already_known"] == 1, report


DOORS = {"kafka": by_kafka, "http": by_http, "csv": by_csv}


async def test_a_foreign_client_opens_one_registration(house: House) -> None:
    """confluent-kafka and the CloudEvents SDK know nothing of this house, and are understood."""
    case = Case(house).published().published()

    found = await case.reaches("released")

    assert found["receiving_unit"] == "PLG-HQ"
    await house.quiet()
    [fact] = case.facts("registration-opened")
    event = read_by_sdk(fact)
    assert event["type"] == "registration.registration-opened.v1"
    assert event["subject"] == str(case.id)


async def test_a_release_is_seen_soon_after_it_was_published(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    """How long it takes from a prison's producer until an officer sees it over HTTP; the bound is that of the wait."""
    registrar = house.officer("REG-HQ-01")
    seconds = []

    for _ in range(LATENCIES):
        case = Case(house)
        started = time.perf_counter()
        case.published()
        while (await registrar.get("registration", case.path)).status_code != httpx.codes.OK:
            assert time.perf_counter() - started < 30
            await asyncio.sleep(0.005)
        seconds.append(time.perf_counter() - started)

    record_property(
        "publish -> visible over HTTP",
        f"median {statistics.median(seconds) * 1000:.0f} ms, worst of {LATENCIES} {max(seconds) * 1000:.0f} ms",
    )


@pytest.mark.parametrize("order", list(itertools.permutations(DOORS)), ids="-".join)
async def test_three_doors_each_twice_open_one_registration(house: House, order: tuple[str, ...]) -> None:
    """In any order of the doors the outcome is the same."""
    case = Case(house)

    for door in (*order, *order):
        await DOORS[door](case)

    await house.quiet()
    counted = await house.rows(
        "registration", "SELECT count(*) AS n FROM registration WHERE release_id = $1", case.release["release_id"]
    )
    assert counted == [{"n": 1}]
    assert [fact.type for fact in case.facts()] == ["registration.registration-opened.v1"]
    assert len(await case.timeline()) == 1


async def test_approval_leads_to_supervision_with_a_first_check_in(house: House) -> None:
    """Met, submitted, approved: the client has a number, and supervision knows when to expect them."""
    case = await Case(house).brought_to_submission()

    answer = await case.approve()
    assert answer.status_code == 200, answer.text

    found = await case.reaches("registered")
    assert found["register_no"]
    await house.quiet()
    guided = house.topics.of(case.client_id, "supervision.events")
    assert [record.type for record in guided] == [
        "supervision.supervision-opened.v1",
        "supervision.first-check-in-scheduled.v1",
    ]
    assert guided[1].data["window_from"] >= "2026-05-29"


async def test_our_own_topics_are_read_by_the_cloudevents_sdk(house: House) -> None:
    """Whoever knows CloudEvents and our catalogue needs nothing else to follow us."""
    case = await Case(house, a_release(facility="LPKA-PLG")).brought_to_submission()
    assert (await case.approve("SHC-HQ-01")).status_code == 200
    await house.quiet()

    ours = [record for record in house.topics.read() if not record.topic.startswith("lapas.")]

    assert {record.topic for record in ours} >= {
        "registration.events",
        "registration.juvenile.events",
        "registration.clients",
        "registration.juvenile.clients",
        "supervision.events",
        "supervision.juvenile.events",
        "notifications.events",
        "notifications.juvenile.events",
    }
    for record in ours:
        event = read_by_sdk(record)
        assert event["type"].startswith(record.topic.partition(".")[0])
        assert event["subject"].encode() == record.key


def read_by_sdk(record: Record) -> dict[str, Any]:
    """What the CloudEvents SDK makes of a record."""
    headers = {name: raw or b"" for name, raw in record.headers}
    message = KafkaMessage(headers=headers, key=record.key, value=record.value or b"null")
    event = from_binary(message, JSONFormat())
    return dict(event.get_attributes())
