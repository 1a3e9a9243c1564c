"""What a chain, its entries and its anchors must satisfy, and every way in which they do not.

Written from contracts/decisions/0011 alone, so that a mistake of the writer cannot hide here as well.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

ANCHORED_WITHIN: Final = timedelta(minutes=5)
"""What was sealed longer ago must be covered by an anchor; so long an anchor may take to reach its topic."""
SEALED_WITHIN: Final = timedelta(minutes=5)
"""What was entered longer ago must be in the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of audit_entry."""

    entry_id: UUID
    at: datetime
    body: str
    digest: bytes
    actor: str
    action: str
    outcome: str
    subjects: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A row of audit_link."""

    position: int
    entry_id: UUID
    digest: bytes
    previous: bytes
    hash: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A head that was told outside, by topic or file."""

    anchor_id: UUID
    position: int
    head: bytes
    anchored_at: datetime
    continues_from: int | None = None
    gives_up_until: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be."""

    kind: str
    words: str


@dataclass
class Verdict:
    """What was looked at and what was found."""

    service: str
    entries: int = 0
    anchors: int = 0
    unanchored: int = 0
    agrees_until: int = 0
    findings: list[Finding] = field(default_factory=list)
    restored: list[Finding] = field(default_factory=list)

    def find(self, kind: str, words: str) -> None:
        """Note what is wrong."""
        self.findings.append(Finding(kind, words))


def beginning_of(service: str) -> bytes:
    """What the first link follows."""
    return sha256(f"bapas.audit.chain.v1\n{service}".encode()).digest()


def digest_of(entry: Entry) -> bytes:
    """What the digest of an entry must be."""
    return sha256(f"bapas.audit.entry.v1\n{entry.entry_id}\n{_instant(entry.at)}\n{entry.body}".encode()).digest()


def hash_of(service: str, link: Link) -> bytes:
    """What the hash of a link must be."""
    said = ("bapas.audit.link.v1", service, link.position, link.entry_id, link.previous.hex(), link.digest.hex())
    return sha256("\n".join([*map(str, said), _instant(link.sealed_at)]).encode()).digest()


class Verification:
    """Goes through a chain once, link by link, and holds it against what was told outside.

    `anchors` are in the order in which they were told; `accepted` are the re-anchorings for which somebody answers.
    """

    def __init__(self, service: str, anchors: Sequence[Anchor], *, accepted: frozenset[UUID] = frozenset()) -> None:
        """Begin before the first link."""
        self.verdict = Verdict(service, anchors=len(anchors))
        self._anchors = _given_up(self.verdict, anchors, accepted)
        self._wanted = {anchor.position for anchor in anchors}
        self._heads = {0: beginning_of(service)}
        self._followed_at: dict[int, datetime] = {}
        self._position, self._previous = 0, self._heads[0]

    def link(self, link: Link, entry: Entry | None) -> None:
        """Look at the next link, in the order of positions, and at its entry."""
        verdict, position = self.verdict, link.position
        verdict.entries += 1
        if position != self._position + 1:
            verdict.find("removed", f"positions {self._position + 1} to {position - 1} are missing")
        elif link.previous != self._previous:
            verdict.find("order", f"position {position} does not follow the one before it")
        if hash_of(verdict.service, link) != link.hash:
            verdict.find("link", f"the link at position {position} is not what was sealed")
        verdict.findings += _wrong_with(link, entry)
        if position - 1 in self._heads:
            self._followed_at[position - 1] = link.sealed_at
        if position in self._wanted:
            self._heads[position] = link.hash
        self._position, self._previous = position, link.hash

    def loose(self, entry: Entry, *, now: datetime) -> None:
        """Look at an entry that has no link."""
        if now - entry.at > SEALED_WITHIN:
            self.verdict.find("outside", f"entry {entry.entry_id} of {entry.at} is in no chain")
        if digest_of(entry) != entry.digest:
            words = f"entry {entry.entry_id}, which is in no chain yet, is not what was entered"
            self.verdict.find("edited", words)

    def end(self, *, now: datetime) -> Verdict:
        """Hold the anchors against what was seen."""
        verdict = self.verdict
        for anchor in self._anchors:
            if anchor.position > self._position:
                words = f"{anchor.position} entries were anchored at {anchor.anchored_at}, {self._position} are there"
                verdict.find("cut", words)
            elif self._heads.get(anchor.position) != anchor.head:
                words = f"position {anchor.position} is not the one that was anchored at {anchor.anchored_at}"
                verdict.find("rewritten", words)
            else:
                verdict.agrees_until = max(verdict.agrees_until, anchor.position)
        verdict.unanchored = self._position - verdict.agrees_until
        sealed_at = self._followed_at.get(verdict.agrees_until)
        if sealed_at is not None and now - sealed_at > ANCHORED_WITHIN:
            words = f"{verdict.unanchored} entries since {sealed_at} are under no anchor: their end could be cut unseen"
            verdict.find("unanchored", words)
        return verdict


def _wrong_with(link: Link, entry: Entry | None) -> Iterator[Finding]:
    if entry is None:
        yield Finding("removed", f"the entry at position {link.position} is missing")
        return
    if not digest_of(entry) == entry.digest == link.digest:
        yield Finding("edited", f"the entry at position {link.position} is not what was entered")
        return
    try:
        said = json.loads(entry.body)
        words = (said["actor"]["id"], said["action"], said["outcome"], [each["id"] for each in said["subjects"]])
    except (ValueError, KeyError, TypeError):
        yield Finding("format", f"the entry at position {link.position} is not of a format that is known here")
        return
    if words != (entry.actor, entry.action, entry.outcome, list(entry.subjects)):
        yield Finding("edited", f"the entry at position {link.position} is looked up by words that it does not say")


def _given_up(verdict: Verdict, anchors: Sequence[Anchor], accepted: frozenset[UUID]) -> list[Anchor]:
    """The anchors that still count: a re-anchoring gives up those before it that lie behind its position."""
    valid: list[Anchor] = []
    for anchor in anchors:
        if anchor.continues_from is not None:
            kept = [each for each in valid if each.position <= anchor.continues_from]
            words = (
                f"re-anchored at {anchor.anchored_at} ({anchor.anchor_id}): continues from position "
                f"{anchor.continues_from}, gives up what there was until {anchor.gives_up_until} "
                f"({len(valid) - len(kept)} anchors)"
            )
            known = anchor.anchor_id in accepted
            (verdict.restored if known else verdict.findings).append(Finding("restored", words))
            valid = kept
        valid.append(anchor)
    return valid


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
