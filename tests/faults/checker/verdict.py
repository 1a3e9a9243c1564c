"""What the checker says: rules, how much each has looked at, and what it found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.checker.folder import Run

SHOWN_MAX: Final = 20
"""Violations of one rule that are printed; the number of all is said."""


@dataclass(frozen=True, order=True)
class Violation:
    """Something that must not be: by which rule, where, of what, and how one sees it."""

    rule: str
    service: str
    key: str
    evidence: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.rule} {self.service} {self.key}: {self.evidence}"


@dataclass
class Sight:
    """What one rule has seen so far."""

    rule: str
    seen: int = 0
    violations: list[Violation] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def look(self, count: int = 1) -> None:
        """Count what was looked at."""
        self.seen += count

    def wrong(self, service: str, key: object, evidence: str) -> None:
        """Write down what must not be."""
        self.violations.append(Violation(self.rule, service, str(key), evidence))

    def note(self, name: str, value: Any) -> None:
        """Say something that is no violation and worth knowing."""
        self.notes[name] = value


@dataclass(frozen=True)
class Rule:
    """One rule: its number, what it is about, and how it looks."""

    number: str
    title: str
    look: Callable[[Run, Sight], None]

    def judge(self, run: Run) -> Sight:
        """Look at a run."""
        sight = Sight(self.number)
        self.look(run, sight)
        sight.violations = list(dict.fromkeys(sight.violations))
        return sight


@dataclass(frozen=True)
class Verdict:
    """What all rules say of one run."""

    run: Run
    sights: Sequence[tuple[Rule, Sight]]

    @property
    def violations(self) -> list[Violation]:
        """Everything that must not be."""
        return [violation for _, sight in self.sights for violation in sight.violations]

    @property
    def ok(self) -> bool:
        """Whether nothing was broken."""
        return not self.violations

    @property
    def broken(self) -> list[str]:
        """The rules that were broken."""
        return [rule.number for rule, sight in self.sights if sight.violations]

    def as_json(self) -> dict[str, Any]:
        """The verdict for a program."""
        return {
            "ok": self.ok,
            "seed": self.run.about.get("seed"),
            "bug": self.run.about.get("bug"),
            "broken": self.broken,
            "rules": [
                {
                    "rule": rule.number,
                    "title": rule.title,
                    "looked_at": sight.seen,
                    "violations": [vars(violation) for violation in sight.violations],
                    "notes": sight.notes,
                }
                for rule, sight in self.sights
            ],
        }

    def lines(self) -> Iterator[str]:
        """The verdict for a person: a table, then one line per violation."""
        for rule, sight in self.sights:
            said = f"{len(sight.violations)} broken" if sight.violations else "ok" if sight.seen else "nothing seen"
            notes = "".join(f"; {name}: {value}" for name, value in sight.notes.items())
            yield f"{rule.number:<4} {rule.title:<46} {sight.seen:>7}  {said}{notes}"
        for _, sight in self.sights:
            yield from map(str, sight.violations[:SHOWN_MAX])
            if len(sight.violations) > SHOWN_MAX:
                yield f"{sight.rule} ... and {len(sight.violations) - SHOWN_MAX} more"
