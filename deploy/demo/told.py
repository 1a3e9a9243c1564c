"""Who was told what in the night, when by the office's clock, and by which channel: the ledger, a line a recipient."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from rich import box
from rich.table import Table
from rich.text import Text

from deploy.demo.facts import Facts, Notice
from deploy.demo.show import Show

ROSTER_GAP: Final = "roster-gap"
WAYS: Final = {"IN_APP": "app", "EMAIL": "mail", "GATEWAY": "message"}


@dataclass(frozen=True)
class Line:
    """Somebody was told something."""

    about: UUID
    occasion: str
    recipient: str
    notices: Sequence[Notice]
    """One for each channel."""

    @property
    def told_at(self) -> datetime | None:
        """When it was written, by the office's clock."""
        return self.notices[0].created_at


def notices_of_the_night(facts: Facts) -> list[Notice]:
    """What was told of the cases in which something is to be seen, and of holes in the roster."""
    cases = {facts.scenario.registrations[end.case] for end in facts.scenario.ends if end.shows is not None}
    return [notice for notice in facts.notices if notice.about in cases or notice.occasion == ROSTER_GAP]


def of_the_night(facts: Facts) -> list[Line]:
    """The same, the channels of each recipient together, in the order in which it was told."""

    def who(notice: Notice) -> tuple[datetime, str, str, str]:
        return notice.created_at or facts.ended_at, str(notice.about), notice.occasion, notice.recipient

    together = groupby(sorted(notices_of_the_night(facts), key=who), key=who)
    lines = [list(notices) for _, notices in together]
    return [Line(each[0].about, each[0].occasion, each[0].recipient, each) for each in lines]


def table(lines: Sequence[Line], facts: Facts, show: Show) -> Table:
    """When, of what, who, and by which channels it came, each with its moment."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("when", "of what", "who", "by which channel, and when it was there"):
        shown.add_column(column, no_wrap=True)
    arrived = arrivals(facts)
    for line in lines:
        about = facts.scenario.case_of.get(line.about)
        shown.add_row(
            "" if line.told_at is None else show.time(line.told_at),
            f"case {about}: {line.occasion}" if about else line.occasion,
            _who(line.recipient, facts),
            _channels(line.notices, arrived, facts),
        )
    return shown


def _who(recipient: str, facts: Facts) -> str:
    case = facts.scenario.clients.get(recipient)
    role = facts.role_of(recipient).replace("_", " ").lower()
    return f"the client of case {case}" if case else f"{recipient} ({role})"


def arrivals(facts: Facts) -> Mapping[str, Sequence[str]]:
    """To which addresses each mail (by its Message-ID) and each message (by its key) really came."""
    mails: dict[str, Sequence[str]] = {mail.message_id: mail.recipients for mail in facts.mails}
    return {**mails, **{message.key: (message.to,) for message in facts.messages}}


def carried_as(notice: Notice) -> str:
    """The name under which its carrier knows a notice that left the house."""
    return str(notice.parcel) if notice.channel == "GATEWAY" else (notice.message_id or "").strip("<>")


def _channels(notices: Iterable[Notice], arrived: Mapping[str, Sequence[str]], facts: Facts) -> Text:
    words, zone = Text(), facts.reference.zone
    for notice in sorted(notices, key=lambda each: each.channel, reverse=True):
        words.append(", " if words else "")
        there = notice.state == "delivered" and (notice.channel == "IN_APP" or carried_as(notice) in arrived)
        at = (
            f"{notice.settled_at.astimezone(zone):%H:%M}"
            if there and notice.settled_at
            else f"{notice.state}, not there"
        )
        words.append(f"{WAYS.get(notice.channel, notice.channel)} {at}", style="" if there else "bold red")
    return words
