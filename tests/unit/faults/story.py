"""A run folder made by hand: databases that keep a journal, topics, mails, spans, and the small steps that fill them.

Every step does what a service does in one transaction; what it writes down is what a lab would have recorded.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from tests.faults.checker.contract import event_key

PREFIX = "lab1."
SERVICES = ("registration", "supervision", "notifications")
CONSUMERS = {
    "registration": ["lapas.events", "lapas.juvenile.events"],
    "supervision": ["registration.events", "registration.clients"],
    "notifications": ["registration.events", "registration.clients", "supervision.events"],
}
NAMES = UUID("7f1c9a52-0000-5000-8000-000000000001")
PRISON = "/lapas/LP1-PLG"
FRIDAY = "2026-05-29T16:30:00+07:00"
SATURDAY = "2026-05-30T16:30:00+07:00"
SUNDAY = "2026-05-31T16:30:00+07:00"
OFFICE_AT_QUIET = "2026-05-30T10:00:00+00:00"

Row = dict[str, Any]


def named(name: str) -> str:
    """An id that is always the same for the same name."""
    return str(uuid5(NAMES, name))


def registration_of(release: str) -> str:
    """The registration of a release of this story."""
    return named(release)


def client_of(release: str) -> str:
    """The client of a release of this story."""
    return named(f"client {release}")


def event_key_of(event_id: str) -> str:
    """The key of what the prison of this story calls so."""
    return event_key(PRISON, event_id)


def sha256(value: Any) -> str | None:
    """The hash of a value as it lies on a topic."""
    return None if value is None else hashlib.sha256(json.dumps(value).encode()).hexdigest()


def traceparent_of(name: str) -> str:
    """A trace context, the same for the same name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


