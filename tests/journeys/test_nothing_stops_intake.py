"""Whatever a prison's system sends has a named outcome and stops nothing; what is set aside is taken up again."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.envelope import EVENT_BYTES_MAX
from tests.journeys.cases import Case, a_release
from tests.journeys.house import House, eventually
from tests.journeys.topics import Headers

TOPIC = "lapas.events"
TYPE = "lapas.client-released.v1"
PARTITIONS = 6
MALFORMED, REFUSED = "malformed", "refused"
ROUNDS = 8
REVISIONS = 12


@dataclass
class Sent:
    """A record for the topic of prisons: a good release, as far as nothing else is said."""

    release: dict[str, Any] = field(default_factory=a_release)
    event_id: str = field(default_factory=lambda: str(uuid4()))
    key: bytes | None = b"the release"
    value: bytes | None = b"the release"
    changed: Mapping[str, bytes | None] = field(default_factory=dict)

    @property
    def headers(self) -> Headers:
        """Those of CloudEvents, as changed; one that is changed into nothing is left out."""
        said = {
            "ce_specversion": b"1.0",
            "ce_id": self.event_id.encode(),
            "ce_source": b"/lapas/LP1-PLG",
            "ce_type": TYPE.encode(),
            "ce_subject": self.release["release_id"].encode(),
        }
        return {name: raw for name, raw in {**said, **self.changed}.items() if raw is not None}

    def to(self, house: House, *, partition: int = 0) -> tuple[str, int, int]:
        """Publish it."""
        key = self.release["release_id"].encode() if self.key == b"the release" else self.key
        value = json.dumps(self.release).encode() if self.value == b"the release" else self.value
        return house.topics.produce(TOPIC, key=key, value=value, headers=self.headers, partition=partition)


def without(name: str) -> dict[str, Any]:
    """A release in which a field is missing."""
    return {key: value for key, value in a_release().items() if key != name}


SET_ASIDE = [
    pytest.param(Sent(value=b"{not json"), "data is not JSON", id="not JSON"),
    pytest.param(Sent(value=b"[]"), "data is not an object", id="no object"),
    pytest.param(Sent(a_release(name=42)), "field name: string_type", id="wrong field type"),
    pytest.param(Sent(without("name")), "field name: missing", id="missing required field"),
    pytest.param(
        Sent(changed={"ce_type": b"lapas.client-released.v9"}),
        "type lapas.client-released.v9: the major version is unknown",
        id="unknown major version",
    ),
    pytest.param(Sent(key=b"somebody else"), "key is not the subject", id="wrong key"),
    pytest.param(
        Sent(key=b"somebody else", changed={"ce_subject": None}), "field release_id is not the key", id="key of another"
    ),
    pytest.param(Sent(key=b""), "key is empty", id="empty key"),
    pytest.param(Sent(key=None), "key is missing", id="no key"),
    pytest.param(Sent(value=b""), "value is empty", id="empty value"),
    pytest.param(Sent(value=None), "value is empty", id="no value"),
    pytest.param(Sent(value=b" " * (EVENT_BYTES_MAX + 1)), "value is over the limit", id="value over the limit"),
    pytest.param(Sent(changed={"ce_type": None}), "header ce_type is missing", id="missing header"),
    pytest.param(
        Sent(changed=dict.fromkeys(("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject"))),
        "header ce_type is missing",
        id="no headers",
    ),
    pytest.param(Sent(changed={"ce_id": b"\xff\xfe"}), "header ce_id is not UTF-8", id="header that is not UTF-8"),
    pytest.param(Sent(changed={"ce_type": b"\xff"}), "header ce_type is not UTF-8", id="type that is not UTF-8"),
]


@pytest.mark.parametrize(("sent", "reason"), SET_ASIDE)
async def test_what_cannot_be_read_is_set_aside_and_a_good_event_behind_it_passes(
    house: House, sent: Sent, reason: str
) -> None:
    before = await deliveries(house, "dead_lettered", MALFORMED)

    place = sent.to(house)

    assert await passes_behind(house)
    letter = await letter_at(house, place)
    assert (letter["kind"], letter["state"], letter["reason"]) == (MALFORMED, "parked", reason)
    assert await deliveries(house, "dead_lettered", MALFORMED) == before + 1


async def test_an_unknown_field_is_left_aside_and_counted(house: House) -> None:
    before = await house.metric("registration", "bapas_unknown_fields_total", type=TYPE)
    sent = Sent(a_release(shoe_size=42))

    place = sent.to(house)

    await Case(house, sent.release).reaches("released")
    assert await house.metric("registration", "bapas_unknown_fields_total", type=TYPE) == before + 1
    assert place not in await letters(house)


async def test_an_unknown_type_is_not_for_us(house: House) -> None:
    before = await deliveries(house, "not_for_us", "")

    place = Sent(changed={"ce_type": b"lapas.cell-painted.v1"}).to(house)

    assert await passes_behind(house)
    assert await deliveries(house, "not_for_us", "") == before + 1
    assert place not in await letters(house)


async def test_an_event_id_with_another_body_is_malformed_and_the_first_one_stands(house: House) -> None:
    first = Sent()
    second = Sent({**first.release, "name": "Somebody Else"}, event_id=first.event_id)
    first.to(house)

    place = second.to(house)

    assert await passes_behind(house)
    letter = await letter_at(house, place)
    assert (letter["kind"], letter["reason"]) == (MALFORMED, "event id reused with another body")
    view = await Case(house, first.release).reaches("released")
    assert view["person"]["name"] == first.release["name"]


async def test_a_release_in_2099_is_refused_and_holds_nothing(house: House) -> None:
    wrong = a_release(released_at="2099-05-29T16:30:00+07:00")

    place = Sent(wrong).to(house)

    right = {**wrong, "released_at": "2026-05-29T16:30:00+07:00"}
    Sent(right).to(house)
    await Case(house, right).reaches("released")
    letter = await letter_at(house, place)
    assert (letter["kind"], letter["rule"]) == (REFUSED, "released-in-the-future")
    assert await keys_held_for(house, right) == {}


async def test_a_record_over_the_limit_of_the_topic_does_not_get_in(house: House) -> None:
    with pytest.raises(AssertionError, match="MSG_SIZE_TOO_LARGE"):
        Sent(value=b" " * 400_000).to(house)

    assert await passes_behind(house)


async def test_a_dead_letter_is_listed_read_without_names_corrected_and_retried(house: House) -> None:
    """The events behind it wait, and follow in order when it is retried."""
    operations = house.officer("OPS-HQ-01")
    release = a_release(name="Rahasia Benar", phone=812345)
    case = Case(house, release)
    place = Sent(release).to(house, partition=1)
    for revision in (2, 3):
        Sent({**release, "phone": f"0812-{revision}", "revision": revision}).to(house, partition=1)
    letter = await letter_at(house, place)
    path = f"/v1/dead-letters/{letter['id']}"
    await house.quiet()

    read = (await operations.get("registration", path)).json()
    revealed = await operations.post("registration", f"{path}/reveal", {"reason": "which person is meant?"})
    held = await keys_held_for(house, release)
    still_wrong = await change(house, path, {"phone": 12})
    corrected = await change(house, path, {"phone": "0812-1"})
    retried = await operations.post("registration", f"{path}/retry")

    assert read["reason"] == "field phone: string_type"
    assert "Rahasia" not in json.dumps(read)
    assert release["release_id"] not in json.dumps(read)
    assert read["record"]["data"]["name"] == "***"
    assert revealed.json()["record"]["data"]["name"] == "Rahasia Benar"
    assert held == {"subject": 2, "registration": 2}
    assert still_wrong.status_code == 422
    assert corrected.status_code == 200
    assert retried.json()["outcome"] == "applied"
    await house.quiet()
    facts = case.facts()
    assert [fact.type.split(".")[1] for fact in facts] == ["registration-opened", *["registration-corrected"] * 2]
    assert [fact.data.get("revision") for fact in facts] == [None, 2, 3]
    assert await keys_held_for(house, release) == {}
    acts = await house.rows(
        "registration", "SELECT act, actor FROM operator_act WHERE dead_letter_id = $1::uuid ORDER BY acted_at",
        letter["id"],
    )  # fmt: skip
    assert [(act["act"], act["actor"]) for act in acts] == [
        ("reveal", "OPS-HQ-01"), ("correct", "OPS-HQ-01"), ("retry", "OPS-HQ-01"),
    ]  # fmt: skip


async def test_a_discarded_dead_letter_lets_the_events_behind_it_follow(house: House) -> None:
    operations = house.officer("OPS-HQ-01")
    release = a_release()
    place = Sent(release, value=b"{").to(house, partition=2)
    Sent({**release, "revision": 2}).to(house, partition=2)
    letter = await letter_at(house, place)
    path = f"/v1/dead-letters/{letter['id']}"

    gone = await operations.post("registration", f"{path}/discard", {"reason": "sent again by the prison"})

    assert gone.status_code == 204
    await Case(house, release).reaches("released")
    assert (await operations.get("registration", path)).json()["state"] == "discarded"
    again = await operations.post("registration", f"{path}/retry")
    assert (again.status_code, again.json()["rule"]) == (409, "letter-gone")
    assert await keys_held_for(house, release) == {}


async def test_a_retry_beside_live_events_of_the_same_key_leaves_no_phantom(house: House) -> None:
    """Whichever of the two is first: all are handled, in order, and afterwards nothing is held."""
    operations = house.officer("OPS-HQ-01")
    releases = [a_release(phone=1) for _ in range(ROUNDS)]
    for release in releases:
        letter = await letter_at(house, Sent(release).to(house, partition=3))
        path = f"/v1/dead-letters/{letter['id']}"
        assert (await change(house, path, {"phone": "0812"})).status_code == 200
        later = [Sent({**release, "phone": "0812", "revision": n}) for n in range(2, REVISIONS + 2)]

        _, retried = await asyncio.gather(live(house, later), operations.post("registration", f"{path}/retry"))

        assert retried.json()["outcome"] == "applied"
    await house.quiet()
    for release in releases:
        facts = Case(house, release).facts()
        assert [fact.data.get("revision", 1) for fact in facts] == list(range(1, REVISIONS + 2))
        assert await keys_held_for(house, release) == {}
    assert await operations.pages("registration", "/v1/dead-letters", state="waiting") == []


async def test_duty_and_operations_are_told_of_a_message_that_was_set_aside_at_once_and_after_an_hour(
    house: House,
) -> None:
    with house.clock_moves():
        # Of a prison that has sent nothing unreadable yet: a flood from one source is not told message by message.
        place = Sent(value=b"{", changed={"ce_source": b"/lapas/LP-KAG"}).to(house, partition=4)
        letter = await letter_at(house, place)
        await house.quiet()
        at_once = await told_of(house, letter["id"])
        house.step_to(house.office + timedelta(minutes=61))

        async def reminded() -> list[tuple[str, str, str]]:
            return [line for line in await told_of(house, letter["id"]) if line[0] == "still-set-aside"]

        later = await eventually(reminded, "the second notice")

    everybody = {
        (officer, channel) for officer in ("PO-HQ-01", "OPS-HQ-01", "OPS-HQ-02") for channel in ("IN_APP", "EMAIL")
    }
    assert {line[1:] for line in at_once} == everybody
    assert {line[0] for line in at_once} == {"set-aside"}
    assert {line[1:] for line in later} == everybody


async def passes_behind(house: House, *, partition: int = 0) -> bool:
    """Whether a good release that lies behind on the same partition is taken."""
    good = Sent()
    good.to(house, partition=partition)
    await Case(house, good.release).reaches("released")
    return True


async def live(house: House, events: Sequence[Sent]) -> None:
    """Publish one after the other, while other things happen."""
    for event in events:
        await asyncio.to_thread(event.to, house, partition=3)


async def letters(house: House) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Dead letters by the place of their record."""
    found = await house.officer("OPS-HQ-01").pages("registration", "/v1/dead-letters")
    return {(letter["topic"], letter["partition"], letter["offset"]): letter for letter in found}


