"""Who is measured: each a process of its own that is told by its environment where everything is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from chassis.database import Migration
from contracts.envelope import event_key
from tests.bench.contenders import tables
from tests.bench.load import SOURCE
from tests.bench.service.app import SERVICE

GROUP: Final = "bench"


@dataclass(frozen=True)
class Contender:
    """One way to build the pipeline.

    `events_share` is the share of a round's events that it is given: the slower take fewer, so that rounds end.
    """

    name: str
    title: str
    module: str
    migrations: Callable[[], Sequence[Migration]] = tables.migrations
    inbox_key: Callable[[str], UUID] = UUID
    events_share: float = 1.0
    sampled: float = 0.01
    is_traced: bool = False
    is_ours: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


def _our_key(event_id: str) -> UUID:
    return event_key(SOURCE, event_id)


def _ours(name: str, title: str, *, sampled: float, is_traced: bool) -> Contender:
    return Contender(
        name=name,
        title=title,
        module="tests.bench.service",
        migrations=SERVICE.all_migrations,
        inbox_key=_our_key,
        sampled=sampled,
        is_traced=is_traced,
        is_ours=True,
    )


OURS: Final = _ours("ours-1", "ours, 1 % of traces sampled", sampled=0.01, is_traced=True)
FLOOR: Final = Contender("floor", "floor: aiokafka, one SQL statement a batch", "tests.bench.contenders.floor")

CONTENDERS: Final = {
    contender.name: contender
    for contender in (
        _ours("ours-0", "ours, tracing off", sampled=0.01, is_traced=False),
        OURS,
        _ours("ours-100", "ours, every trace sampled", sampled=1.0, is_traced=True),
        FLOOR,
    )
}
