"""After a restore from a backup the chain goes on from an earlier head; this says so, so that it is not an attack."""

from dataclasses import dataclass
from datetime import datetime

from chassis import audit
from chassis.audit_chain import HEAD, Head, anchor, beginning_of
from chassis.database import Connection
from chassis.transaction import Setting
from contracts import operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Which anchors are given up, by whom and why."""

    by: str
    reason: str
    continues_from: int
    gives_up_until: int


class NotContinuable(Exception):
    """The chain does not reach the position from which it is said to go on."""


async def reanchor(connection: Connection, setting: Setting, restore: Restore) -> operations.Anchored:
    """Anchor the restored chain anew, and enter in the trail itself who gave up what, and why.

    Raises NotContinuable when the restored chain is shorter than it should be.
    """
    async with connection.transaction():
        row = await connection.fetchrow(HEAD)
        head = beginning_of(setting.service) if row is None else Head(row["position"], row["hash"])
        if not head.position >= restore.continues_from <= restore.gives_up_until:
            words = f"the chain has {head.position} entries and cannot go on from {restore.continues_from}"
            raise NotContinuable(words)
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        fact = operations.anchored_by(setting.service)(
            anchor_id=setting.system_clock.new_id(),
            chain=setting.service,
            position=head.position,
            head=head.hash.hex(),
            anchored_at=now,
            continues_from=restore.continues_from,
            gives_up_until=restore.gives_up_until,
        )
        entry = audit.Entry(
            service=setting.service,
            actor={"facility": None, "id": restore.by, "kind": "person", "roles": [], "unit": None},
            action="reanchor_audit_trail",
            outcome="done",
            subject=audit.Subject("anchor", str(fact.anchor_id)),
            reason=restore.reason,
        )
        await audit.insert(connection, [entry])
        await anchor(connection, setting, fact)
    return fact