class Database:
    """The tables of a service and the journal of their changes."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {}
        self.journal: list[Row] = []
        self.lost: list[list[Row]] = []
        self.xid = 700

    def note(self, table: str, op: str, row: Row | None, old: Row | None, at: float) -> None:
        """Write a change down."""
        line = {"n": len(self.journal) + 1, "xid": self.xid, "at": at, "tbl": table, "op": op}
        self.journal.append(line | {"row": row and dict(row), "old": old and dict(old)})


class Story:
    """Tells a run step by step."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0
        self.ids = 0
        self.databases = {service: Database() for service in SERVICES}
        self.inputs: list[Row] = []
        self.topics: dict[str, list[Row]] = {name: [] for names in CONSUMERS.values() for name in names}
        self.topics |= {"notifications.events": []}
        self.mails: list[Row] = []
        self.spans: list[Row] = []
        self.answers: list[Row] = []
        self.about: Row = {
            "seed": 1, "services": list(SERVICES), "consumers": CONSUMERS, "prefix": PREFIX, "sampled": True,
            "upstream": ["lapas.events", "lapas.juvenile.events"], "began_at": self.now, "healed_at": self.now + 50,
            "quiet_at": self.now + 60, "settle_bound_seconds": 60, "faults": [], "forks": [], "bug": None,
            "office": OFFICE_AT_QUIET,
        }  # fmt: skip

    # --- changes of rows ----------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, service: str) -> Iterator["Step"]:
        """Everything inside is one transaction."""
        self.databases[service].xid += 1
        yield Step(self, service)

    def tick(self) -> float:
        """A moment later."""
        self.now = round(self.now + 0.01, 3)
        return self.now

    def new_id(self) -> str:
        """An id of ours: a UUID of version 7."""
        self.ids += 1
        return f"0197192e-5a40-7000-8000-{self.ids:012x}"

    def rows(self, service: str, table: str, **where: Any) -> list[Row]:
        """The rows of a table that have these values."""
        return [row for row in self.databases[service].tables.get(table, ()) if _has(row, where)]

    def lines(self, service: str, table: str, op: str, **where: Any) -> list[Row]:
        """The lines of a journal that tell of such a row."""
        return [
            line
            for line in self.databases[service].journal
            if (line["tbl"], line["op"]) == (table, op) and _has(line["row"] or line["old"], where)
        ]

    def strike(self, service: str, lines: Sequence[Row]) -> None:
        """Take lines out of a journal, as if that had never been committed."""
        journal = self.databases[service].journal
        journal[:] = [line for line in journal if not any(line is each for each in lines)]

    def drop(self, service: str, table: str, **where: Any) -> None:
        """Take rows out of a table at the end, whatever its journal says."""
        rows = self.databases[service].tables[table]
        rows[:] = [row for row in rows if not _has(row, where)]

    def found(self, topic: str, event: str, **where: Any) -> Row:
        """The first record of a type on a topic, with these values in what it says."""
        records = self.topics[topic]
        return next(
            record for record in records if event in record["headers"]["ce_type"] and _has(record["value"], where)
        )

    # --- the outside --------------------------------------------------------------------------------------------------

    def report(self, release: str, number: int, event: str = "client-released", **special: Any) -> Row:
        """A prison publishes a report, and is told that it is there."""
        value = special.pop("value", {"release_id": release, "revision": number, "released_at": FRIDAY})
        source, poison = special.pop("source", PRISON), special.pop("poison", None)
        event_id = special.pop("id", f"{release}.{number}")
        headers = {
            "ce_specversion": "1.0", "ce_id": event_id, "ce_source": source, "ce_type": f"lapas.{event}.v1",
            "ce_subject": release, "traceparent": traceparent_of(event_id + source),
        }  # fmt: skip
        record = self.append("lapas.events", release, {**headers, **special.pop("headers", {})}, value)
        sent = {
            "n": len(self.inputs), "door": "kafka", "traceparent": headers["traceparent"],
            "what": headers["ce_type"], "person": release, "repeat_of": None,
            "topic": "lapas.events", "partition": 0, "offset": record["offset"], "source": source, "id": event_id,
            "value_sha256": record["value_sha256"], "poison": poison, "fate": "dead_lettered" if poison else None,
            "sent_at": self.now, "acked_at": self.now, **special,
        }  # fmt: skip
        self.inputs.append(sent)
        return record

    def append(self, topic: str, key: str, headers: Mapping[str, str | None], value: Any) -> Row:
        """Lay a record on a topic."""
        record = {
            "partition": 0, "offset": len(self.topics[topic]), "key": key, "headers": dict(headers),
            "value_sha256": sha256(value), "value": value, "timestamp": self.tick(), "topic": topic,
        }  # fmt: skip
        self.topics[topic].append(record)
        return record

    def again(self, record: Row) -> Row:
        """Lay the same bytes on the same topic once more."""
        return self.append(record["topic"], record["key"], record["headers"], record["value"])

    def mail(self, notice: Row) -> None:
        """The mail server takes a mail."""
        self.mails.append({"message_id": notice["message_id"], "to": ["a@b.c"], "subject": "", "at": self.tick()})

    def relay(self, service: str, *, topics: Sequence[str] = ()) -> list[Row]:
        """Send what lies in the outbox, and forget it."""
        sent = []
        for row in list(self.databases[service].tables.get("outbox", ())):
            topic = row["topic"].removeprefix(PREFIX)
            if not topics or topic in topics:
                sent.append(self.append(topic, row["key"], row["headers"], row["value"]))
                with self.transaction(service) as step:
                    step.delete("outbox", seq=row["seq"])
        return sent

    def process_span(self, service: str, record: Row) -> None:
        """A service says that it handled a record, in the trace of whoever sent it."""
        _, trace, span, _ = record["headers"]["traceparent"].split("-")
        attributes = {
            "messaging.operation.type": "process", "messaging.destination.name": PREFIX + record["topic"],
            "messaging.destination.partition.id": str(record["partition"]), "messaging.kafka.offset": record["offset"],
        }  # fmt: skip
        self.spans.append(
            {
                "trace_id": trace, "span_id": sha256(self.new_id()), "parent_id": span, "service": service,
                "links": [{"trace_id": trace, "span_id": span}], "name": "process", "at": self.now,
                "attributes": attributes,
            }
        )  # fmt: skip

    def create_span(self, service: str, traceparent: str) -> None:
        """A service says that it made a message."""
        _, trace, span, _ = traceparent.split("-")
        made = {
            "trace_id": trace,
            "span_id": span,
            "parent_id": None,
            "service": service,
            "name": "create",
            "at": self.now,
        }
        self.spans.append({**made, "links": [], "attributes": {"messaging.operation.type": "create"}})

    # --- the folder ---------------------------------------------------------------------------------------------------

    def restore(self, service: str, journal_length: int, tables: dict[str, list[Row]]) -> None:
        """Put a database back to an earlier copy; what it wrote since then is lost."""
        database = self.databases[service]
        database.lost.append(list(database.journal))
        del database.journal[journal_length:]
        database.tables = tables
        database.xid += 1000

    def copy(self, service: str) -> tuple[int, dict[str, list[Row]]]:
        """A copy of a database, to be restored."""
        database = self.databases[service]
        return len(database.journal), {name: [dict(row) for row in rows] for name, rows in database.tables.items()}

    def write(self, folder: Path) -> Path:
        """Write it all down as a lab does."""
        (folder / "run.json").write_text(json.dumps(self.about))
        for name in ("inputs", "mails", "spans"):
            _lines(folder / f"{name}.jsonl", getattr(self, name))
        _lines(folder / "http.jsonl", self.answers)
        for service, database in self.databases.items():
            _lines(folder / "journal" / f"{service}.jsonl", database.journal)
            for number, lost in enumerate(database.lost, start=1):
                _lines(folder / "journal" / f"{service}.before-restore-{number}.jsonl", lost)
            for table, rows in database.tables.items():
                _lines(folder / "tables" / service / f"{table}.jsonl", rows)
        for topic, records in self.topics.items():
            _lines(folder / "topics" / f"{topic}.jsonl", records)
        return folder


