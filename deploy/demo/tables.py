"""What the audience is left with: one line for each release, and one for each check."""

import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from rich import box
from rich.table import Table
from rich.text import Text

from deploy.demo.facts import Case, Facts
from deploy.demo.play import ways
from deploy.demo.scenario import End
from deploy.demo.show import Show
from deploy.demo.verdict import Verdict

NOTE_COLUMNS: Final = 30
STYLES: Final = {"registered": "green", "tracing": "red", "provisionally_registered": "yellow"}


def releases(facts: Facts, show: Show) -> Table:
    """Each release: from where and when, met when and how, how it stands with its number, who was told by which way."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_lines=False)
    for column in ("case", "released", "first contact", "stands"):
        table.add_column(column, no_wrap=True)
    table.add_column("who was told")
    cases = {case.registration_id: case for case in facts.cases}
    for end in facts.scenario.ends:
        table.add_row(*_line(end, cases.get(facts.scenario.registrations[end.case]), facts, show))
    return table


def _line(end: End, case: Case | None, facts: Facts, show: Show) -> tuple[str | Text, ...]:
    facility = facts.scenario.first(end.case).facility
    note = Text(f"\n{textwrap.fill(end.note, NOTE_COLUMNS)}" if end.note else "", style="dim")
    if case is None:
        return (end.case, facility, "", Text("nobody to guide").append_text(note), "")
    stands = Text(case.status.replace("_", " "), style=STYLES.get(case.status, ""))
    if case.register_no:
        stands.append(f"\n{case.register_no}", style="")
    elif case.why:
        stands.append(f" ({case.why})", style="")
    return (
        end.case,
        f"{facility} -> {case.unit}\n{_at(case.released_at, show)}",
        _contact(case, show),
        stands.append_text(note),
        _told(case.registration_id, facts),
    )


def _at(instant: datetime | None, show: Show) -> str:
    return "" if instant is None else show.time(instant)


def _contact(case: Case, show: Show) -> str:
    if case.met_at is None or case.met_how is None:
        return ""
    how = case.met_how.replace("_", " ").lower()
    if case.released_at is None:
        return f"{show.time(case.met_at)}\n{how}"
    hours = (case.met_at - case.released_at).total_seconds() / 3600
    return f"{show.time(case.met_at)}\n{how}, {hours:+.1f} h"


def _told(registration: UUID, facts: Facts) -> str:
    """Everybody who was told something about a case, by their ways."""
    people: dict[str, set[str]] = {}
    for notice in facts.notices:
        if notice.about == registration and notice.state == "delivered":
            people.setdefault(notice.recipient, set()).add(notice.channel)
    by_way: dict[str, list[str]] = {}
    for recipient, channels in people.items():
        by_way.setdefault(ways(channels), []).append(recipient)
    return "\n".join(f"{way}: {', '.join(recipients)}" for way, recipients in by_way.items())


def verdicts(checks: Sequence[Verdict]) -> Table:
    """Each check with its numbers, and what contradicts it."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for check in checks:
        mark = Text("holds", style="green") if check.holds else Text("FAILS", style="bold red")
        table.add_row(mark, Text(check.name).append(f"\n{check.numbers}", style="dim"))
        for problem in check.shown_problems:
            table.add_row("", Text(problem, style="red"))
    return table
