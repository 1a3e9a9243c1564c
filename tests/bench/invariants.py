"""What has to hold after every run: each event once in inbox, table and topic, in the order of its release. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from tests.bench.load import Message


@dataclass(frozen=True)
class FollowUp:
    """A record on the outgoing topic; those of one release lie in one partition, in the order of a list of these."""

    event_id: str
    causation_id: str
    key: str
    sequence: int
    value: bytes
    appended_ms: int


@dataclass(frozen=True)
class Traces:
    """What a run left behind: the inbox, how often each release was counted, the outgoing topic."""

    inbox: Counter[UUID]
    seen: Mapping[UUID, int]
    follow_ups: Sequence[FollowUp]


@dataclass(frozen=True)
class Verdict:
    """How many events broke which rule; `repeated` is a message that came twice under one id, which is allowed."""

    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    altered: int = 0
    repeated: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled, put out of order or altered."""
        return not (self.lost or self.doubled or self.disordered or self.altered)

    def __str__(self) -> str:
        """What broke, in words."""
        if self.holds:
            return "ok"
        parts = [("lost", self.lost), ("doubled", self.doubled), ("out of order", self.disordered)]
        return ", ".join(f"{count} {word}" for word, count in [*parts, ("altered", self.altered)] if count)


def judge(sent: Mapping[UUID, Message], left: Traces) -> Verdict:
    """Hold what was left behind against the distinct events sent, which are given by their key in the inbox."""
    by_event = {message.event_id: message for message in sent.values()}
    ids: dict[str, set[str]] = {event_id: set() for event_id in by_event}
    strangers = 0
    for follow_up in left.follow_ups:
        if follow_up.causation_id in ids:
            ids[follow_up.causation_id].add(follow_up.event_id)
        else:
            strangers += 1
    counted = Counter(message.registration_id for message in sent.values())
    counts = [(counted[key], left.seen.get(key, 0)) for key in counted.keys() | left.seen.keys()]
    lost = [
        sum(key not in left.inbox for key in sent),
        sum(not found for found in ids.values()),
        sum(max(0, right - found) for right, found in counts),
    ]
    doubled = [
        sum(max(0, number - (key in sent)) for key, number in left.inbox.items()),
        sum(max(0, len(found) - 1) for found in ids.values()) + strangers,
        sum(max(0, found - right) for right, found in counts),
    ]
    return Verdict(
        lost=max(lost),
        doubled=max(doubled),
        disordered=_disordered(left.follow_ups),
        altered=sum(_is_altered(follow_up, by_event) for follow_up in left.follow_ups),
        repeated=len(left.follow_ups) - len({follow_up.event_id for follow_up in left.follow_ups}),
    )


def first_appended(left: Traces) -> dict[str, int]:
    """When the broker took the first follow-up of each event, by the event's id."""
    first: dict[str, int] = {}
    for follow_up in left.follow_ups:
        first.setdefault(follow_up.causation_id, follow_up.appended_ms)
    return first


def _disordered(follow_ups: Sequence[FollowUp]) -> int:
    """How many messages come, for the first time, after one of their release with the same or a later number."""
    highest: dict[str, int] = {}
    known: set[str] = set()
    wrong = 0
    for follow_up in follow_ups:
        if follow_up.event_id in known:
            continue
        known.add(follow_up.event_id)
        wrong += follow_up.sequence <= highest.get(follow_up.key, 0)
        highest[follow_up.key] = max(highest.get(follow_up.key, 0), follow_up.sequence)
    return wrong


def _is_altered(follow_up: FollowUp, by_event: Mapping[str, Message]) -> bool:
    message = by_event.get(follow_up.causation_id)
    return message is not None and (follow_up.value, follow_up.sequence, follow_up.key) != (
        message.follow_up,
        message.sequence,
        str(message.registration_id),
    )
