"""What the audience sees while it goes on: a line for everything that happens, under the office's clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console, RenderableType
from rich.markup import escape

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Show:
    """The screen: plain lines where there is no terminal."""

    def __init__(self, console: Console, *, zone: ZoneInfo) -> None:
        self.console = console
        self.zone = zone

    def say(self, text: str) -> None:
        """Say what the machinery does."""
        self.console.print(escape(text), style="dim")

    def chapter(self, title: str) -> None:
        """Begin another part."""
        self.console.print()
        self.console.rule(f"[bold]{escape(title)}", align="left")

    def moment(self, office: datetime) -> None:
        """The clock of the office has moved."""
        self.console.print(f"[bold yellow]{self.time(office)}[/]")

    def event(self, mark: str, text: str, *, style: str = "") -> None:
        """Something happened at this moment."""
        self.console.print(f"  {mark} {escape(text)}", style=style)

    def put(self, thing: RenderableType) -> None:
        """Show a table or a picture."""
        self.console.print(thing)

    @contextmanager
    def waiting(self, words: str) -> Iterator[None]:
        """Show that something is waited for, where a terminal can show it."""
        if self.console.is_terminal:
            with self.console.status(words):
                yield
        else:
            yield

    def time(self, office: datetime) -> str:
        """An instant as the clock on the office's wall."""
        local = office.astimezone(self.zone)
        return f"{DAYS[local.weekday()]} {local:%d %b %H:%M}"
