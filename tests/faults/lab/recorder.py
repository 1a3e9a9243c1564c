"""The run folder: what the checker reads, and nothing else knows how to judge."""

import asyncio
import collections
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from contracts.catalogue import TOPICS, UPSTREAM, consumed_by
from contracts.lapas import client_id_of, registration_id_of
from deploy.demo.rdkafka import config
from deploy.demo.topics import Topics
from deploy.local.mailbox import Mail, Mailbox
from deploy.local.problem import Problem
from tests.faults.lab import journal
from tests.faults.lab.doors import Book, Counter
from tests.faults.lab.journal import write_lines

READ_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.1
TEXT_HEADERS_MAX: Final = 1000


@dataclass(frozen=True)
class Recorder:
    """Writes one run folder."""

    folder: Path

    async def write_lost(self, service: str, url: str, *, number: int) -> None:
        """Write the journal of a database that is about to be put back to what it was."""
        await journal.write_journal(url, self.folder / "journal" / f"{service}.before-restore-{number}.jsonl")

    async def write(
        self,
        *,
        book: Book,
        databases: Mapping[str, str],
        bootstrap_servers: str,
        prefix: str,
        mailbox: Mailbox,
    ) -> None:
        """Write what came in, what the databases hold and held, what lies on the topics, mails and spans."""
        write_lines(self.folder / "inputs.jsonl", book.entries)
        for service, url in databases.items():
            await journal.write(
                url, journal=self.folder / "journal" / f"{service}.jsonl", tables=self.folder / "tables" / service
            )
        await asyncio.to_thread(self._write_topics, bootstrap_servers, prefix)
        write_lines(self.folder / "mails.jsonl", map(_mail, reversed(mailbox.newest_first())))
        self._write_spans()

    async def write_answers(self, counter: Counter, book: Book) -> None:
        """Write what the public doors say in the end."""
        write_lines(self.folder / "http.jsonl", await _asked(counter, book))

    def ended(self) -> dict[str, int]:
        """How the deliveries of all services ended, as far as their databases say: inbox rows and open letters."""
        ended: collections.Counter[str] = collections.Counter()
        for folder in sorted((self.folder / "tables").iterdir()):
            ended.update(row["outcome"] for row in _lines(folder / "inbox.jsonl"))
            letters = [row for row in _lines(folder / "dead_letter.jsonl") if row["state"] in {"parked", "waiting"}]
            ended.update(f"dead_lettered({row['kind']})" for row in letters)
        return dict(ended)

    def write_run(self, said: Mapping[str, Any]) -> None:
        """Write run.json."""
        facts = {
            "consumers": {service: [topic.name for topic in consumed_by(service)] for service in said["services"]},
            "upstream": [name for name, topic in TOPICS.items() if topic.publisher in UPSTREAM],
        }
        (self.folder / "run.json").write_text(json.dumps({**said, **facts}, indent=1, default=str))

    def remove(self) -> None:
        """Forget the run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_topics(self, bootstrap_servers: str, prefix: str) -> None:
        ends = _ends(bootstrap_servers, prefix)
        records: dict[str, list[dict[str, Any]]] = {name: [] for name in TOPICS}
        for record in _everything(bootstrap_servers, prefix, ends):
            records[record.pop("topic")].append(record)
        for name, found in records.items():
            found.sort(key=lambda record: (record["partition"], record["offset"]))
            write_lines(self.folder / "topics" / f"{name}.jsonl", found)

    def _write_spans(self) -> None:
        with (self.folder / "spans.jsonl").open("wb") as out:
            for file in sorted((self.folder / "spans").glob("*.jsonl")):
                out.write(file.read_bytes())


def _ends(bootstrap_servers: str, prefix: str) -> Mapping[tuple[str, int], int]:
    end = time.monotonic() + READ_SECONDS
    while True:
        try:
            return Topics(bootstrap_servers, prefix=prefix, names=[prefix + name for name in TOPICS]).ends()
        except Problem:
            if time.monotonic() > end:
                raise


def _everything(bootstrap_servers: str, prefix: str, ends: Mapping[tuple[str, int], int]) -> Iterator[dict[str, Any]]:
    """Every record up to these ends."""
    consumer = Consumer({**config(bootstrap_servers), "group.id": "lab", "enable.auto.commit": False})
    waiting = {place for place, end in ends.items() if end}
    try:
        consumer.assign([TopicPartition(prefix + topic, number, 0) for topic, number in waiting])
        end = time.monotonic() + READ_SECONDS
        while waiting:
            if time.monotonic() > end:
                raise TimeoutError(f"Kafka did not give the records of {sorted(waiting)}")
            for message in consumer.consume(500, timeout=POLL_SECONDS):
                if message.error() is not None:
                    continue
                record = _record(message, prefix)
                place = (record["topic"], record["partition"])
                if record["offset"] + 1 >= ends[place]:
                    waiting.discard(place)
                yield record
    finally:
        consumer.close()


def _record(message: Any, prefix: str) -> dict[str, Any]:
    value = message.value()
    return {
        "topic": message.topic().removeprefix(prefix),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": _text(message.key()),
        "headers": {name: _text(raw) for name, raw in message.headers() or ()},
        "value_sha256": None if value is None else hashlib.sha256(value).hexdigest(),
        "value": _json(value),
        "timestamp": message.timestamp()[1] / 1000,
    }


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw[:TEXT_HEADERS_MAX].decode(errors="replace")


def _json(raw: bytes | None) -> Any:
    try:
        return json.loads(raw or b"null")
    except ValueError:
        return None


def _mail(mail: Mail) -> dict[str, Any]:
    message = mail.message
    return {
        "message_id": str(message["Message-ID"] or ""),
        "to": list(mail.recipients),
        "subject": str(message["Subject"] or ""),
        "at": mail.received_at.timestamp(),
        "headers": {name: str(value) for name, value in message.items() if name.lower() not in {"subject", "to"}},
    }


async def _asked(counter: Counter, book: Book) -> Sequence[dict[str, Any]]:
    """What the public doors say in the end about everybody."""
    lines = []
    for release_id in sorted({entry["person"] for entry in book.entries if entry["person"]}):
        registration_id = registration_id_of(release_id)
        about = {"person": release_id, "registration_id": str(registration_id)}
        asked = {
            "registration": (f"/v1/registrations/{registration_id}", "REG-HQ-01"),
            "supervision": (f"/v1/supervisions/{client_id_of(registration_id)}", "SHC-HQ-01"),
        }
        for service, (path, caller) in asked.items():
            answer = await counter.look(service, path, caller)
            said = {} if answer is None else {"status": answer.status_code, "body": answer.json()}
            lines.append({**about, "service": service, "path": path, **said})
    return lines
