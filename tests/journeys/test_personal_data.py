"""Personal data stay where they belong: marked values are planted and looked for in everything that leaves."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_string, policy
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest

from contracts.catalogue import TOPICS, DataClass
from contracts.lapas import ClientReleased
from contracts.personal import personal_fields
from tests.journeys.cases import FRIDAY_AFTERNOON, Case, uploaded
from tests.journeys.house import House
from tests.journeys.test_nothing_stops_intake import Sent, letter_at
from tests.journeys.topics import Record

SERVICES = ("registration", "litmas", "supervision", "tpp", "notifications")
BORN = "1907-03-19"
NOT_TO_BE_MARKED = {"category", "age_at_offence", "birth_year", "sex"}
"""Words of a list and small numbers: everybody's."""
WORDS = (
    "alias", "father_name", "nik", "phone", "prison_register_no", "decree_no", "litmas_no", "request_id", "handover_no",
    "employment", "schooling", "supervising_prosecutor",
)  # fmt: skip
RESTRICTED = {"registration.clients", "registration.juvenile.clients"}
RACES = 15


@dataclass(frozen=True)
class Marks:
    """What is looked for: a word for an adult, a child, what is broken, officers' words; and a telephone number."""

    adult: str
    child: str
    broken: str
    written: str
    telephone: str
    """The digits of a number that people have, whatever stands before them."""
    mails_before: int

    @property
    def all(self) -> tuple[str, ...]:
        """Every word, a day of birth, and a number."""
        return (self.adult, self.child, self.broken, self.written, self.telephone, BORN)

    def found_in(self, content: bytes | str) -> set[str]:
        """Which of them are in here, whatever the case of their letters."""
        text = content if isinstance(content, str) else content.decode("latin-1")
        return {mark for mark in self.all if mark.casefold() in text.casefold()}


def a_mark(letter: str) -> str:
    """A word that is nowhere else."""
    return f"ZQ{letter}{uuid4().hex[:10].upper()}"


def a_marked_release(mark: str, **special: Any) -> dict[str, Any]:
    """A release in which every personal field says the mark."""
    address = {"street": f"Jalan {mark} 1", "village": f"Desa {mark}", "regency": f"KAB {mark}"}
    guarantor = {"name": f"Ibu {mark}", "relation": "MOTHER", "phone": f"0813{mark}", "address": address}
    return {
        "release_id": f"R/{mark}/{uuid4().hex[:6]}",
        "facility": "LP1-PLG",
        "name": f"Budi {mark}",
        "released_at": FRIDAY_AFTERNOON,
        "release_type": "conditional_release",
        "birth_on": BORN,
        "offence_group": f"X-{mark}",
        "photo": {"reference": f"photos/{mark}.jpg", "sha256": "0" * 64},
        "attachments": [{"kind": "DECREE", "reference": f"papers/{mark}.pdf", "sha256": "0" * 64}],
        "domicile": address,
        "guarantor": guarantor,
        **dict.fromkeys(WORDS, mark),
        **special,
    }


def a_reachable_release(mark: str, telephone: str, **special: Any) -> dict[str, Any]:
    """The same of people who have a telephone, and so are reminded."""
    data = a_marked_release(mark, phone=f"0{telephone}", **special)
    return {**data, "guarantor": {**data["guarantor"], "phone": f"+62{telephone}"}}


def test_every_personal_field_of_a_release_is_marked() -> None:
    """A field that is added to the contract is added here."""
    planted = set(paths_of(a_marked_release("MARK")))

    assert set(personal_fields(ClientReleased)) - NOT_TO_BE_MARKED <= planted


@pytest.fixture(scope="module")
async def marks(house: House) -> AsyncIterator[Marks]:
    """Marked people go the whole way, marked records are set aside, officers write marked words; then it is quiet."""
    found = Marks(
        adult=a_mark("A"),
        child=a_mark("C"),
        broken=a_mark("B"),
        written=a_mark("W"),
        telephone=f"8{secrets.randbelow(10**10):010}",
        mails_before=await house.count_mails(),
    )
    with house.clock_moves():
        await through_every_door(house, found)
        await broken_by_every_door(house, found.broken)
        await through_the_office(house, found)
        await reminded(house, found)
        await house.quiet()
        release = house.office
        house.step_to(release + timedelta(hours=48))
        await house.quiet()
        house.step_to(release + timedelta(hours=73))
        await house.quiet()
        await asyncio.sleep(1.5)  # spans leave once a second
        yield found


