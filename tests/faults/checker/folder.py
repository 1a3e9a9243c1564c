"""A run folder as it lies on disk: what was sent, what the databases wrote down, what lay on the topics."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tests.faults.checker.history import Entry, Timeline
from tests.faults.checker.records import Log, Record

Row = Mapping[str, Any]

LOST: Final = ".before-restore-"


class FolderUnreadable(Exception):
    """The folder lacks something without which nothing can be said."""


@dataclass(frozen=True)
class Run:
    """Everything that was recorded of one run."""

    about: Row
    inputs: tuple[Row, ...] = ()
    timelines: Mapping[str, tuple[Timeline, ...]] = field(default_factory=dict)
    """By service; the last is what its database says at the end, those before were lost by a restore."""
    tables: Mapping[str, Mapping[str, tuple[Row, ...]]] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    mails: tuple[Row, ...] = ()
    spans: tuple[Row, ...] = ()
    answers: tuple[Row, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """The services of this run."""
        return tuple(self.about["services"])

    @property
    def is_quiet(self) -> bool:
        """Whether everything stood still when it was recorded; else one file tells more than another that is older."""
        return self.about.get("quiet_at") is not None

    @cached_property
    def log(self) -> Log:
        """The topics, to be asked."""
        return Log(self.records)

    @property
    def upstream(self) -> frozenset[str]:
        """The topics that others than we publish on."""
        return frozenset(self.about["upstream"])

    def topics_of(self, consumer: str) -> frozenset[str]:
        """The topics that a consumer subscribes."""
        return frozenset(self.about["consumers"].get(consumer, ()))

    def final(self, service: str) -> Timeline:
        """What a service's database says at the end."""
        return self.timelines[service][-1]

    def rows(self, service: str, table: str) -> tuple[Row, ...]:
        """A table of a service at the end."""
        return self.tables.get(service, {}).get(table, ())

    def was_restored(self, service: str) -> bool:
        """Whether the service's database was put back to an earlier copy."""
        return len(self.timelines.get(service, ())) > 1

    @cached_property
    def undone(self) -> Mapping[str, tuple[Entry, ...]]:
        """By service, what was committed and then lost by a restore."""
        return {
            service: tuple(entry for lost in lines[:-1] for entry in lost.news)
            for service, lines in self.timelines.items()
        }


def read(path: Path) -> Run:
    """Read a run folder; raises FolderUnreadable."""
    if not (path / "run.json").is_file():
        raise FolderUnreadable(f"{path} has no run.json")
    about = json.loads((path / "run.json").read_text(encoding="utf-8"))
    missing = {"services", "consumers", "upstream", "prefix"} - about.keys()
    if missing:
        raise FolderUnreadable(f"run.json lacks {', '.join(sorted(missing))}")
    timelines = {service: _timelines(path, service) for service in about["services"]}
    run = Run(
        about=about,
        inputs=tuple(_lines(path / "inputs.jsonl")),
        timelines=timelines,
        tables={service: _tables(path / "tables" / service) for service in about["services"]},
        records=tuple(_records(path / "topics", about["prefix"])),
        mails=tuple(_lines(path / "mails.jsonl")),
        spans=tuple(_lines(path / "spans.jsonl")),
        answers=tuple(_lines(path / "http.jsonl")),
    )
    return run if run.is_quiet else _as_of_the_journals(run)


def _as_of_the_journals(run: Run) -> Run:
    """A run that never stood still, without what its services sent after their journals were written down."""
    until = {service: max((e.at for e in lines[-1].entries), default=0.0) for service, lines in run.timelines.items()}

    def is_told(record: Record) -> bool:
        publisher = record.topic.partition(".")[0]
        return record.timestamp is None or record.timestamp <= until.get(publisher, record.timestamp)

    return replace(
        run,
        records=tuple(record for record in run.records if is_told(record)),
        mails=tuple(mail for mail in run.mails if mail["at"] <= until.get("notifications", 0.0)),
    )


def _timelines(path: Path, service: str) -> tuple[Timeline, ...]:
    folder = path / "journal"
    final = folder / f"{service}.jsonl"
    if not final.is_file():
        raise FolderUnreadable(f"there is no journal of {service}")
    lost = sorted(folder.glob(f"{service}{LOST}*.jsonl"), key=lambda file: int(file.stem.rpartition("-")[2]))
    told = [tuple(Entry.from_json(row) for row in _lines(file)) for file in (*lost, final)]
    return Timeline.chain(service, told)


def _tables(folder: Path) -> dict[str, tuple[Row, ...]]:
    return {file.stem: tuple(_lines(file)) for file in sorted(folder.glob("*.jsonl"))}


def _records(folder: Path, prefix: str) -> Iterator[Record]:
    for file in sorted(folder.glob("*.jsonl")):
        topic = file.stem.removeprefix(prefix)
        for row in _lines(file):
            yield Record.from_json(row, topic)


def _lines(file: Path) -> Iterator[Row]:
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise FolderUnreadable(f"{file.name} line {number} is no JSON") from error
