"""What a release that was heard of turns into. Pure."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from contracts.event import Event
from contracts.lapas import ClientReleased, client_id_of, registration_id_of
from contracts.registration import RegistrationOpened, Source

RECEIVING_UNIT: Final = "PLG-HQ"


@dataclass(frozen=True)
class TrackedRelease:
    """A release, how often it was told and in which revision last."""

    registration_id: UUID
    revision: int = 0
    seen: int = 0

    @property
    def sequence(self) -> int:
        """The number of the last fact: one is told for each event."""
        return self.seen


def track(known: TrackedRelease | None, event: ClientReleased) -> tuple[TrackedRelease, list[Event]]:
    """Count the event and say that the clocks run."""
    before = known or TrackedRelease(registration_id_of(event.release_id))
    return replace(before, revision=event.revision, seen=before.seen + 1), [opened(event, before.registration_id)]


def opened(event: ClientReleased, registration_id: UUID) -> RegistrationOpened:
    """What is told of a release."""
    return RegistrationOpened(
        registration_id=registration_id,
        client_id=client_id_of(registration_id),
        receiving_unit=RECEIVING_UNIT,
        released_at=event.released_at,
        release_type=event.release_type,
        facility=event.facility,
        source=Source.UNANNOUNCED,
    )
