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
    env: Mapping[str, str] = field(default_factory=dict, hash=False)


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
FASTSTREAM_OUTBOX: Final = Contender(
    "fs-outbox",
    "FastStream and faststream-outbox (SQLAlchemy), inbox table",
    "tests.bench.contenders.faststream_outbox_relay",
    migrations=tables.migrations_of_faststream_outbox,
    events_share=0.05,
)
CONFLUENT: Final = Contender(
    "confluent",
    "confluent-kafka and psycopg, a commit a message",
    "tests.bench.contenders.confluent_single",
    events_share=0.15,
)
CONFLUENT_BATCHED: Final = Contender(
    "conf-batched",
    "confluent-kafka and psycopg, our batch size, set-based SQL",
    "tests.bench.contenders.confluent_batched",
)

CONTENDERS: Final = {
    contender.name: contender
    for contender in (
        _ours("ours-0", "ours, tracing off", sampled=0.01, is_traced=False),
        OURS,
        _ours("ours-100", "ours, every trace sampled", sampled=1.0, is_traced=True),
        Contender(
            "faststream",
            "FastStream, a commit a message, own outbox",
            "tests.bench.contenders.faststream_plain",
            events_share=0.1,
        ),
        FASTSTREAM_OUTBOX,
        CONFLUENT,
        CONFLUENT_BATCHED,
        Contender(
            "conf-decides",
            "the same, where SQL cannot say the rule: states read, decided on and written",
            "tests.bench.contenders.confluent_deciding",
        ),
        FLOOR,
    )
}
