"""Drain: how many events a second a contender takes from a topic that is full, through to acknowledged follow-ups."""

import signal
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil

from tests.bench.contenders import Contender
from tests.bench.invariants import Verdict, first_appended
from tests.bench.load import messages, sent_once, with_sampled_traces
from tests.bench.stage import Stage

MEBIBYTE: Final = 1024 * 1024
EVENTS_MIN: Final = 1_000


class Usage:
    """What a process and its children take from now on."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._cpu_before = self._cpu()
        self.cpu_seconds = 0.0
        self.memory_bytes_max = 0

    def look(self) -> None:
        """Notice what was taken so far."""
        self.cpu_seconds = self._cpu() - self._cpu_before
        self.memory_bytes_max = max(self.memory_bytes_max, sum(each.memory_info().rss for each in self._family()))

    def _cpu(self) -> float:
        return sum(times.user + times.system for times in (each.cpu_times() for each in self._family()))

    def _family(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


@dataclass(frozen=True)
class Drained:
    """One run."""

    contender: str
    events: int
    seconds: float
    cpu_seconds: float
    servers_cpu_seconds: float
    commits_per_event: float
    memory_mib: float
    verdict: Verdict

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        """CPU seconds for a thousand events."""
        return self.cpu_seconds / self.events * 1_000

    @property
    def servers_cpu_per_thousand(self) -> float:
        """CPU seconds that database and broker took for a thousand events."""
        return self.servers_cpu_seconds / self.events * 1_000

    def as_row(self) -> dict[str, Any]:
        """For the file that machines read."""
        return {
            **asdict(self),
            "rate": self.rate,
            "cpu_seconds_per_1000": self.cpu_per_thousand,
            "servers_cpu_seconds_per_1000": self.servers_cpu_per_thousand,
        }


async def drain(stage: Stage, contender: Contender, *, events: int) -> Drained:
    """Let a contender warm up, fill the topic while it stands still, and let it go."""
    count = max(min(EVENTS_MIN, events), int(events * contender.events_share))
    given = with_sampled_traces(messages(count, name="drain"), contender.sampled)
    async with stage.trial(contender) as trial:
        await trial.warm_up()
        trial.process.send(signal.SIGSTOP)
        await trial.send(given)
        usage = Usage(psutil.Process(trial.process.pid))
        servers = [Usage(psutil.Process(pid)) for pid in stage.server_pids]
        begun_ms = time.time_ns() / 1e6
        trial.process.send(signal.SIGCONT)
        await trial.until_followed(given, watch=usage.look)
        for each in servers:
            each.look()  # while the sessions of the contender are still there: their time goes with them
        trial.end()
        commits, left = await trial.commits(), await trial.left_behind()
        verdict = trial.verdict(given, left)
    return Drained(
        contender.name,
        count,
        (max(first_appended(left).values()) - begun_ms) / 1000,
        usage.cpu_seconds,
        sum(each.cpu_seconds for each in servers),
        commits / (count + len(sent_once(trial.warm))),
        usage.memory_bytes_max / MEBIBYTE,
        verdict,
    )