async def through_every_door(house: House, marks: Marks) -> None:
    """Releases of adults and of children, also several doors at the same moment."""
    for mark, facility in ((marks.adult, "LP1-PLG"), (marks.child, "LPKA-PLG")):
        Case(house, a_marked_release(mark, facility=facility)).published(
            correlationid=mark, id=f"id {mark}", traceparent=a_traceparent(), tracestate=f"x={mark}"
        )
        headers = dict.fromkeys(("User-Agent", "Idempotency-Key", "X-Correlation-ID"), mark)
        headers |= {"traceparent": a_traceparent(), "tracestate": f"x={mark}"}
        assert (await Case(house, a_marked_release(mark, facility=facility)).posted(headers=headers)).status_code == 201
    flat = {key: value for key, value in a_marked_release(marks.adult).items() if not isinstance(value, dict)}
    wrong = {**flat, "release_id": f"{marks.adult}-2", "released_at": marks.adult, marks.adult: marks.adult}
    report = await uploaded(house, [flat, wrong], facility="LP1-PLG", name=f"{marks.adult}.csv")
    assert [row["outcome"] for row in report.json()["rows"]] == ["accepted", "refused"]
    for _ in range(RACES):
        case = Case(house, a_marked_release(marks.adult))
        await asyncio.gather(asyncio.to_thread(case.published), case.posted(), case.posted())


async def broken_by_every_door(house: House, mark: str) -> None:
    """Records and requests that cannot be used, with the mark wherever a stranger can put a word."""
    good = a_marked_release(mark)
    another = a_marked_release(mark, prison_register_no=f"{mark} 2")  # else it waits behind the others
    for sent in (
        Sent(good, value=f"{{not json {mark}".encode()),
        Sent({**good, "phone": 5, mark: mark}),
        Sent({**good, "released_at": mark}),
        Sent({**good, "released_at": "2099-01-01T00:00:00Z"}),
        Sent(good, key=f"key {mark}".encode()),
        Sent(good, changed={"ce_type": f"lapas.{mark}.v1".encode()}),
        Sent(good, changed={"ce_type": f"lapas.client-released.v{mark}".encode()}),
        Sent(good, changed={"ce_source": f"/{mark}/\xff".encode("latin-1"), mark: mark.encode()}),
        Sent(another, event_id=f"id {mark}", changed={"ce_source": f"/lapas/{mark}".encode()}),
    ):
        sent.to(house)
    prison = house.prison("LP1-PLG")
    for path, body in (
        ("/v1/releases", {**good, "released_at": mark, "phone": 5, mark: mark}),
        ("/v1/releases", mark),
        ("/v1/releases", {**good, "facility": "LP-KAG"}),
        ("/v1/releases", {**good, "released_at": "2099-01-01T00:00:00Z"}),
        (f"/v1/releases/{mark}/cancellation", {"reason": mark}),
        (f"/v1/{mark}", good),
        (f"/v1/releases?{mark}={mark}", good),
    ):
        answer = await prison.post("registration", path, body)
        assert answer.is_client_error
        assert mark not in answer.text
    for method, path in (("GET", f"/v1/registrations?q={mark}"), ("GET", f"/v1/registrations/{mark}"), (mark, "/v1")):
        await house.officer("REG-HQ-01").call(method, "registration", path)


async def through_the_office(house: House, marks: Marks) -> None:
    """Met, submitted, returned, approved, handed on, closed; officers write down what they should not."""
    words = marks.written
    for mark, facility, head in ((marks.adult, "LP1-PLG", "SHA-HQ-01"), (marks.child, "LPKA-PLG", "SHC-HQ-01")):
        to_guide, to_hand_on, to_close, to_lose = (
            Case(house, a_reachable_release(mark, marks.telephone, facility=facility, handover_no=mark))
            for _ in range(4)
        )
        for case in (to_guide, to_hand_on, to_close, to_lose):
            assert (await case.posted()).status_code == 201
        for case in (to_guide, to_hand_on):
            steps = [await case.meet(note=words), await case.submit(note=words, document_ids=[words])]
            assert {answer.status_code for answer in steps} == {200}
        assert (await to_guide.act(head, "return", {"reason": words})).status_code == 200
        assert (await to_guide.submit()).status_code == 200
        assert (await to_guide.approve(head)).status_code == 200
        transfer = {"to_office": "BPS-JMB", "acceptance_no": words, "accepted_on": "2026-05-29", "reason": words}
        letter = {"letter_no": words, "letter_on": "2026-05-29", "kind": "PROGRAMME", "detail": words}
        refusal = {"reason": words, "transfer": transfer, "person_refuses": letter}
        assert (await to_hand_on.act(head, "refusal", refusal)).status_code == 200
        closing = {"reason": "DIED", "evidence": "DEATH_CERTIFICATE", "document_id": words, "note": words}
        assert (await to_close.act(head, "closure", closing)).status_code == 200
        trace = {"kind": "CALL_CLIENT", "at": FRIDAY_AFTERNOON, "note": words}
        assert (await to_lose.act("PO-HQ-01", "trace-entries", trace)).status_code == 200


async def reminded(house: House, marks: Marks) -> None:
    """Met, given an appointment, and not yet entered: the client, or the guarantor of a child, is reminded of it."""
    appointment = (house.office + timedelta(hours=72)).isoformat()
    for mark, facility in ((marks.adult, "LP1-PLG"), (marks.child, "LPKA-PLG")):
        case = Case(house, a_reachable_release(mark, marks.telephone, facility=facility))
        assert (await case.posted()).status_code == 201
        assert (await case.meet(visit_at=appointment)).status_code == 200


