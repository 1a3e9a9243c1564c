"""A ledger of letters to be sent: an effect outside the database of the small service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from chassis.aggregates import Aggregates, Rows
from chassis.senders import Claim, Settlement
from chassis.transaction import Transaction

TABLE: Final = """
    CREATE TABLE letter (letter_id text PRIMARY KEY, state text NOT NULL, lease_until timestamptz,
                                       attempts int NOT NULL, maybe_doubled boolean NOT NULL, version int NOT NULL)
"""


@dataclass(frozen=True)
class Letter:
    """A row of a ledger of things to be sent."""

    letter_id: str
    state: str = "pending"
    lease_until: Any = None
    attempts: int = 0
    maybe_doubled: bool = False
    traceparent: str | None = None
    correlation_id: str | None = None


def _load(row: Mapping[str, Any]) -> Letter:
    return Letter(row["letter_id"], row["state"], row["lease_until"], row["attempts"], row["maybe_doubled"])


def _dump(letter: Letter) -> dict[str, Any]:
    names = ("letter_id", "state", "lease_until", "attempts", "maybe_doubled")
    return {name: getattr(letter, name) for name in names}


LETTERS: Final = Aggregates[str, Letter](
    name="letter",
    key_type="text",
    select="SELECT * FROM letter WHERE letter_id = ANY($1) ORDER BY letter_id FOR UPDATE",
    upsert="""
        INSERT INTO letter (letter_id, state, lease_until, attempts, maybe_doubled, version)
        SELECT letter_id, state, lease_until, attempts, maybe_doubled, version
          FROM json_to_recordset($1::json) AS t(letter_id text, state text, lease_until timestamptz, attempts int,
                                                maybe_doubled boolean, version int)
        ON CONFLICT (letter_id) DO UPDATE
           SET state = EXCLUDED.state, lease_until = EXCLUDED.lease_until, attempts = EXCLUDED.attempts,
               maybe_doubled = EXCLUDED.maybe_doubled, version = EXCLUDED.version
         WHERE letter.version = EXCLUDED.version - 1
    """,
    key=lambda letter: letter.letter_id,
    load=_load,
    dump=_dump,
)


OWED: Final = Rows(
    "owed",
    """
    INSERT INTO letter (letter_id, state, attempts, maybe_doubled, version)
    SELECT letter_id, 'pending', 0, false, 1 FROM json_to_recordset($1::json) AS t(letter_id text)
    """,
)


async def claim(command: Claim, tx: Transaction, *, lease: timedelta | None = None) -> Sequence[Letter]:
    """Take what is due; what somebody else had and did not settle may have been sent."""
    rows = await (await tx.connection()).fetch(
        "SELECT letter_id FROM letter WHERE state = 'pending' AND (lease_until IS NULL OR lease_until < $1)"
        " ORDER BY letter_id LIMIT $2",
        command.at,
        command.items_max,
    )
    claimed = []
    for row in rows:
        letter = await tx.lock(LETTERS, row["letter_id"])
        if letter is None or (letter.lease_until is not None and letter.lease_until >= command.at):
            continue
        doubled = letter.maybe_doubled or letter.lease_until is not None
        lease_until = command.lease_until if lease is None else command.at + lease
        letter = replace(letter, lease_until=lease_until, maybe_doubled=doubled)
        tx.save(LETTERS, letter)
        claimed.append(letter)
    return claimed


async def settle(command: Settlement[Letter], tx: Transaction) -> None:
    """Write down what became of it."""
    letter = await tx.lock(LETTERS, command.item.letter_id)
    if letter is None:
        return
    state = "sent" if command.result.sent else "pending"
    tx.save(LETTERS, replace(letter, state=state, lease_until=None, attempts=letter.attempts + 1))
