"""Collects the facts from every database, every topic and the mailbox."""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import httpx

from contracts.lapas import client_id_of
from deploy.demo.databases import Databases
from deploy.demo.doors import Sent, is_of_a_child
from deploy.demo.facts import Address, Alert, Case, Entry, Facts, Letter, Mail, Message, Notice, Store
from deploy.demo.officers import Officers
from deploy.demo.scenario import SAMPLES, Report, Scenario
from deploy.demo.topics import Topics

MAILS_MAX: Final = 1000

SELECT_CASES: Final = """
    SELECT registration.registration_id, release_id, status, receiving_unit, released_at,
           contact->>'at' AS met_at, contact->>'method' AS met_how,
           registered->>'register_no' AS register_no,
           coalesce(closure->>'reason', handed_on_to, cancellation->>'reason') AS why,
           bound_to, contact->>'slip_code' AS slip_code, biometric_status AS fingerprint,
           offer->>'to_office' AS offered_to,
           array(SELECT kind FROM timer WHERE subject = registration_id::text ORDER BY kind) AS clocks
      FROM registration ORDER BY released_at
"""
SELECT_ENTRIES: Final = "SELECT unit, register, year, seq, number, subject, state FROM register_entry"
SELECT_COUNTERS: Final = "SELECT counter, last_seq FROM register_counter"
SELECT_INBOX: Final = "SELECT event_key, outcome FROM inbox"
SELECT_LETTERS: Final = "SELECT event_key, kind, state FROM dead_letter"
SELECT_NOTICES: Final = """
    SELECT notification_id, about, occasion, recipient, channel, state, maybe_doubled, message_id, parcel,
           created_at, settled_at
      FROM notification ORDER BY seq
"""
SELECT_ALERTS: Final = """
    SELECT about, occasion, receiving_unit AS unit, state, raised_at, acknowledged_by, acknowledged_at
      FROM alert ORDER BY seq
"""


async def gathered(
    *,
    ended_at: datetime,
    sent: Sequence[Sent],
    officers: Officers,
    databases: Databases,
    topics: Topics,
    places: Mapping[str, Any],
    client: httpx.AsyncClient,
) -> Facts:
    """Everything that there is to see."""
    entries = await databases.rows("registration", SELECT_ENTRIES)
    counters = await databases.rows("registration", SELECT_COUNTERS)
    supervisions = await databases.rows("supervision", "SELECT client_id FROM supervision")
    check_ins = await databases.rows("supervision", "SELECT client_id FROM check_in")
    return Facts(
        scenario=officers.scenario,
        reference=officers.people.reference,
        ended_at=ended_at,
        sent=sent,
        records=await asyncio.to_thread(topics.everything),
        cases=[_case(row) for row in await databases.rows("registration", SELECT_CASES)],
        entries=[_entry(row) for row in entries],
        counters={row["counter"]: row["last_seq"] for row in counters},
        stores={service: await _store(databases, service) for service in databases.services},
        supervisions=[row["client_id"] for row in supervisions],
        check_ins=[row["client_id"] for row in check_ins],
        notices=[Notice(**row) for row in await databases.rows("notifications", SELECT_NOTICES)],
        mails=await _mails(client, places["mail"]["url"]),
        messages=await _messages(client, places["gateway"]["url"]),
        alerts=[Alert(**row) for row in await databases.rows("notifications", SELECT_ALERTS)],
        slips=officers.slips,
        shifts=officers.shifts,
        addresses=_addresses(officers.scenario),
    )


def _case(row: Mapping[str, Any]) -> Case:
    return Case(
        registration_id=row["registration_id"],
        release_id=row["release_id"],
        client_id=client_id_of(row["registration_id"]),
        status=row["status"],
        clocks=tuple(row["clocks"]),
        unit=row["receiving_unit"],
        released_at=row["released_at"],
        met_at=datetime.fromisoformat(row["met_at"]) if row["met_at"] else None,
        met_how=row["met_how"],
        register_no=row["register_no"],
        **{name: row[name] for name in ("why", "bound_to", "slip_code", "fingerprint", "offered_to")},
    )


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        unit=row["unit"],
        register=row["register"],
        year=row["year"],
        seq=row["seq"],
        number=row["number"],
        registration_id=row["subject"],
        void=row["state"] == "void",
    )


async def _store(databases: Databases, service: str) -> Store:
    return Store(
        inbox={row["event_key"]: row["outcome"] for row in await databases.rows(service, SELECT_INBOX)},
        letters=[Letter(**row) for row in await databases.rows(service, SELECT_LETTERS)],
        outbox=await databases.value(service, "SELECT count(*) FROM outbox"),
        held_keys=await databases.value(service, "SELECT count(*) FROM held_key"),
    )


async def _messages(client: httpx.AsyncClient, gateway: str) -> list[Message]:
    """Every message, as the messaging gateway has it."""
    shown = (await client.get(f"{gateway}/v1/messages")).json()["messages"]
    return [Message(key=message["key"], text=message["text"], to=message["to"]) for message in shown]


def _addresses(scenario: Scenario) -> dict[str, Address]:
    """By what each officer is reached, as notifications read it too, and each client, as the prison says."""
    contacts = tomllib.loads((SAMPLES / "officer_contacts.toml").read_text(encoding="utf-8"))["contact"]
    officers = {each["officer"]: Address(email=each["email"], phone=each.get("phone")) for each in contacts}
    return {**officers, **{name: _address_of(scenario.first(case)) for name, case in scenario.clients.items()}}


def _address_of(report: Report) -> Address:
    """Of a child only the guarantor is written to."""
    written = report.cells["guarantor_phone" if is_of_a_child(report) else "phone"]
    return Address(email="", phone="+62" + written.replace("-", "").removeprefix("0"))


async def _mails(client: httpx.AsyncClient, mailbox: str) -> list[Mail]:
    """Every mail, whole, as the mailbox has it."""
    page = (await client.get(f"{mailbox}/api/v1/messages", params={"limit": MAILS_MAX})).json()
    return [await _mail(client, mailbox, listed) for listed in page["messages"]]


async def _mail(client: httpx.AsyncClient, mailbox: str, listed: Mapping[str, Any]) -> Mail:
    whole = (await client.get(f"{mailbox}/api/v1/message/{listed['ID']}")).json()
    return Mail(
        message_id=listed["MessageID"],
        recipients=tuple(address["Address"] for address in (*listed["To"], *listed["Bcc"])),
        text=f"{whole['Subject']}\n{whole['Text']}",
    )
