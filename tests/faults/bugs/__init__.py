"""Seeded bugs: what a reviewer could overlook in each part of the delivery machinery, each switched on by its name."""

from dataclasses import dataclass
from typing import Final, TypeVar

from chassis import process
from tests.faults.bugs import intake, letters, relays, sending, work

P = TypeVar("P")

WIRED: Final = ("BatchRunner", "Consumer", "Engine", "Letters", "Relay", "SenderLoop")
"""The names by which a process finds the parts that a bug may replace."""


@dataclass(frozen=True)
class Bug:
    """A part of the real machinery with one thing wrong; its docstring says what comes of it."""

    name: str
    wrong: type

    @property
    def says(self) -> str:
        """What is wrong, in a sentence."""
        return (self.wrong.__doc__ or "").strip()

    def part(self, real: type[P]) -> type[P]:
        """The part to wire in the place of the real one: the same, unless this bug is in it."""
        return self.wrong if issubclass(self.wrong, real) else real


NO_BUG: Final = Bug("", object)
"""The real parts, all of them."""

BUGS: Final = {
    bug.name: bug
    for bug in (
        Bug("offset-before-commit", intake.OffsetBeforeCommit),
        Bug("failed-batch-passed-over", intake.FailedBatchPassedOver),
        Bug("kafkas-offsets-trusted", intake.KafkasOffsetsTrusted),
        Bug("dedupe-by-id-alone", intake.DedupeByIdAlone),
        Bug("trace-not-continued", intake.TraceNotContinued),
        Bug("inbox-in-its-own-transaction", work.InboxInATransactionOfItsOwn),
        Bug("number-in-its-own-transaction", work.NumberInATransactionOfItsOwn),
        Bug("answer-in-its-own-transaction", work.AnswerInATransactionOfItsOwn),
        Bug("lost-race-ignored", work.LostRaceIgnored),
        Bug("timer-fired-twice", work.TimerFiredTwice),
        Bug("outbox-after-commit", work.OutboxAfterCommit),
        Bug("published-before-commit", work.PublishedBeforeCommit),
        Bug("outbox-by-cursor", relays.OutboxByCursor),
        Bug("two-relays-skip-locked", relays.TwoRelaysSkipLocked),
        Bug("forgotten-before-acknowledged", relays.ForgottenBeforeAcknowledged),
        Bug("new-id-on-each-send", relays.NewIdOnEachSend),
        Bug("dead-letter-overtaken", letters.DeadLetterOvertaken),
        Bug("held-key-released-beside-a-live-batch", letters.HeldKeyReleasedBesideALiveBatch),
        Bug("held-key-never-released", letters.HeldKeyNeverReleased),
        Bug("sent-before-claimed", sending.SentBeforeClaimed),
        Bug("mail-under-another-id", sending.MailUnderAnotherId),
    )
}


def plant(name: str) -> None:
    """Let this process wire the bug in the place of the real part, for good; no name plants nothing."""
    if not name:
        return
    bug = BUGS[name]
    for part in WIRED:
        setattr(process, part, bug.part(getattr(process, part)))
