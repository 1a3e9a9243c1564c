"""R7: a mail reaches its reader at most once unless its ledger row says `maybe_doubled`, and never without a row."""

from collections import defaultdict
from typing import Final

from tests.faults.checker.folder import Row, Run
from tests.faults.checker.history import Entry
from tests.faults.checker.verdict import Sight

SERVICE: Final = "notifications"
MAIL: Final = "EMAIL"


def look(run: Run, sight: Sight) -> None:
    """Compare the ledger with what the mail server took, both ways."""
    if SERVICE not in run.services:
        return
    taken: dict[str, list[Row]] = defaultdict(list)
    for mail in run.mails:
        taken[mail["message_id"]].append(mail)
    owed = {row["message_id"]: row for row in run.rows(SERVICE, "notification") if row["channel"] == MAIL}
    told = _changes_by_message(run)
    for message_id, row in owed.items():
        sight.look()
        _look_at_row(row, taken.get(message_id, []), sight, sent_before=_was_sent_before(run, row))
    for message_id, mails in taken.items():
        sight.look()
        if message_id not in told:
            sight.wrong(SERVICE, message_id, f"{len(mails)} mails without a row in the ledger")
        else:
            _look_at_claims(message_id, mails, told[message_id], sight)


def _changes_by_message(run: Run) -> dict[str, list[list[Entry]]]:
    """By message, what each timeline tells of its row."""
    told: dict[str, list[list[Entry]]] = defaultdict(list)
    for timeline in run.timelines[SERVICE]:
        rows: dict[str, list[Entry]] = defaultdict(list)
        for entry in timeline.of("notification"):
            if entry.get("channel") == MAIL:
                rows[entry.get("message_id")].append(entry)
        for message_id, entries in rows.items():
            told[message_id].append(entries)
    return told


def _was_sent_before(run: Run, row: Row) -> bool:
    """Whether a timeline that a restore has undone sent it: of that the row at the end knows nothing."""
    return any(
        entry.table == "notification" and entry.get("notification_id") == row["notification_id"]
        for entry in run.undone[SERVICE]
    )


def _look_at_row(row: Row, mails: list[Row], sight: Sight, *, sent_before: bool) -> None:
    what = f"{row['occasion']} to {row['recipient']}, {row['state']} after {row['attempts']} attempts"
    may_be_two = row["maybe_doubled"] or sent_before
    if len(mails) > 1 and not may_be_two:
        sight.wrong(SERVICE, row["message_id"], f"{len(mails)} mails, and not marked maybe_doubled: {what}")
    if row["state"] == "delivered" and not mails:
        sight.wrong(SERVICE, row["message_id"], f"no mail was taken: {what}")
    if row["state"] == "failed" and mails and not may_be_two:
        sight.wrong(SERVICE, row["message_id"], f"given up, and the mail was taken: {what}")


def _look_at_claims(message_id: str, mails: list[Row], told: list[list[Entry]], sight: Sight) -> None:
    """Each mail was claimed before it left; a claim is worth one."""
    claims = sorted({(e.n, e.at) for entries in told for e in entries if _is_claim(e)}, key=lambda claim: claim[1])
    for number, mail in enumerate(sorted(mails, key=lambda mail: mail["at"]), start=1):
        before = sum(at <= mail["at"] for _, at in claims)
        if before < number:
            sight.wrong(SERVICE, message_id, f"mail {number} left after {before} claims")


def _is_claim(entry: Entry) -> bool:
    """Whether a sender takes the notice: again it may be, from one who is silent."""
    taken = entry.row.get("state") == "sending" and entry.op == "UPDATE"
    return taken and (entry.row.get("attempts") or 0) > (entry.old.get("attempts") or 0)
