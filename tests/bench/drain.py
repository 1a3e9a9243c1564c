"""Drain: how many events a second a contender takes from a topic that is full, through to acknowledged follow-ups."""

import signal
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import psutil

from tests.bench.contenders import Contender
from tests.bench.invariants import Verdict, judge
from tests.bench.load import Message, messages, sent_once, with_sampled_traces
from tests.bench.stage import Stage, Trial

WARM_UP_EVENTS: Final = 400
EVENTS_MIN: Final = 1_000


@dataclass
class Usage:
    """What a process and its children took between two looks."""

    process: psutil.Process
    memory_bytes_max: int = 0
    _cpu_before: float = 0.0

    def begin(self) -> None:
        """Count from now on."""
        self._cpu_before = self._cpu()
        self.memory_bytes_max = 0

    def look(self) -> None:
        """Notice the present memory."""
        self.memory_bytes_max = max(self.memory_bytes_max, sum(each.memory_info().rss for each in self._family()))

    def cpu_seconds(self) -> float:
        """CPU time since `begin`."""
        return self._cpu() - self._cpu_before

    def _cpu(self) -> float:
        return sum(times.user + times.system for times in (each.cpu_times() for each in self._family()))

    def _family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@dataclass(frozen=True)
class Drained:
    """One run."""

    contender: str
    events: int
    seconds: float
    cpu_seconds: float
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

    def as_row(self) -> dict[str, Any]:
        """For the file that machines read."""
        return {**asdict(self), "rate": self.rate, "cpu_seconds_per_1000": self.cpu_per_thousand}


@dataclass
class Inputs:
    """The same events for everyone; whoever takes fewer gets the first of them."""

    events: int
    _unsampled: dict[int, list[Message]] = field(default_factory=dict)
    _made: dict[tuple[int, float], list[Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the warm-up, which is the same for all."""
        self.warm_up = messages(WARM_UP_EVENTS, name="warm")

    def for_(self, contender: Contender) -> list[Message]:
        """The events of one contender."""
        count = max(min(EVENTS_MIN, self.events), int(self.events * contender.events_share))
        key = (count, contender.sampled)
        if key not in self._made:
            if count not in self._unsampled:
                self._unsampled[count] = messages(count, name="drain")
            self._made[key] = with_sampled_traces(self._unsampled[count], contender.sampled)
        return self._made[key]


async def drain(stage: Stage, contender: Contender, inputs: Inputs) -> Drained:
    """Let a contender warm up, fill the topic while it stands still, and let it go."""
    given = inputs.for_(contender)
    distinct = sent_once(given)
    async with stage.trial(contender) as trial:
        await trial.send(inputs.warm_up)
        warm = len(sent_once(inputs.warm_up))
        await trial.until_followed(warm)
        usage = Usage(psutil.Process(trial.process.pid))
        trial.process.send(signal.SIGSTOP)
        await trial.send(given)
        usage.begin()
        begun_ms = time.time_ns() / 1e6
        trial.process.send(signal.SIGCONT)
        await trial.until_followed(warm + len(distinct), watch=usage.look)
        cpu_seconds = usage.cpu_seconds()
        usage.look()
        return await _result(trial, usage, given, inputs, begun_ms, cpu_seconds)


async def _result(
    trial: Trial,
    usage: Usage,
    given: list[Message],
    inputs: Inputs,
    begun_ms: float,
    cpu_seconds: float,
) -> Drained:
    trial.end()
    contender = trial.contender
    distinct, warm = sent_once(given), sent_once(inputs.warm_up)
    commits = await trial.commits()
    left = await trial.left_behind()
    sent = {contender.inbox_key(message.event_id): message for message in (*distinct.values(), *warm.values())}
    first: dict[str, int] = {}
    for follow_up in left.follow_ups:
        first.setdefault(follow_up.event_id, follow_up.appended_ms)
    return Drained(
        contender.name,
        len(distinct),
        (max(first.values()) - begun_ms) / 1000,
        cpu_seconds,
        commits / (len(distinct) + len(warm)),
        usage.memory_bytes_max / 1024 / 1024,
        judge(sent, left),
    )
