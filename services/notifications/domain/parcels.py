"""What leaves in one message: a notice alone, or several that waited together for the end of quiet hours. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid5

from contracts.notifications import Channel
from services.notifications.domain.ledger import Letter, Notice

DIGEST: Final = "digest"
DIGEST_MAX: Final = 20
"""Notices in one message; what is more goes into the next."""
_PARCELS: Final = UUID("5e3a8b02-91d7-5c46-a7f3-1b6d0e94c28a")


@dataclass(frozen=True, slots=True)
class Parcel:
    """Notices to the same recipient by the same channel that leave together, under an id that a retry keeps."""

    parcel_id: UUID
    notices: tuple[Notice, ...]

    @property
    def first(self) -> Notice:
        """The one that has waited longest."""
        return self.notices[0]

    @property
    def recipient(self) -> str:
        """Whom they are for."""
        return self.first.recipient

    @property
    def channel(self) -> Channel:
        """By which way they go."""
        return self.first.channel

    @property
    def traceparent(self) -> str | None:
        """The trace of the first."""
        return self.first.traceparent

    @property
    def correlation_id(self) -> str | None:
        """The conversation of the first."""
        return self.first.correlation_id

    @property
    def maybe_doubled(self) -> bool:
        """Whether one of them may have been sent before."""
        return any(notice.maybe_doubled for notice in self.notices)

    @property
    def digest_version(self) -> int | None:
        """The version of the template that binds several; None for one alone."""
        return self.first.digest_version


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A message as it is handed to a carrier: its id, its words, and the trace that it belongs to."""

    parcel_id: UUID
    message_id: str
    letter: Letter
    maybe_doubled: bool
    traceparent: str | None


def packed(notices: Sequence[Notice], *, digest_version: int) -> Parcel:
    """Notices that were claimed together as one parcel; one that was packed before keeps its id and its version."""
    notices = sorted(notices, key=lambda notice: (notice.created_at, notice.notification_id))
    parcel_id = next((notice.parcel for notice in notices if notice.parcel is not None), None)
    if parcel_id is None:
        names = "|".join(sorted(str(notice.notification_id) for notice in notices))
        parcel_id = notices[0].notification_id if len(notices) == 1 else uuid5(_PARCELS, names)
    version = next((notice.digest_version for notice in notices if notice.digest_version is not None), None)
    if version is None and len(notices) > 1:
        version = digest_version
    return Parcel(parcel_id, tuple(replace(each, parcel=parcel_id, digest_version=version) for each in notices))


def dispatch_of(parcel: Parcel, digest: Letter | None = None) -> Dispatch:
    """The message for a parcel: the words of the one notice in it, or the digest of several."""
    first = parcel.first
    letter = digest or Letter(first.template, first.template_version, first.subject, first.body)
    domain = (first.message_id or "").strip("<>").rpartition("@")[2]
    alone = parcel.parcel_id == first.notification_id
    message_id = first.message_id or "" if alone else f"<{parcel.parcel_id}@{domain}>"
    return Dispatch(parcel.parcel_id, message_id, letter, parcel.maybe_doubled, parcel.traceparent)


def words_of_digest(parcel: Parcel) -> dict[str, Any]:
    """What a digest says: of each notice what its subject and its body say, a child's as content-free as alone."""
    return {"notices": [{"subject": each.subject, "body": each.body} for each in parcel.notices]}