async def test_of_our_topics_only_the_restricted_ones_carry_personal_data(house: House, marks: Marks) -> None:
    records = house.topics.read()

    leaks = {
        (record.topic, record.type, tuple(sorted(hits)))
        for record in records
        if record.topic not in RESTRICTED
        and not record.topic.startswith("lapas.")
        and (hits := marks.found_in(everything_in(record)))
    }

    assert leaks == set()
    assert {topic.name for topic in TOPICS.values() if topic.data_class is not DataClass.S0} >= RESTRICTED
    of_adults = {
        mark for record in records if record.topic == "registration.clients" for mark in hits_of(marks, record)
    }
    of_children = {
        mark for record in records if record.topic == "registration.juvenile.clients" for mark in hits_of(marks, record)
    }
    assert marks.adult in of_adults
    assert marks.child in of_children
    assert marks.child not in of_adults
    assert marks.written not in of_adults | of_children


async def test_no_log_has_personal_data(house: House, marks: Marks) -> None:
    logs = {path.name: path.read_bytes() for path in house.stack.logs.rglob("*") if path.is_file()}

    leaks = [(name, line) for name, log in logs.items() for line in log.splitlines() if marks.found_in(line)]

    assert leaks == []
    assert {f"{service}.log" for service in SERVICES} | {"kafka.log", "postgres.log", "mailbox.log"} <= logs.keys()
    assert b"/v1/releases" in logs["registration.log"]


async def test_no_span_has_personal_data(house: House, marks: Marks) -> None:
    bodies = list(house.sink.bodies)

    assert [marks.found_in(body) for body in bodies if marks.found_in(body)] == []
    assert any(b"POST /v1/releases" in body for body in bodies)


@pytest.mark.parametrize("service", SERVICES)
async def test_no_metric_has_personal_data(house: House, marks: Marks, service: str) -> None:
    text = (await house.nobody().get(service, "/metrics")).text

    assert [line for line in text.splitlines() if marks.found_in(line)] == []
    assert "bapas_http_request_seconds" in text


async def test_no_mail_has_personal_data(house: House, marks: Marks) -> None:
    """Neither as it went over the wire nor as it is read."""
    since = await house.mails(after=marks.mails_before)
    texts = await asyncio.gather(*(house.text_of(mail) for mail in since))
    mails = [message_from_string(text, policy=policy.default) for text in texts]
    read = [" ".join((*map(str, mail.values()), mail.get_content())) for mail in mails]

    assert [text for text in (*texts, *read) if marks.found_in(text)] == []
    assert any("Kode kasus" in text for text in read)


async def test_notifications_learns_telephone_numbers_and_nothing_else_of_a_person(house: House, marks: Marks) -> None:
    """Clients are reminded: the number is in one table and at the gateway, and the message does not say whose it is."""
    tables = await house.rows("notifications", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")

    for table in (row["tablename"] for row in tables):
        # The whole row as text; a table cannot be named by a parameter.
        rows = await house.rows("notifications", f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608
        found = {hit for row in rows for hit in marks.found_in(row["row"])}
        assert found == ({marks.telephone} if table == "client_reach" else set()), table
    sent = [message for message in await house.messages() if marks.telephone in message["to"]]
    assert sent, "somebody was reminded"
    assert [message["text"] for message in sent if marks.found_in(message["text"])] == []
    assert {message["template"] for message in sent} <= {"appointment.v1", "appointment-days.v1"}


async def test_a_dead_letter_shows_no_personal_data_over_http(house: House, marks: Marks) -> None:
    operations = house.officer("OPS-HQ-01")
    letters = await operations.pages("registration", "/v1/dead-letters")
    held = await operations.pages("registration", "/v1/held-keys")
    details = [(await operations.get("registration", f"/v1/dead-letters/{each['id']}")).json() for each in letters]

    assert [view for view in (*letters, *held, *details) if marks.found_in(json.dumps(view))] == []
    place = Sent(a_marked_release(marks.broken, phone=7)).to(house)
    revealed = await operations.post(
        "registration", f"/v1/dead-letters/{(await letter_at(house, place))['id']}/reveal", {"reason": "to compare"}
    )
    assert marks.broken in revealed.text


def a_traceparent() -> str:
    """The context of a trace that somebody else began."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def everything_in(record: Record) -> bytes:
    """Key, headers and value of a record."""
    headers = b" ".join(name.encode() + b"=" + (raw or b"") for name, raw in record.headers)
    return b" ".join((record.key or b"", headers, record.value or b""))


def hits_of(marks: Marks, record: Record) -> set[str]:
    """The marks that a record carries."""
    return marks.found_in(everything_in(record))


def paths_of(data: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The dotted names of all fields, at any depth."""
    for name, value in data.items():
        parts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Mapping)]
        if parts:
            yield from chain.from_iterable(paths_of(each, f"{before}{name}.") for each in parts)
        else:
            yield f"{before}{name}"
