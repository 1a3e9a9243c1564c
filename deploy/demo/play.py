"""The weekend from moment to moment: the clock is set, prisons report, officers act, and all comes to rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from deploy.demo.doors import Doors, Sent
from deploy.demo.officers import Officers
from deploy.demo.quiescence import Quiescence
from deploy.demo.scenario import Act, Do, Report, Scenario
from deploy.demo.show import Show

MARKS: Final = {"kafka": "kafka", "http": "http ", "csv": "csv  "}
SELECT_CLOCKS: Final = """
    SELECT kind, subject FROM timer WHERE due_at <= $1 AND kind <> 'facility-silence' ORDER BY kind, due_at
"""
SELECT_CLIMBING: Final = "SELECT alert_id, about FROM alert WHERE climbs_at <= $1"
SELECT_TOLD: Final = """
    SELECT seq, occasion, recipient, channel FROM notification WHERE seq > $1 ORDER BY seq
"""


@dataclass
class Play:
    """One performance."""

    scenario: Scenario
    doors: Doors
    officers: Officers
    quiescence: Quiescence
    set_clock: Callable[[datetime], None]
    show: Show
    sent: list[Sent] = field(default_factory=list)
    waited_seconds: float = 0.0
    moments: int = 0
    _told_up_to: int = 0

    async def run(self) -> datetime:
        """Play it from the first moment to the last, which is given back."""
        for moment in self.scenario.moments:
            await self._let_clocks_ring(until=moment)
            self._set(moment)
            reports, acts = self.scenario.reports_at(moment), self.scenario.acts_at(moment)
            if reports:
                await self._report(reports)
                await self._rest(moment)
            if acts:
                await self._act(acts)
                await self._rest(moment)
        return self.scenario.moments[-1]

    async def _let_clocks_ring(self, *, until: datetime) -> None:
        """Stop at each instant at which a clock is due, as time itself would."""
        while (due := await self.quiescence.next_clock()) is not None and due <= until:
            kinds = await self._due(due)
            self._set(due)
            for words in kinds:
                self.show.event("clock", words, style="yellow")
            await self._rest(due)

    async def _due(self, office: datetime) -> list[str]:
        databases = self.quiescence.databases
        found: dict[str, list[str]] = {}
        climbing = await databases.rows("notifications", SELECT_CLIMBING, office)
        about = {str(row["alert_id"]): str(row["about"]) for row in climbing}
        for service in databases.services:
            for row in await databases.rows(service, SELECT_CLOCKS, office):
                found.setdefault(f"{row['kind']} ({service})", []).append(
                    self._case_of(about.get(row["subject"], row["subject"]))
                )
        return [f"{kind}: {', '.join(sorted(cases))}" for kind, cases in found.items()]

    def _case_of(self, subject: str | None) -> str:
        try:
            one = UUID(subject or "")
        except ValueError:
            return "no case"
        found = self.scenario.case_of.get(one) or self.scenario.clients.get(f"CLIENT-{one.hex.upper()}")
        return f"case {found}" if found else "no case"

    async def _report(self, reports: Sequence[Report]) -> None:
        for report in reports:
            note = f" - {report.note}" if report.note else ""
            words = f"{report.facility} {report.what} case {report.case} {report.cells['name']}"
            self.show.event(MARKS[report.door], f"{words.rstrip()}{note}", style="cyan")
        self.sent += await self.doors.send(reports)

    async def _act(self, acts: Sequence[Act]) -> None:
        for act in acts:
            done = await self.officers.do(act)
            note = f" - {act.text}" if act.text and act.do not in {Do.RETURN, Do.REFUSE} else ""
            about = f", case {act.case}" if act.case else ""
            self.show.event("act  ", f"{act.officer} {done}{about}{note}", style="green")

    async def _rest(self, office: datetime) -> None:
        with self.show.waiting(f"{self.show.time(office)}: until all is at rest"):
            self.waited_seconds += await self.quiescence.wait(office)
        await self._show_told()

    async def _show_told(self) -> None:
        rows = await self.quiescence.databases.rows("notifications", SELECT_TOLD, self._told_up_to)
        told: dict[str, dict[str, set[str]]] = {}
        for row in rows:
            self._told_up_to = max(self._told_up_to, row["seq"])
            client = self.scenario.clients.get(row["recipient"])
            who = f"the client of case {client}" if client else row["recipient"]
            told.setdefault(row["occasion"], {}).setdefault(who, set()).add(row["channel"])
        for occasion, people in told.items():
            by_way: dict[str, list[str]] = {}
            for recipient, channels in people.items():
                by_way.setdefault(ways(channels), []).append(recipient)
            words = "; ".join(f"{', '.join(sorted(names))} by {way}" for way, names in by_way.items())
            self.show.event("told ", f"{occasion}: {words}", style="magenta")

    def _set(self, office: datetime) -> None:
        self.set_clock(office)
        self.moments += 1
        self.show.moment(office)


def ways(channels: set[str]) -> str:
    """Channels in words."""
    words = {"IN_APP": "app", "EMAIL": "mail", "GATEWAY": "message"}
    return " and ".join(sorted(words.get(channel, channel) for channel in channels))