class Step:
    """One transaction of one database."""

    def __init__(self, story: Story, service: str) -> None:
        self.story, self.service = story, service
        self.database = story.databases[service]

    def insert(self, table: str, row: Row) -> Row:
        """Add a row."""
        self.database.tables.setdefault(table, []).append(row)
        self.database.note(table, "INSERT", row, None, self.story.tick())
        return row

    def update(self, table: str, changes: Row, **where: Any) -> Row:
        """Change the row that has these values."""
        row = self.find(table, **where)
        old = dict(row)
        row |= changes
        self.database.note(table, "UPDATE", row, old, self.story.tick())
        return row

    def delete(self, table: str, **where: Any) -> None:
        """Take away the row that has these values."""
        row = self.find(table, **where)
        self.database.tables[table].remove(row)
        self.database.note(table, "DELETE", None, row, self.story.tick())

    def find(self, table: str, **where: Any) -> Row:
        """The row that has these values."""
        rows = self.database.tables.get(table, [])
        return next(row for row in rows if all(row[name] == value for name, value in where.items()))

    def has(self, table: str, **where: Any) -> bool:
        """Whether there is such a row."""
        rows = self.database.tables.get(table, [])
        return any(all(row[name] == value for name, value in where.items()) for row in rows)

    # --- what services do ---------------------------------------------------------------------------------------------

    def take(
        self, record: Row, *, outcome: str = "applied", reason: str | None = None, under: str | None = None
    ) -> str:
        """Put a delivery into the inbox, under its own event key or another; the name that its effects give it."""
        headers = record["headers"]
        key = event_key(headers["ce_source"], headers["ce_id"])
        row = {
            "consumer": self.service,
            "event_key": under or key,
            "record_hash": "00",
            "outcome": "applied",
            "reason": None,
        }
        self.insert("inbox", row)
        if outcome != "applied":
            self.update("inbox", {"outcome": outcome, "reason": reason}, event_key=key)
        self.story.process_span(self.service, record)
        return key

    def pass_by(self, *records: Row) -> None:
        """Store the offset behind the last of these records, in each partition."""
        for record in records:
            place = {"topic": PREFIX + record["topic"], "partition": record["partition"]}
            if self.has("consumer_offset", **place):
                self.update("consumer_offset", {"next_offset": record["offset"] + 1}, **place)
            else:
                row = {"consumer": self.service, **place, "next_offset": record["offset"] + 1}
                self.insert("consumer_offset", row)

    def publish(self, event: str, key: str, value: Any, number: int, **said: Any) -> Row:
        """Put a fact into the outbox."""
        topic, version = said.pop("topic", f"{self.service}.events"), said.pop("version", 1)
        event_id = self.story.new_id()
        headers = {
            "ce_specversion": "1.0", "ce_id": event_id, "ce_source": f"/bapas/{self.service}",
            "ce_type": f"{self.service}.{event}.v{version}", "ce_subject": key, "ce_sequence": str(number),
            "ce_time": said.pop("at", SATURDAY), "ce_correlationid": "c", "traceparent": traceparent_of(event_id),
        }  # fmt: skip
        if "cause" in said:
            headers["ce_causationid"] = said["cause"]
        row = {
            "seq": sum(line["tbl"] == "outbox" and line["op"] == "INSERT" for line in self.database.journal) + 1,
            "event_id": event_id, "topic": PREFIX + topic, "key": key, "headers": headers,
            "payload_sha256": sha256(value), "parked_reason": None, "value": value,
        }  # fmt: skip
        self.story.create_span(self.service, headers["traceparent"])
        return self.insert("outbox", row)

    def set_aside(self, record: Row, kind: str, *, state: str = "parked", key: str | None = None) -> Row:
        """Make a dead letter of a delivery, and let it hold its subject unless it was refused."""
        headers = record["headers"]
        subject = record["key"]
        order_keys = [] if kind == "refused" else [f"subject:{subject}"]
        row = {
            "dead_letter_id": self.story.new_id(), "seq": len(self.database.journal), "consumer": self.service,
            "event_key": key or event_key(headers["ce_source"], headers["ce_id"]), "kind": kind, "state": state,
            "reason": "", "order_keys": order_keys, "topic": PREFIX + record["topic"], "subject": subject,
            "partition": record["partition"], "record_offset": record["offset"],
        }  # fmt: skip
        for held in order_keys:
            if self.has("held_key", key=held):
                self.update("held_key", {}, key=held)
            else:
                self.insert("held_key", {"consumer": self.service, "key": held})
        return self.insert("dead_letter", row)

    def settle(self, letter: Row, state: str) -> None:
        """Bring a dead letter to its end, and release what it held if nothing else does."""
        self.update("dead_letter", {"state": state}, dead_letter_id=letter["dead_letter_id"])
        letters = self.database.tables["dead_letter"]
        for key in letter["order_keys"]:
            if not any(row["state"] in {"parked", "waiting"} and key in row["order_keys"] for row in letters):
                self.delete("held_key", key=key)


def _has(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    return all(row.get(name) == value for name, value in where.items())


def _lines(file: Path, rows: Sequence[Row]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
