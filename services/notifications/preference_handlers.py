"""An officer says how they want to be told, within what the office and the deadlines allow."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.transaction import Transaction
from contracts.notifications import Channel
from contracts.reference import Reference
from services.notifications.domain import preference
from services.notifications.domain.preference import NEVER_HELD, Preferences, QuietHours, Wish
from services.notifications.handlers import Desk
from services.notifications.preference_store import WISHES

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class QuietHoursBody(BaseModel):
    """Hours of each day, on the office's wall clock."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    begins: TimeOfDay = Field(alias="from")
    ends: TimeOfDay = Field(alias="to", description="Of the next day where it is earlier; at this minute they are over")
    holds: Literal["normal", "urgent"] = Field(default="normal", description="`urgent` holds what is urgent too")


class PreferencesView(BaseModel):
    """How the caller is told."""

    channels: list[Channel] = Field(description="In this order; the inbox beside the first way out")
    available: list[Channel] = Field(description="Ways out by which the office can reach the caller")
    quiet_hours: QuietHoursBody | None
    own: bool = Field(description="The caller has said so; else it is the office's setting")
    never_held: list[str] = Field(description="Deadlines whose notices no quiet hours hold")
    version: int = Field(description="For `If-Match`, in quotes; 0 where the caller has said nothing yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What an officer says, of the version that they read."""

    officer: str
    channels: tuple[Channel, ...]
    quiet: QuietHours | None
    version: int | None


class PreferenceDesk:
    """Where it is kept how people want to be told."""

    def __init__(self, desk: Desk) -> None:
        """Know by which ways each is reached at all."""
        self._desk = desk

    async def say(self, command: Say, tx: Transaction) -> PreferencesView:
        """It counts from the next notice on; what waits already leaves as it was written."""
        known = await tx.lock(WISHES, command.officer)
        desk = self._desk.at_hand
        available = preference.available(desk.contacts().of(command.officer), desk.ways_out)
        wish = preference.say(
            known,
            officer=command.officer,
            channels=command.channels,
            quiet=command.quiet,
            available=available,
            version=command.version,
            now=tx.now,
        )
        tx.save(WISHES, wish)
        return view_of(command.officer, wish, self._desk, tx.reference)


def view_of(officer: str, wish: Wish | None, desk: Desk, reference: Reference) -> PreferencesView:
    """How somebody is told who says this, or nothing."""
    ways = preference.wished(
        desk.at_hand.contacts(), desk.at_hand.preferences(), [wish] if wish else [], desk.at_hand.ways_out
    )
    contact = ways.contacts.of(officer)
    return PreferencesView(
        channels=list(contact.channels),
        available=list(preference.available(contact, desk.at_hand.ways_out)),
        quiet_hours=_shown(officer, ways.preferences, reference),
        own=wish is not None,
        never_held=sorted(NEVER_HELD),
        version=wish.version if wish else 0,
    )


def _shown(officer: str, preferences: Preferences, reference: Reference) -> QuietHoursBody | None:
    known = reference.officers.get(officer)
    hours = preferences.quiet_of(officer, unit=known.unit if known else None)
    if hours is None:
        return None
    return QuietHoursBody(
        begins=f"{hours.begins:%H:%M}", ends=f"{hours.ends:%H:%M}", holds="urgent" if hours.holds_urgent else "normal"
    )
