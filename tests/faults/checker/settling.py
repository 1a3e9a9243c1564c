"""R8: after the last fault everything settles within the bound: nothing waits to be sent, fired, told or released."""

from datetime import datetime
from typing import Final

from tests.faults.checker.contract import OPEN_LETTER, instant
from tests.faults.checker.folder import Row, Run
from tests.faults.checker.verdict import Sight

OVERDUE_SECONDS: Final = 2.0
"""Of office time: a clock that ran out this shortly before the last look may be in the hand of the one who fires it."""


def look(run: Run, sight: Sight) -> None:
    """Look at the time that it took, and at every table that should have emptied."""
    _look_at_time(run, sight)
    for service in run.services:
        _look_at_outbox(run, service, sight)
        _look_at_timers(run, service, sight)
        _look_at_letters(run, service, sight)
        _look_at_pending(run, service, sight)
        _look_at_offsets(run, service, sight)


def _look_at_time(run: Run, sight: Sight) -> None:
    sight.look()
    healed, quiet, bound = (run.about.get(name) for name in ("healed_at", "quiet_at", "settle_bound_seconds"))
    if quiet is None:
        sight.wrong("-", "run", "it never became quiet")
    elif healed is not None and bound is not None and quiet - healed > bound:
        sight.wrong("-", "run", f"quiet {quiet - healed:.1f} s after the last fault, at most {bound} s")


def _look_at_outbox(run: Run, service: str, sight: Sight) -> None:
    sight.look()
    for row in run.rows(service, "outbox"):
        why = f"parked: {row['parked_reason']}" if row.get("parked_reason") else "never sent"
        sight.wrong(service, row["event_id"], f"still in the outbox, {why} (seq {row['seq']})")


def _look_at_timers(run: Run, service: str, sight: Sight) -> None:
    now = instant(run.about.get("office"))
    for row in run.rows(service, "timer"):
        sight.look()
        due = instant(row["due_at"])
        if now is not None and due is not None and _seconds(due, now) > OVERDUE_SECONDS:
            sight.wrong(service, row["subject"], f"its clock {row['kind']} was due {_seconds(due, now):.0f} s ago")


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def _look_at_letters(run: Run, service: str, sight: Sight) -> None:
    """A key is held because a letter lies open behind it, and an event waits because an earlier one is set aside."""
    letters = [row for row in run.rows(service, "dead_letter") if row["state"] in OPEN_LETTER]
    held = {row["key"] for row in run.rows(service, "held_key")}
    for key in held:
        sight.look()
        if not any(key in letter["order_keys"] for letter in letters):
            sight.wrong(service, key, "held, and no letter lies open behind it")
    for letter in letters:
        sight.look()
        unheld = set(letter["order_keys"]) - held
        if unheld:
            sight.wrong(
                service, letter["event_key"], f"{letter['state']}, and does not hold {', '.join(sorted(unheld))}"
            )
        if letter["state"] == "waiting" and not any(_is_before(other, letter) for other in letters):
            sight.wrong(service, letter["event_key"], f"waits behind nothing (offset {letter['record_offset']})")


def _is_before(other: Row, letter: Row) -> bool:
    return bool(other["seq"] < letter["seq"] and set(other["order_keys"]) & set(letter["order_keys"]))


def _look_at_pending(run: Run, service: str, sight: Sight) -> None:
    for row in run.rows(service, "notification"):
        sight.look()
        if row["state"] in {"pending", "sending"}:
            what = f"{row['occasion']} to {row['recipient']}, {row['attempts']} attempts, {row.get('reason')}"
            sight.wrong(service, row["notification_id"], f"still {row['state']}: {what}")
    for row in run.rows(service, "idempotency"):
        sight.look()
        if row["status"] is None:
            sight.wrong(service, row["key"], "a request that was begun and never answered")
    for row in run.rows(service, "consumer_stop"):
        sight.wrong(service, row["consumer"], f"stopped: {row['reason']}")


def _look_at_offsets(run: Run, service: str, sight: Sight) -> None:
    """Everything was read to the end."""
    prefix, topics = run.about["prefix"], run.topics_of(service)
    stored = {
        (row["topic"].removeprefix(prefix), row["partition"]): row["next_offset"]
        for row in run.rows(service, "consumer_offset")
    }
    for (topic, partition), records in run.log.by_partition.items():
        if topic not in topics:
            continue
        sight.look()
        reached, last = stored.get((topic, partition), 0), records[-1].offset
        if reached <= last:
            sight.wrong(service, f"{topic}/{partition}", f"read up to {reached}, and the last record is {last}")