async def letter_at(house: House, place: tuple[str, int, int]) -> dict[str, Any]:
    """The dead letter of a record, as soon as there is one."""

    async def look() -> dict[str, Any] | None:
        return (await letters(house)).get(place)

    found = await eventually(look, f"a dead letter of {place}")
    assert found is not None
    return found


async def change(house: House, path: str, changes: dict[str, Any]) -> Any:
    """Correct some fields of a dead letter."""
    body = {"changes": changes, "reason": "the prison told us by telephone"}
    return await house.officer("OPS-HQ-01").call("PATCH", "registration", path, json=body)


async def keys_held_for(house: House, release: Mapping[str, Any]) -> dict[str, int]:
    """What is held because of this release, and how many events wait behind it: its subject, its registration."""
    subject = hashlib.sha256(release["release_id"].encode()).hexdigest()
    found = await house.officer("OPS-HQ-01").pages("registration", "/v1/held-keys")
    return {
        key["kind"]: key["waiting"]
        for key in found
        if key["key_sha256"] == subject or key["key"] == str(Case(house, release).id)
    }


async def deliveries(house: House, outcome: str, reason: str) -> float:
    """How many records of prisons ended so."""
    labels = {"topic": TOPIC, "outcome": outcome, "reason": reason}
    return await house.metric("registration", "bapas_deliveries_total", **labels)


async def told_of(house: House, letter_id: str) -> list[tuple[str, str, str]]:
    """Who was told of a dead letter by which channel."""
    ledger = await house.officer("OPS-HQ-01").pages("notifications", "/v1/notifications", about=letter_id)
    return [(line["occasion"], line["recipient"], line["channel"]) for line in ledger]
